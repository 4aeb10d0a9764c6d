//! The events of a build: all of them, in order, and on from where a client left off.

use std::time::Duration;

use http::Method;
use service::identity::Scope;

use crate::recorded::ended;
use crate::scene::Scene;
use crate::server::{Client, answer, start, start_with};

/// Ids and names of a stream that ends by itself.
async fn read(client: &Client<'_>, build: u64, last_id: Option<&str>) -> anyhow::Result<Vec<(u64, String)>> {
    let mut request = client.request(Method::GET, &format!("/builds/{build}/events"));
    if let Some(id) = last_id {
        request = request.header("last-event-id", id);
    }
    let text = tokio::time::timeout(Duration::from_secs(20), async { request.send().await?.text().await }).await??;
    let field = |event: &str, name: &str| {
        let value = event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value.unwrap_or_default().to_owned()
    };
    let events = text.split("\n\n").filter(|event| event.contains("data:"));
    events.map(|event| Ok((field(event, "id").parse()?, field(event, "event")))).collect()
}

#[tokio::test]
async fn a_stream_goes_on_after_the_last_id() -> anyhow::Result<()> {
    let server = start().await?;
    let client = server.client(Scope::Read).await?;
    let build = ended(&server.store, "ci").await?.0;
    let all = read(&client, build, None).await?;
    assert_eq!(all.first(), Some(&(1, "submitted".to_owned())));
    assert_eq!(all.last(), Some(&(18, "ended".to_owned())));
    assert!(all.windows(2).all(|pair| pair[0].0 < pair[1].0), "{all:?}");
    let rest = read(&client, build, Some("12")).await?;
    let expected: Vec<_> = all.into_iter().filter(|(id, _)| *id > 12).collect();
    assert_eq!(rest, expected);
    assert_eq!(read(&client, build, Some("18")).await?, [], "a stream that was read is over");
    let bad = client.request(Method::GET, &format!("/builds/{build}/events")).header("last-event-id", "x");
    assert_eq!(answer(bad).await?.0, 400);
    Ok(())
}

#[tokio::test]
async fn what_happens_is_told_as_it_does() -> anyhow::Result<()> {
    let server = start().await?;
    let client = server.client(Scope::Submit).await?;
    let build = client.submit().await?;
    let cancel = async {
        let (status, _) = answer(client.request(Method::POST, &format!("/builds/{build}/cancel"))).await?;
        anyhow::ensure!(status == 202);
        anyhow::Ok(())
    };
    let (events, canceled) = tokio::join!(read(&client, build, None), cancel);
    canceled?;
    let names: Vec<String> = events?.into_iter().map(|(_, name)| name).collect();
    assert_eq!(names.first().map(String::as_str), Some("submitted"), "{names:?}");
    assert!(names.contains(&"cancel".to_owned()) && names.last().map(String::as_str) == Some("ended"), "{names:?}");
    Ok(())
}

#[tokio::test]
async fn a_build_of_another_process_is_followed_and_not_canceled() -> anyhow::Result<()> {
    let server = start().await?;
    let client = Client { server: &server, token: server.token("ada", Scope::Submit).await? };
    let mut scene = Scene::begin(&server.store, "shop", 5).await?;
    let path = format!("/builds/{}", scene.build);
    let (status, told) = answer(client.request(Method::POST, &format!("{path}/cancel"))).await?;
    assert_eq!((status, told["type"].as_str()), (409, Some("urn:muster:elsewhere")), "{told}");
    let mut events = client.request(Method::GET, &format!("{path}/events")).send().await?;
    let first = events.chunk().await?.unwrap_or_default();
    assert!(first.starts_with(b"id: 1\n") || first.starts_with(b"event: submitted"), "{first:?}");
    scene.end(4.0, engine::Outcome::Passed, engine::Certificate::default()).await?;
    let rest = tokio::time::timeout(Duration::from_secs(20), events.text()).await??;
    assert!(rest.contains("event: ended"), "{rest}");
    let (status, told) = answer(client.request(Method::POST, &format!("{path}/cancel"))).await?;
    assert_eq!((status, told["type"].as_str()), (409, Some("urn:muster:ended")), "{told}");
    Ok(())
}

#[tokio::test]
async fn streams_are_bounded() -> anyhow::Result<()> {
    let server = start_with(service::ServiceSettings { streams: 1, ..crate::server::settings() }).await?;
    let client = server.client(Scope::Submit).await?;
    let build = client.submit().await?;
    let open = client.request(Method::GET, &format!("/builds/{build}/events")).send().await?;
    let second = client.request(Method::GET, &format!("/builds/{build}/log?follow=1")).send().await?;
    assert_eq!((second.status().as_u16(), second.headers().contains_key("retry-after")), (429, true));
    drop(open);
    let place = async {
        while server.service.open_streams() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), place).await?;
    Ok(())
}
