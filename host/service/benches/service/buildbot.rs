//! A Buildbot master and one worker, from their packages, to be measured.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::until;

/// The master's configuration: what its documentation says of performance is that builds are not collapsed, usage is not
/// reported, and logs are not compressed.
const MASTER: &str = r#"
from buildbot.plugins import *
c = BuildmasterConfig = {}
c["workers"] = [worker.Worker("w1", "secret", max_builds=1)]
c["protocols"] = {"pb": {"port": "tcp:WORKERS:interface=127.0.0.1"}}
c["buildbotNetUsageData"] = None
c["collapseRequests"] = False
c["logCompressionMethod"] = "raw"
c["db"] = {"db_url": "sqlite:///state.sqlite"}
c["www"] = {"port": "tcp:WEB:interface=127.0.0.1", "plugins": {}}
c["buildbotURL"] = "http://127.0.0.1:WEB/"
def builder(name, steps):
    return util.BuilderConfig(name=name, workernames=["w1"], factory=util.BuildFactory(steps))
def trues(count):
    return [steps.ShellCommand(name="step%d" % n, command=["true"]) for n in range(count)]
c["builders"] = [
    builder("hello", [steps.ShellCommand(name="say", command=["echo", "hello"])]),
    builder("few", trues(FEW)),
    builder("many", trues(MANY)),
]
names = [one.name for one in c["builders"]]
c["schedulers"] = [schedulers.ForceScheduler(name="force-" + name, builderNames=[name]) for name in names]
"#;

/// A build that was asked for.
pub(crate) struct Forced {
    set: u64,
    builder: String,
}

/// A running master with its worker.
pub(crate) struct Buildbot {
    programs: PathBuf,
    folder: TempDir,
    client: Client,
    web: u16,
}

impl Buildbot {
    /// With builders of few and many steps.
    pub(crate) async fn start(few: usize, many: usize) -> Result<Buildbot> {
        let environment = std::env::var_os("MUSTER_TEST_BUILDBOT").context("name it as MUSTER_TEST_BUILDBOT")?;
        let programs = Path::new(&environment).join("bin");
        let [web, workers] = [free_port()?, free_port()?];
        let buildbot = Buildbot { programs, folder: tempfile::tempdir()?, client: Client::new(), web };
        buildbot.run("buildbot", &["create-master", "master"])?;
        let configuration = MASTER
            .replace("WORKERS", &workers.to_string())
            .replace("WEB", &web.to_string())
            .replace("FEW", &few.to_string())
            .replace("MANY", &many.to_string());
        std::fs::write(buildbot.folder.path().join("master/master.cfg"), configuration)?;
        buildbot.run("buildbot", &["start", "master"])?;
        let master = format!("127.0.0.1:{workers}");
        buildbot.run("buildbot-worker", &["create-worker", "worker", &master, "w1", "secret"])?;
        buildbot.run("buildbot-worker", &["start", "worker"])?;
        until("the worker is there", async || {
            let Ok(answer) = buildbot.get("/workers").await else { return Ok(None) };
            let connected = answer["workers"][0]["connected_to"].as_array().is_some_and(|masters| !masters.is_empty());
            Ok(connected.then_some(()))
        })
        .await?;
        Ok(buildbot)
    }

    /// Asks for a build.
    pub(crate) async fn force(&self, builder: &str) -> Result<Forced> {
        let call = json!({ "id": 1, "jsonrpc": "2.0", "method": "force", "params": { "reason": "bench" } });
        let path = format!("/forceschedulers/force-{builder}");
        let answer = self.client.post(self.url(&path)).json(&call).send().await?;
        let answer: Value = answer.json().await?;
        let set = answer["result"][0].as_u64();
        // Each builder's number to that of its request.
        let builder = answer["result"][1].as_object().and_then(|requests| requests.keys().next().cloned());
        let (set, builder) = set.zip(builder).with_context(|| format!("no buildset: {answer}"))?;
        Ok(Forced { set, builder })
    }

    /// Waits for the end of a build.
    pub(crate) async fn end(&self, build: Forced) -> Result<()> {
        until("the buildset is complete", async || {
            let answer = self.get(&format!("/buildsets/{}", build.set)).await?;
            Ok((answer["buildsets"][0]["complete"] == true).then_some(()))
        })
        .await
    }

    /// Waits until the first line of the only step of a build, its builder's of this number, can be read.
    pub(crate) async fn first_line(&self, build: &Forced, number: u64) -> Result<()> {
        let path = format!("/builders/{}/builds/{number}/steps/say/logs/stdio/contents", build.builder);
        until("the first line can be read", async || {
            let Ok(answer) = self.get(&path).await else { return Ok(None) };
            // Lines of output begin with an `o`.
            let content = answer["logchunks"][0]["content"].as_str().unwrap_or_default();
            Ok(content.lines().any(|line| line == "ohello").then_some(()))
        })
        .await
    }

    async fn get(&self, path: &str) -> Result<Value> {
        Ok(self.client.get(self.url(path)).send().await?.error_for_status()?.json().await?)
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/api/v2{path}", self.web)
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<()> {
        let mut command = Command::new(self.programs.join(program));
        let output = command.current_dir(self.folder.path()).args(arguments).output();
        let output = output.with_context(|| format!("start {program}"))?;
        let told = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "{program} {arguments:?}: {told}{}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }
}

impl Drop for Buildbot {
    fn drop(&mut self) {
        let _ = self.run("buildbot-worker", &["stop", "worker"]);
        let _ = self.run("buildbot", &["stop", "master"]);
    }
}

fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
