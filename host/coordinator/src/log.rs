//! The ordered log of one build: what people read. Where logs are kept it is a durable stream, and each of its marks says
//! what is in it, so that after a restart it goes on exactly there: nothing is missing, and nothing stands there twice.

use std::collections::BTreeMap;
use std::io;

use logs::LogWriter;
use serde::{Deserialize, Serialize};

use crate::ordered::OrderedLog;
use crate::output::Piece;

/// What is appended with one mark: a segment holds at least so much.
const PART_BYTES: usize = 1 << 20;

/// The log as it grows.
pub(crate) struct BuildLog {
    place: Place,
    writer: Option<LogWriter>,
}

/// What is in the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    /// How much of the output of each exec that is no attempt.
    execs: BTreeMap<String, u64>,
    /// How many attempts, whole.
    attempts: u64,
    /// How much of the next one.
    bytes: u64,
    /// What was printed above it last.
    heads: OrderedLog,
    /// How many restarts were told.
    restarts: u64,
}

impl Place {
    /// The attempt that came in part is whole.
    fn whole(&mut self, heads: OrderedLog) {
        self.bytes = 0;
        self.attempts += 1;
        self.heads = heads;
    }
}

impl BuildLog {
    /// A log that goes on where the writer's last mark says.
    ///
    /// # Errors
    /// The mark is not one of this version's.
    pub(crate) fn new(writer: Option<LogWriter>) -> io::Result<BuildLog> {
        let mark = writer.as_ref().and_then(LogWriter::mark);
        let place = mark.map_or_else(|| Ok(Place::default()), serde_json::from_str).map_err(io::Error::other)?;
        Ok(BuildLog { place, writer })
    }

    /// Appends the output of an exec from this offset on, as far as it is not there yet. What was appended.
    pub(crate) async fn exec<'a>(&mut self, exec: &str, offset: u64, bytes: &'a [u8]) -> io::Result<&'a [u8]> {
        let known = self.place.execs.get(exec).copied().unwrap_or(0);
        let skip = usize::try_from(known.saturating_sub(offset)).unwrap_or(usize::MAX).min(bytes.len());
        let new = &bytes[skip..];
        if !new.is_empty() {
            let mut place = self.place.clone();
            place.execs.insert(exec.to_owned(), offset + bytes.len() as u64);
            self.append(new, place).await?;
        }
        Ok(new)
    }

    /// How much of an exec's output is in the log.
    pub(crate) fn end_of(&self, exec: &str) -> u64 {
        self.place.execs.get(exec).copied().unwrap_or(0)
    }

    /// Whether the log has the attempt whose place in it is this, counted from 1.
    pub(crate) fn has(&self, place: u64) -> bool {
        place <= self.place.attempts
    }

    /// Appends an attempt, the next one or what is missing of it. What was appended.
    pub(crate) async fn attempt(&mut self, pieces: Vec<Piece>) -> io::Result<Vec<u8>> {
        let mut heads = self.place.heads.clone();
        let text: Vec<u8> = pieces.into_iter().filter_map(|piece| heads.add(piece)).flatten().collect();
        let from = usize::try_from(self.place.bytes).unwrap_or(usize::MAX).min(text.len());
        for part in text[from..].chunks(PART_BYTES) {
            let mut place = self.place.clone();
            place.bytes += part.len() as u64;
            if place.bytes == text.len() as u64 {
                place.whole(heads.clone());
            }
            self.append(part, place).await?;
        }
        if from == text.len() {
            self.place.whole(heads);
        }
        Ok(text[from..].to_vec())
    }

    /// Tells of a restart, unless that one was told. What was appended.
    pub(crate) async fn restart(&mut self, number: u64, text: &str) -> io::Result<Vec<u8>> {
        if number <= self.place.restarts {
            return Ok(Vec::new());
        }
        let line = format!("\n##### {text}\n").into_bytes();
        self.append(&line, Place { restarts: number, ..self.place.clone() }).await?;
        Ok(line)
    }

    /// Appends bytes with which the log's place becomes this one, or nothing.
    async fn append(&mut self, bytes: &[u8], place: Place) -> io::Result<()> {
        if let Some(writer) = &mut self.writer {
            let mark = serde_json::to_string(&place).map_err(io::Error::other)?;
            writer.append_marked(bytes, mark).await.map_err(io::Error::other)?;
        }
        self.place = place;
        Ok(())
    }

    /// Makes durable what there is.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        match &mut self.writer {
            Some(writer) => writer.flush().await.map(drop).map_err(io::Error::other),
            None => Ok(()),
        }
    }

    /// Ends it: nothing follows.
    pub(crate) async fn finish(&mut self) -> io::Result<()> {
        match self.writer.take() {
            Some(writer) => writer.finish().await.map_err(io::Error::other),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(banner: &str, text: &str) -> Vec<Piece> {
        vec![Piece::Banner(banner.into()), Piece::Text(text.into())]
    }

    #[tokio::test]
    async fn what_is_there_is_not_appended_again() -> io::Result<()> {
        let mut log = BuildLog::new(None)?;
        assert_eq!(log.exec("make-1-0", 0, b"one two").await?, b"one two");
        assert_eq!(log.exec("make-1-0", 4, b"two three").await?, b" three", "from the spool again");
        assert_eq!(log.exec("make-1-0", 0, b"one").await?, b"");
        assert_eq!(log.exec("make-1-1", 0, b"next").await?, b"next");
        assert_eq!(log.end_of("make-1-0"), 13);
        assert!(!log.restart(1, "restarted").await?.is_empty());
        assert!(log.restart(1, "restarted").await?.is_empty());
        Ok(())
    }

    #[tokio::test]
    async fn an_attempt_that_is_there_in_part_is_completed() -> io::Result<()> {
        let mut whole = BuildLog::new(None)?;
        let first = whole.attempt(piece("a", "x\n")).await?;
        let second = whole.attempt(piece("a", "y\n")).await?;
        let mut log = BuildLog::new(None)?;
        log.place.bytes = 5;
        assert_eq!(log.attempt(piece("a", "x\n")).await?, first[5..]);
        assert!(log.has(1) && !log.has(2));
        assert_eq!(log.attempt(piece("a", "y\n")).await?, second);
        Ok(())
    }
}
