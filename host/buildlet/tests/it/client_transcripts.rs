//! The client reads what a real Go buildlet answered, byte for byte.

use std::io::Read as _;

use anyhow::Result;
use buildlet::{
    BuildletUrl,
    client::{CallFailure, Client, ClientSettings, Compression, ExecRequest, FailureKind, ListOptions},
    protocol::{CommandResult, EntryKind},
};
use bytes::Bytes;
use futures::{TryStreamExt as _, stream};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinHandle,
};

use crate::support::sh;

/// Answers each connection with the next of these, whatever is asked.
async fn replay(answers: Vec<Vec<u8>>) -> Result<(Client, JoinHandle<Result<()>>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = BuildletUrl::plain("127.0.0.1", listener.local_addr()?.port(), None);
    let served = tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await?;
            let mut request = Vec::new();
            // The whole request comes before the answer, so that no byte of it is left when the connection ends.
            while !whole(&request) {
                if stream.read_buf(&mut request).await? == 0 {
                    break;
                }
            }
            stream.write_all(&answer).await?;
            stream.shutdown().await?;
        }
        Ok(())
    });
    let client = Client::connect(&url, ClientSettings::default()).await?;
    Ok((client, served))
}

fn whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    if head.contains("transfer-encoding: chunked") {
        return body.ends_with("0\r\n\r\n");
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    body.len() >= length.unwrap_or(0)
}

macro_rules! answer {
    ($name:literal) => {
        include_bytes!(concat!("transcripts/", $name, ".response")).to_vec()
    };
}

#[tokio::test]
async fn execs_are_read() -> Result<()> {
    let (client, served) = replay(vec![
        answer!("status"),
        answer!("exec-ok"),
        answer!("exec-exit-3"),
        answer!("exec-signal"),
        answer!("exec-missing"),
        answer!("exec-two-chunks"),
        answer!("exec-no-cmd"),
    ])
    .await?;
    assert_eq!(client.peer().version, 25);
    assert!(client.extensions().is_none());
    let expected = [
        ("hi you\nerr\nhallo\n", CommandResult::Exited(0)),
        ("hi you\nerr\n\n", CommandResult::Exited(3)),
        ("", CommandResult::Signaled { signal: "killed".to_owned(), core_dumped: false }),
        ("", CommandResult::StartFailed("fork/exec /workdir/go/bin/nope: no such file or directory".to_owned())),
        ("one\ntwo\n", CommandResult::Exited(0)),
    ];
    for (text, result) in expected {
        let mut output = Vec::new();
        let end = client.exec(&sh("whatever"), &mut output).await?;
        assert_eq!((String::from_utf8(output)?.as_str(), &end.result), (text, &result));
        assert_eq!((end.output_bytes, end.left_behind), (text.len() as u64, None));
    }
    let refused = client.exec(&ExecRequest::default(), &mut Vec::new()).await.expect_err("it is refused");
    assert_eq!(refused.kind, FailureKind::Refused);
    assert!(refused.detail.contains("requires 'cmd' parameter"));
    served.await?
}

#[tokio::test]
async fn files_and_listings_are_read() -> Result<()> {
    let (client, served) = replay(vec![
        answer!("status"),
        answer!("workdir"),
        answer!("ls-digest-skip"),
        answer!("write"),
        answer!("write-bad-mode"),
        answer!("removeall"),
        answer!("removeall-escape"),
        answer!("tgz"),
        answer!("writetgz-put"),
        answer!("writetgz-escape"),
        answer!("status-wrong-password"),
    ])
    .await?;
    assert_eq!(client.work_dir().await?, "/workdir");
    let options = ListOptions { recursive: true, digest: true, skip: vec!["go/bin".to_owned()] };
    let entries = client.list(".", &options).await?;
    assert_eq!(entries.len(), 8);
    assert_eq!((entries[0].kind, entries[0].path.as_str()), (EntryKind::Directory, "f"));
    assert_eq!(entries[1].sha1.as_deref(), Some("03cfd743661f07975fa2f1220c5194cbaff48451"));
    client.put_file("abc\n", "f/a.txt", 0o644).await?;
    let kind = |failed: CallFailure| (failed.kind, failed.detail);
    let (refused, text) = client.put_file("abc\n", "f/a.txt", 0o644).await.map_err(kind).expect_err("refused");
    assert_eq!((refused, text.contains("bad mode")), (FailureKind::Refused, true));
    client.remove_all(&["f", "go/VERSION"]).await?;
    assert!(client.remove_all(&["../x"]).await.is_err());
    let pieces: Vec<Bytes> = client.get_archive("go", Compression::Gzip).await?.try_collect().await?;
    let mut tar = Vec::new();
    flate2::read::MultiGzDecoder::new(pieces.concat().as_slice()).read_to_end(&mut tar)?;
    assert_eq!(tar::Archive::new(tar.as_slice()).entries()?.count(), 3);
    let archive = || stream::iter([Ok(Bytes::from_static(b"archive"))]);
    client.put_archive(archive(), "go", Compression::Gzip).await?;
    let refused = client.put_archive(archive(), "go", Compression::Gzip).await.expect_err("refused");
    assert!(refused.detail.contains("invalid name \"../evil\""), "{refused}");
    let denied = client.status().await.expect_err("denied");
    assert_eq!(denied.kind, FailureKind::WrongPassword);
    let never = client.put_archive(archive(), "go", Compression::Zstd).await.expect_err("never sent");
    assert_eq!(never.kind, FailureKind::Refused);
    served.await?
}

#[tokio::test]
async fn an_answer_without_its_trailer_is_never_a_pass() -> Result<()> {
    let whole = String::from_utf8(answer!("exec-ok"))?;
    let without_trailer = whole.replace("Process-State: ok\r\n", "");
    let empty = whole.replace("Process-State: ok\r\n", "Process-State: \r\n");
    let cut = whole.split("0\r\nProcess").next().unwrap_or_default().to_owned();
    let halved = whole.split("hallo").next().unwrap_or_default().to_owned();
    for answer in [without_trailer, empty, cut, halved] {
        let (client, served) = replay(vec![answer!("status"), answer.clone().into_bytes()]).await?;
        let failure = client.exec(&sh("x"), &mut Vec::new()).await.expect_err("there is no end");
        assert_eq!(failure.kind, FailureKind::Broken, "{answer:?}");
        served.await??;
    }
    Ok(())
}
