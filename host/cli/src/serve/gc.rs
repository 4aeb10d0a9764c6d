//! `muster gc`'s side of a service that does not run: its stores are opened, and a round of tidying is done.

use std::path::Path;

use ::logs::{LogSettings, LogStore};
use anyhow::Context;
use store::{Form, Store};

use super::open;
use super::retention::{Ground, Outcome, round};
use super::run::kept;
use crate::config::find::Folders;
use crate::config::host::HostFile;
use crate::exit::UsageError;

/// Removes what nobody needs, or only finds it.
///
/// # Errors
/// There is no such service, it runs, or what is needed cannot be found out.
pub(crate) async fn gc(host: &HostFile, state: Option<&Path>, dry_run: bool) -> anyhow::Result<Outcome> {
    let kept = kept(state, host, &Folders::of_process())?;
    if !open::is_known(host, &kept) {
        let what = format!("no `muster serve` has kept anything in `{}`", kept.state.display());
        return Err(
            UsageError::new(what, "give its folder with `--state DIR`, or its file with `--config FILE`").into()
        );
    }
    let _claim = if dry_run { None } else { Some(claim(&kept.state)?) };
    // Looking changes nothing, not even the form of the tables.
    if dry_run && !matches!(Store::look(&open::records(host, &kept)).await?, Form::Current) {
        let what = "the store is not of this version's form";
        return Err(
            UsageError::new(what, "`muster doctor` says of which it is; a start of `muster serve` changes it").into()
        );
    }
    let store = open::store(host, &kept).await?;
    let blobs = open::blobs(host, &kept)?;
    let logs = LogStore::new(blobs.clone(), LogSettings::default());
    let done = round(Ground { store: &store, blobs: &blobs, logs: &logs, host, dry_run }).await;
    store.close().await;
    done.context("failed to find out what is needed")
}

fn claim(state: &Path) -> anyhow::Result<std::fs::File> {
    open::claim(state).map_err(|error| {
        if error.is::<UsageError>() {
            let what = format!("a `muster serve` runs over `{}`", state.display());
            return UsageError::new(what, "it removes what is old by itself; `--dry-run` only looks").into();
        }
        error
    })
}
