//! The description that is checked in is that of the routes.

use std::collections::BTreeSet;
use std::path::Path;

/// Set to write the file instead of comparing it.
const UPDATE: &str = "MUSTER_UPDATE_OPENAPI";

#[test]
fn the_checked_in_description_is_that_of_the_routes() -> anyhow::Result<()> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let described = service::openapi().to_pretty_json()? + "\n";
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&file, &described)?;
    }
    let checked_in = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(checked_in == described, "docs/openapi.json is not that of the routes: {UPDATE}=1 writes it");
    Ok(())
}

#[test]
fn every_operation_is_described() -> anyhow::Result<()> {
    let (document, mut ids) = (serde_json::to_value(service::openapi())?, BTreeSet::new());
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "{}", document["openapi"]);
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            assert!(operation["responses"]["default"].is_object(), "{method} {path} describes no refusal");
            let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
            assert!(ids.insert(id.clone()), "{method} {path} is not the only `{id}`");
        }
    }
    Ok(())
}

#[test]
fn logs_are_described_as_bytes_and_as_events() -> anyhow::Result<()> {
    let document = serde_json::to_value(service::openapi())?;
    for path in ["/api/v1/builds/{id}/log", "/api/v1/builds/{id}/logs/{stream}"] {
        let content = &document["paths"][path]["get"]["responses"]["200"]["content"];
        assert!(content["text/plain"].is_object(), "{path}: {content}");
        let piece = &content["text/event-stream"]["schema"]["$ref"];
        assert_eq!(piece, "#/components/schemas/LogPiece", "{path}: {content}");
    }
    Ok(())
}
