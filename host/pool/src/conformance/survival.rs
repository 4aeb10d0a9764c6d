//! Checks of a pool whose machines outlive its process.

use std::pin::pin;

use buildlet::client::ExecRequest;
use buildlet::protocol::CommandResult;
use engine::{BuildId, LeaseId, Machine, Role};
use tokio_util::sync::CancellationToken;

use super::checks::{Outcome, equal, grant, poll_once, request, still_waits, within};
use super::{Check, Survivor, Violation, finish};
use crate::{AdoptRequest, Condition, Granted, Holder, PoolError, Seen};

/// What a machine is to go on with in the next life.
const EXEC: &str = "goes-on";

/// All checks.
pub const SURVIVAL_CHECKS: &[(&str, Check<dyn Survivor>)] = &[
    ("a leased machine and what runs on it go on in the next life", |s| Box::pin(goes_on(s))),
    ("a machine that waits to be adopted is not handed out", |s| Box::pin(not_handed_out(s))),
    ("a lease is taken up once", |s| Box::pin(taken_up_once(s))),
    ("only its own lease is taken up", |s| Box::pin(only_its_own(s))),
    ("what was released is not taken up", |s| Box::pin(released_before(s))),
    ("a release ends what was taken up", |s| Box::pin(released_after(s))),
    ("a machine that died meanwhile is not taken up", |s| Box::pin(died_meanwhile(s))),
    ("an adoption that is given up leaves the machine", |s| Box::pin(given_up(s))),
    ("what nobody adopts is an orphan until it is destroyed", |s| Box::pin(orphaned(s))),
    ("leaving ends the pool and leaves its machines", |s| Box::pin(left(s))),
];

/// Puts a pool through the checks of survival; `make` makes a new subject for each. Each ends with a shutdown that must
/// leave nothing behind.
///
/// # Errors
/// The first check that fails, and how.
pub async fn run_survival<F, S>(make: F) -> Result<(), Violation>
where
    F: AsyncFn() -> S,
    S: Survivor + 'static,
{
    for &(check, body) in SURVIVAL_CHECKS {
        let mut subject = make().await;
        body(&mut subject).await.map_err(|detail| Violation { check, detail })?;
        finish(check, &subject).await?;
    }
    Ok(())
}

async fn goes_on(s: &mut dyn Survivor) -> Outcome {
    let granted = grant(s, 1).await?;
    let machine = granted.machine.clone();
    let call = |failure: buildlet::client::CallFailure| failure.to_string();
    granted.client.put_file("kept", "kept", 0o644).await.map_err(call)?;
    let script = "echo begun; while [ ! -e go ]; do sleep 0.01; done; echo ended";
    let mut exec = ExecRequest::sys("/bin/sh", ["-c", script]);
    exec.id = Some(EXEC.parse().map_err(|_| "the id is one".to_owned())?);
    // Until its first output is here.
    let (mut sink, mut output) = tokio::sync::mpsc::channel(1);
    {
        let mut running = pin!(granted.client.exec(&exec, &mut sink));
        tokio::select! {
            ended = &mut running => return Err(format!("the command ended: {ended:?}")),
            first = within(s, "the first output", output.recv()) => drop(first?),
        }
    }
    drop(granted);
    s.next_life().await;
    equal("the machines in use", &s.pool().capacity(s.host_type()).await.used, &1)?;
    let holder = Holder { build: request(s, 1).build, lease: LeaseId(1) };
    equal("what is shown before", &seen(s, &machine).await, &Some(Seen::Waits(holder)))?;
    let again = adopt(s, 1, &machine).await?;
    equal("what is shown after", &seen(s, &machine).await, &Some(Seen::Leased { holder, adopted: true }))?;
    equal("the lease", &again.lease, &LeaseId(1))?;
    equal("the machine", &again.machine, &machine)?;
    let found = again.client.list(".", &Default::default()).await.map_err(call)?;
    equal("files of the last life", &found.iter().any(|entry| entry.path == "kept"), &true)?;
    again.client.put_file("", "go", 0o644).await.map_err(call)?;
    exec.attach_only = true;
    let mut output = Vec::new();
    let end = within(s, "the command", again.client.exec(&exec, &mut output)).await?;
    let end = end.map_err(|failure| format!("the command could not be attached to: {failure}"))?;
    equal("the command's end", &end.result, &CommandResult::Exited(0))?;
    equal("its output", &String::from_utf8_lossy(&output).as_ref(), &"begun\nended\n")
}

