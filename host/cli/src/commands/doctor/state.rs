//! Where a service keeps things: the state folder, the disk below it, the store, the blobs.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use bytes::Bytes;
use report::text;
use snapshot::blob::{BlobKey, BlobStore};
use store::{Form, Store};
use tokio::time::timeout;

use super::finding::Findings;
use super::run::failure;
use crate::config::find::Kept;
use crate::config::host::HostFile;
use crate::serve;

/// How long a store may take to answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// With less free room a build is likely to fail.
const SCARCE: u64 = 1 << 30;
/// With less free room it is time to look.
const LITTLE: u64 = 10 << 30;

/// Looks at all of them.
pub(super) async fn look(findings: &mut Findings, host: &HostFile, kept: &Kept) {
    if folder(findings, &kept.state) {
        disk(findings, &kept.state);
    }
    records(findings, host, kept).await;
    // A folder for blobs would be made by opening it.
    if host.config.blobs.url.is_none() && !kept.state.exists() {
        findings.ok("blob store", "made in the state folder by the first start");
        return;
    }
    match timeout(PATIENCE, blobs(host, kept)).await {
        Ok(Ok(name)) => findings.ok("blob store", format!("{name} can be written and read")),
        Ok(Err(error)) => failure(findings, "blob store", &error),
        Err(_) => findings.failure("blob store", "it does not answer", "check `[blobs] url`, and that it is reachable"),
    }
}

/// Whether it is there.
fn folder(findings: &mut Findings, state: &Path) -> bool {
    let Ok(metadata) = std::fs::metadata(state) else {
        findings.ok("state folder", format!("`{}` is made by the first start", state.display()));
        return false;
    };
    if let Err(error) = tempfile::tempfile_in(state) {
        let hint = "`muster serve` writes here: run this as its account, or check who owns the folder";
        findings.failure("state folder", format!("`{}` cannot be written: {error}", state.display()), hint);
    } else if metadata.permissions().mode() & 0o077 != 0 {
        let hint = format!("others may see trees and logs: chmod 700 {}", state.display());
        findings.warning("state folder", format!("`{}` is open to other accounts", state.display()), hint);
    } else {
        findings.ok("state folder", format!("`{}` is private and can be written", state.display()));
    }
    true
}

fn disk(findings: &mut Findings, state: &Path) {
    let free = match rustix::fs::statvfs(state) {
        Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize),
        Err(error) => return findings.warning("disk", format!("how much is free is not known: {error}"), ""),
    };
    let found = format!("{} are free below `{}`", text::bytes(free), state.display());
    let hint = "make room, or lower `[blobs] max-size` and `[retention]`; `muster gc --dry-run` says what would go";
    match free {
        ..SCARCE => findings.failure("disk", found, hint),
        SCARCE..LITTLE => findings.warning("disk", found, hint),
        LITTLE.. => findings.ok("disk", found),
    }
}

async fn records(findings: &mut Findings, host: &HostFile, kept: &Kept) {
    let place = serve::records(host, kept);
    match timeout(PATIENCE, Store::look(&place)).await {
        Ok(Ok(Form::Current)) => findings.ok("store", "it answers, in this version's form"),
        Ok(Ok(Form::None)) => findings.ok("store", "it is made by the first start"),
        Ok(Ok(Form::Older)) => findings.warning(
            "store",
            "it has an older version's form",
            "the next start of `muster serve` changes it, and there is no way back: keep a backup",
        ),
        Ok(Ok(Form::Newer)) => {
            findings.failure("store", "it has a newer version's form", "run the newer `muster`, or restore a backup");
        }
        Ok(Err(error)) => failure(findings, "store", &anyhow::Error::from(error).context("failed to look at it")),
        Err(_) => findings.failure("store", "it does not answer", "check `[store] url`, and that it is reachable"),
    }
}

/// Writes an object, reads it, and removes it.
async fn blobs(host: &HostFile, kept: &Kept) -> anyhow::Result<String> {
    let blobs: BlobStore = serve::blobs(host, kept)?;
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let key = BlobKey::new(format!("doctor/{:x}-{:x}", since.as_nanos(), std::process::id()))?;
    let bytes = Bytes::from_static(b"muster doctor");
    blobs.put_object(&key, bytes.clone()).await.context("failed to write to it")?;
    let read = blobs.get_object(&key, 1 << 10).await.context("failed to read from it");
    blobs.delete_object(&key).await.context("failed to remove from it")?;
    anyhow::ensure!(read?.as_ref() == Some(&bytes), "it does not give back what was written");
    Ok(blobs.name().to_owned())
}
