//! From the source to a made tree.

use std::io;
use std::sync::Arc;

use engine::{ExecFailure, ExecFailureKind, LeaseId, StepFailure};
use snapshot::archive::{Compression, PackOptions};

use super::set_up::wipe;
use super::{Context, called_back, command, keep_failure, pipe, sink};
use crate::effects::acquire::tell;
use crate::lease::{Leased, call_failure};
use crate::ports::BuildPlan;
use crate::view::{BuildUpdate, BuildletState};

pub(super) async fn push_source(context: &Context, lease: LeaseId) -> Result<(), StepFailure> {
    let leased = context.job.leases.get(lease).map_err(StepFailure::Exec)?;
    tell(context, &leased, BuildletState::SettingUp).await;
    if leased.adopted {
        // Nobody knows how much of it came in the coordinator's earlier life.
        wipe(context, &leased).await.map_err(StepFailure::Exec)?;
    }
    let compression = compression_to(context, &leased);
    let listing = Arc::clone(&context.job.listing);
    let stream = pipe::blocking_stream(move |writer| {
        let options = PackOptions::new(compression);
        snapshot::source::push(&listing, writer, &options).map(drop).map_err(io::Error::other)
    });
    let sent = leased.client.put_archive(stream, &context.job.config.root, compression);
    let sent = tokio::select! {
        sent = sent => sent.map_err(|failure| call_failure(&failure)),
        () = context.cancel.cancelled() => Err(called_back()),
    };
    sent.map_err(StepFailure::Exec)
}

/// How an archive travels to this machine: bare on one machine, as the build wants elsewhere, and always gzip to
/// buildlets that know nothing else.
pub(super) fn compression_to(context: &Context, leased: &Leased) -> Compression {
    match (leased.client.extensions().is_some(), leased.local) {
        (false, _) => Compression::Gzip,
        (true, true) => Compression::None,
        (true, false) => context.job.compression,
    }
}

/// The plan as it stands on this machine; the first one's memo goes with every group.
pub(super) async fn plan(context: &Context, leased: &Leased, attempt: &str) -> Result<BuildPlan, engine::PluginFault> {
    let job = &context.job;
    let dir = command::attempt_dir(attempt);
    let place = leased.place(&job.config, &dir);
    let plan = job.plugins.builder.plan(&job.config.name, &job.source, &place).await?;
    let _ = job.memo.set(plan.memo.clone());
    Ok(plan)
}

pub(super) async fn make(context: &Context, lease: LeaseId) -> Result<(), StepFailure> {
    let job = &context.job;
    let leased = job.leases.get(lease).map_err(StepFailure::Exec)?;
    let attempt = format!("make-{lease}");
    let plan = plan(context, &leased, &attempt).await.map_err(StepFailure::Plugin)?;
    for (number, step) in plan.make.iter().enumerate() {
        let state = BuildletState::Running { tests: vec![step.name.clone()], since: std::time::Duration::ZERO };
        tell(context, &leased, state).await;
        let exec = format!("{attempt}-{number}");
        let sink = sink::TellSink::open(job, &leased.machine.name, &exec).await;
        let mut sink = sink.map_err(|error| StepFailure::Exec(keep_failure("a step", &error)))?;
        let names = command::Names { exec: &exec, attempt: &attempt };
        let ended = command::run(context, &leased, names, &step.command, job.phase_limit(), &mut sink).await;
        sink.finish().await.map_err(|error| StepFailure::Exec(keep_failure("a step", &error)))?;
        for note in ended.notes {
            job.tell(BuildUpdate::Note(format!("{}: {note}", step.name))).await;
        }
        let end = ended.end.map_err(StepFailure::Exec)?;
        if !end.is_success() {
            return Err(StepFailure::Command { step: step.name.clone(), end });
        }
    }
    command::clean(&leased, &attempt).await;
    clean_tree(context, &leased, &plan).await.map_err(StepFailure::Exec)
}

/// Removes what the plan wants out of the snapshot.
async fn clean_tree(context: &Context, leased: &Leased, plan: &BuildPlan) -> Result<(), ExecFailure> {
    let root = &context.job.config.root;
    let paths: Vec<String> = plan.clean.iter().map(|path| format!("{root}/{path}")).collect();
    if paths.is_empty() {
        return Ok(());
    }
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    leased.client.remove_all(&paths).await.map_err(|failure| {
        ExecFailure::new(ExecFailureKind::Other, format!("clean the tree before the snapshot: {failure}"))
    })
}
