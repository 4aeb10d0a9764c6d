//! Submitting, canceling and retrying.

use std::time::Duration;

use coordinator::{CoordinatorError, NewBuild};
use engine::BuildSpec;
use http::Method;
use serde_json::{Value, json};
use service::Standing;
use service::identity::Scope;
use store::StoreError;

use crate::recorded::{ended, spec};
use crate::server::{Client, answer, start};

#[tokio::test]
async fn a_submitted_build_is_there_and_can_be_canceled() -> anyhow::Result<()> {
    let server = start().await?;
    let client = server.client(Scope::Submit).await?;
    let tree = client.upload(b"a tree").await?;
    let wanted = json!({ "tree": tree, "run": "test_a", "by": "somebody else", "retry_of": 7 });
    let (status, build) = client.post("/builds", &wanted).await?;
    assert_eq!((status, &build["outcome"], &build["by"]), (201, &Value::Null, &json!("submit")), "{build}");
    assert_eq!((&build["submission"]["run"], &build["submission"]["retry_of"]), (&json!("test_a"), &Value::Null));
    let id = build["id"].as_u64().unwrap_or_default();
    let (_, all) = client.get("/builds?running=true").await?;
    assert_eq!((&all["builds"][0]["id"], &all["next"]), (&json!(id), &Value::Null), "{all}");
    let (status, told) = client.get(&format!("/builds/{id}/junit")).await?;
    assert_eq!((status, told["type"].as_str()), (409, Some("urn:muster:not-yet")), "{told}");
    let (status, told) = client.get(&format!("/builds/{id}/certificate")).await?;
    assert_eq!((status, told["type"].as_str()), (409, Some("urn:muster:not-yet")), "{told}");
    let retried = answer(client.request(Method::POST, &format!("/builds/{id}/retry"))).await?;
    assert_eq!((retried.0, retried.1["type"].as_str()), (409, Some("urn:muster:running")), "{}", retried.1);
    let (status, told) = client.post(&format!("/builds/{id}/cancel"), &json!({ "reason": "a mistake" })).await?;
    assert_eq!(status, 202, "{told}");
    let build = until_ended(&client, id).await?;
    assert_eq!((&build["outcome"], &build["phase"]), (&json!("canceled"), &json!("done")));
    assert!(build["cause"].as_str().is_some_and(|cause| cause.contains("submit: a mistake")), "{build}");
    let log = client.request(Method::GET, &format!("/builds/{id}/log")).send().await?;
    assert_eq!(log.headers()["muster-log-finished"], "true", "nothing more comes of what never ran");
    let (status, again) = answer(client.request(Method::POST, &format!("/builds/{id}/retry"))).await?;
    assert_eq!(
        (status, &again["submission"]["retry_of"], &again["submission"]["run"]),
        (201, &json!(id), &json!("test_a"))
    );
    Ok(())
}

