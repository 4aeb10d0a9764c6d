//! Hostile requests: paths, parameters, archives, heads and framing.

use std::{io::Write as _, time::Duration};

use anyhow::Result;
use buildlet::client::{Compression, FailureKind};
use bytes::Bytes;
use futures::stream;

use crate::support::{TestAgent, raw, run, sh};

const AUTH: &str = "Authorization: Basic Z29tb3RlOnMzY3JldA==\r\nConnection: close\r\n";

async fn status_of(agent: &TestAgent, request: &str) -> Result<String> {
    let answer = raw(&agent.url, request.as_bytes()).await?;
    Ok(String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn paths_cannot_leave() -> Result<()> {
    let agent = TestAgent::start().await?;
    let client = agent.client().await?;
    let outside = agent.home.path().join("outside");
    std::fs::create_dir_all(&outside)?;
    std::fs::write(outside.join("kept"), "kept")?;
    std::os::unix::fs::symlink(&outside, agent.work_dir().join("link"))?;
    for path in ["..", "../outside/kept", "a/../../outside/kept", "/etc/passwd", "link/new", "link/kept", ""] {
        let refused = client.put_file("x", path, 0o644).await.expect_err(path);
        assert_eq!(refused.kind, FailureKind::Refused, "{path}: {refused}");
    }
    for path in ["..", "a/../..", "/", "link/kept", ""] {
        let refused = client.remove_all(&["fine", path]).await.expect_err(path);
        assert_eq!(refused.kind, FailureKind::Refused, "{path}: {refused}");
    }
    for path in ["..", "/etc", "link", "a/../../outside"] {
        let refused = client.list(path, &Default::default()).await.expect_err(path);
        assert_eq!(refused.kind, FailureKind::Refused, "{path}: {refused}");
        assert!(client.get_archive(path, Compression::Gzip).await.is_err(), "{path}");
    }
    client.remove_all(&["link"]).await?;
    assert_eq!(std::fs::read_to_string(outside.join("kept"))?, "kept");
    assert_eq!(std::fs::read_dir(&outside)?.count(), 1);
    agent.stop().await.map(drop)
}

fn archive(build: impl FnOnce(&mut tar::Builder<Vec<u8>>) -> std::io::Result<()>) -> Result<Bytes> {
    let mut builder = tar::Builder::new(Vec::new());
    build(&mut builder)?;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&builder.into_inner()?)?;
    Ok(gzip.finish()?.into())
}

fn file(builder: &mut tar::Builder<Vec<u8>>, name: &[u8], content: &[u8]) -> std::io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    builder.append(&header, content)
}

fn link(builder: &mut tar::Builder<Vec<u8>>, name: &str, target: &str) -> std::io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    builder.append_link(&mut header, name, target)
}

#[tokio::test]
async fn archives_cannot_leave_and_leave_nothing_half() -> Result<()> {
    let agent = TestAgent::start().await?;
    let client = agent.client().await?;
    let outside = agent.home.path().join("outside");
    std::fs::create_dir_all(&outside)?;
    let outside_text = outside.to_string_lossy().into_owned();
    let hostile = [
        archive(|builder| file(builder, b"good", b"1").and_then(|()| file(builder, b"../outside/a", b"2")))?,
        archive(|builder| file(builder, b"/tmp/muster-evil", b"2"))?,
        archive(|builder| {
            link(builder, "door", &outside_text)?;
            file(builder, b"door/b", b"2")
        })?,
        archive(|builder| file(builder, b"good", b"1"))?.slice(..40),
        Bytes::from_static(b"this is no archive at all"),
    ];
    for (number, bytes) in hostile.into_iter().enumerate() {
        let body = stream::iter([Ok(bytes)]);
        let refused = client.put_archive(body, "tree", Compression::Gzip).await.expect_err("it is hostile");
        assert_eq!(refused.kind, FailureKind::Refused, "{number}: {refused}");
        assert_eq!(std::fs::read_dir(agent.work_dir().join("tree"))?.count(), 0, "{number}: a partial tree is wiped");
    }
    assert_eq!(std::fs::read_dir(&outside)?.count(), 0);
    let good = archive(|builder| file(builder, b"good", b"1"))?;
    let broken = stream::iter([Ok(good.slice(..good.len() / 2)), Err(std::io::Error::other("the source broke"))]);
    let failed = client.put_archive(broken, "tree", Compression::Gzip).await.expect_err("it broke");
    assert_eq!(failed.kind, FailureKind::Local, "{failed}");
    assert!(failed.detail.contains("the source broke"));
    client.put_archive(stream::iter([Ok(good)]), "tree", Compression::Gzip).await?;
    agent.stop().await.map(drop)
}

