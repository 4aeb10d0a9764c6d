//! What is no result: time limits, dead peers, and what a client cannot have seen.

use std::{io, time::Duration};

use anyhow::Result;
use async_trait::async_trait;
use buildlet::{
    BuildletUrl,
    client::{Client, ClientSettings, ExecRequest, FailureKind, OutputSink},
    protocol::CommandResult,
};
use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::support::{PATIENCE, TestAgent, sh};

/// What a peer begins an answer to `/exec` with.
const BEGUN: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Process-State\r\n\r\n1\r\n.\r\n";

/// A peer that answers the first `answered` requests to `/status`, begins an answer to `/exec`, and never ends it.
async fn hanging_peer(answered: usize) -> Result<BuildletUrl> {
    peer(answered, BEGUN.to_owned()).await
}

/// A peer that answers the first `answered` requests to `/status`, and `/exec` with this.
async fn peer(answered: usize, exec: String) -> Result<BuildletUrl> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = BuildletUrl::plain("127.0.0.1", listener.local_addr()?.port(), None);
    tokio::spawn(async move {
        let mut left = answered;
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = vec![0; 4096];
            let count = stream.read(&mut head).await.unwrap_or(0);
            let answer = if head[..count].starts_with(b"POST /exec") {
                exec.as_str()
            } else if left > 0 {
                left -= 1;
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
            } else {
                ""
            };
            // A peer that is gone already does not matter here.
            let _ = stream.write_all(answer.as_bytes()).await;
            open.push(stream);
        }
    });
    Ok(url)
}

#[tokio::test]
async fn a_deadline_gives_exactly_the_timed_out_kind() -> Result<()> {
    let client = Client::connect(&hanging_peer(usize::MAX).await?, ClientSettings::default()).await?;
    assert_eq!(client.peer().version, 0);
    let mut request = sh("whatever");
    request.deadline = Some(Duration::from_millis(200));
    let mut output = Vec::new();
    let failure = client.exec(&request, &mut output).await.expect_err("it hangs");
    assert_eq!((failure.kind, failure.next_offset, output.as_slice()), (FailureKind::TimedOut, 1, b".".as_slice()));
    Ok(())
}

/// Keeps what comes only after a while, as when a store is away.
struct Held(Duration);

#[async_trait]
impl OutputSink for Held {
    async fn push(&mut self, _offset: u64, _chunk: Bytes) -> io::Result<()> {
        tokio::time::sleep(self.0).await;
        Ok(())
    }
}

#[tokio::test]
async fn time_in_which_output_cannot_be_kept_is_not_the_commands() -> Result<()> {
    let ended = format!("{BEGUN}0\r\nProcess-State: ok\r\n\r\n");
    let client = Client::connect(&peer(usize::MAX, ended).await?, ClientSettings::default()).await?;
    let deadline = Duration::from_secs(1);
    let request = ExecRequest { deadline: Some(deadline), ..sh("whatever") };
    let end = client.exec(&request, &mut Held(deadline.mul_f32(1.2))).await?;
    assert_eq!((end.result, end.output_bytes), (CommandResult::Exited(0), 1));
    Ok(())
}

#[tokio::test]
async fn the_agent_enforces_the_deadline_too() -> Result<()> {
    let agent = TestAgent::start().await?;
    let client = agent.client().await?;
    let mut request = sh("echo begun; sleep 1000");
    request.deadline = Some(Duration::from_millis(300));
    let mut output = Vec::new();
    let failure = client.exec(&request, &mut output).await.expect_err("it is killed");
    assert_eq!(failure.kind, FailureKind::TimedOut);
    assert_eq!(failure.detail, "killed at its time limit");
    assert_eq!(output, b"begun\n");
    agent.stop().await.map(drop)
}

#[tokio::test]
async fn missed_heartbeats_end_all_pending_calls() -> Result<()> {
    let settings = ClientSettings {
        heartbeat_every: Duration::from_millis(20),
        heartbeat_timeout: Duration::from_millis(50),
        ..ClientSettings::default()
    };
    let client = Client::connect(&hanging_peer(3).await?, settings).await?;
    let request = sh("whatever");
    let (mut first, mut second) = (Vec::new(), Vec::new());
    let calls = async { tokio::join!(client.exec(&request, &mut first), client.exec(&request, &mut second)) };
    let (first, second) = tokio::time::timeout(PATIENCE, calls).await?;
    for result in [first, second] {
        let failure = result.expect_err("the peer is dead");
        assert_eq!(failure.kind, FailureKind::LostHeartbeat);
        assert!(failure.detail.contains("missed 3 heartbeats in a row"), "{failure}");
    }
    assert_eq!(client.is_dead(), Some(client.death().await));
    Ok(())
}

#[tokio::test]
async fn nobody_there_is_unreachable_and_silence_is_no_answer() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let settings = ClientSettings { head: Duration::from_millis(100), ..ClientSettings::default() };
    let url = BuildletUrl::plain("127.0.0.1", port, None);
    let silent = Client::connect(&url, settings.clone()).await.expect_err("it says nothing");
    assert_eq!(silent.kind, FailureKind::NoAnswer);
    drop(listener);
    let nobody = Client::connect(&url, settings).await.expect_err("nobody is there");
    assert_eq!(nobody.kind, FailureKind::Unreachable);
    Ok(())
}
