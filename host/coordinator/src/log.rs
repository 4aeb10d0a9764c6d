//! The ordered log of one build: what people read. Where logs are kept it is a durable stream, and each of its marks says
//! what is in it, so that after a restart it goes on exactly there: nothing is missing, and nothing stands there twice.

mod place;

use std::collections::VecDeque;
use std::io;

use logs::{LogError, LogWriter};

use crate::kept::{KeptStreams, MOST_TAKEN, Opened};
use crate::log::place::{Part, Place};
use crate::output::Piece;
use crate::streams::ORDERED;

/// What is appended with one mark: a segment holds at least so much.
const PART_BYTES: usize = 1 << 20;

/// The log as it grows.
pub(crate) struct BuildLog {
    place: Place,
    writer: Writing,
    streams: KeptStreams,
    /// What was appended and is not durable yet, and what is being appended: all of it is appended again behind what another
    /// coordinator wrote first.
    gathered: VecDeque<Gathered>,
    /// So many of these are appended.
    appended: usize,
}

/// How the log is written.
enum Writing {
    /// No logs are kept, or this one is complete.
    Nowhere,
    Stream(LogWriter),
    /// Another coordinator was first: the stream is to be opened anew.
    Anew,
}

/// What follows once all is appended.
#[derive(Clone, Copy)]
enum Then {
    Nothing,
    Flush,
    Finish,
}

/// A part of the log that is not durable yet.
struct Gathered {
    part: Part,
    bytes: Vec<u8>,
    /// It is durable when so much of the stream is.
    durable_at: u64,
}

impl BuildLog {
    /// A log that goes on where its last mark says.
    ///
    /// # Errors
    /// The stream cannot be opened, or its mark is not one of this version's.
    pub(crate) async fn open(streams: &KeptStreams) -> io::Result<BuildLog> {
        let mut log = BuildLog {
            place: Place::default(),
            writer: Writing::Anew,
            streams: streams.clone(),
            gathered: VecDeque::new(),
            appended: 0,
        };
        log.open_anew().await?;
        Ok(log)
    }

