//! What makes a service read its configuration and plugins anew: SIGHUP, and a change of one of their files.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use service::ports::Planner;
use tokio::signal::unix::{SignalKind, signal};

use super::planner::HostPlanner;
use super::workshop::Workshop;

/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Reloads whenever it is asked for. Never returns.
///
/// # Errors
/// Signals cannot be listened for.
pub(super) async fn watch(
    planner: Arc<HostPlanner>,
    workshop: Arc<Workshop>,
    config: Option<PathBuf>,
) -> anyhow::Result<()> {
    let mut hangup = signal(SignalKind::hangup()).context("failed to listen for SIGHUP")?;
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut seen = stamps(&workshop, config.as_ref());
    loop {
        let who = tokio::select! {
            _ = hangup.recv() => "SIGHUP",
            _ = look.tick() => {
                let now = stamps(&workshop, config.as_ref());
                if now == seen {
                    continue;
                }
                // A file that is just being written is looked at again when it stands still.
                tokio::time::sleep(LOOK / 4).await;
                if stamps(&workshop, config.as_ref()) != now {
                    continue;
                }
                "a changed file"
            }
        };
        seen = stamps(&workshop, config.as_ref());
        // What is refused is said by the planner, and nothing changed.
        if let Ok(report) = planner.reload(who).await {
            tracing::info!(who, plugins = report.changed.len(), "configuration and plugins were read anew");
        }
    }
}

/// When each file was last changed, and how long it is; a file that is gone has no stamp.
type Stamps = BTreeMap<PathBuf, Option<(SystemTime, u64)>>;

fn stamps(workshop: &Workshop, config: Option<&PathBuf>) -> Stamps {
    let shelved = workshop.shelf.current();
    let host = &shelved.host;
    let sources = host.config.plugins.values().filter_map(|section| section.source.as_deref());
    let files = sources.map(|source| host.resolve(source)).chain(config.cloned());
    files.map(|file| (stamp(&file), file)).map(|(stamp, file)| (file, stamp)).collect()
}

fn stamp(file: &std::path::Path) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
