//! Logs: whole, in part, followed, by line.

use std::time::Duration;

use engine::{Certificate, Outcome};
use http::Method;
use serde_json::{Value, json};
use service::identity::Scope;

use crate::recorded::ended;
use crate::scene;
use crate::server::{answer, start};

const LOG: &[u8] = b"first line\nsecond \xc3\xa4 line\nthird\xff line\nlast";

#[tokio::test]
async fn a_log_is_read_whole_and_in_part() -> anyhow::Result<()> {
    let server = start().await?;
    let client = server.client(Scope::Read).await?;
    let build = ended(&server.store, "ci").await?.0;
    let mut writer = server.logs.writer(build, "log").await?;
    writer.append(LOG).await?;
    writer.finish().await?;
    let log = format!("/builds/{build}/log");
    let get = |query: &str| client.request(Method::GET, &format!("{log}{query}"));
    let whole = get("").send().await?;
    assert_eq!(whole.headers()["muster-log-finished"], "true");
    assert_eq!(whole.bytes().await?, LOG);
    assert_eq!(get("?offset=11").send().await?.bytes().await?, LOG[11..]);
    assert_eq!(get("?offset=11&follow=1").send().await?.bytes().await?, LOG[11..]);
    let part = get("").header("range", "bytes=6-9").send().await?;
    let range = format!("bytes 6-9/{}", LOG.len());
    assert_eq!((part.status().as_u16(), part.headers()["content-range"].to_str()?), (206, range.as_str()));
    assert_eq!(part.bytes().await?, b"line".as_slice());
    let (status, told) = answer(get("").header("range", "bytes=99-")).await?;
    assert_eq!((status, told["type"].as_str()), (416, Some("urn:muster:range")), "{told}");
    let head = client.request(Method::HEAD, &log).send().await?;
    assert_eq!(head.headers()["content-length"], LOG.len().to_string());
    let (status, told) = client.get(&format!("/builds/{build}/logs/none")).await?;
    assert_eq!((status, told["type"].as_str()), (404, Some("urn:muster:not-found")), "{told}");
    Ok(())
}

#[tokio::test]
async fn events_carry_the_log_and_its_offsets() -> anyhow::Result<()> {
    let server = start().await?;
    let client = server.client(Scope::Read).await?;
    let build = ended(&server.store, "ci").await?.0;
    let mut writer = server.logs.writer(build, "log").await?;
    writer.append(LOG).await?;
    writer.finish().await?;
    let read = async |after: Option<u64>| {
        let mut request =
            client.request(Method::GET, &format!("/builds/{build}/log")).header("accept", "text/event-stream");
        if let Some(after) = after {
            request = request.header("last-event-id", after);
        }
        anyhow::Ok(request.send().await?.text().await?)
    };
    let events = read(Some(11)).await?;
    let data = events.lines().find_map(|line| line.strip_prefix("data: ")).unwrap_or_default();
    let piece: Value = serde_json::from_str(data)?;
    assert_eq!(piece, json!({ "offset": 11, "text": "second ä line\nthird\u{fffd} line\nlast" }));
    assert!(events.contains(&format!("id: {}\n", LOG.len())) && events.contains("event: end"), "{events}");
    let over = read(Some(LOG.len() as u64)).await?;
    assert!(over.contains("event: end") && !over.contains("event: log"), "{over}");
    Ok(())
}

#[tokio::test]
async fn a_growing_log_is_followed_to_its_end() -> anyhow::Result<()> {
    let server = start().await?;
    let client = server.client(Scope::Submit).await?;
    let build = client.submit().await?;
    let (status, told) = client.get(&format!("/builds/{build}/log")).await?;
    assert_eq!((status, told["type"].as_str()), (409, Some("urn:muster:not-yet")), "{told}");
    let mut writer = server.logs.writer(build, "exec/make-1-1").await?;
    writer.append(b"one\n").await?;
    let mut following = client.request(Method::GET, &format!("/builds/{build}/logs/make-1-1?follow=1")).send().await?;
    assert_eq!(following.chunk().await?.as_deref(), Some(b"one\n".as_slice()), "it comes before it is durable");
    writer.append(b"two\n").await?;
    assert_eq!(following.chunk().await?.as_deref(), Some(b"two\n".as_slice()));
    let (_, streams) = client.get(&format!("/builds/{build}/logs")).await?;
    let stream = streams["streams"].as_array().into_iter().flatten().find(|stream| stream["name"] == "make-1-1");
    assert_eq!(stream.map(|stream| &stream["bytes"]), Some(&json!(8)), "{streams}");
    writer.finish().await?;
    let end = tokio::time::timeout(Duration::from_secs(20), following.chunk()).await??;
    assert_eq!(end, None);
    Ok(())
}

