//! Where the output of make and list commands goes: to whoever watches, and at most so much of it into memory.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use buildlet::client::OutputSink;
use bytes::Bytes;

use super::command::KeptSink;
use crate::exec_log::ExecLog;
use crate::job::Job;
use crate::view::BuildUpdate;

/// Passes output on as the ordered log and the machine's own.
pub(super) struct TellSink {
    job: Arc<Job>,
    buildlet: String,
    exec: String,
    raw: ExecLog,
    next: u64,
}

impl TellSink {
    /// For the exec of this name: it goes on after what both logs have.
    pub(super) async fn open(job: &Arc<Job>, buildlet: &str, exec: &str) -> io::Result<TellSink> {
        let raw = job.kept.exec(exec).await?;
        let next = raw.end().min(job.log().await?.end_of(exec));
        Ok(TellSink { job: Arc::clone(job), buildlet: buildlet.to_owned(), exec: exec.to_owned(), raw, next })
    }

    /// The command has ended.
    pub(super) async fn finish(self) -> io::Result<()> {
        self.raw.finish().await
    }
}

#[async_trait]
impl OutputSink for TellSink {
    async fn push(&mut self, offset: u64, chunk: Bytes) -> io::Result<()> {
        self.raw.push(offset, &chunk).await?;
        let new = self.job.log().await?.exec(&self.exec, offset, &chunk).await?;
        if !new.is_empty() {
            self.job.tell(BuildUpdate::OrderedOutput(new.to_vec())).await;
        }
        self.job.tell(BuildUpdate::MachineOutput { buildlet: self.buildlet.clone(), bytes: chunk.to_vec() }).await;
        self.next = offset + chunk.len() as u64;
        Ok(())
    }
}

#[async_trait]
impl KeptSink for TellSink {
    fn next(&self) -> u64 {
        self.next
    }

    async fn keep(&mut self) -> io::Result<bool> {
        self.raw.flush().await?;
        self.job.log().await?.flush().await?;
        Ok(true)
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

#[async_trait]
impl KeptSink for CollectSink {
    /// A listing is read again from its beginning: until its tests are durable the buildlet keeps all of it.
    async fn keep(&mut self) -> io::Result<bool> {
        Ok(false)
    }
}
