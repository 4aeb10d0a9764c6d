//! A `muster serve` to be measured.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::until;

/// The configuration: one worker on this machine, and nothing outlives the bench for long.
const ONE: &str = "\
[serve]
unmerged-on-local = true
adoption = \"20s\"
max-builds = 1
[pool.local]
kind = \"local\"
buildlets = 1
";

/// A server with a home of its own.
pub(crate) struct Muster {
    binary: PathBuf,
    home: TempDir,
    process: Child,
    address: String,
    client: Client,
}

impl Muster {
    /// One that drives builds by now.
    pub(crate) async fn start() -> Result<Muster> {
        let binary = PathBuf::from(std::env::var_os("MUSTER_BIN").context("name the binary as MUSTER_BIN")?);
        let home = tempfile::tempdir()?;
        std::fs::write(home.path().join("serve.toml"), ONE)?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let address = format!("127.0.0.1:{port}");
        let process = serve(&binary, home.path(), &address)?;
        let muster = Muster { binary, home, process, address, client: Client::new() };
        muster.active().await?;
        Ok(muster)
    }

    /// Kills it and starts it again: from the start to the moment it drives builds.
    pub(crate) async fn restart(&mut self) -> Result<Duration> {
        self.process.kill()?;
        self.process.wait()?;
        let begun = Instant::now();
        self.process = serve(&self.binary, self.home.path(), &self.address)?;
        self.active().await?;
        Ok(begun.elapsed())
    }

    async fn active(&self) -> Result<()> {
        until("the server drives builds", async || {
            let Ok(answer) = self.client.get(self.url("/readyz")).send().await else { return Ok(None) };
            let readiness: Value = answer.json().await.unwrap_or_default();
            Ok((readiness["standing"] == "active").then_some(()))
        })
        .await
    }

    /// The most memory it had, in MiB.
    pub(crate) fn peak_mib(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib / 1024.0)
    }

    /// Submits a tree: the number of its build.
    pub(crate) fn send(&self, muster_toml: &str) -> Result<u64> {
        let tree = tempfile::tempdir()?;
        std::fs::write(tree.path().join("muster.toml"), muster_toml)?;
        let mut command = Command::new(&self.binary);
        command.args(["submit", "--json", "--helpers", "0", "--server", &self.url("")]).arg(tree.path());
        let output = command.env("HOME", self.home.path()).output().context("start MUSTER_BIN")?;
        ensure!(output.status.success(), "muster submit: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout)?["id"].as_u64().context("no id")
    }

    /// Brings a tree to the server by a first build of it: what later ones are asked for by.
    pub(crate) async fn upload(&self, muster_toml: &str) -> Result<String> {
        let build = self.end(self.send(muster_toml)?).await?;
        Ok(build["submission"]["tree"].as_str().context("no tree")?.to_owned())
    }

    /// Asks for a build of an uploaded tree: its number.
    pub(crate) async fn trigger(&self, tree: &str) -> Result<u64> {
        let wanted = json!({ "tree": tree, "project": "bench", "helpers": 0, "fresh": true });
        let request = self.client.post(self.url("/api/v1/builds")).bearer_auth(self.token()?).json(&wanted);
        let answer = request.send().await?.error_for_status()?;
        answer.json::<Value>().await?["id"].as_u64().context("no id")
    }

    /// Waits for the end of a build.
    pub(crate) async fn end(&self, id: u64) -> Result<Value> {
        until("the build ends", async || {
            let build = self.build(id).await?;
            Ok((!build["outcome"].is_null()).then_some(build))
        })
        .await
    }

    /// A build as it is now.
    pub(crate) async fn build(&self, id: u64) -> Result<Value> {
        Ok(self.get(&format!("/api/v1/builds/{id}")).await?.json().await?)
    }

    /// How many builds wait for their turn.
    pub(crate) async fn waiting(&self) -> Result<u64> {
        let queue: Value = self.get("/api/v1/queue?limit=1").await?.json().await?;
        queue["waiting"].as_u64().context("the queue has no length")
    }

    /// The log of a build, as it comes.
    pub(crate) async fn follow(&self, id: u64) -> Result<Response> {
        self.get(&format!("/api/v1/builds/{id}/log?follow=1")).await
    }

    async fn get(&self, path: &str) -> Result<Response> {
        Ok(self.client.get(self.url(path)).bearer_auth(self.token()?).send().await?.error_for_status()?)
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn token(&self) -> Result<String> {
        let file = self.home.path().join("state/token");
        Ok(std::fs::read_to_string(file).context("read the token")?.trim().to_owned())
    }
}

fn serve(binary: &Path, home: &Path, address: &str) -> Result<Child> {
    let mut command = Command::new(binary);
    command.args(["serve", "--listen", address, "--config"]).arg(home.join("serve.toml"));
    command.arg("--state").arg(home.join("state")).env("HOME", home);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().context("start MUSTER_BIN")
}

impl Drop for Muster {
    fn drop(&mut self) {
        // What it does not end is ended by its buildlets themselves.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