async fn until_ended(client: &Client<'_>, id: u64) -> anyhow::Result<Value> {
    let ended = async {
        loop {
            let (_, build) = client.get(&format!("/builds/{id}")).await?;
            if !build["outcome"].is_null() {
                return anyhow::Ok(build);
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), ended).await?
}

#[tokio::test]
async fn the_same_request_sent_again_is_the_same_build() -> anyhow::Result<()> {
    let server = start().await?;
    let client = server.client(Scope::Submit).await?;
    let tree = client.upload(b"a tree").await?;
    let send = |token: &str, body: Value| {
        let request = server.http.post(server.url("/api/v1/builds")).bearer_auth(token.to_owned());
        answer(request.header("idempotency-key", "job-17").json(&body))
    };
    let wanted = json!({ "tree": tree });
    // At once and later, it is one build.
    let (first, second) = tokio::join!(send(&client.token, wanted.clone()), send(&client.token, wanted.clone()));
    let third = send(&client.token, wanted.clone()).await?;
    let ids = [first?, second?, third].map(|(status, build)| (status, build["id"].as_u64()));
    assert!(ids[0].0 == 201 && ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let (status, told) = send(&client.token, json!({ "tree": tree, "fresh": true })).await?;
    assert_eq!((status, told["type"].as_str()), (422, Some("urn:muster:key-reused")), "{told}");
    let other = server.token("other", Scope::Submit).await?;
    let (status, build) = send(&other, wanted).await?;
    assert!(status == 201 && build["id"].as_u64() != ids[0].1, "each token has its own keys: {build}");
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_built_is_refused_with_what_to_do() -> anyhow::Result<()> {
    let server = start().await?;
    let client = server.client(Scope::Submit).await?;
    let tree = client.upload(b"a tree").await?;
    let missing = format!("sha256:{}", "3".repeat(64));
    let cases = [
        (json!({ "tree": missing }), 409, "tree-missing"),
        (json!({ "tree": "x" }), 400, "bad-request"),
        (json!({ "tree": tree, "builder": "none" }), 422, "refused"),
        (json!({ "tree": tree, "colour": 1 }), 400, "bad-request"),
        (json!({ "tree": tree, "helpers": -1 }), 400, "bad-request"),
        (json!({ "tree": tree, "project": "" }), 400, "bad-request"),
        (json!({ "tree": tree, "project": "a\0b" }), 400, "bad-request"),
        (json!({ "tree": tree, "project": "p".repeat(4_000) }), 400, "bad-request"),
        (json!({ "tree": tree, "trust": "trusted" }), 403, "scope-missing"),
        (json!({ "tree": tree, "priority": 1 }), 403, "scope-missing"),
        (json!({ "tree": tree, "run": "x".repeat(20_000) }), 413, "too-large"),
    ];
    for (wanted, status, kind) in cases {
        let (told_status, told) = client.post("/builds", &wanted).await?;
        assert_eq!(
            (told_status, told["type"].as_str()),
            (status, Some(format!("urn:muster:{kind}").as_str())),
            "{told}"
        );
        assert!(!told["hint"].as_str().unwrap_or_default().is_empty(), "{told}");
    }
    let manager = server.client(Scope::Manage).await?;
    let (status, build) = manager.post("/builds", &json!({ "tree": tree, "trust": "trusted", "priority": 5 })).await?;
    assert_eq!((status, &build["priority"]), (201, &json!(5)), "{build}");
    Ok(())
}

#[tokio::test]
async fn a_name_that_no_store_holds_harms_no_other_build() -> anyhow::Result<()> {
    let server = start().await?;
    let client = server.client(Scope::Submit).await?;
    let tree = client.upload(b"a tree").await?;
    for name in ["a\0b", "", &"p".repeat(4_000)] {
        server.planner.call_trees(name);
        let (status, told) = client.post("/builds", &json!({ "tree": tree })).await?;
        assert_eq!((status, told["type"].as_str()), (422, Some("urn:muster:refused")), "{told}");
        assert!(told["detail"].as_str().is_some_and(|detail| detail.contains("`project`")), "{told}");
    }
    let Standing::Active(coordinator) = server.service.standing() else { anyhow::bail!("it drives builds") };
    let spec = BuildSpec { project: "a\0b".to_owned(), ..spec(server.store.next_build().await?) };
    let new = NewBuild { spec, submission: String::new(), request: None, job: None };
    let refused = coordinator.submit(new).await;
    assert!(matches!(refused, Err(CoordinatorError::Commit(StoreError::Name { .. }))), "{refused:?}");
    server.planner.call_trees("demo");
    client.submit().await?;
    Ok(())
}

#[tokio::test]
async fn a_build_whose_tree_was_forgotten_cannot_be_retried() -> anyhow::Result<()> {
    let server = start().await?;
    let client = server.client(Scope::Submit).await?;
    let build = ended(&server.store, "submit").await?.0;
    let (status, told) = answer(client.request(Method::POST, &format!("/builds/{build}/retry"))).await?;
    assert_eq!((status, told["type"].as_str()), (409, Some("urn:muster:tree-missing")), "{told}");
    Ok(())
}
