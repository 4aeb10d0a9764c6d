//! The checks.

use std::future::Future;
use std::pin::Pin;

use buildlet::client::ExecRequest;
use buildlet::protocol::CommandResult;
use engine::{BuildId, LeaseId, Role};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Subject, Violation};
use crate::{Condition, Granted, Holder, LeaseRequest, PoolError, Seen};

/// Why a check failed, in words.
pub(super) type Outcome = Result<(), String>;

/// A check, by name.
pub type Check<S> = for<'a> fn(&'a mut S) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// All checks.
pub const CHECKS: &[(&str, Check<dyn Subject>)] = &[
    ("a granted machine runs commands", |s| Box::pin(runs_commands(s))),
    ("a machine is shown with whoever holds it", |s| Box::pin(shown_machine(s))),
    ("a machine begins empty", |s| Box::pin(begins_empty(s))),
    ("no two leases share a machine", |s| Box::pin(never_shared(s))),
    ("a full pool makes requests wait until a release", |s| Box::pin(waits_for_release(s))),
    ("a waiting request can be canceled", |s| Box::pin(canceled_while_waiting(s))),
    ("a dropped request leaves nothing", |s| Box::pin(dropped_request(s))),
    ("a lease number is granted once", |s| Box::pin(lease_number_once(s))),
    ("releasing twice is releasing once", |s| Box::pin(released_twice(s))),
    ("a killed machine is noticed and not granted again", |s| Box::pin(killed_machine(s))),
    ("a type it does not offer is refused", |s| Box::pin(unknown_type(s))),
    ("shutdown refuses what waits and what comes", |s| Box::pin(shut_down(s))),
];

/// Puts a pool through all checks; `make` makes a new subject for each. Each ends with a shutdown that must leave
/// nothing behind.
///
/// # Errors
/// The first check that fails, and how.
pub async fn run<F, S>(make: F) -> Result<(), Violation>
where
    F: AsyncFn() -> S,
    S: Subject + 'static,
{
    for &(check, body) in CHECKS {
        let mut subject = make().await;
        // A check waits for several things, each within the patience.
        body(&mut subject).await.map_err(|detail| Violation { check, detail })?;
        finish(check, &subject).await?;
    }
    Ok(())
}

/// Shuts the pool down after a check: nothing may be left.
pub(super) async fn finish(check: &'static str, subject: &dyn Subject) -> Result<(), Violation> {
    let violation = |detail| Violation { check, detail };
    within(subject, "shutdown", subject.pool().shutdown()).await.map_err(violation)?;
    let left = subject.left_behind().await;
    if left.is_empty() {
        return Ok(());
    }
    Err(violation(format!("after shutdown there is left: {}", left.join(", "))))
}

async fn runs_commands(s: &dyn Subject) -> Outcome {
    let granted = grant(s, 1).await?;
    equal("the lease", &granted.lease, &LeaseId(1))?;
    equal("the host type", &granted.machine.host_type.as_str(), &s.host_type())?;
    let mut output = Vec::new();
    let request = ExecRequest::sys("/bin/sh", ["-c", "echo hello"]);
    let end = within(s, "a command", granted.client.exec(&request, &mut output)).await?;
    let end = end.map_err(|failure| format!("a command could not be run: {failure}"))?;
    equal("the command's end", &end.result, &CommandResult::Exited(0))?;
    equal("its output", &String::from_utf8_lossy(&output).as_ref(), &"hello\n")
}

async fn shown_machine(s: &dyn Subject) -> Outcome {
    let granted = grant(s, 1).await?;
    let holder = Holder { build: request(s, 1).build, lease: granted.lease };
    let shown = s.pool().machines().await;
    let found = shown.iter().find(|machine| machine.name == granted.machine.name);
    let seen = found.map(|machine| (machine.state.clone(), machine.host_type.as_str()));
    equal("what is shown", &seen, &Some((Seen::Leased { holder, adopted: false }, s.host_type())))?;
    s.pool().release(granted.lease, Condition::Sound).await;
    let shown = s.pool().machines().await;
    let leased = shown.iter().filter(|machine| matches!(machine.state, Seen::Leased { .. })).count();
    equal("machines that are shown as leased after a release", &leased, &0)
}

async fn begins_empty(s: &dyn Subject) -> Outcome {
    for round in 0..2 {
        let mut leases = Vec::new();
        for n in 1..=u64::from(s.capacity()) {
            let granted = grant(s, round * 10 + n).await?;
            let found = granted.client.list(".", &Default::default()).await.map_err(|failure| failure.to_string())?;
            let unexpected: Vec<_> = found.iter().map(|entry| format!("{entry:?}")).collect();
            equal("what is in the work directory", &unexpected, &Vec::new())?;
            let written = granted.client.put_file("left over", "left-over", 0o644).await;
            written.map_err(|failure| failure.to_string())?;
            leases.push(granted.lease);
        }
        for lease in leases {
            s.pool().release(lease, Condition::Sound).await;
        }
    }
    Ok(())
}

