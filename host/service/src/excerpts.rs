//! What a report shows of the outputs: from the streams in which each attempt's output is kept as people see it.

use async_trait::async_trait;
use coordinator::Excerpts;
use engine::{AttemptId, BuildId};
use logs::{LogError, LogStore};

/// Bytes of one output: its end.
const EXCERPT: u64 = 64 << 10;
/// Bytes read to find the end of the first line, which only says what stands between the others.
const HEADINGS: usize = 1 << 20;

/// The outputs of one build.
pub(crate) struct StoredExcerpts {
    logs: LogStore,
    build: BuildId,
}

impl StoredExcerpts {
    pub(crate) fn new(logs: LogStore, build: BuildId) -> StoredExcerpts {
        StoredExcerpts { logs, build }
    }

    async fn read(&self, attempt: AttemptId) -> Result<Vec<u8>, LogError> {
        let (build, stream) = (self.build.0, format!("view/{attempt}"));
        let head = self.logs.read(build, &stream, 0, HEADINGS).await?;
        let Some(line) = head.bytes.iter().position(|byte| *byte == b'\n') else { return Ok(Vec::new()) };
        let mut at = head.end.saturating_sub(EXCERPT).max(line as u64 + 1);
        let mut text = Vec::new();
        while at < head.end {
            let piece =
                self.logs.read(build, &stream, at, usize::try_from(head.end - at).unwrap_or(usize::MAX)).await?;
            if piece.bytes.is_empty() {
                break;
            }
            at += piece.bytes.len() as u64;
            text.extend_from_slice(&piece.bytes);
        }
        Ok(text)
    }
}

#[async_trait]
impl Excerpts for StoredExcerpts {
    async fn excerpt(&self, attempt: AttemptId) -> Vec<u8> {
        match self.read(attempt).await {
            Ok(text) => text,
            Err(error) => format!("(the output of {attempt} cannot be read: {error})\n").into_bytes(),
        }
    }
}
