//! Execs with an id: attaching, offsets, acknowledging, leases, and restarts of the agent.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use buildlet::{
    client::{ExecRequest, FailureKind},
    protocol::{CommandResult, ExecId, Lease},
};

use crate::support::{AgentProcess, TestAgent, lives, pid_in, run, sh, until};

fn with_id(script: &str, id: &str) -> Result<ExecRequest> {
    Ok(ExecRequest { id: Some(id.parse()?), ..sh(script) })
}

#[tokio::test]
async fn the_same_id_never_runs_twice() -> Result<()> {
    let agent = TestAgent::start().await?;
    let client = agent.client().await?;
    let request = with_id("echo run >>count; echo one; echo two; exit 3", "e1")?;
    let (end, output) = run(&client, &request).await?;
    assert_eq!((end.result, output.as_str()), (CommandResult::Exited(3), "one\ntwo\n"));
    let again = ExecRequest { offset: 4, ..request.clone() };
    let (end, output) = run(&client, &again).await?;
    assert_eq!((end.result, output.as_str(), end.output_bytes), (CommandResult::Exited(3), "two\n", 8));
    assert_eq!(std::fs::read_to_string(agent.work_dir().join("count"))?, "run\n");
    let id: ExecId = "e1".parse()?;
    assert!(client.exec_state(&id).await?.ended);
    client.acknowledge(&id, 8, true).await?;
    assert_eq!(client.exec_state(&id).await.expect_err("forgotten").kind, FailureKind::Gone);
    let attach = ExecRequest { attach_only: true, ..request };
    let gone = run(&client, &attach).await.expect_err("forgotten");
    assert_eq!(gone.kind, FailureKind::Gone);
    agent.stop().await.map(drop)
}

#[tokio::test]
async fn a_client_that_goes_away_can_attach_again() -> Result<()> {
    let agent = TestAgent::start().await?;
    let client = agent.client().await?;
    let request = with_id("echo first; while [ ! -e go ]; do sleep 0.01; done; echo second", "e2")?;
    let (sender, mut received) = tokio::sync::mpsc::channel(8);
    let running = tokio::spawn({
        let (client, request) = (client.clone(), request.clone());
        async move {
            let mut sender = sender;
            client.exec(&request, &mut sender).await
        }
    });
    assert_eq!(received.recv().await.as_deref(), Some(b"first\n".as_slice()));
    running.abort();
    client.put_file("", "go", 0o644).await?;
    let (end, output) = run(&client, &ExecRequest { offset: 6, ..request }).await?;
    assert_eq!((end.result, output.as_str()), (CommandResult::Exited(0), "second\n"));
    agent.stop().await.map(drop)
}

#[tokio::test]
async fn at_the_bound_the_command_waits_for_an_acknowledgement() -> Result<()> {
    let agent = TestAgent::start_with(|config| config.limits.spool_bytes = 200_000).await?;
    let client = agent.client().await?;
    let id: ExecId = "e3".parse()?;
    let request = with_id("head -c 1000000 /dev/zero; echo done >finished", "e3")?;
    let mut output = Vec::new();
    let acknowledging = async {
        let mut acknowledged = 0;
        loop {
            let state = client.exec_state(&id).await;
            match state {
                Ok(state) if state.ended => return Ok(()),
                Ok(state) if state.waiting => {
                    // Far from its end: the command was held back.
                    assert!(!agent.work_dir().join("finished").exists() || state.output_bytes > 800_000);
                    assert!(state.output_bytes - state.acknowledged_bytes < 300_000, "{state:?}");
                    acknowledged = state.output_bytes;
                    client.acknowledge(&id, acknowledged, false).await?;
                }
                Ok(_) => tokio::time::sleep(Duration::from_millis(2)).await,
                Err(failure) if failure.kind == FailureKind::Gone && acknowledged == 0 => {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                Err(failure) => return Err(anyhow::Error::from(failure)),
            }
        }
    };
    let (end, acknowledged) = tokio::join!(client.exec(&request, &mut output), acknowledging);
    acknowledged?;
    let end = end?;
    assert_eq!((end.result, output.len()), (CommandResult::Exited(0), 1_000_000));
    assert!(end.waited > Duration::ZERO);
    agent.stop().await.map(drop)
}

#[tokio::test]
async fn a_higher_lease_kills_and_a_lower_one_is_refused() -> Result<()> {
    let agent = TestAgent::start().await?;
    let client = agent.client().await?;
    client.set_lease(Lease(5));
    let request = with_id("sleep 1000 & echo $! >pid; wait", "e5")?;
    let (mut output, newer) = (Vec::new(), agent.client().await?);
    newer.set_lease(Lease(6));
    let pid_file = agent.work_dir().join("pid");
    let taking = async {
        let pid = pid_in(&pid_file).await?;
        newer.put_file("x", "x", 0o644).await?;
        assert!(!lives(pid), "it was killed before the newer lease was let in");
        anyhow::Ok(())
    };
    let (ended, taken) = tokio::join!(client.exec(&request, &mut output), taking);
    taken?;
    assert_eq!(ended.expect_err("it was killed").kind, FailureKind::StaleLease);
    let refused = run(&client, &sh("true")).await.expect_err("the lease is over");
    assert_eq!(refused.kind, FailureKind::StaleLease);
    let refused = client.remove_all(&["x"]).await.expect_err("the lease is over");
    assert_eq!(refused.kind, FailureKind::StaleLease);
    run(&newer, &sh("true")).await?;
    // The lease outlives the agent.
    let home = agent.stop().await?;
    let agent = TestAgent::start_in(home, |_| {}).await?;
    let client = agent.client().await?;
    client.set_lease(Lease(5));
    assert_eq!(run(&client, &sh("true")).await.expect_err("still over").kind, FailureKind::StaleLease);
    agent.stop().await.map(drop)
}

#[tokio::test]
async fn ends_outlive_the_agent_and_the_rest_is_gone() -> Result<()> {
    let home = Arc::new(tempfile::tempdir()?);
    let options = serde_json::json!({ "work_dir": home.path().join("work"), "password": "s3cret" });
    let mut process = AgentProcess::start(&options)?;
    let client = buildlet::client::Client::connect(&process.url, Default::default()).await?;
    let ended = with_id("echo kept; exit 4", "ended")?;
    run(&client, &ended).await?;
    let lost = with_id("sleep 1000 & echo $! >pid; wait", "lost")?;
    let pid_file = home.path().join("work/pid");
    let killing = async {
        let pid = pid_in(&pid_file).await?;
        process.child.kill()?;
        process.child.wait()?;
        anyhow::Ok(pid)
    };
    let mut output = Vec::new();
    let (result, pid) = tokio::join!(client.exec(&lost, &mut output), killing);
    assert_eq!(result.expect_err("its end was not seen").kind, FailureKind::Broken);
    let pid = pid?;
    let agent = TestAgent::start_in(home, |_| {}).await?;
    until("the new agent killed what the old one left", || !lives(pid)).await?;
    let client = agent.client().await?;
    let (end, output) = run(&client, &ended).await?;
    assert_eq!((end.result, output.as_str()), (CommandResult::Exited(4), "kept\n"));
    for request in [lost.clone(), ExecRequest { attach_only: true, ..with_id("true", "unknown")? }] {
        let gone = run(&client, &request).await.expect_err("it is not run again");
        assert_eq!(gone.kind, FailureKind::Gone);
    }
    agent.stop().await.map(drop)
}
