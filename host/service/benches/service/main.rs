//! How quick a server is: side by side with Buildbot, with much log and many readers, and after a restart with a long
//! queue.
//!
//! The binary is the one that `MUSTER_BIN` names, Buildbot the one in the virtual environment `MUSTER_TEST_BUILDBOT`.
//! Both run as one server with workers on this machine, and both keep what they know on disk, as their documentation
//! says a small installation does.

mod buildbot;
mod muster;
mod queue;
mod side_by_side;
mod viewers;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use measure::Report;
use tokio::time::Instant;

/// What takes longer does not come.
const LIMIT: Duration = Duration::from_secs(300);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(5);

#[tokio::main]
async fn main() -> Result<ExitCode> {
    // The client wants one, although all that it asks here is plain HTTP.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut report = Report::default();
    side_by_side::measure(&mut report).await?;
    viewers::measure(&mut report).await?;
    queue::measure(&mut report).await?;
    Ok(report.end())
}

/// Looks until there is something.
async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let end = Instant::now() + LIMIT;
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if Instant::now() > end {
            bail!("{LIMIT:?} passed before {what}");
        }
        tokio::time::sleep(PAUSE).await;
    }
}
