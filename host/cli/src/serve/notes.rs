//! What is told of a running build beside its records: remarks for people, kept as a stream of the build.

use std::time::SystemTime;

use coordinator::streams::NOTES;
use coordinator::view::BuildUpdate;
use engine::BuildId;
use logs::{LogStore, LogWriter};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Updates that may wait; a build waits for no more than these to be written.
const WAITING: usize = 1_024;

/// Where a build tells what happens.
pub(super) fn notes(logs: &LogStore, build: BuildId) -> Sender<BuildUpdate> {
    let (sender, updates) = channel(WAITING);
    tokio::spawn(keep(logs.clone(), build, updates));
    sender
}

async fn keep(logs: LogStore, build: BuildId, mut updates: Receiver<BuildUpdate>) {
    let mut writer: Option<LogWriter> = None;
    while let Some(update) = updates.recv().await {
        let Some(text) = text(update) else { continue };
        if writer.is_none() {
            writer = match logs.writer(build.0, NOTES).await {
                Ok(opened) => Some(opened),
                Err(error) => {
                    tracing::warn!(%build, %error, "a remark is not kept: {text}");
                    continue;
                }
            };
        }
        let Some(open) = &mut writer else { continue };
        let at = humantime::format_rfc3339_seconds(SystemTime::now());
        if let Err(error) = open.append(format!("{at} {text}\n").as_bytes()).await {
            tracing::warn!(%build, %error, "a remark is not kept: {text}");
        }
    }
    if let Some(writer) = writer
        && let Err(error) = writer.finish().await
    {
        tracing::warn!(%build, %error, "the end of a build's remarks is missing");
    }
}

/// A remark in words; most updates follow from records, and are none.
fn text(update: BuildUpdate) -> Option<String> {
    match update {
        BuildUpdate::Note(text) => Some(text),
        BuildUpdate::PluginFault { plugin, digest, text } => Some(format!("plugin {plugin} ({digest}): {text}")),
        BuildUpdate::Tree { buildlet, way, took } => {
            Some(format!("{buildlet}: the tree came by {} in {:.1} s", way.word(), took.as_secs_f64()))
        }
        BuildUpdate::Phase { .. }
        | BuildUpdate::Buildlet { .. }
        | BuildUpdate::Source { .. }
        | BuildUpdate::Snapshot { .. }
        | BuildUpdate::Listed { .. }
        | BuildUpdate::Estimates { .. }
        | BuildUpdate::TestReported { .. }
        | BuildUpdate::TestDone { .. }
        | BuildUpdate::OrderedOutput(_)
        | BuildUpdate::MachineOutput { .. }
        | BuildUpdate::AttemptStarted { .. }
        | BuildUpdate::AttemptEnded { .. }
        | BuildUpdate::Done(_) => None,
    }
}