async fn never_shared(s: &dyn Subject) -> Outcome {
    // More requests than machines, all at once; each holds its machine for one command.
    let requests = (1..=u64::from(s.capacity()) * 4).map(|n| async move {
        let granted = grant(s, n).await?;
        let mark = format!("lease-{n}");
        let call = |failure: buildlet::client::CallFailure| failure.to_string();
        granted.client.put_file(mark.clone(), "holder", 0o644).await.map_err(call)?;
        let found = granted.client.list(".", &Default::default()).await.map_err(call)?;
        equal("files of one holder", &found.len(), &1)?;
        let mut output = Vec::new();
        let request = ExecRequest::sys("/bin/sh", ["-c", "cat holder"]);
        let end = granted.client.exec(&request, &mut output).await.map_err(|failure| failure.to_string())?;
        equal("the command's end", &end.result, &CommandResult::Exited(0))?;
        equal("the holder", &String::from_utf8_lossy(&output).into_owned(), &mark)?;
        let used = s.pool().capacity(s.host_type()).await.used;
        if used > s.capacity() {
            return Err(format!("{used} machines are in use, of {}", s.capacity()));
        }
        s.pool().release(granted.lease, Condition::Sound).await;
        Ok(())
    });
    join_all(requests).await
}

async fn waits_for_release(s: &dyn Subject) -> Outcome {
    let leases = fill(s).await?;
    let capacity = s.pool().capacity(s.host_type()).await;
    equal("the machines in use", &capacity.used, &s.capacity())?;
    equal("the total", &capacity.total, &Some(s.capacity()))?;
    let mut waiting = std::pin::pin!(grant(s, 100));
    still_waits(&mut waiting).await?;
    s.pool().release(leases[0], Condition::Sound).await;
    waiting.await.map(drop)
}

async fn canceled_while_waiting(s: &dyn Subject) -> Outcome {
    let leases = fill(s).await?;
    let cancel = CancellationToken::new();
    let mut waiting = std::pin::pin!(s.pool().acquire(request(s, 100), cancel.clone()));
    still_waits(&mut waiting).await?;
    cancel.cancel();
    match within(s, "a canceled request", waiting).await? {
        Err(PoolError::Canceled) => {}
        Err(other) => return Err(format!("a canceled request ended with: {}", other.chain())),
        Ok(_) => return Err("a canceled request was granted".to_owned()),
    }
    // Its place in the queue is given up, too.
    s.pool().release(leases[0], Condition::Sound).await;
    grant(s, 101).await.map(drop)
}

async fn dropped_request(s: &dyn Subject) -> Outcome {
    for n in 1..=u64::from(s.capacity()) {
        let mut begun = std::pin::pin!(s.pool().acquire(request(s, n), CancellationToken::new()));
        // Begun, and then forgotten, wherever it is.
        let _ = poll_once(&mut begun).await;
    }
    // All machines can be had.
    for n in 1..=u64::from(s.capacity()) {
        grant(s, 100 + n).await?;
    }
    Ok(())
}

async fn lease_number_once(s: &dyn Subject) -> Outcome {
    let first = grant(s, 1).await?;
    match within(s, "the second request", s.pool().acquire(request(s, 1), CancellationToken::new())).await? {
        Err(PoolError::LeaseInUse(LeaseId(1))) => {}
        Err(other) => return Err(format!("the second request ended with: {}", other.chain())),
        Ok(second) => {
            return Err(format!("{} was granted on {:?} and {:?}", first.lease, first.machine, second.machine));
        }
    }
    first.client.status().await.map(drop).map_err(|failure| format!("the first machine is disturbed: {failure}"))
}

async fn released_twice(s: &dyn Subject) -> Outcome {
    let leases = fill(s).await?;
    s.pool().release(leases[0], Condition::Sound).await;
    let next = grant(s, 100).await?;
    // The machine is another's now.
    s.pool().release(leases[0], Condition::Sound).await;
    s.pool().release(leases[0], Condition::Broken { cause: "told late".to_owned() }).await;
    s.pool().release(LeaseId(9_999), Condition::Sound).await;
    next.client.status().await.map_err(|failure| format!("the next holder lost its machine: {failure}"))?;
    let mut waiting = std::pin::pin!(grant(s, 101));
    still_waits(&mut waiting).await
}

async fn killed_machine(s: &dyn Subject) -> Outcome {
    let killed = grant(s, 1).await?;
    s.kill(&killed).await;
    let death = within(s, "the death of the machine", killed.client.death()).await?;
    s.pool().release(killed.lease, Condition::Broken { cause: death.detail }).await;
    let next = grant(s, 2).await?;
    let status = within(s, "the next machine's status", next.client.status()).await?;
    status.map_err(|failure| format!("a dead machine was granted: {failure}"))?;
    Ok(())
}