/// What a machine is shown as.
async fn seen(s: &dyn Survivor, machine: &Machine) -> Option<Seen> {
    let shown = s.pool().machines().await;
    shown.into_iter().find(|shown| shown.name == machine.name).map(|shown| shown.state)
}

async fn not_handed_out(s: &mut dyn Survivor) -> Outcome {
    let mut machines = Vec::new();
    for n in 1..=u64::from(s.capacity()) {
        machines.push((n, grant(s, n).await?.machine));
    }
    s.next_life().await;
    let s = &*s;
    let mut waiting = pin!(grant(s, 100));
    still_waits(&mut waiting).await?;
    for (lease, machine) in &machines {
        adopt(s, *lease, machine).await?;
    }
    still_waits(&mut waiting).await?;
    s.pool().release(LeaseId(1), Condition::Sound).await;
    waiting.await.map(drop)
}

async fn taken_up_once(s: &mut dyn Survivor) -> Outcome {
    let machine = grant(s, 1).await?.machine;
    s.next_life().await;
    let first = adopt(s, 1, &machine).await?;
    match try_adopt(s, 1, &machine).await? {
        Err(PoolError::LeaseInUse(LeaseId(1))) => {}
        Err(other) => return Err(format!("the second adoption ended with: {}", other.chain())),
        Ok(_) => return Err("it was taken up twice".to_owned()),
    }
    first.client.status().await.map_err(|failure| format!("the first is disturbed: {failure}"))?;
    match within(s, "a request", s.pool().acquire(request(s, 1), CancellationToken::new())).await? {
        Err(PoolError::LeaseInUse(LeaseId(1))) => Ok(()),
        Err(other) => Err(format!("a request of its number ended with: {}", other.chain())),
        Ok(_) => Err("its number was granted again".to_owned()),
    }
}

async fn only_its_own(s: &mut dyn Survivor) -> Outcome {
    let machine = grant(s, 1).await?.machine;
    s.next_life().await;
    not_held("another lease", try_adopt(s, 2, &machine).await?)?;
    let other = Machine { name: "somebody-elses".to_owned(), ..machine.clone() };
    not_held("another machine", try_adopt(s, 1, &other).await?)?;
    let request = AdoptRequest { build: BuildId(2), ..adopt_request(1, &machine) };
    let adopted = s.pool().adopt(request, CancellationToken::new());
    not_held("another build", within(s, "an adoption", adopted).await?)?;
    adopt(s, 1, &machine).await.map(drop)
}

async fn released_before(s: &mut dyn Survivor) -> Outcome {
    let machine = grant(s, 1).await?.machine;
    s.pool().release(LeaseId(1), Condition::Sound).await;
    over("what was released in this life", try_adopt(s, 1, &machine).await?)?;
    // Once all can be had, it is done with the first.
    for n in 1..=u64::from(s.capacity()) {
        grant(s, 100 + n).await?;
    }
    for n in 1..=u64::from(s.capacity()) {
        s.pool().release(LeaseId(100 + n), Condition::Sound).await;
    }
    within(s, "leaving", s.pool().leave()).await?;
    s.next_life().await;
    not_held("what was released in the last life", try_adopt(s, 1, &machine).await?)
}

async fn released_after(s: &mut dyn Survivor) -> Outcome {
    let machine = grant(s, 1).await?.machine;
    s.next_life().await;
    let again = adopt(s, 1, &machine).await?;
    let written = again.client.put_file("left over", "left-over", 0o644).await;
    written.map_err(|failure| failure.to_string())?;
    s.pool().release(LeaseId(1), Condition::Sound).await;
    over("what was released", try_adopt(s, 1, &machine).await?)?;
    for n in 1..=u64::from(s.capacity()) {
        let granted = grant(s, 100 + n).await?;
        let found = granted.client.list(".", &Default::default()).await.map_err(|failure| failure.to_string())?;
        equal("files in a new machine", &found.len(), &0)?;
    }
    Ok(())
}