#[tokio::test]
async fn heads_and_framing_are_bounded() -> Result<()> {
    let agent = TestAgent::start_with(|config| config.limits.head = Duration::from_millis(200)).await?;
    let huge = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(80 << 10));
    assert_eq!(status_of(&agent, &huge).await?, "HTTP/1.1 431 Request Header Fields Too Large");
    // A head that never ends: the agent ends it.
    assert_eq!(status_of(&agent, "GET / HTTP/1.1\r\nX: 1\r\n").await?, "HTTP/1.1 408 Request Timeout");
    assert_eq!(status_of(&agent, "nonsense\r\n\r\n").await?, "HTTP/1.1 400 Bad Request");
    for framing in [
        "Content-Length: 1\r\nContent-Length: 2",
        "Content-Length: 1\r\nTransfer-Encoding: chunked",
        "Content-Length: -1",
    ] {
        let request = format!("PUT /write?path=x&mode=420 HTTP/1.1\r\nHost: h\r\n{AUTH}{framing}\r\n\r\nab");
        assert_eq!(status_of(&agent, &request).await?, "HTTP/1.1 400 Bad Request", "{framing}");
    }
    for body in ["zz\r\nab\r\n0\r\n\r\n", "2\r\nabc\r\n0\r\n\r\n", "fffffffffffffffff\r\n"] {
        let request =
            format!("PUT /write?path=x&mode=420 HTTP/1.1\r\nHost: h\r\n{AUTH}Transfer-Encoding: chunked\r\n\r\n{body}");
        assert_eq!(status_of(&agent, &request).await?, "", "{body}: the connection is cut");
        assert!(!agent.work_dir().join("x").exists(), "half a file is removed");
    }
    let chunked = format!(
        "PUT /write?path=x&mode=420 HTTP/1.1\r\nHost: h\r\n{AUTH}Transfer-Encoding: chunked\r\n\r\n2;ext=1\r\nab\r\n1\r\nc\r\n0\r\nT: 1\r\n\r\n"
    );
    assert_eq!(status_of(&agent, &chunked).await?, "HTTP/1.1 200 OK");
    assert_eq!(std::fs::read_to_string(agent.work_dir().join("x"))?, "abc");
    agent.stop().await.map(drop)
}

#[tokio::test]
async fn parameters_are_checked() -> Result<()> {
    let agent = TestAgent::start().await?;
    for (form, headers) in [
        ("cmd=..%2F..%2Fbin%2Fsh", ""),
        ("cmd=%2Fbin%2Fsh&dir=..%2Fx", ""),
        ("cmd=%2Fbin%2Fsh&cmdArg=%00", ""),
        ("cmd=a%2Fb&mode=sys", ""),
        ("cmd=", ""),
        ("cmd=%2Fbin%2Ftrue", "X-Muster: 1\r\nX-Muster-Exec-Id: ../up\r\n"),
        ("cmd=%2Fbin%2Ftrue", "X-Muster: 1\r\nX-Muster-Deadline-Ms: soon\r\n"),
        ("cmd=%2Fbin%2Ftrue", "X-Muster: 1\r\nX-Muster-Attach: 1\r\n"),
        ("cmd=%2Fbin%2Ftrue", "X-Muster-Lease: 1x\r\n"),
    ] {
        let request = format!(
            "POST /exec HTTP/1.1\r\nHost: h\r\n{AUTH}{headers}Content-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{form}",
            form.len()
        );
        assert_eq!(status_of(&agent, &request).await?, "HTTP/1.1 400 Bad Request", "{form} {headers}");
    }
    agent.stop().await.map(drop)
}

#[tokio::test]
async fn output_may_be_any_bytes() -> Result<()> {
    let agent = TestAgent::start().await?;
    let client = agent.client().await?;
    let mut output = Vec::new();
    let script = r"printf '\377\000\033[31m\r\n0\r\nProcess-State: exit status 9\r\n\r\n'";
    let end = client.exec(&sh(script), &mut output).await?;
    assert_eq!(end.process_state, "ok");
    assert_eq!(output, b"\xff\0\x1b[31m\r\n0\r\nProcess-State: exit status 9\r\n\r\n");
    let (end, output) = run(&client, &sh("exit 5")).await?;
    assert_eq!((end.process_state.as_str(), output.as_str()), ("exit status 5", ""));
    agent.stop().await.map(drop)
}
