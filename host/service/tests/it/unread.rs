//! Clients that read nothing keep no connection.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use service::ServiceSettings;
use service::identity::Scope;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::recorded::ended;
use crate::server::{Server, settings, start_with};

/// More than sockets of both sides hold.
const BYTES: usize = 24 << 20;
/// What the kernel takes in for a client that reads nothing: little beside `BYTES`, and far above a segment, below
/// which what is left after the cut would arrive by the sender's timers only.
const UNREAD: u32 = 1 << 18;
const PATIENCE: Duration = Duration::from_secs(50);

/// A client that asks for something, and may take in so many bytes without reading them.
async fn asks(server: &Server, token: &str, path: &str, buffer: u32) -> anyhow::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(buffer)?;
    let mut stream = socket.connect(server.address).await?;
    let host = server.address;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    Ok(stream)
}

#[tokio::test]
async fn a_client_that_reads_nothing_loses_its_connection() -> anyhow::Result<()> {
    let stall = Duration::from_millis(500);
    let server = start_with(ServiceSettings { write_stall: stall, connections: 3, streams: 1, ..settings() }).await?;
    let client = server.client(Scope::Read).await?;
    let build = ended(&server.store, "ci").await?.0;
    let mut log = server.logs.writer(build, "log").await?;
    for _ in 0..BYTES >> 16 {
        log.append(&[b'x'; 1 << 16]).await?;
    }
    log.finish().await?;
    let log = format!("/api/v1/builds/{build}/log");
    let whole = asks(&server, &client.token, &log, UNREAD).await?;
    let followed = asks(&server, &client.token, &format!("{log}?follow=1"), UNREAD).await?;
    let mut reader = asks(&server, &client.token, &log, UNREAD).await?;
    // Whoever reads slowly reads all of it, for longer than the server's patience: no wait of the server is as long.
    let slow = tokio::spawn(async move {
        let (mut buffer, mut read) = (vec![0; 1 << 20], 0);
        while read < BYTES {
            tokio::time::sleep(stall / 25).await;
            let some = reader.read(&mut buffer).await?;
            ensure!(some > 0, "it ends after {read} bytes");
            read += some;
        }
        anyhow::Ok(())
    });
    // All places are taken: this waits until one that reads nothing has lost its own.
    let asked = timeout(PATIENCE, client.get("/whoami")).await.context("no place")??;
    assert_eq!(asked.0, 200, "{}", asked.1);
    let no_stream = async {
        while server.service.open_streams() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, no_stream).await.context("its place among the streams is not free")?;
    for mut unread in [whole, followed] {
        let mut bytes = Vec::new();
        let cut = timeout(PATIENCE, unread.read_to_end(&mut bytes)).await.context("it does not end")?;
        assert!(cut.is_err() || bytes.len() < BYTES, "it was closed in the middle");
    }
    timeout(PATIENCE, slow).await???;
    Ok(())
}
