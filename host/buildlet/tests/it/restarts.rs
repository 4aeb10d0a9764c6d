//! The process of a coordinator dies in the middle of a command: the next one attaches where the last one was, and has
//! every byte once.

use std::{
    io::{Read as _, Write as _},
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use async_trait::async_trait;
use buildlet::{
    client::{Client, ClientSettings, ExecRequest, FailureKind, OutputSink},
    protocol::{CommandResult, ExecId, Lease},
};
use bytes::Bytes;
use tempfile::TempDir;

use crate::support::{AgentProcess, example, run, sh};

const LEASE: u64 = 7;
const ID: &str = "attempt-1";

/// An agent as a process, and its folder.
struct Machine {
    home: TempDir,
    agent: AgentProcess,
}

impl Machine {
    fn start(spool_bytes: u64) -> Result<Machine> {
        let home = tempfile::tempdir()?;
        let agent = Machine::agent(&home, spool_bytes)?;
        Ok(Machine { home, agent })
    }

    fn agent(home: &TempDir, spool_bytes: u64) -> Result<AgentProcess> {
        AgentProcess::start(&serde_json::json!({ "work_dir": home.path().join("work"), "spool_bytes": spool_bytes }))
    }

    fn in_work_dir(&self, name: &str) -> PathBuf {
        self.home.path().join("work").join(name)
    }

    async fn client(&self) -> Result<Client> {
        let client = Client::connect(&self.agent.url, ClientSettings::default()).await?;
        client.set_lease(Lease(LEASE));
        Ok(client)
    }

    /// Starts a command from a process that is killed once it passed on this many bytes. Gives those.
    fn killed_caller(&self, script: &str, bytes: usize) -> Result<Vec<u8>> {
        let mut caller = Command::new(example("caller")?).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let request = serde_json::json!({ "url": self.agent.url.reveal(), "lease": LEASE, "id": ID, "script": script });
        writeln!(caller.stdin.take().context("it has a stdin")?, "{request}")?;
        let mut seen = vec![0; bytes];
        caller.stdout.take().context("it has a stdout")?.read_exact(&mut seen)?;
        caller.kill()?;
        caller.wait()?;
        Ok(seen)
    }
}

fn attach(offset: usize) -> Result<ExecRequest> {
    Ok(ExecRequest { id: Some(ID.parse()?), attach_only: true, offset: u64::try_from(offset)?, ..sh("exit 99") })
}

/// Lines from one number to another, by the shell and by us.
fn lines(from: u32, to: u32) -> (String, String) {
    let text = (from..to).map(|line| format!("line {line} of a test that talks much\n")).collect();
    let script =
        format!("i={from}; while [ $i -lt {to} ]; do echo \"line $i of a test that talks much\"; i=$((i+1)); done");
    (script, text)
}

#[tokio::test]
async fn the_next_client_has_the_rest_byte_for_byte() -> Result<()> {
    let machine = Machine::start(1 << 30)?;
    let ((first, first_text), (second, second_text)) = (lines(0, 4_000), lines(4_000, 8_000));
    let script = format!("echo run >>count; {first}; while [ ! -e go ]; do sleep 0.01; done; {second}; exit 3");
    // In the middle of a line.
    let mut seen = machine.killed_caller(&script, 50_003)?;
    let client = machine.client().await?;
    let id: ExecId = ID.parse()?;
    let state = client.exec_state(&id).await?;
    ensure!(!state.ended && state.output_bytes >= 50_003, "it goes on: {state:?}");
    // What is durable here may go there; the rest and the end may not.
    client.acknowledge(&id, 50_003, false).await?;
    client.put_file("", "go", 0o644).await?;
    let (end, output) = run(&client, &attach(seen.len())?).await?;
    assert_eq!(end.result, CommandResult::Exited(3));
    seen.extend_from_slice(output.as_bytes());
    let whole = first_text + &second_text;
    ensure!(seen == whole.as_bytes(), "{} bytes instead of {}", seen.len(), whole.len());
    assert_eq!(end.output_bytes, u64::try_from(whole.len())?);
    // All acknowledged, but not forgotten: the end is told again, to whom died before it was durable.
    client.acknowledge(&id, end.output_bytes, false).await?;
    let (again, nothing) = run(&client, &attach(whole.len())?).await?;
    assert_eq!((again.result, nothing.as_str()), (CommandResult::Exited(3), ""));
    assert_eq!(std::fs::read_to_string(machine.in_work_dir("count"))?, "run\n");
    Ok(())
}

#[tokio::test]
async fn what_ended_meanwhile_is_told_with_its_end() -> Result<()> {
    let machine = Machine::start(1 << 30)?;
    let (script, text) = lines(0, 2_000);
    let seen = machine.killed_caller(&format!("{script}; while [ ! -e go ]; do sleep 0.01; done; exit 5"), 1_000)?;
    std::fs::write(machine.in_work_dir("go"), "")?;
    let client = machine.client().await?;
    let id: ExecId = ID.parse()?;
    while !client.exec_state(&id).await?.ended {
        tokio::task::yield_now().await;
    }
    let (end, output) = run(&client, &attach(seen.len())?).await?;
    assert_eq!(end.result, CommandResult::Exited(5));
    ensure!([seen.as_slice(), output.as_bytes()].concat() == text.as_bytes(), "the output is another");
    Ok(())
}

/// Keeps output, and acknowledges it once it has it.
struct Durable {
    client: Client,
    id: ExecId,
    bytes: Vec<u8>,
}

#[async_trait]
impl OutputSink for Durable {
    async fn push(&mut self, _offset: u64, chunk: Bytes) -> std::io::Result<()> {
        self.bytes.extend_from_slice(&chunk);
        let has = self.bytes.len() as u64;
        self.client.acknowledge(&self.id, has, false).await.map_err(std::io::Error::other)
    }
}

#[tokio::test]
async fn what_waits_at_the_bound_goes_on_when_the_next_client_acknowledges() -> Result<()> {
    let machine = Machine::start(100_000)?;
    let (script, text) = lines(0, 20_000);
    let bytes = machine.killed_caller(&format!("{script}; echo >finished"), 2_000)?;
    let client = machine.client().await?;
    let id: ExecId = ID.parse()?;
    while !client.exec_state(&id).await?.waiting {
        tokio::task::yield_now().await;
    }
    assert_eq!(client.status().await?.muster.context("it is Muster's")?.waiting, [ID]);
    assert!(!machine.in_work_dir("finished").exists());
    let offset = bytes.len();
    let mut durable = Durable { client: client.clone(), id, bytes };
    let end = client.exec(&attach(offset)?, &mut durable).await?;
    assert_eq!(end.result, CommandResult::Exited(0));
    ensure!(durable.bytes == text.as_bytes(), "{} bytes instead of {}", durable.bytes.len(), text.len());
    assert!(machine.in_work_dir("finished").exists() && !end.waited.is_zero());
    Ok(())
}

#[tokio::test]
async fn after_a_restart_of_the_agent_what_ran_is_gone_and_is_not_run_again() -> Result<()> {
    let mut machine = Machine::start(1 << 30)?;
    let seen = machine.killed_caller("echo run >>count; echo started; sleep 1000", 8)?;
    machine.agent.child.kill()?;
    machine.agent.child.wait()?;
    machine.agent = Machine::agent(&machine.home, 1 << 30)?;
    let client = machine.client().await?;
    let gone = run(&client, &attach(seen.len())?).await.expect_err("its end was not seen");
    assert_eq!((gone.kind, gone.next_offset), (FailureKind::Gone, 8));
    assert_eq!(client.exec_state(&ID.parse()?).await.expect_err("gone").kind, FailureKind::Gone);
    assert_eq!(std::fs::read_to_string(machine.in_work_dir("count"))?, "run\n");
    // The machine itself serves the same lease.
    let serves = client.extensions().context("it is Muster's")?.lease;
    assert_eq!(serves, Some(Lease(LEASE)));
    run(&client, &sh("true")).await?;
    Ok(())
}
