//! `muster gc`: removes what old builds of a service left, or says what would go.

use std::collections::BTreeMap;

use anyhow::Context;
use report::text;
use serde_json::json;

use super::output::{columns, print_beside, warn};
use crate::args::{GcArgs, GlobalArgs};
use crate::config::find::Folders;
use crate::config::host::HostFile;
use crate::exit::Exit;
use crate::serve::{self, Outcome};

/// Lines that are shown of one kind; the rest is counted.
const SHOWN: usize = 20;

/// Tidies.
///
/// # Errors
/// It is not known what is needed, or a service runs.
pub(super) fn run(global: &GlobalArgs, args: &GcArgs) -> anyhow::Result<Exit> {
    let host = HostFile::find(global.config.as_deref(), &Folders::of_process())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("failed to start")?;
    let outcome = runtime.block_on(serve::gc(&host, args.state.as_deref(), args.dry_run))?;
    if args.json {
        let (stale, failures, bytes) = (&outcome.stale, &outcome.failures, outcome.bytes());
        print_beside(
            &json!({"dry_run": args.dry_run, "removed": stale, "bytes": bytes, "failures": failures}).to_string(),
        )?;
    } else {
        print_beside(&told(&outcome, args.dry_run))?;
        outcome.failures.iter().for_each(|failure| warn(&format!("not removed: {failure}")));
    }
    Ok(if outcome.failures.is_empty() { Exit::Passed } else { Exit::Unfinished })
}

fn told(outcome: &Outcome, dry_run: bool) -> String {
    if outcome.stale.is_empty() {
        return "nothing is older or more than `[retention]` and `[blobs]` allow".to_owned();
    }
    let mut shown: BTreeMap<_, usize> = BTreeMap::new();
    let mut rows = Vec::new();
    for stale in &outcome.stale {
        let count = shown.entry(stale.kind).or_default();
        *count += 1;
        if *count <= SHOWN {
            let size = if stale.bytes > 0 { text::bytes(stale.bytes) } else { String::new() };
            rows.push([stale.kind.word().to_owned(), stale.name.clone(), size, stale.why.clone()]);
        }
    }
    let more = shown.iter().filter(|(_, count)| **count > SHOWN);
    let more: String =
        more.map(|(kind, count)| format!("{}: {} more; --json has all\n", kind.word(), count - SHOWN)).collect();
    let verb = if dry_run { "would be freed" } else { "are free" };
    format!("{}{more}{} {verb}", columns(&rows), text::bytes(outcome.bytes()))
}
