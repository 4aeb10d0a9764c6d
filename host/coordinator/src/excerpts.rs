//! What a report shows of an attempt's output: its end, from the stream in which it is kept as people see it.

use std::fmt::Display;

use async_trait::async_trait;
use engine::{AttemptId, BuildId};
use logs::{LogError, LogStore};

use crate::report::Excerpts;
use crate::streams;

/// Bytes of one output that a report shows.
pub(crate) const EXCERPT_BYTES: u64 = 64 << 10;

/// What is read at a time to find the end of the first line, which only says what stands between the others.
const HEADINGS_BYTES: usize = 1 << 20;

/// The outputs of one build that were kept.
pub struct StoredExcerpts {
    logs: LogStore,
    build: BuildId,
}

impl StoredExcerpts {
    /// Of this build.
    pub fn new(logs: LogStore, build: BuildId) -> StoredExcerpts {
        StoredExcerpts { logs, build }
    }

    /// The end of an attempt's output; empty where nothing is kept of it.
    pub(crate) async fn read(&self, attempt: AttemptId) -> Result<Vec<u8>, LogError> {
        let stream = streams::shown(attempt);
        let Some((begin, end)) = self.bounds(&stream).await? else { return Ok(Vec::new()) };
        let mut at = end.saturating_sub(EXCERPT_BYTES).max(begin);
        let mut text = Vec::new();
        while at < end {
            let left = usize::try_from(end - at).unwrap_or(usize::MAX);
            let piece = self.logs.read(self.build.0, &stream, at, left).await?;
            if piece.bytes.is_empty() {
                break;
            }
            at += piece.bytes.len() as u64;
            text.extend_from_slice(&piece.bytes);
        }
        Ok(text)
    }

    /// Where the output begins in its stream, behind the first line, and where it ends so far.
    async fn bounds(&self, stream: &str) -> Result<Option<(u64, u64)>, LogError> {
        let mut at = 0;
        loop {
            let piece = self.logs.read(self.build.0, stream, at, HEADINGS_BYTES).await?;
            if let Some(line) = piece.bytes.iter().position(|byte| *byte == b'\n') {
                return Ok(Some((at + line as u64 + 1, piece.end)));
            }
            if piece.bytes.is_empty() {
                return Ok(None);
            }
            at += piece.bytes.len() as u64;
        }
    }
}

/// What a report shows in place of an output that cannot be read.
pub(crate) fn unreadable(attempt: AttemptId, error: &dyn Display) -> Vec<u8> {
    format!("(the output of {attempt} cannot be read: {error})\n").into_bytes()
}

#[async_trait]
impl Excerpts for StoredExcerpts {
    async fn excerpt(&self, attempt: AttemptId) -> Vec<u8> {
        self.read(attempt).await.unwrap_or_else(|error| unreadable(attempt, &error))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::Arc;

    use logs::LogSettings;
    use snapshot::blob::{BlobOptions, BlobStore};

    use super::*;
    use crate::kept::KeptStreams;
    use crate::output::{OutputStore, Piece, Shown};

    const BUILD: BuildId = BuildId(1);

    fn logs(folder: &std::path::Path) -> LogStore {
        let location = folder.join("blobs").to_string_lossy().into_owned();
        LogStore::new(BlobStore::open(&location, &BlobOptions::default()).unwrap(), LogSettings::default())
    }

    #[tokio::test]
    async fn the_end_is_the_same_while_a_build_runs_and_afterwards() {
        let (blobs, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let logs = logs(blobs.path());
        let output = Arc::new(OutputStore::new(folder.path(), BUILD).unwrap());
        let kept = KeptStreams::new(Some(logs.clone()), BUILD);
        let most = usize::try_from(EXCERPT_BYTES).unwrap();
        for (attempt, length) in [(1, 0), (2, 10), (3, most), (4, most + 1), (5, 3 * most)] {
            let attempt = AttemptId(attempt);
            let text: Vec<u8> = b"a line\n".iter().copied().cycle().take(length).collect();
            let mut running = output.begin(attempt).await.unwrap();
            running.text(&text).await.unwrap();
            running.finish().await.unwrap();
            let headings = vec![(0, Piece::Banner("x".repeat(2 * HEADINGS_BYTES)))];
            kept.keep(attempt, &Shown { text: text.clone(), headings }).await.unwrap();
            let end = &text[length.saturating_sub(most)..];
            assert_eq!(output.excerpt(attempt).await.unwrap().unwrap(), end);
            assert_eq!(kept.excerpt(attempt).await.unwrap(), end);
            assert_eq!(StoredExcerpts::new(logs.clone(), BUILD).excerpt(attempt).await, end);
        }
        assert_eq!(StoredExcerpts::new(logs, BUILD).excerpt(AttemptId(9)).await, b"", "nothing is kept of it");
        assert_eq!(KeptStreams::new(None, BUILD).excerpt(AttemptId(1)).await.unwrap(), b"", "no logs are kept");
    }
}
