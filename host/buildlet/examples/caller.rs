//! A client as a process of its own, for tests that kill it: a request as one line of JSON on stdin, the command's output
//! on stdout.

use std::io::{BufRead as _, Write as _};

use anyhow::Context as _;
use buildlet::{
    client::{Client, ClientSettings, ExecRequest},
    protocol::Lease,
};
use bytes::Bytes;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    url: String,
    lease: u64,
    id: String,
    script: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let request: Request = serde_json::from_str(&line).context("read the request from stdin")?;
    let client = Client::connect(&request.url.parse()?, ClientSettings::default()).await?;
    client.set_lease(Lease(request.lease));
    let exec =
        ExecRequest { id: Some(request.id.parse()?), ..ExecRequest::sys("/bin/sh", ["-c", request.script.as_str()]) };
    let (mut sink, mut output) = tokio::sync::mpsc::channel::<Bytes>(1);
    let printing = async move {
        while let Some(chunk) = output.recv().await {
            let mut stdout = std::io::stdout().lock();
            stdout.write_all(&chunk)?;
            stdout.flush()?;
        }
        anyhow::Ok(())
    };
    let running = async move { Ok(client.exec(&exec, &mut sink).await?) };
    tokio::try_join!(running, printing)?;
    Ok(())
}
