//! An agent that nobody calls any more: it ends with all that it started, and takes along what it was told to.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use buildlet::{
    Secret,
    client::{Client, ClientSettings, ExecRequest, FailureKind},
};

use crate::support::{AgentProcess, lives, pid_in, sh, until};

const WINDOW: Duration = Duration::from_millis(1_500);

/// Runs on, and has a daemon: a session of its own whose parents end.
const COMMAND: &str = "setsid sh -c '(sh -c \"echo \\$\\$ >daemon; exec sleep 1000\" </dev/null >/dev/null 2>&1 &)'
sleep 1000 & echo $! >child; wait";

fn beating() -> ClientSettings {
    ClientSettings { heartbeat_every: WINDOW / 10, ..ClientSettings::default() }
}

/// Starts the command, and leaves it to itself.
async fn leave_running(client: &Client, work_dir: &std::path::Path) -> Result<[i32; 2]> {
    let request = ExecRequest { id: Some("left".parse()?), ..sh(COMMAND) };
    let mut output = tokio::io::sink();
    tokio::select! {
        ended = client.exec(&request, &mut output) => anyhow::bail!("it ended: {ended:?}"),
        pids = async { Ok([pid_in(&work_dir.join("daemon")).await?, pid_in(&work_dir.join("child")).await?]) } => pids,
    }
}

#[tokio::test]
async fn heartbeats_keep_it_and_without_them_nothing_is_left() -> Result<()> {
    for cgroups in [true, false] {
        let home = tempfile::tempdir()?;
        let (own, other) = (home.path().join("own"), home.path().join("other"));
        std::fs::create_dir_all(&other)?;
        let work_dir = own.join("work");
        let mut agent = AgentProcess::start(&serde_json::json!({
            "work_dir": work_dir, "state_dir": own.join("state"), "cgroups": cgroups,
            "orphan_after_ms": u64::try_from(WINDOW.as_millis())?, "orphan_remove": [own],
        }))?;
        let client = Client::connect(&agent.url, beating()).await?;
        let told = client.extensions().context("it is Muster's")?.orphan_after_ms;
        assert_eq!(told.map(Duration::from_millis), Some(WINDOW));
        let pids = leave_running(&client, &work_dir).await?;
        // Nothing but heartbeats for three times as long as it waits.
        let early = tokio::time::timeout(WINDOW * 3, client.death()).await;
        assert!(early.is_err(), "it ended while it was called: {early:?}");
        assert!(pids.iter().all(|pid| lives(*pid)));
        drop(client);
        until("the agent ended", || agent.child.try_wait().is_ok_and(|ended| ended.is_some())).await?;
        assert!(pids.iter().all(|pid| !lives(*pid)), "a daemon and a child of a command that ran: {pids:?}");
        assert!(!own.exists() && other.exists(), "what it was told to remove, and nothing else");
    }
    Ok(())
}

#[tokio::test]
async fn who_is_not_let_in_does_not_keep_it() -> Result<()> {
    let home = tempfile::tempdir()?;
    let mut agent = AgentProcess::start(&serde_json::json!({
        "work_dir": home.path().join("work"), "password": "s3cret",
        "orphan_after_ms": u64::try_from(WINDOW.as_millis())?,
    }))?;
    let mut url = agent.url.clone();
    url.password = Some(Secret::new("guessed"));
    let mut refused = 0;
    let calling = async {
        while agent.child.try_wait()?.is_none() {
            let failure = Client::connect(&url, ClientSettings::default()).await.err().context("it is let in")?;
            refused += u32::from(failure.kind == FailureKind::WrongPassword);
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(crate::support::PATIENCE, calling).await.context("it does not end")??;
    ensure!(refused > 1, "it was called while it waited");
    assert!(home.path().join("work").exists(), "nobody said that it may go");
    Ok(())
}