async fn unknown_type(s: &dyn Subject) -> Outcome {
    s.pool().can_build(s.host_type()).await.map_err(|refusal| format!("it refuses its own type: {refusal}"))?;
    let Some(unknown) = s.unknown_host_type() else { return Ok(()) };
    if s.pool().can_build(unknown).await.is_ok() {
        return Err(format!("it says it offers `{unknown}`"));
    }
    let request = LeaseRequest { host_type: unknown.to_owned(), ..request(s, 1) };
    match within(s, "its request", s.pool().acquire(request, CancellationToken::new())).await? {
        Err(error @ PoolError::CannotBuild { .. }) if error.is_final() => Ok(()),
        Err(other) => Err(format!("its request ended with: {}", other.chain())),
        Ok(_) => Err("it was granted".to_owned()),
    }
}

async fn shut_down(s: &dyn Subject) -> Outcome {
    fill(s).await?;
    let mut waiting = std::pin::pin!(s.pool().acquire(request(s, 100), CancellationToken::new()));
    still_waits(&mut waiting).await?;
    let (waited, ()) = tokio::join!(within(s, "the waiting request", waiting), s.pool().shutdown());
    let late = within(s, "a late request", s.pool().acquire(request(s, 101), CancellationToken::new())).await;
    for (which, ended) in [("waiting", waited?), ("late", late?)] {
        match ended {
            Err(PoolError::ShutDown) => {}
            Err(other) => return Err(format!("the {which} request ended with: {}", other.chain())),
            Ok(_) => return Err(format!("the {which} request was granted")),
        }
    }
    Ok(())
}

pub(super) fn request(s: &dyn Subject, lease: u64) -> LeaseRequest {
    LeaseRequest {
        lease: LeaseId(lease),
        build: BuildId(1),
        role: if lease == 1 { Role::Main } else { Role::Helper },
        host_type: s.host_type().to_owned(),
    }
}

pub(super) async fn grant(s: &dyn Subject, lease: u64) -> Result<Granted, String> {
    let acquired = s.pool().acquire(request(s, lease), CancellationToken::new());
    within(s, "a grant", acquired).await?.map_err(|error| format!("lease l{lease} was not granted: {}", error.chain()))
}

/// Leases every machine.
async fn fill(s: &dyn Subject) -> Result<Vec<LeaseId>, String> {
    let mut leases = Vec::new();
    for n in 1..=u64::from(s.capacity()) {
        leases.push(grant(s, n).await?.lease);
    }
    Ok(leases)
}

pub(super) async fn within<T>(s: &dyn Subject, what: &str, future: impl Future<Output = T>) -> Result<T, String> {
    timeout(s.patience(), future).await.map_err(|_| format!("{what} did not come within {:?}", s.patience()))
}

/// Fails if a future that must wait is done. It is polled as often as other tasks want to run: whatever the pool has
/// to do before it would wrongly answer, it has had many occasions to.
pub(super) async fn still_waits<T>(future: &mut (impl Future<Output = T> + Unpin)) -> Outcome {
    const OCCASIONS: u32 = 1_000;
    for _ in 0..OCCASIONS {
        if poll_once(future).await.is_some() {
            return Err("a request was answered although no machine is free".to_owned());
        }
        tokio::task::yield_now().await;
    }
    Ok(())
}

pub(super) async fn poll_once<T>(future: &mut (impl Future<Output = T> + Unpin)) -> Option<T> {
    std::future::poll_fn(|context| match Pin::new(&mut *future).poll(context) {
        std::task::Poll::Ready(value) => std::task::Poll::Ready(Some(value)),
        std::task::Poll::Pending => std::task::Poll::Ready(None),
    })
    .await
}

/// Runs all at once; the first failure ends it.
async fn join_all<F: Future<Output = Outcome>>(futures: impl Iterator<Item = F>) -> Outcome {
    let mut left: Vec<Pin<Box<F>>> = futures.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        let mut index = 0;
        while index < left.len() {
            match left[index].as_mut().poll(context) {
                std::task::Poll::Ready(Ok(())) => drop(left.swap_remove(index)),
                std::task::Poll::Ready(Err(error)) => return std::task::Poll::Ready(Err(error)),
                std::task::Poll::Pending => index += 1,
            }
        }
        if left.is_empty() { std::task::Poll::Ready(Ok(())) } else { std::task::Poll::Pending }
    })
    .await
}

pub(super) fn equal<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, wanted: &T) -> Outcome {
    if found == wanted { Ok(()) } else { Err(format!("{what} should be {wanted:?}, and is {found:?}")) }
}
