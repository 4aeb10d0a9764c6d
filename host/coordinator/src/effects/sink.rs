//! Where the output of make and list commands goes: to whoever watches, and at most so much of it into memory.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use buildlet::client::OutputSink;
use bytes::Bytes;

use crate::job::Job;
use crate::view::BuildUpdate;

/// Passes output on as the ordered log and the machine's own.
pub(super) struct TellSink {
    pub(super) job: Arc<Job>,
    pub(super) buildlet: String,
}

#[async_trait]
impl OutputSink for TellSink {
    async fn push(&mut self, _offset: u64, chunk: Bytes) -> io::Result<()> {
        self.job.tell(BuildUpdate::OrderedOutput(chunk.to_vec())).await;
        self.job.tell(BuildUpdate::MachineOutput { buildlet: self.buildlet.clone(), bytes: chunk.to_vec() }).await;
        Ok(())
    }
}

/// The most that a listing may print: a hundred thousand tests with long names are some tens of MiB.
pub(super) const LISTING_BYTES: usize = 256 << 20;

/// Collects output.
#[derive(Default)]
pub(super) struct CollectSink {
    pub(super) bytes: Vec<u8>,
}

#[async_trait]
impl OutputSink for CollectSink {
    async fn push(&mut self, _offset: u64, chunk: Bytes) -> io::Result<()> {
        if self.bytes.len() + chunk.len() > LISTING_BYTES {
            return Err(io::Error::other(format!("the listing is longer than {} MiB", LISTING_BYTES >> 20)));
        }
        self.bytes.extend_from_slice(&chunk);
        Ok(())
    }
}
