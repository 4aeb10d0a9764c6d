//! Trees in and out: links, digests, compressions, clones, and archives fetched by URL.

use std::{
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
};

use anyhow::Result;
use buildlet::{
    BuildletUrl,
    client::{Compression, FailureKind, UrlOutcome},
    protocol::Lease,
};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::support::{PATIENCE, TestAgent};

fn make_tree(root: &Path) -> Result<()> {
    std::fs::create_dir_all(root.join("empty"))?;
    std::fs::create_dir_all(root.join("sub"))?;
    // Larger than what is under way at once, and not compressible to nothing.
    let big: Vec<u8> = (0..3_000_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    std::fs::write(root.join("sub/big"), big)?;
    std::fs::write(root.join("tool"), "#!/bin/sh\n")?;
    std::fs::set_permissions(root.join("tool"), std::fs::Permissions::from_mode(0o755))?;
    symlink("../tool", root.join("sub/link"))?;
    symlink("/nowhere", root.join("dangling"))?;
    Ok(())
}

fn check_tree(root: &Path, original: &Path) -> Result<()> {
    assert!(root.join("empty").is_dir());
    assert!(std::fs::read(root.join("sub/big"))? == std::fs::read(original.join("sub/big"))?);
    assert_eq!(root.join("tool").metadata()?.permissions().mode() & 0o777, 0o755);
    assert_eq!(std::fs::read_link(root.join("sub/link"))?, Path::new("../tool"));
    assert_eq!(std::fs::read_link(root.join("dangling"))?, Path::new("/nowhere"));
    Ok(())
}

#[tokio::test]
async fn trees_survive_the_way_in_every_compression() -> Result<()> {
    let agent = TestAgent::start().await?;
    let client = agent.client().await?;
    let original = agent.work_dir().join("original");
    make_tree(&original)?;
    for (compression, dir) in [(Compression::None, "a"), (Compression::Gzip, "b"), (Compression::Zstd, "c")] {
        let archive = client.get_archive("original", compression).await?;
        // Piece by piece from one call into the other.
        let body = archive.map_err(std::io::Error::other);
        client.put_archive(body, dir, compression).await?;
        check_tree(&agent.work_dir().join(dir), &original)?;
    }
    agent.stop().await.map(drop)
}

#[tokio::test]
async fn a_wrong_digest_is_refused_and_the_tree_wiped() -> Result<()> {
    let agent = TestAgent::start().await?;
    let client = agent.client().await?;
    make_tree(&agent.work_dir().join("original"))?;
    let pieces: Vec<Bytes> = client.get_archive("original", Compression::Gzip).await?.try_collect().await?;
    let archive = pieces.concat();
    let head = format!(
        "PUT /writetgz?dir=t HTTP/1.1\r\nHost: h\r\nAuthorization: Basic Z29tb3RlOnMzY3JldA==\r\nConnection: close\r\n\
         X-Muster: 1\r\nX-Muster-Sha256: {}\r\nContent-Length: {}\r\n\r\n",
        "0".repeat(64),
        archive.len()
    );
    let answer = crate::support::raw(&agent.url, &[head.as_bytes(), &archive].concat()).await?;
    assert!(String::from_utf8_lossy(&answer).starts_with("HTTP/1.1 400 "));
    assert_eq!(std::fs::read_dir(agent.work_dir().join("t"))?.count(), 0);
    agent.stop().await.map(drop)
}

/// An upload into `t` that has made a first file and then stops.
async fn stuck_upload(agent: &TestAgent, lease: u64) -> Result<TcpStream> {
    let mut stream = TcpStream::connect((agent.url.host.as_str(), agent.url.port)).await?;
    let head = format!(
        "PUT /writetgz?dir=t HTTP/1.1\r\nHost: h\r\nAuthorization: Basic Z29tb3RlOnMzY3JldA==\r\nX-Muster: 1\r\n\
         X-Muster-Lease: {lease}\r\nContent-Length: 1000000\r\n\r\n"
    );
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_data(&mut tar_header(1), "early", &b"x"[..])?;
    stream.write_all(&[head.as_bytes(), builder.get_ref()].concat()).await?;
    let early = agent.work_dir().join("t/early");
    crate::support::until("the upload has begun", || early.exists()).await?;
    Ok(stream)
}

fn tar_header(size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o644);
    header
}

