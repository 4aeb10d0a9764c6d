//! Logs of builds that are no longer shown, or ended too long ago, or are too many.

use std::time::{Duration, SystemTime};

use ::logs::BuildLogs;
use anyhow::Context;
use coordinator::now;

use super::needs::Needs;
use super::round::{Ground, Outcome};
use super::stale::{Kind, Stale};
use crate::exit::UsageError;

/// Logs of a build that the store does not show are left alone for so long: the build may be just beginning.
const UNKNOWN_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// Refuses where the store and the logs are of two services.
///
/// # Errors
/// There are logs, and the store knows no build; or they cannot be listed.
pub(super) async fn check(ground: Ground<'_>, needs: &Needs) -> anyhow::Result<()> {
    if !needs.shown.is_empty() {
        return Ok(());
    }
    let logs = ground.logs.builds().await.context("failed to list the logs")?;
    if logs.is_empty() || ground.store.knows_builds().await.context("failed to look at the builds")? {
        return Ok(());
    }
    let what = format!("the store knows no build, but there are logs of {}: nothing is removed", logs.len());
    Err(UsageError::new(what, "are `[store] url`, `[blobs] url` and `--state` those of one service?").into())
}

/// Removes them.
///
/// # Errors
/// They cannot be listed.
pub(super) async fn tidy(ground: Ground<'_>, needs: &Needs, outcome: &mut Outcome) -> anyhow::Result<()> {
    let mut all = ground.logs.builds().await.context("failed to list the logs")?;
    all.sort_by_key(|logs| logs.build);
    let mut left: u64 = all.iter().map(|logs| logs.stored).sum();
    for logs in all {
        let Some(why) = why(ground, needs, &logs, left) else { continue };
        let removed = if ground.dry_run { Ok(()) } else { ground.logs.remove(logs.build).await };
        left -= logs.stored;
        outcome.add(Stale { kind: Kind::Logs, name: logs.build.to_string(), why, bytes: logs.stored }, removed);
    }
    Ok(())
}

/// Why the logs of a build go, if they do. Builds come oldest first, and `left` is what all that are left take.
fn why(ground: Ground<'_>, needs: &Needs, logs: &BuildLogs, left: u64) -> Option<String> {
    let section = &ground.host.config.retention;
    match needs.shown.get(&logs.build) {
        None => {
            let idle = SystemTime::now().duration_since(logs.newest).unwrap_or_default();
            let gone = needs.forgotten.contains(&logs.build) || idle > UNKNOWN_FOR;
            gone.then(|| "the build is not shown any more".to_owned())
        }
        Some(None) => None,
        Some(Some(ended)) => {
            if now().since(*ended) > section.logs.0 {
                return Some(format!("the build ended more than {} ago", section.logs));
            }
            let most = section.logs_size.filter(|most| left > most.0)?;
            Some(format!("all logs take more than {most}, and it is the oldest build"))
        }
    }
}