async fn died_meanwhile(s: &mut dyn Survivor) -> Outcome {
    let granted = grant(s, 1).await?;
    let machine = granted.machine.clone();
    s.kill(&granted).await;
    drop(granted);
    s.next_life().await;
    match try_adopt(s, 1, &machine).await? {
        Err(PoolError::Lost { name, .. }) => equal("who is lost", &name, &machine.name)?,
        Err(other) => return Err(format!("its adoption ended with: {}", other.chain())),
        Ok(_) => return Err("a dead machine was taken up".to_owned()),
    }
    not_held("what was lost", try_adopt(s, 1, &machine).await?)?;
    grant(s, 1).await.map(drop)
}

async fn given_up(s: &mut dyn Survivor) -> Outcome {
    let machine = grant(s, 1).await?.machine;
    s.next_life().await;
    {
        let mut begun = pin!(s.pool().adopt(adopt_request(1, &machine), CancellationToken::new()));
        if poll_once(&mut begun).await.is_some() {
            // It was done before it could be given up.
            return Ok(());
        }
    }
    let cancel = CancellationToken::new();
    cancel.cancel();
    match within(s, "a canceled adoption", s.pool().adopt(adopt_request(1, &machine), cancel)).await? {
        Err(PoolError::Canceled) => {}
        Err(other) => return Err(format!("a canceled adoption ended with: {}", other.chain())),
        Ok(_) => return Err("a canceled adoption was granted".to_owned()),
    }
    adopt(s, 1, &machine).await.map(drop)
}

async fn orphaned(s: &mut dyn Survivor) -> Outcome {
    let machine = grant(s, 1).await?.machine;
    s.next_life().await;
    let second = grant(s, 2).await?;
    let orphans = s.pool().orphans().await.map_err(|error| error.chain())?;
    let names: Vec<&str> = orphans.iter().map(|orphan| orphan.name.as_str()).collect();
    equal("the orphans", &names, &vec![machine.name.as_str()])?;
    equal("their pool", &orphans[0].pool, &machine.pool)?;
    let destroyed = within(s, "the end of an orphan", s.pool().destroy_orphan(&orphans[0])).await?;
    destroyed.map_err(|error| error.chain())?;
    not_held("a destroyed orphan", try_adopt(s, 1, &machine).await?)?;
    let left = s.pool().orphans().await.map_err(|error| error.chain())?;
    equal("the orphans", &left, &Vec::new())?;
    second.client.status().await.map_err(|failure| format!("another machine is disturbed: {failure}"))?;
    // Its place is free again.
    for n in 1..u64::from(s.capacity()) {
        grant(s, 100 + n).await?;
    }
    Ok(())
}

async fn left(s: &mut dyn Survivor) -> Outcome {
    let machine = grant(s, 1).await?.machine;
    within(s, "leaving", s.pool().leave()).await?;
    match within(s, "a late request", s.pool().acquire(request(s, 2), CancellationToken::new())).await? {
        Err(PoolError::ShutDown) => {}
        Err(other) => return Err(format!("a request of a pool that was left ended with: {}", other.chain())),
        Ok(_) => return Err("a pool that was left granted a machine".to_owned()),
    }
    s.next_life().await;
    let again = adopt(s, 1, &machine).await?;
    again.client.status().await.map(drop).map_err(|failure| format!("it does not answer: {failure}"))
}

fn adopt_request(lease: u64, machine: &Machine) -> AdoptRequest {
    AdoptRequest { lease: LeaseId(lease), build: BuildId(1), role: Role::Main, machine: machine.clone() }
}

async fn try_adopt(s: &dyn Survivor, lease: u64, machine: &Machine) -> Result<Result<Granted, PoolError>, String> {
    within(s, "an adoption", s.pool().adopt(adopt_request(lease, machine), CancellationToken::new())).await
}

async fn adopt(s: &dyn Survivor, lease: u64, machine: &Machine) -> Result<Granted, String> {
    let adopted = try_adopt(s, lease, machine).await?;
    adopted.map_err(|error| format!("lease l{lease} was not taken up: {}", error.chain()))
}

fn not_held(what: &str, adopted: Result<Granted, PoolError>) -> Outcome {
    match adopted {
        Err(PoolError::NotHeld { .. }) => Ok(()),
        Err(other) => Err(format!("the adoption of {what} ended with: {}", other.chain())),
        Ok(_) => Err(format!("{what} was taken up")),
    }
}

/// The same in the life of the release, where the machine may still be on its way out.
fn over(what: &str, adopted: Result<Granted, PoolError>) -> Outcome {
    match adopted {
        Err(PoolError::LeaseInUse(_)) => Ok(()),
        other => not_held(what, other),
    }
}