/// Goes away, and gives what the agent said last.
async fn abandon(mut stream: TcpStream) -> Result<String> {
    stream.shutdown().await?;
    let mut answer = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await??;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// As when a coordinator's host vanished: that its connection is gone is noticed long after another took its place.
#[tokio::test]
async fn an_upload_that_was_left_in_its_middle_spoils_no_later_tree() -> Result<()> {
    let agent = TestAgent::start().await?;
    let client = agent.client().await?;
    client.set_lease(Lease(7));
    make_tree(&agent.work_dir().join("original"))?;
    let pieces: Vec<Bytes> = client.get_archive("original", Compression::None).await?.try_collect().await?;
    let again = || stream::iter(pieces.clone().into_iter().map(Ok));
    for removes in [true, false] {
        let left = stuck_upload(&agent, 7).await?;
        if removes {
            client.remove_all(&["t"]).await?;
        }
        client.put_archive(again(), "t", Compression::None).await?;
        let answer = abandon(left).await?;
        assert!(answer.starts_with("HTTP/1.1 409 "), "{answer}");
        check_tree(&agent.work_dir().join("t"), &agent.work_dir().join("original"))?;
        assert!(!agent.work_dir().join("t/early").exists());
        client.remove_all(&["t"]).await?;
    }
    agent.stop().await.map(drop)
}

#[tokio::test]
async fn a_newer_lease_ends_what_the_former_uploads() -> Result<()> {
    let agent = TestAgent::start().await?;
    let left = stuck_upload(&agent, 7).await?;
    let client = agent.client().await?;
    client.set_lease(Lease(8));
    client.put_file("content", "elsewhere", 0o644).await?;
    assert_eq!(std::fs::read_dir(agent.work_dir().join("t"))?.count(), 0);
    let answer = abandon(left).await?;
    assert!(answer.starts_with("HTTP/1.1 409 "), "{answer}");
    agent.stop().await.map(drop)
}

#[tokio::test]
async fn clones_are_made_only_from_where_it_is_allowed() -> Result<()> {
    let source = tempfile::tempdir()?;
    make_tree(&source.path().join("tree"))?;
    let allowed = source.path().join("tree");
    let agent = TestAgent::start_with(|config| config.allow_clone_from = vec![allowed.clone()]).await?;
    let client = agent.client().await?;
    client.clone_tree(&allowed, "copy").await?;
    check_tree(&agent.work_dir().join("copy"), &allowed)?;
    symlink("/etc", allowed.join("etc"))?;
    for forbidden in ["/etc", &format!("{}/../", allowed.display()), &format!("{}/etc", allowed.display())] {
        let refused = client.clone_tree(Path::new(forbidden), "other").await.expect_err(forbidden);
        assert_eq!(refused.kind, FailureKind::Refused, "{forbidden}");
    }
    let home = agent.stop().await?;
    let agent = TestAgent::start_in(home, |_| {}).await?;
    let refused = agent.client().await?.clone_tree(&allowed, "other").await.expect_err("it may not");
    assert_eq!(refused.kind, FailureKind::Refused);
    agent.stop().await.map(drop)
}

#[tokio::test]
async fn archives_are_fetched_by_url() -> Result<()> {
    let agent = TestAgent::start().await?;
    let client = agent.client().await?;
    make_tree(&agent.work_dir().join("original"))?;
    let pieces: Vec<Bytes> = client.get_archive("original", Compression::Gzip).await?.try_collect().await?;
    let archive = pieces.concat();
    let server = TcpListener::bind("127.0.0.1:0").await?;
    let url = BuildletUrl::plain("127.0.0.1", server.local_addr()?.port(), None).reveal();
    let serving = tokio::spawn(async move {
        for status in ["200 OK", "404 Not Found"] {
            let (mut stream, _) = server.accept().await?;
            let mut request = vec![0; 4096];
            let _ = stream.read(&mut request).await?;
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", archive.len());
            stream.write_all(head.as_bytes()).await?;
            // The second answer is not read to its end.
            let _ = stream.write_all(&archive).await;
        }
        std::io::Result::Ok(())
    });
    assert_eq!(client.put_archive_from_url(&url, "go1.4").await?, UrlOutcome::Unpacked);
    check_tree(&agent.work_dir().join("go1.4"), &agent.work_dir().join("original"))?;
    assert_eq!(client.put_archive_from_url(&url, "go1.4").await?, UrlOutcome::Skipped);
    let failed = client.put_archive_from_url(&url, "other").await.expect_err("it is not there");
    assert!(failed.detail.contains("404"), "{failed}");
    serving.await??;
    agent.stop().await.map(drop)
}

#[tokio::test]
async fn a_long_archive_and_long_output_stream_in_bounded_memory() -> Result<()> {
    let agent = TestAgent::start().await?;
    let client = agent.client().await?;
    let before = resident_bytes()?;
    let script = "head -c 200000000 /dev/zero";
    let mut total = tokio::io::sink();
    let end = client.exec(&crate::support::sh(script), &mut total).await?;
    assert_eq!(end.output_bytes, 200_000_000);
    let grown = resident_bytes()?.saturating_sub(before);
    // Other tests run in this process, too; output held whole would be several times as much.
    assert!(grown < 120 << 20, "grew by {grown} bytes");
    let endless = stream::repeat_with(|| Ok(Bytes::from_static(&[b'x'; 4096]))).take(50_000);
    let refused = client.put_archive(endless, "t", Compression::Gzip).await.expect_err("it is no archive");
    assert!(matches!(refused.kind, FailureKind::Refused | FailureKind::Broken), "{refused}");
    agent.stop().await.map(drop)
}

/// The peak would be that of other tests; what is held now is what counts.
fn resident_bytes() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = text.split(' ').nth(1).unwrap_or_default().parse()?;
    Ok(pages * 4096)
}
