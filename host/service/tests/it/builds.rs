//! Builds that ended, as their records tell them.

use engine::{Fact, Phase};
use serde_json::{Value, json};
use service::identity::Scope;

use crate::recorded::ended;
use crate::scene::Scene;
use crate::server::start;

#[tokio::test]
async fn a_build_is_shown_from_its_records() -> anyhow::Result<()> {
    let server = start().await?;
    let client = server.client(Scope::Read).await?;
    let build = ended(&server.store, "ci").await?.0;
    let (status, shown) = client.get(&format!("/builds/{build}")).await?;
    assert_eq!(status, 200, "{shown}");
    assert_eq!(
        (&shown["outcome"], &shown["cause"], &shown["by"]),
        (&json!("failed"), &json!("1 test failed"), &json!("ci"))
    );
    let counts = json!({
        "total": 4, "done": 4, "passed": 2, "failed": 1, "flaky": 0, "skipped": 1, "lost": 0, "not_run": 0
    });
    assert_eq!((&shown["tests"], &shown["took_s"]), (&counts, &json!(17.0)));
    assert_eq!((&shown["machines"][0]["name"], &shown["machines"][0]["lost"]), (&json!("local-1"), &Value::Null));
    assert_eq!(shown["plugins"][0]["digest"], json!("sha256:01"));
    let (_, junit) = client.get(&format!("/builds/{build}/junit")).await?;
    assert!(
        junit.as_str().is_some_and(|xml| xml.contains("<testsuites name=\"demo\" tests=\"4\" failures=\"1\"")),
        "{junit}"
    );
    let (_, html) = client.get(&format!("/builds/{build}/report")).await?;
    assert!(html.as_str().is_some_and(|html| html.starts_with("<!doctype html>") && html.contains("assert 1 == 2")));
    let (_, summary) = client.get(&format!("/builds/{build}/summary")).await?;
    assert!(summary.as_str().is_some_and(|text| text.contains("failed: 4 tests in 17.0s")), "{summary}");
    let (_, certificate) = client.get(&format!("/builds/{build}/certificate")).await?;
    assert_eq!(certificate["statement"], json!("each of 4 tests has exactly one verdict"));
    Ok(())
}

#[tokio::test]
async fn tests_come_in_pages() -> anyhow::Result<()> {
    let server = start().await?;
    let client = server.client(Scope::Read).await?;
    let build = ended(&server.store, "ci").await?.0;
    let (_, first) = client.get(&format!("/builds/{build}/tests?limit=3")).await?;
    assert_eq!((first["tests"].as_array().map(Vec::len), &first["next"]), (Some(3), &json!(2)));
    let (_, last) = client.get(&format!("/builds/{build}/tests?limit=3&after=2")).await?;
    assert_eq!((&last["tests"][0]["name"], &last["next"]), (&json!("four"), &Value::Null));
    let (_, failed) = client.get(&format!("/builds/{build}/tests?verdict=failed&q=tw")).await?;
    assert_eq!(failed["tests"].as_array().map(Vec::len), Some(1));
    let test = &failed["tests"][0];
    assert_eq!(
        (&test["cause"], &test["took_s"], &test["machine"]),
        (&json!("assert 1 == 2"), &json!(0.25), &json!("local-1"))
    );
    assert_eq!(test["tries"], json!([{ "attempt": "a1", "machine": "local-1", "end": "exit status 1" }]));
    for query in ["limit=0", "limit=1001", "verdict=good", "after=-1"] {
        let (status, told) = client.get(&format!("/builds/{build}/tests?{query}")).await?;
        assert_eq!((status, told["type"].as_str()), (400, Some("urn:muster:bad-request")), "{query}: {told}");
    }
    Ok(())
}

#[tokio::test]
async fn builds_come_newest_first_in_pages() -> anyhow::Result<()> {
    let server = start().await?;
    let client = server.client(Scope::Read).await?;
    let mut builds = Vec::new();
    for _ in 0..3 {
        builds.push(ended(&server.store, "ci").await?.0);
    }
    let ids = |page: &Value| {
        page["builds"].as_array().into_iter().flatten().filter_map(|item| item["id"].as_u64()).collect::<Vec<_>>()
    };
    let (_, first) = client.get("/builds?limit=2").await?;
    assert_eq!((ids(&first), &first["next"]), (vec![builds[2], builds[1]], &json!(builds[1])));
    let (_, last) = client.get(&format!("/builds?limit=2&before={}", builds[1])).await?;
    assert_eq!((ids(&last), &last["next"]), (vec![builds[0]], &Value::Null));
    for (query, count) in
        [("project=demo", 3), ("project=other", 0), ("outcome=failed", 3), ("outcome=passed", 0), ("running=true", 0)]
    {
        let (_, page) = client.get(&format!("/builds?{query}")).await?;
        assert_eq!(ids(&page).len(), count, "{query}");
    }
    for path in ["/builds/999", "/builds/x", "/builds/-1", "/builds/18446744073709551615"] {
        let (status, told) = client.get(path).await?;
        assert_eq!((status, told["type"].as_str()), (404, Some("urn:muster:not-found")), "{path}: {told}");
    }
    Ok(())
}

#[tokio::test]
async fn whose_turn_it_is_says_who_has_the_queue() -> anyhow::Result<()> {
    let server = start().await?;
    let client = server.client(Scope::Read).await?;
    let mut scene = Scene::begin(&server.store, "shop", 5).await?;
    scene.go(vec![(0.0, Fact::PhaseBegan(Phase::Queue))]).await?;
    let (_, build) = client.get(&format!("/builds/{}", scene.build)).await?;
    assert_eq!((&build["position"], &build["waits"]), (&Value::Null, &json!("waits for its turn")), "{build}");
    Ok(())
}
