//! Streams of a build beside its ordered log: the raw output of each exec as it comes, and each attempt's output as
//! people see it. Where no logs are kept there are none, and what is asked of them is nothing.

use std::io;

use engine::{AttemptId, BuildId};
use logs::{LogError, LogStore, LogWriter};

use crate::excerpts::StoredExcerpts;
use crate::output::Shown;
use crate::streams;

/// What is read at a time.
const READ_BYTES: usize = 1 << 20;

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

    /// The writer of a stream; none where it is sealed, or no logs are kept.
    pub(crate) async fn writer(&self, stream: &str) -> io::Result<Option<LogWriter>> {
        Ok(match self.open(stream).await? {
            Opened::Writer(writer) => Some(writer),
            Opened::Sealed(_) | Opened::None => None,
        })
    }

    /// The raw output of an exec, with what was kept of it in an earlier life.
    pub(crate) async fn exec(&self, name: &str) -> io::Result<ExecLog> {
        let stream = streams::exec(name);
        let (writer, end) = match self.open(&stream).await? {
            Opened::Writer(writer) => (Some(writer), 0),
            Opened::Sealed(end) => (None, end),
            Opened::None => (None, 0),
        };
        Ok(ExecLog { writer, end, streams: self.clone(), stream })
    }

    /// Keeps an attempt's output as people see it: a line that says what stands between its bytes, then those.
    pub(crate) async fn keep(&self, attempt: AttemptId, shown: &Shown) -> io::Result<()> {
        let Opened::Writer(mut writer) = self.open(&streams::shown(attempt)).await? else { return Ok(()) };
        let mut content = serde_json::to_vec(&shown.headings).map_err(io::Error::other)?;
        content.push(b'\n');
        content.extend_from_slice(&shown.text);
        // What an earlier life kept is the beginning of the same.
        let there = usize::try_from(writer.end()).unwrap_or(usize::MAX).min(content.len());
        writer.append(&content[there..]).await.map_err(io::Error::other)?;
        writer.finish().await.map_err(io::Error::other)
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

    async fn open(&self, stream: &str) -> io::Result<Opened> {
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
            if !stream.finished
                && stream.name.contains('/')
                && let Some(writer) = self.writer(&stream.name).await?
            {
                writer.finish().await.map_err(io::Error::other)?;
            }
        }
        Ok(())
    }

    async fn read(&self, stream: &str, from: u64) -> io::Result<Vec<u8>> {
        let Some(logs) = &self.logs else { return Ok(Vec::new()) };
        let chunk = logs.read(self.build.0, stream, from, READ_BYTES).await.map_err(io::Error::other)?;
        Ok(chunk.bytes.to_vec())
    }
}

/// What there is of a stream.
enum Opened {
    /// It can be written.
    Writer(LogWriter),
    /// It is complete, and so long.
    Sealed(u64),
    /// No logs are kept.
    None,
}

/// The raw output of one exec.
pub(crate) struct ExecLog {
    writer: Option<LogWriter>,
    /// The length of a complete one.
    end: u64,
    streams: KeptStreams,
    stream: String,
}

impl ExecLog {
    /// The first byte that is not here.
    pub(crate) fn end(&self) -> u64 {
        self.writer.as_ref().map_or(self.end, LogWriter::end)
    }

    /// What was kept from this offset on, in pieces; empty at its end.
    pub(crate) async fn read(&self, from: u64) -> io::Result<Vec<u8>> {
        if from >= self.end() { Ok(Vec::new()) } else { self.streams.read(&self.stream, from).await }
    }

    /// Appends output that begins at this offset, as far as it is not here yet.
    pub(crate) async fn push(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        let skip = usize::try_from(writer.end().saturating_sub(offset)).unwrap_or(usize::MAX).min(bytes.len());
        writer.append(&bytes[skip..]).await.map_err(io::Error::other)
    }

    /// Makes durable what there is.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        match &mut self.writer {
            Some(writer) => writer.flush().await.map(drop).map_err(io::Error::other),
            None => Ok(()),
        }
    }

    /// Ends it: nothing follows.
    pub(crate) async fn finish(self) -> io::Result<()> {
        match self.writer {
            Some(writer) => writer.finish().await.map_err(io::Error::other),
            None => Ok(()),
        }
    }
}
