//! The raw output of one exec, as a stream of its build. It is the same whoever copies it from the buildlet, so that of two
//! coordinators over one store, of which one does not know yet that it is superseded, each goes on behind the other.

use std::io;

use logs::{LogError, LogWriter};

use crate::kept::{KeptStreams, MOST_TAKEN, Opened};

/// The raw output of one exec.
pub(crate) struct ExecLog {
    writer: Option<LogWriter>,
    /// The length of a complete one.
    end: u64,
    streams: KeptStreams,
    stream: String,
}

impl ExecLog {
    /// With what was kept of it in an earlier life.
    pub(crate) async fn open(streams: &KeptStreams, stream: String) -> io::Result<ExecLog> {
        let mut log = ExecLog { writer: None, end: 0, streams: streams.clone(), stream };
        log.open_anew().await?;
        Ok(log)
    }

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
        match self.append(offset, bytes).await {
            Err(LogError::Taken { .. }) => {
                let (from, mut gathered) = self.gathered().await?;
                // The beginning of these may be gathered already.
                gathered.extend_from_slice(behind(self.end(), offset, bytes));
                self.go_on_behind(from, &gathered).await
            }
            done => done.map_err(io::Error::other),
        }
    }

    /// Makes durable what there is.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        let mut taken = 0;
        loop {
            let Some(writer) = &mut self.writer else { return Ok(()) };
            match writer.flush().await {
                Err(LogError::Taken { .. }) if taken < MOST_TAKEN => {
                    taken += 1;
                    let (from, gathered) = self.gathered().await?;
                    self.go_on_behind(from, &gathered).await?;
                }
                done => return done.map(drop).map_err(io::Error::other),
            }
        }
    }

    /// Ends it: nothing follows.
    pub(crate) async fn finish(mut self) -> io::Result<()> {
        let mut taken = 0;
        loop {
            let (from, gathered) = self.gathered().await?;
            let Some(writer) = self.writer.take() else { return Ok(()) };
            match writer.finish().await {
                Err(LogError::Taken { .. }) if taken < MOST_TAKEN => {
                    taken += 1;
                    self.go_on_behind(from, &gathered).await?;
                }
                done => return done.map_err(io::Error::other),
            }
        }
    }

    /// Another coordinator wrote first, and what it wrote are the same bytes: the stream is opened anew, and what of these
    /// is not in it follows.
    async fn go_on_behind(&mut self, from: u64, bytes: &[u8]) -> io::Result<()> {
        let mut taken = 0;
        loop {
            self.open_anew().await?;
            match self.append(from, bytes).await {
                Err(LogError::Taken { .. }) if taken < MOST_TAKEN => taken += 1,
                done => return done.map_err(io::Error::other),
            }
        }
    }

    async fn open_anew(&mut self) -> io::Result<()> {
        // A stream has one writer at a time.
        drop(self.writer.take());
        match self.streams.open(&self.stream).await? {
            Opened::Writer(writer) => self.writer = Some(writer),
            Opened::Sealed(end) => self.end = end,
            Opened::None => {}
        }
        Ok(())
    }

    async fn append(&mut self, offset: u64, bytes: &[u8]) -> Result<(), LogError> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        let new = behind(writer.end(), offset, bytes);
        writer.append(new).await
    }

    /// What is not durable yet, and where it begins: readers of this process see it as long as its writer is there.
    async fn gathered(&self) -> io::Result<(u64, Vec<u8>)> {
        let Some(writer) = &self.writer else { return Ok((self.end, Vec::new())) };
        let (from, end) = (writer.durable(), writer.end());
        let mut gathered = Vec::new();
        loop {
            let at = from + gathered.len() as u64;
            let piece = if at < end { self.streams.read(&self.stream, at).await? } else { Vec::new() };
            if piece.is_empty() {
                return Ok((from, gathered));
            }
            gathered.extend_from_slice(&piece);
        }
    }
}

/// What of these bytes, the first of which is at this offset, is not before the end.
fn behind(end: u64, offset: u64, bytes: &[u8]) -> &[u8] {
    let there = usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX);
    &bytes[there.min(bytes.len())..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kept::tests::Folder;

    #[tokio::test]
    async fn two_coordinators_copy_one_output() -> io::Result<()> {
        let folder = Folder::new()?;
        let mut old = folder.open().exec("make-1-0").await?;
        old.push(0, b"one ").await?;
        old.flush().await?;
        let mut new = folder.open().exec("make-1-0").await?;
        assert_eq!(new.end(), 4);
        new.push(4, b"two ").await?;
        old.push(4, b"tw").await?;
        old.flush().await?;
        new.push(8, b"three ").await?;
        new.flush().await?;
        assert_eq!((new.end(), new.read(0).await?), (14, b"one two three ".to_vec()), "behind what the other wrote");
        old.push(6, b"o thr").await?;
        new.push(14, b"four").await?;
        old.finish().await?;
        assert_eq!(new.end(), 18);
        new.finish().await?;
        let whole = folder.open().exec("make-1-0").await?;
        assert_eq!((whole.end(), whole.read(0).await?), (14, b"one two three ".to_vec()), "it ends once");
        Ok(())
    }

    #[tokio::test]
    async fn output_that_another_got_further_with_is_appended_from_there() -> io::Result<()> {
        let folder = Folder::new()?;
        let mut old = folder.open().exec("make-1-0").await?;
        let mut new = folder.open().exec("make-1-0").await?;
        old.push(0, b"one two").await?;
        old.flush().await?;
        new.push(0, b"one ").await?;
        // That it was not first is known once it could not write.
        new.flush().await?;
        assert_eq!(new.end(), 7);
        new.push(4, b"two three").await?;
        new.finish().await?;
        let whole = folder.open().exec("make-1-0").await?;
        assert_eq!(whole.read(0).await?, b"one two three");
        Ok(())
    }
}
