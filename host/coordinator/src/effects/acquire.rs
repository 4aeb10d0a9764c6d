//! Machines: claimed, watched, given back.

use std::sync::Arc;

use engine::{Answer, Event, ExecFailure, ExecFailureKind, HostType, LeaseId, Machine, Role};
use pool::{AdoptRequest, Condition, Granted, LeaseRequest};
use tokio_util::task::AbortOnDropHandle;

use super::{Context, called_back};
use crate::lease::{Leased, call_failure};
use crate::view::{BuildUpdate, BuildletState};

pub(super) async fn acquire(context: &Context, lease: LeaseId, role: Role, host_type: HostType) -> Answer {
    let job = &context.job;
    let request = LeaseRequest { lease, build: job.build(), role, host_type };
    let granted = match job.pool.acquire(request, context.cancel.clone()).await {
        Ok(granted) => granted,
        Err(error) => return Answer::LeaseRefused(ExecFailure::new(error.kind(), error.chain())),
    };
    granted_to(context, granted, role, false).await
}

/// Takes up a machine of the coordinator's former life.
pub(super) async fn adopt(context: &Context, lease: LeaseId, role: Role, machine: Machine) -> Answer {
    let job = &context.job;
    let request = AdoptRequest { lease, build: job.build(), role, machine };
    match job.pool.adopt(request, context.cancel.clone()).await {
        Ok(granted) => granted_to(context, granted, role, true).await,
        Err(error) => Answer::LeaseRefused(ExecFailure::new(error.kind(), error.chain())),
    }
}

/// A machine is ours, unless it is no longer wanted or does not answer.
async fn granted_to(context: &Context, granted: Granted, role: Role, adopted: bool) -> Answer {
    let (job, lease) = (&context.job, granted.lease);
    if context.cancel.is_cancelled() {
        job.pool.release(lease, Condition::Sound).await;
        return Answer::LeaseRefused(called_back());
    }
    match take(context, granted, role, adopted).await {
        Ok(leased) => {
            let machine = leased.machine.clone();
            tell(context, &leased, BuildletState::Idle).await;
            job.leases.insert(leased);
            Answer::LeaseGranted(machine)
        }
        Err(failure) => {
            job.pool.release(lease, Condition::Broken { cause: failure.to_string() }).await;
            Answer::LeaseRefused(failure)
        }
    }
}

async fn take(context: &Context, granted: Granted, role: Role, adopted: bool) -> Result<Leased, ExecFailure> {
    let Granted { lease, machine, client, local, notes } = granted;
    for note in notes {
        context.job.tell(BuildUpdate::Note(format!("{}: {note}", machine.name))).await;
    }
    let work_dir = client.work_dir().await.map_err(|failure| call_failure(&failure))?;
    let watched = Arc::clone(&client);
    let inbox = context.inbox.clone();
    let watch = tokio::spawn(async move {
        let death = watched.death().await;
        let cause = ExecFailure::new(ExecFailureKind::MachineLost, death.detail);
        inbox.send(Event::MachineLost { lease, cause }).await;
    });
    Ok(Leased {
        lease,
        role,
        machine,
        client,
        pid: local.as_ref().map(|local| local.pid),
        local: local.is_some(),
        adopted,
        work_dir,
        _watch: AbortOnDropHandle::new(watch),
    })
}

pub(super) async fn release(context: &Context, lease: LeaseId, broken: bool) -> Answer {
    let job = &context.job;
    let leased = job.leases.remove(lease);
    let condition = if broken {
        let dead = leased.as_ref().and_then(|leased| leased.client.is_dead());
        Condition::Broken { cause: dead.map_or_else(|| "an exec on it failed".to_owned(), |death| death.detail) }
    } else {
        Condition::Sound
    };
    job.pool.release(lease, condition).await;
    Answer::LeaseReleased
}

/// Tells what a machine does now.
pub(super) async fn tell(context: &Context, leased: &Leased, state: BuildletState) {
    let update = BuildUpdate::Buildlet {
        name: leased.machine.name.clone(),
        role: leased.role,
        pool: leased.machine.pool.clone(),
        pid: leased.pid,
        state,
    };
    context.job.tell(update).await;
}
