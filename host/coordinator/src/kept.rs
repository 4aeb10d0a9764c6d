//! Streams of a build beside its ordered log: the raw output of each exec as it comes, and each attempt's output as
//! people see it. Where no logs are kept there are none, and what is asked of them is nothing.

use std::io;

use engine::{AttemptId, BuildId};
use logs::{LogError, LogStore, LogWriter};

use crate::excerpts::StoredExcerpts;
use crate::exec_log::ExecLog;
use crate::output::Shown;
use crate::streams;

/// What is read at a time.
const READ_BYTES: usize = 1 << 20;

/// How often in a row another coordinator may be ahead of a writer. There is one at most, and each time it is further: a
/// coordinator that lost no more than the database writes until it knows that.
pub(crate) const MOST_TAKEN: u32 = 16;

/// The streams of one build.
#[derive(Clone)]
pub(crate) struct KeptStreams {
    logs: Option<LogStore>,
    build: BuildId,
}

impl KeptStreams {
    pub(crate) fn new(logs: Option<LogStore>, build: BuildId) -> KeptStreams {
        KeptStreams { logs, build }
    }

    /// Whether there are any.
    pub(crate) fn are_kept(&self) -> bool {
        self.logs.is_some()
    }

    /// The raw output of an exec, with what was kept of it in an earlier life.
    pub(crate) async fn exec(&self, name: &str) -> io::Result<ExecLog> {
        ExecLog::open(self, streams::exec(name)).await
    }

    /// Keeps an attempt's output as people see it: a line that says what stands between its bytes, then those.
    pub(crate) async fn keep(&self, attempt: AttemptId, shown: &Shown) -> io::Result<()> {
        let mut content = serde_json::to_vec(&shown.headings).map_err(io::Error::other)?;
        content.push(b'\n');
        content.extend_from_slice(&shown.text);
        self.end(&streams::shown(attempt), &content).await
    }

    /// Ends a stream, whose content is this where any is known: what an earlier life kept, or another coordinator keeps, is
    /// the beginning of the same.
    async fn end(&self, stream: &str, content: &[u8]) -> io::Result<()> {
        let mut taken = 0;
        loop {
            let Opened::Writer(mut writer) = self.open(stream).await? else { return Ok(()) };
            let there = usize::try_from(writer.end()).unwrap_or(usize::MAX).min(content.len());
            let rest = &content[there..];
            let written = async move {
                writer.append(rest).await?;
                writer.finish().await
            };
            match written.await {
                Err(LogError::Taken { .. }) if taken < MOST_TAKEN => taken += 1,
                done => return done.map_err(io::Error::other),
            }
        }
    }

    /// An attempt's output as people see it, from an earlier life.
    pub(crate) async fn shown(&self, attempt: AttemptId) -> io::Result<Shown> {
        let stream = streams::shown(attempt);
        let mut content = Vec::new();
        loop {
            let piece = self.read(&stream, content.len() as u64).await?;
            if piece.is_empty() {
                break;
            }
            content.extend_from_slice(&piece);
        }
        let Some(line) = content.iter().position(|byte| *byte == b'\n') else { return Ok(Shown::default()) };
        let headings = serde_json::from_slice(&content[..line]).map_err(io::Error::other)?;
        Ok(Shown { headings, text: content.split_off(line + 1) })
    }

    /// The end of an attempt's output.
    pub(crate) async fn excerpt(&self, attempt: AttemptId) -> io::Result<Vec<u8>> {
        let Some(logs) = &self.logs else { return Ok(Vec::new()) };
        StoredExcerpts::new(logs.clone(), self.build).read(attempt).await.map_err(io::Error::other)
    }

    /// Opens a stream for writing.
    pub(crate) async fn open(&self, stream: &str) -> io::Result<Opened> {
        let Some(logs) = &self.logs else { return Ok(Opened::None) };
        match logs.writer(self.build.0, stream).await {
            Ok(writer) => Ok(Opened::Writer(writer)),
            Err(LogError::Finished { .. }) => {
                let chunk = logs.read(self.build.0, stream, 0, 1).await.map_err(io::Error::other)?;
                Ok(Opened::Sealed(chunk.end))
            }
            Err(error) => Err(io::Error::other(error)),
        }
    }

    /// Ends every stream that was left open, by machines that were lost.
    pub(crate) async fn seal(&self) -> io::Result<()> {
        let Some(logs) = &self.logs else { return Ok(()) };
        for stream in logs.streams(self.build.0).await.map_err(io::Error::other)? {
            // Remarks go on until the build is reported.
            if !stream.finished && stream.name.contains('/') {
                self.end(&stream.name, &[]).await?;
            }
        }
        Ok(())
    }

    /// A piece of a stream from this offset on; empty at its end.
    pub(crate) async fn read(&self, stream: &str, from: u64) -> io::Result<Vec<u8>> {
        let Some(logs) = &self.logs else { return Ok(Vec::new()) };
        let chunk = logs.read(self.build.0, stream, from, READ_BYTES).await.map_err(io::Error::other)?;
        Ok(chunk.bytes.to_vec())
    }
}

/// What there is of a stream.
pub(crate) enum Opened {
    /// It can be written.
    Writer(LogWriter),
    /// It is complete, and so long.
    Sealed(u64),
    /// No logs are kept.
    None,
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use logs::LogSettings;
    use snapshot::blob::{BlobOptions, BlobStore};

    use super::*;

    /// A folder with the streams of one build, as several coordinators open it.
    pub(crate) struct Folder(tempfile::TempDir);

    impl Folder {
        pub(crate) fn new() -> io::Result<Folder> {
            tempfile::tempdir().map(Folder)
        }

        /// As another process opens it; only a flush makes durable.
        pub(crate) fn open(&self) -> KeptStreams {
            let place = self.0.path().to_str().expect("temporary folders have names in UTF-8");
            let blobs = BlobStore::open(place, &BlobOptions::default()).expect("a folder is a blob store");
            let never = Duration::from_hours(1);
            let settings = LogSettings { flush_after: never, flush_at_most_after: never, ..LogSettings::default() };
            KeptStreams::new(Some(LogStore::new(blobs, settings)), BuildId(1))
        }
    }
}
