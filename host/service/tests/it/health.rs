//! Whether the server lives and can serve, its numbers, and its end.

use std::time::Duration;

use http::Method;
use service::identity::Scope;
use service::{MetricsAccess, Standing};

use crate::recorded::ended;
use crate::server::{answer, settings, start, start_with, starting};

#[tokio::test]
async fn readiness_says_what_keeps_it() -> anyhow::Result<()> {
    let server = starting(settings()).await?;
    let readyz = || answer(server.http.get(server.url("/readyz")));
    let (status, told) = readyz().await?;
    assert_eq!((status, told["standing"].as_str(), told["ready"].as_bool()), (503, Some("starting"), Some(false)));
    server.service.stand(Standing::Standby);
    let (status, told) = readyz().await?;
    assert_eq!((status, told["standing"].as_str()), (200, Some("standby")));
    assert_eq!((told["store"].as_str(), told["blobs"].as_str()), (Some("ok"), Some("ok")));
    server.store.close().await;
    let (status, told) = readyz().await?;
    assert_eq!(status, 503);
    assert_ne!(told["store"].as_str(), Some("ok"), "{told}");
    let (status, _) = answer(server.http.get(server.url("/healthz"))).await?;
    assert_eq!(status, 200, "the process lives all the same");
    Ok(())
}

#[tokio::test]
async fn a_server_that_was_restarted_knows_its_callers() -> anyhow::Result<()> {
    let mut server = start().await?;
    let token = server.token("reader", Scope::Read).await?;
    let before = answer(server.http.get(server.url("/api/v1/whoami")).bearer_auth(&token)).await?;
    server.restart().await?;
    let after = answer(server.http.get(server.url("/api/v1/whoami")).bearer_auth(&token)).await?;
    assert_eq!((before.0, &before), (200, &after));
    Ok(())
}

#[tokio::test]
async fn a_standby_shows_and_does_not_take_in() -> anyhow::Result<()> {
    let server = starting(settings()).await?;
    server.service.stand(Standing::Standby);
    let client = server.client(Scope::Submit).await?;
    let build = ended(&server.store, "submit").await?.0;
    let (status, told) = client.get(&format!("/builds/{build}")).await?;
    assert_eq!((status, told["outcome"].as_str()), (200, Some("failed")), "{told}");
    let tree = client.upload(b"a tree").await?;
    let (status, told) = client.post("/builds", &serde_json::json!({ "tree": tree })).await?;
    assert_eq!((status, told["type"].as_str()), (503, Some("urn:muster:standby")), "{told}");
    Ok(())
}

#[tokio::test]
async fn a_standby_follows_a_build_that_another_drives() -> anyhow::Result<()> {
    let server = starting(settings()).await?;
    server.service.stand(Standing::Standby);
    let client = server.client(Scope::Read).await?;
    let mut scene = crate::scene::running(&server.store, &server.logs).await?;
    let path = format!("/builds/{}", scene.build);
    let done = async || Ok::<_, anyhow::Error>(client.get(&path).await?.1["tests"]["done"].clone());
    assert_eq!([done().await?, done().await?], [41, 41]);
    scene
        .group(4, 2, (21.0, 23.0), &[(50, engine::VerdictKind::Passed, ""), (51, engine::VerdictKind::Failed, "no")])
        .await?;
    assert_eq!(done().await?, 43);
    scene.end(24.0, engine::Outcome::Passed, engine::Certificate::default()).await?;
    for _ in 0..2 {
        assert_eq!(client.get(&path).await?.1["outcome"], "passed");
    }
    Ok(())
}

#[tokio::test]
async fn the_numbers_are_those_of_the_builds() -> anyhow::Result<()> {
    let server = start_with(service::ServiceSettings { metrics: MetricsAccess::Open, ..settings() }).await?;
    let client = server.client(Scope::Submit).await?;
    let build = client.submit().await?;
    let (status, _) = answer(client.request(Method::POST, &format!("/builds/{build}/cancel"))).await?;
    assert_eq!(status, 202);
    let counted = "muster_builds_total{outcome=\"canceled\"} 1";
    let counting = async {
        loop {
            let (_, text) = answer(server.http.get(server.url("/metrics"))).await?;
            if text.as_str().is_some_and(|text| text.contains(counted)) {
                return anyhow::Ok(text);
            }
            tokio::task::yield_now().await;
        }
    };
    let text = tokio::time::timeout(Duration::from_secs(20), counting).await??;
    let text = text.as_str().unwrap_or_default();
    for number in ["muster_builds_queued 0", "muster_leases 0", "route=\"/api/v1/builds/{id}/cancel\",status=\"202\""] {
        assert!(text.contains(number), "{number} is not in {text}");
    }
    Ok(())
}

#[tokio::test]
async fn other_names_and_other_sites_are_refused() -> anyhow::Result<()> {
    let server = start().await?;
    let request = |name: &str, value: &str| answer(server.http.get(server.url("/healthz")).header(name, value));
    let (status, told) = request("host", "evil.example").await?;
    assert_eq!((status, told["type"].as_str()), (421, Some("urn:muster:host-unknown")), "{told}");
    let (status, told) = request("origin", "http://evil.example").await?;
    assert_eq!((status, told["type"].as_str()), (403, Some("urn:muster:origin-refused")), "{told}");
    let (status, _) = request("origin", &format!("http://{}", server.address)).await?;
    assert_eq!(status, 200);
    Ok(())
}

#[tokio::test]
async fn stopping_ends_streams_and_connections() -> anyhow::Result<()> {
    let mut server = start().await?;
    let client = server.client(Scope::Submit).await?;
    let build = client.submit().await?;
    let mut stream = client.request(Method::GET, &format!("/builds/{build}/events")).send().await?;
    assert!(stream.chunk().await?.is_some(), "it begins with the submission");
    drop(client);
    server.stop.cancel();
    while stream.chunk().await?.is_some() {}
    let serving = server.serving.take();
    if let Some(serving) = serving {
        tokio::time::timeout(Duration::from_secs(5), serving).await??;
    }
    Ok(())
}