#[tokio::test]
async fn lines_are_found_by_number_and_by_text() -> anyhow::Result<()> {
    let server = start().await?;
    let client = server.client(Scope::Read).await?;
    let build = ended(&server.store, "ci").await?.0;
    let mut writer = server.logs.writer(build, "log").await?;
    for line in 1..=2_500 {
        writer.append(format!("line {line}: {}\n", "x".repeat(line % 90)).as_bytes()).await?;
    }
    writer.append(b"the open end").await?;
    writer.finish().await?;
    let (_, last) = client.get(&format!("/builds/{build}/log/lines?limit=2")).await?;
    assert_eq!((&last["total"], &last["finished"]), (&json!(2_501), &json!(true)));
    assert_eq!(
        last["lines"][1],
        json!({ "line": 2_501, "offset": last["lines"][1]["offset"], "text": "the open end" })
    );
    let (_, middle) = client.get(&format!("/builds/{build}/log/lines?from=1000&limit=1000")).await?;
    let lines = middle["lines"].as_array().cloned().unwrap_or_default();
    assert_eq!(lines.len(), 1_000);
    for (line, number) in lines.iter().zip(1_000..) {
        assert!(line["text"].as_str().is_some_and(|text| text.starts_with(&format!("line {number}:"))), "{line}");
    }
    let offset = lines[7]["offset"].as_u64().unwrap_or_default();
    let at = client.request(Method::GET, &format!("/builds/{build}/log?offset={offset}")).send().await?.text().await?;
    assert!(at.starts_with("line 1007:"), "{at:.20}");
    let (_, found) = client.get(&format!("/builds/{build}/log/search?q=line%20200&from=300&limit=3")).await?;
    let numbers: Vec<_> =
        found["matches"].as_array().into_iter().flatten().map(|found| found["line"].as_u64()).collect();
    assert_eq!((numbers, &found["next"]), (vec![Some(2_000), Some(2_001), Some(2_002)], &json!(2_003)), "{found}");
    let (status, _) = client.get(&format!("/builds/{build}/log/search?q=")).await?;
    assert_eq!(status, 400);
    Ok(())
}

#[tokio::test]
async fn a_machine_has_one_log_of_all_that_ran_there() -> anyhow::Result<()> {
    let server = start().await?;
    let client = server.client(Scope::Read).await?;
    let build = scene::failed(&server.store, &server.logs).await?.0;
    let answer = client.request(Method::GET, &format!("/builds/{build}/machines/1/log")).send().await?;
    assert_eq!(answer.headers()["muster-log-finished"], "true");
    let length = answer.headers()["content-length"].to_str()?.parse::<usize>()?;
    let text = answer.text().await?;
    assert_eq!(text.len(), length);
    let headings: Vec<&str> = text.lines().filter(|line| line.starts_with("=== ")).collect();
    assert_eq!(
        headings,
        [
            "=== local-1 (main, local), the made tree stood there after 7.50s, given back after 32.5s",
            "=== make-l1-0: step 1 of making",
            "=== list-l1: the tests are listed",
            "=== a1: tests/api/test_orders.py::test_case_0 and 3 more; exit status 1 after 6.90s",
            "=== a3: tests/api/test_orders.py::test_case_22 and 19 more; exit status 1 after 11.8s",
        ]
    );
    assert!(text.contains("60 tests collected\n=== a1:"), "a heading has a line of its own: {text}");
    assert!(!text.contains("of another machine"), "{text}");
    let (_, other) = client.get(&format!("/builds/{build}/machines/l2/log")).await?;
    assert!(other.as_str().is_some_and(|other| other.ends_with("of another machine\n")), "{other}");
    for none in ["9", "local-1", "x"] {
        let (status, told) = client.get(&format!("/builds/{build}/machines/{none}/log")).await?;
        assert_eq!((status, told["type"].as_str()), (404, Some("urn:muster:not-found")), "{told}");
    }
    Ok(())
}

