//! The made tree on a machine that shares the main buildlet's disk: cloned while nothing writes into the original.

use std::path::Path;
use std::time::Instant;

use buildlet::client::FailureKind;
use engine::ExecFailure;

use super::Context;
use super::feed::Original;
use super::set_up::{brought, wipe};
use crate::lease::{Leased, call_failure};
use crate::view::{BuildUpdate, TreeWay};

/// True if the tree is whole and its snapshot kept; false if this machine cannot clone it, or the clone failed, which is
/// said: the machine then gets the archive.
pub(super) async fn clone(context: &Context, leased: &Leased, original: Original) -> Result<bool, ExecFailure> {
    let job = &context.job;
    let Ok(main) = job.leases.get(original.main) else { return Ok(false) };
    if !shares_disk(&main, leased) {
        return Ok(false);
    }
    let from = Path::new(&main.work_dir).join(&job.config.root);
    let began = Instant::now();
    let cloned = leased.client.clone_tree(&from, &job.config.root).await;
    // The original goes with its lease, and a clone of what is being removed would look whole.
    let held = job.leases.get(original.main).is_ok();
    drop(original);
    let cause = match cloned {
        Ok(_) if held => {
            brought(context, leased, TreeWay::Clone, began.elapsed()).await;
            // What other machines will not get is run by none: until then the machine waits.
            job.feed.saved().await?;
            return Ok(true);
        }
        Ok(_) => "the main buildlet was lost meanwhile".to_owned(),
        // An agent that answered has removed what there was of the clone. One that did not may still be writing: it is
        // lost, not given an archive on top.
        Err(failure) if matches!(failure.kind, FailureKind::Refused | FailureKind::PeerFailed) => failure.to_string(),
        Err(failure) => return Err(call_failure(&failure)),
    };
    let note = format!("{}: the tree was not cloned and comes as an archive: {cause}", leased.machine.name);
    job.tell(BuildUpdate::Note(note)).await;
    wipe(context, leased).await?;
    Ok(false)
}

/// Whether both are on one machine, by what their agents say; that this one may read there turns out when it tries.
fn shares_disk(main: &Leased, helper: &Leased) -> bool {
    let (Some(of_main), Some(of_helper)) = (main.client.extensions(), helper.client.extensions()) else { return false };
    of_helper.clone && !of_main.machine.is_empty() && of_main.machine == of_helper.machine
}
