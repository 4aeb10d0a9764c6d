//! The output of an exec with an id, kept on disk by byte offset until it is acknowledged.

use std::{
    collections::VecDeque,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use bytes::BytesMut;
use tokio::{
    io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _},
    sync::watch,
};

use super::record::{self, Record};
use crate::protocol::{EndRecord, ExecId, ExecState, Lease};

/// Output is kept in files of about this size, so that what is acknowledged can go.
const SEGMENT_BYTES: u64 = 16 << 20;
const READ_BYTES: usize = 64 << 10;
const PREFIX: &str = "out-";

/// The output of one exec and, once known, its end.
#[derive(Debug)]
pub(crate) struct Spool {
    pub(crate) id: ExecId,
    pub(crate) lease: Option<Lease>,
    dir: PathBuf,
    bound: u64,
    state: Mutex<State>,
    /// Changes whenever the state did.
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    /// Where each file begins.
    segments: VecDeque<u64>,
    written: u64,
    acknowledged: u64,
    waiting_since: Option<Instant>,
    waited: Duration,
    end: Option<EndRecord>,
    /// The command is being killed: what is still in its pipe is kept without waiting.
    unbounded: bool,
}

impl Spool {
    /// Makes the spool of a new exec.
    pub(super) fn create(root: &Path, id: ExecId, lease: Option<Lease>, bound: u64) -> io::Result<Arc<Self>> {
        let dir = record::dir(root, &id);
        std::fs::create_dir_all(&dir)?;
        Record { id: id.clone(), lease, end: None }.write(&dir)?;
        Ok(Arc::new(Spool { id, lease, dir, bound, state: Mutex::default(), changed: watch::Sender::new(()) }))
    }

    /// Finds the spool of an exec that ended before the agent was started; `None` if its end is not known.
    pub(super) fn load(root: &Path, id: &ExecId, bound: u64) -> Option<Arc<Self>> {
        let dir = record::dir(root, id);
        let record = Record::read(&dir)?;
        let end = record.end?;
        let written = end.output_bytes?;
        let names = std::fs::read_dir(&dir).ok()?.flatten();
        let mut segments: Vec<u64> =
            names.filter_map(|entry| entry.file_name().to_str()?.strip_prefix(PREFIX)?.parse().ok()).collect();
        segments.sort_unstable();
        let state = State {
            written,
            acknowledged: segments.first().copied().unwrap_or(written),
            segments: segments.into(),
            end: Some(end),
            ..State::default()
        };
        Some(Arc::new(Spool {
            id: record.id,
            lease: record.lease,
            dir,
            bound,
            state: Mutex::new(state),
            changed: watch::Sender::new(()),
        }))
    }

    pub(crate) fn writer(self: &Arc<Self>) -> SpoolWriter {
        SpoolWriter { spool: Arc::clone(self), file: None, segment_bytes: 0 }
    }

    /// Records the end; after that, readers end too.
    pub(crate) fn finish(&self, mut end: EndRecord) {
        let (written, waited) = {
            let state = self.lock();
            (state.written, state.waited)
        };
        end.output_bytes = Some(written);
        end.waited_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
        let record = Record { id: self.id.clone(), lease: self.lease, end: Some(end.clone()) };
        if let Err(error) = record.write(&self.dir) {
            tracing::error!(id = %self.id, %error, "the end of an exec could not be recorded on disk");
        }
        self.lock().end = Some(end);
        self.changed.send_replace(());
    }

    /// Lets go of output the caller has.
    pub(crate) fn acknowledge(&self, offset: u64) {
        let mut state = self.lock();
        state.acknowledged = state.acknowledged.max(offset.min(state.written));
        while state.segments.get(1).is_some_and(|next| *next <= state.acknowledged) {
            let Some(first) = state.segments.pop_front() else { break };
            if let Err(error) = std::fs::remove_file(self.segment(first)) {
                tracing::warn!(id = %self.id, %error, "acknowledged output could not be removed");
            }
        }
        drop(state);
        self.changed.send_replace(());
    }

    /// No longer makes the command wait, because it is being killed.
    pub(super) fn lift_bound(&self) {
        self.lock().unbounded = true;
        self.changed.send_replace(());
    }