#[tokio::test]
async fn lines_say_which_colour_is_on_where_they_begin() -> anyhow::Result<()> {
    let server = start().await?;
    let client = server.client(Scope::Read).await?;
    let build = ended(&server.store, "ci").await?.0;
    let mut writer = server.logs.writer(build, "log").await?;
    // Over 64 KiB of red, of which nothing is said again, and a line that is longer than what is shown of one.
    writer.append(b"plain\n\x1b[1;31mred\n").await?;
    for line in 3..=2_000 {
        writer.append(format!("line {line} is red as long as it is known to be\n").as_bytes()).await?;
    }
    writer.append(format!("{}\x1b[32mgreen\nstill green\x1b[m\nplain\n", "x".repeat(20_000)).as_bytes()).await?;
    writer.finish().await?;
    let look = async |from: u64, limit: u64| {
        let (_, page) = client.get(&format!("/builds/{build}/log/lines?from={from}&limit={limit}")).await?;
        let lines = page["lines"].as_array().cloned().unwrap_or_default();
        let look = |line: &Value| line["look"].as_str().unwrap_or_default().to_owned();
        anyhow::Ok(lines.iter().map(look).collect::<Vec<String>>())
    };
    assert_eq!(look(1, 4).await?, ["", "", "1;31", "1;31"]);
    assert_eq!(look(1_000, 1).await?, ["1;31"], "a page may begin in the middle");
    assert_eq!(look(1_999, 5).await?, ["", "", "", "32", ""], "what is long past is over");
    // A line looks the same wherever the reading began.
    let mut whole = Vec::new();
    for from in [1, 1_001] {
        whole.extend(look(from, 1_000).await?);
    }
    let last = whole.iter().rposition(|look| look == "1;31").unwrap_or_default();
    for from in [last - 1, last, last + 1, last + 2] {
        assert_eq!(look(from as u64 + 1, 2).await?, whole[from..from + 2], "line {}", from + 1);
    }
    Ok(())
}

#[tokio::test]
async fn a_page_of_lines_ends_with_a_whole_one() -> anyhow::Result<()> {
    let server = start().await?;
    let client = server.client(Scope::Read).await?;
    let build = ended(&server.store, "ci").await?.0;
    let mut writer = server.logs.writer(build, "log").await?;
    let line = "x".repeat(9_999) + "\n";
    for _ in 0..1_000 {
        writer.append(line.as_bytes()).await?;
    }
    writer.append(&vec![b'y'; 9 << 20]).await?;
    writer.append(b"\nlast\n").await?;
    writer.finish().await?;
    let page = async |from: usize| {
        let (_, page) = client.get(&format!("/builds/{build}/log/lines?from={from}&limit=1000")).await?;
        let lines = page["lines"].as_array().cloned().unwrap_or_default();
        anyhow::Ok(lines.iter().map(|line| line["text"].as_str().map_or(0, str::len)).collect::<Vec<_>>())
    };
    // Ten million bytes are more than a page may take to read.
    let first = page(1).await?;
    assert_eq!(first, vec![9_999; 838]);
    assert_eq!(page(839).await?, [vec![9_999; 162], vec![16 << 10]].concat(), "of a long line its beginning is shown");
    assert_eq!(page(1_001).await?, [16 << 10], "also where it takes more than a page");
    assert_eq!(page(1_002).await?, [4]);
    Ok(())
}

#[tokio::test]
async fn a_build_that_has_ended_has_its_log_when_that_is_whole() -> anyhow::Result<()> {
    let server = start().await?;
    let client = server.client(Scope::Read).await?;
    let mut scene = scene::running(&server.store, &server.logs).await?;
    let build = scene.build;
    let finished = scene.end_incomplete(24.0, Outcome::Passed, Certificate::default()).await?;
    let lines = async || anyhow::Ok(client.get(&format!("/builds/{build}/log/lines?limit=1")).await?.1);
    assert_eq!(lines().await?["finished"], json!(false));
    let text = async |path: String| {
        let request = server.http.get(server.url(&path)).bearer_auth(&client.token);
        anyhow::Ok(tokio::time::timeout(Duration::from_secs(20), async { request.send().await?.text().await }).await??)
    };
    let log = |query: &str| text(format!("/api/v1/builds/{build}/log{query}"));
    let complete = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let mut writer = server.logs.writer(build.0, "log").await?;
        writer.append(b"the end\n").await?;
        writer.finish().await?;
        scene.finish(finished).await
    };
    let live = text(format!("/builds/{build}/live"));
    let (whole, framed, followed, live, completed) =
        tokio::join!(log(""), log("?framed=1"), log("?follow=1"), live, complete);
    completed?;
    for log in [whole?, framed?, followed?] {
        assert_eq!(log, scene::sample_log() + "the end\n");
    }
    let live = live?;
    let (grew, ended) = (live.rfind("event: log"), live.find("event: end"));
    assert!(grew.is_some() && grew < ended, "{live}");
    assert_eq!(lines().await?["finished"], json!(true));
    Ok(())
}