    /// Appends the output of an exec from this offset on, as far as it is not there yet. What was appended.
    pub(crate) async fn exec<'a>(&mut self, exec: &str, offset: u64, bytes: &'a [u8]) -> io::Result<&'a [u8]> {
        let part = Part::Exec { exec: exec.to_owned(), end: offset + bytes.len() as u64 };
        let Some((new, _)) = self.place.missing(&part, bytes) else { return Ok(&[]) };
        self.append(part, new).await?;
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
        let place = self.place.attempts + 1;
        let mut heads = self.place.heads.clone();
        let text: Vec<u8> = pieces.into_iter().filter_map(|piece| heads.add(piece)).flatten().collect();
        let from = usize::try_from(self.place.bytes).unwrap_or(usize::MAX).min(text.len());
        let mut end = from;
        loop {
            let part = &text[end..text.len().min(end + PART_BYTES)];
            end += part.len();
            let whole = (end == text.len()).then(|| heads.clone());
            let is_whole = whole.is_some();
            self.append(Part::Attempt { place, end: end as u64, whole }, part).await?;
            if is_whole {
                return Ok(text[from..].to_vec());
            }
        }
    }

    /// Tells of a restart, unless that one was told. What was appended.
    pub(crate) async fn restart(&mut self, number: u64, text: &str) -> io::Result<Vec<u8>> {
        if number <= self.place.restarts {
            return Ok(Vec::new());
        }
        let line = format!("\n##### {text}\n").into_bytes();
        self.append(Part::Restart(number), &line).await?;
        Ok(line)
    }

    /// Appends a part that ends with these bytes, or nothing.
    async fn append(&mut self, part: Part, bytes: &[u8]) -> io::Result<()> {
        self.gathered.push_back(Gathered { part, bytes: bytes.to_vec(), durable_at: 0 });
        let appended = self.write(Then::Nothing).await;
        if appended.is_err() {
            self.gathered.pop_back();
        }
        appended
    }

    /// Makes durable what there is.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        self.write(Then::Flush).await
    }

    /// Ends it: nothing follows.
    pub(crate) async fn finish(&mut self) -> io::Result<()> {
        self.write(Then::Finish).await
    }

    /// Appends what is gathered. Where another coordinator wrote first, one that does not know yet that it is superseded or
    /// the one that took over, this goes on behind it.
    async fn write(&mut self, then: Then) -> io::Result<()> {
        let mut taken = 0;
        loop {
            if matches!(self.writer, Writing::Anew) {
                self.open_anew().await?;
            }
            match self.try_to_write(then).await {
                Err(LogError::Taken { .. }) if taken < MOST_TAKEN => {
                    taken += 1;
                    self.writer = Writing::Anew;
                }
                done => return done.map_err(io::Error::other),
            }
        }
    }

    async fn open_anew(&mut self) -> io::Result<()> {
        self.writer = match self.streams.open(ORDERED).await? {
            Opened::Writer(writer) => {
                let mark = writer.mark().map_or_else(|| Ok(Place::default()), serde_json::from_str);
                self.place = mark.map_err(io::Error::other)?;
                self.appended = 0;
                Writing::Stream(writer)
            }
            Opened::Sealed(_) | Opened::None => Writing::Nowhere,
        };
        Ok(())
    }

    async fn try_to_write(&mut self, then: Then) -> Result<(), LogError> {
        while let Some(gathered) = self.gathered.get_mut(self.appended) {
            gathered.durable_at = 0;
            if let Some((missing, place)) = self.place.missing(&gathered.part, &gathered.bytes) {
                if let Writing::Stream(writer) = &mut self.writer {
                    if !missing.is_empty() {
                        let mark = serde_json::to_string(&place).expect("a place is numbers and texts");
                        writer.append_marked(missing, mark).await?;
                    }
                    // What has no bytes is noted with the next that has some.
                    gathered.durable_at = writer.end() + u64::from(missing.is_empty());
                }
                self.place = place;
            }
            self.appended += 1;
        }
        match then {
            Then::Nothing => {}
            Then::Flush => {
                if let Writing::Stream(writer) = &mut self.writer {
                    writer.flush().await?;
                }
            }
            Then::Finish => {
                if let Writing::Stream(writer) = std::mem::replace(&mut self.writer, Writing::Nowhere) {
                    writer.finish().await?;
                }
            }
        }
        self.forget_durable();
        Ok(())
    }

    fn forget_durable(&mut self) {
        let durable = match &self.writer {
            Writing::Stream(writer) => writer.durable(),
            Writing::Nowhere | Writing::Anew => u64::MAX,
        };
        while self.appended > 0 && self.gathered.front().is_some_and(|gathered| gathered.durable_at <= durable) {
            self.gathered.pop_front();
            self.appended -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use engine::BuildId;

    use super::*;
    use crate::kept::tests::Folder;

    async fn unkept() -> io::Result<BuildLog> {
        BuildLog::open(&KeptStreams::new(None, BuildId(1))).await
    }

    fn piece(banner: &str, text: &str) -> Vec<Piece> {
        vec![Piece::Banner(banner.into()), Piece::Text(text.into())]
    }

    #[tokio::test]
    async fn what_is_there_is_not_appended_again() -> io::Result<()> {
        let mut log = unkept().await?;
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
        let mut whole = unkept().await?;
        let first = whole.attempt(piece("a", "x\n")).await?;
        let second = whole.attempt(piece("a", "y\n")).await?;
        let mut log = unkept().await?;
        log.place.bytes = 5;
        assert_eq!(log.attempt(piece("a", "x\n")).await?, first[5..]);
        assert!(log.has(1) && !log.has(2));
        assert_eq!(log.attempt(piece("a", "y\n")).await?, second);
        Ok(())
    }

    #[tokio::test]
    async fn two_coordinators_write_one_log() -> io::Result<()> {
        let folder = Folder::new()?;
        let mut old = BuildLog::open(&folder.open()).await?;
        old.exec("make-1-0", 0, b"one ").await?;
        old.flush().await?;
        let mut new = BuildLog::open(&folder.open()).await?;
        new.restart(1, "restarted").await?;
        new.exec("make-1-0", 4, b"two ").await?;
        new.attempt(piece("a", "x\n")).await?;
        // Nothing of that is durable yet, and the old one is quicker.
        old.exec("make-1-0", 4, b"two three ").await?;
        old.flush().await?;
        new.exec("make-1-0", 8, b"three four").await?;
        new.flush().await?;
        assert_eq!((new.end_of("make-1-0"), new.has(1), new.has(2)), (18, true, false));
        // The old one has published nothing yet; now it finds all of it there.
        old.exec("make-1-0", 14, b"four").await?;
        old.attempt(piece("a", "x\n")).await?;
        old.attempt(piece("a", "y\n")).await?;
        old.flush().await?;
        assert!(!new.has(2));
        new.attempt(piece("a", "y\n")).await?;
        new.finish().await?;
        let whole = folder.open().read(ORDERED, 0).await?;
        let wanted = "one two three \n##### restarted\n\n##### a\nx\nfoury\n";
        assert_eq!(String::from_utf8_lossy(&whole), wanted);
        Ok(())
    }
}