    pub(crate) fn state(&self) -> ExecState {
        let state = self.lock();
        ExecState {
            id: self.id.clone(),
            ended: state.end.is_some(),
            output_bytes: state.written,
            acknowledged_bytes: state.acknowledged,
            waiting: state.waiting_since.is_some(),
        }
    }

    /// Removes everything on disk.
    pub(super) fn remove(&self) {
        if let Err(error) = std::fs::remove_dir_all(&self.dir) {
            tracing::warn!(id = %self.id, %error, "the output of an exec could not be removed");
        }
    }

    /// The first byte still kept.
    pub(crate) fn first_kept(&self) -> u64 {
        let state = self.lock();
        state.segments.front().copied().unwrap_or(state.written)
    }

    /// Waits for bytes at `offset`: some of them, or the end.
    pub(super) async fn next(&self, offset: u64) -> io::Result<Next> {
        let mut changed = self.changed.subscribe();
        loop {
            changed.borrow_and_update();
            let (available, segment) = {
                let state = self.lock();
                if offset >= state.written
                    && let Some(end) = &state.end
                {
                    return Ok(Next::End(end.clone()));
                }
                let segment = state.segments.iter().rev().find(|start| **start <= offset).copied();
                let limit = state.segments.iter().find(|start| **start > offset).copied().unwrap_or(state.written);
                (limit.saturating_sub(offset), segment)
            };
            if available > 0 {
                let segment = segment.ok_or_else(|| io::Error::other("that output was acknowledged and is gone"))?;
                return self.read(segment, offset, available).await.map(Next::Bytes);
            }
            if changed.changed().await.is_err() {
                return Err(io::Error::other("the spool is closed"));
            }
        }
    }

    async fn read(&self, segment: u64, offset: u64, available: u64) -> io::Result<BytesMut> {
        let mut file = tokio::fs::File::open(self.segment(segment)).await?;
        if offset > segment {
            file.seek(io::SeekFrom::Start(offset - segment)).await?;
        }
        let mut bytes = BytesMut::with_capacity(READ_BYTES);
        let count = file.take(available.min(READ_BYTES as u64)).read_buf(&mut bytes).await?;
        if count == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the spool is shorter than it should be"));
        }
        Ok(bytes)
    }

    fn segment(&self, start: u64) -> PathBuf {
        self.dir.join(format!("{PREFIX}{start:020}"))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock can panic")
    }
}

/// What a reader finds.
pub(super) enum Next {
    Bytes(BytesMut),
    End(EndRecord),
}

/// Writes output to a spool.
pub(crate) struct SpoolWriter {
    spool: Arc<Spool>,
    file: Option<tokio::fs::File>,
    segment_bytes: u64,
}

impl SpoolWriter {
    pub(super) fn spool(&self) -> Arc<Spool> {
        Arc::clone(&self.spool)
    }

    /// Waits until there is room, then writes.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.wait_for_room().await;
        if self.segment_bytes >= SEGMENT_BYTES {
            self.file = None;
        }
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let start = self.spool.lock().written;
                let file = tokio::fs::File::create(self.spool.segment(start)).await?;
                self.spool.lock().segments.push_back(start);
                self.segment_bytes = 0;
                self.file.insert(file)
            }
        };
        file.write_all(bytes).await?;
        file.flush().await?;
        self.segment_bytes += bytes.len() as u64;
        self.spool.lock().written += bytes.len() as u64;
        self.spool.changed.send_replace(());
        Ok(())
    }

    async fn wait_for_room(&self) {
        let spool = &self.spool;
        let mut changed = spool.changed.subscribe();
        loop {
            changed.borrow_and_update();
            {
                let mut state = spool.lock();
                if state.unbounded || state.written - state.acknowledged < spool.bound {
                    if let Some(since) = state.waiting_since.take() {
                        state.waited += since.elapsed();
                        tracing::info!(id = %spool.id, "output was acknowledged, the command goes on");
                    }
                    return;
                }
                if state.waiting_since.is_none() {
                    state.waiting_since = Some(Instant::now());
                    tracing::warn!(
                        id = %spool.id,
                        bound = spool.bound,
                        "the command waits: too much of its output is not acknowledged"
                    );
                }
            }
            if changed.changed().await.is_err() {
                return;
            }
        }
    }
}
