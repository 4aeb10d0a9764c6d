//! What each plugin is when a service starts: what a rollback can return to must have been noted before it was replaced.

use anyhow::Context;
use coordinator::now;
use store::{GenerationRow, Store};

use super::shelf::Shelved;

/// Who a generation is by that was there at a start.
const WHO: &str = "muster serve";

/// Notes the plugins that are not what was noted last: all of them at the first start, later those that were exchanged
/// while no service ran.
///
/// # Errors
/// The store fails.
pub(super) async fn note(store: &Store, shelved: &Shelved) -> anyhow::Result<()> {
    for plugin in shelved.names() {
        let Some(loaded) = shelved.component(&plugin) else { continue };
        let known = store.generations(&plugin).await.context("failed to read the generations of a plugin")?;
        if known.first().is_some_and(|newest| newest.digest == loaded.digest) {
            continue;
        }
        let (digest, source) = (loaded.digest.clone(), loaded.source.to_string());
        let row = GenerationRow { plugin, digest, at: now(), who: WHO.to_owned(), source };
        store.record_generation(&row).await.context("failed to note the generation of a plugin")?;
    }
    Ok(())
}
