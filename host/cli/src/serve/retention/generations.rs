//! What plugins were long ago.

use std::collections::BTreeSet;

use anyhow::Context;
use coordinator::now;
use plugin_host::short;
use store::GenerationRow;

use super::needs::Needs;
use super::round::{Ground, Outcome, ROWS_A_ROUND};
use super::stale::{Kind, Stale};

/// So many components of each plugin are kept for rollbacks, the one that serves among them.
pub(super) const GENERATIONS: usize = 10;

/// Removes what nothing can go back to and no build that is shown began with.
///
/// # Errors
/// The store fails.
pub(super) async fn tidy(ground: Ground<'_>, needs: &Needs, outcome: &mut Outcome) -> anyhow::Result<()> {
    let most = ground.host.config.retention.generations;
    let old = ground.store.old_generations(now().minus(most.0), ROWS_A_ROUND).await;
    let mut old = old.context("failed to read old generations")?;
    let plugins: BTreeSet<String> = old.iter().map(|(_, row)| row.plugin.clone()).collect();
    for plugin in plugins {
        let rows = ground.store.generations(&plugin).await.context("failed to read the generations of a plugin")?;
        let last = last_of(&rows);
        // Of what is further back than anybody looks not even the last ones are of use.
        old.retain(|(_, row)| row.plugin != plugin || !last.contains(&row.digest) || !rows.contains(row));
    }
    if old.is_empty() {
        return Ok(());
    }
    let used = needs.components(ground.store).await?;
    old.retain(|(_, row)| !used.contains(&row.digest));
    if !ground.dry_run {
        let ids: Vec<i64> = old.iter().map(|(id, _)| *id).collect();
        ground.store.remove_generations(&ids).await.context("failed to remove old generations")?;
    }
    let why = format!(
        "more than {most} ago, no build that is shown began with it, and it is not of its plugin's last {GENERATIONS}"
    );
    for (_, row) in old {
        let name = format!("{} {}", row.plugin, short(&row.digest));
        outcome.stale.push(Stale { kind: Kind::Generation, name, why: why.clone(), bytes: 0 });
    }
    Ok(())
}

/// The components that a plugin was last, of what it was, newest first.
pub(super) fn last_of(rows: &[GenerationRow]) -> BTreeSet<String> {
    let mut last = BTreeSet::new();
    for row in rows {
        if last.len() < GENERATIONS {
            last.insert(row.digest.clone());
        }
    }
    last
}
