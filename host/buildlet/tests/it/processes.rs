//! No process of a command outlives it: daemons, disconnects, and the death of the agent's parent.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};
use buildlet::client::{Client, ClientSettings};

use crate::support::{AgentProcess, TestAgent, agent_program, lives, pid_in, raw, run, sh, until};

/// Leaves a daemon: a session of its own whose parents end, which does not hold the output.
const DAEMON: &str = "setsid sh -c '(sh -c \"echo \\$\\$ >pid; exec sleep 1000\" </dev/null >/dev/null 2>&1 &)' &
while [ ! -s pid ]; do sleep 0.01; done; echo left";

async fn leaves_a_daemon(client: &Client, work_dir: &std::path::Path) -> Result<()> {
    let mut request = sh(DAEMON);
    request.dir = Some(".".to_owned());
    let (end, output) = run(client, &request).await?;
    assert_eq!((end.process_state.as_str(), output.as_str()), ("ok", "left\n"));
    let pid = pid_in(&work_dir.join("pid")).await?;
    assert!(!lives(pid), "the daemon is dead when the end is told");
    let left = end.left_behind.context("a Muster agent looks")?;
    assert!(left.count >= 1 && left.names.contains(&"sleep".to_owned()), "{left:?}");
    let (end, _) = run(client, &sh("true")).await?;
    assert_eq!(end.left_behind.map(|left| left.count), Some(0));
    Ok(())
}

#[tokio::test]
async fn daemons_are_killed_by_an_agent_process_with_and_without_cgroups() -> Result<()> {
    for cgroups in [true, false] {
        let home = tempfile::tempdir()?;
        let work_dir = home.path().join("work");
        let agent = AgentProcess::start(&serde_json::json!({ "work_dir": work_dir, "cgroups": cgroups }))?;
        let client = Client::connect(&agent.url, ClientSettings::default()).await?;
        let kills = client.extensions().context("it is Muster's")?.kills.clone();
        if !cgroups {
            assert_eq!(kills, "subreaper");
        }
        leaves_a_daemon(&client, &work_dir).await?;
    }
    Ok(())
}

#[tokio::test]
async fn background_processes_that_hold_the_output_do_not_delay_the_end() -> Result<()> {
    let agent = TestAgent::start_with(|config| config.cgroups = false).await?;
    let client = agent.client().await?;
    let (end, output) = run(&client, &sh("sleep 1000 & echo over")).await?;
    assert_eq!((end.process_state.as_str(), output.as_str()), ("ok", "over\n"));
    let left = end.left_behind.context("a Muster agent looks")?;
    assert_eq!((left.count, left.names), (1, vec!["sleep".to_owned()]));
    agent.stop().await.map(drop)
}

#[tokio::test]
async fn a_client_that_goes_away_kills_its_command() -> Result<()> {
    let agent = TestAgent::start().await?;
    let client = agent.client().await?;
    let pid_file = agent.work_dir().join("pid");
    let running = tokio::spawn({
        let client = client.clone();
        async move { run(&client, &sh("sleep 1000 & echo $! >pid; wait")).await }
    });
    let pid = pid_in(&pid_file).await?;
    running.abort();
    until("the command is dead", || !lives(pid)).await?;
    // A plain client, which knows nothing of the additions, is no different.
    std::fs::remove_file(&pid_file)?;
    let form = "cmd=%2Fbin%2Fsh&mode=sys&cmdArg=-c&cmdArg=sleep+1000+%26+echo+%24%21+%3Epid%3B+wait";
    let request = format!(
        "POST /exec HTTP/1.1\r\nHost: h\r\nAuthorization: Basic Z29tb3RlOnMzY3JldA==\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    let url = agent.url.clone();
    let asking = tokio::spawn(async move { raw(&url, request.as_bytes()).await });
    let pid = pid_in(&pid_file).await?;
    asking.abort();
    until("the command is dead", || !lives(pid)).await?;
    agent.stop().await.map(drop)
}

#[tokio::test]
async fn the_end_of_its_parent_ends_the_agent_and_its_commands() -> Result<()> {
    let home = tempfile::tempdir()?;
    let work_dir = home.path().join("work");
    let options = serde_json::json!({ "work_dir": work_dir, "die_with_parent": true }).to_string();
    // A shell in between is the parent that is killed; the agent's URL comes through a file.
    let url_file = home.path().join("url");
    let script = "exec 3<&0; \"$0\" <&3 >url & echo $! >agent; wait";
    let mut parent = Command::new("/bin/sh")
        .args(["-c", script])
        .arg(agent_program()?)
        .current_dir(home.path())
        .stdin(Stdio::piped())
        .spawn()?;
    writeln!(parent.stdin.take().context("it has a stdin")?, "{options}")?;
    let agent = pid_in(&home.path().join("agent")).await?;
    let read = || std::fs::read_to_string(&url_file).unwrap_or_default();
    until("the agent tells its URL", || read().ends_with('\n')).await?;
    let client = Client::connect(&read().trim().parse()?, ClientSettings::default()).await?;
    let running = tokio::spawn(async move { run(&client, &sh("sleep 1000 & echo $! >pid; wait")).await });
    let pid = pid_in(&work_dir.join("pid")).await?;
    parent.kill()?;
    parent.wait()?;
    until("the agent is dead", || !lives(agent)).await?;
    until("its command is dead", || !lives(pid)).await?;
    assert!(running.await?.is_err());
    Ok(())
}
