//! Lines of a stream: how many there are, and where one begins.

use memchr::{memchr_iter, memrchr};

use crate::load::missing;
use crate::state::Stream;
use crate::{LogError, LogStore};

impl LogStore {
    /// The number of lines, an open last one included.
    ///
    /// # Errors
    /// If a segment is damaged or missing, or the blob store fails.
    pub async fn lines(&self, build: u64, stream: &str) -> Result<u64, LogError> {
        let stream = self.current(build, stream).await?;
        let (durable, mut lines, mut open) = {
            let state = stream.state();
            (state.durable, state.lines, state.open)
        };
        let mut at = durable;
        loop {
            let piece = self.piece(&stream, at).await?;
            let Some(last) = piece.last() else { return Ok(lines + u64::from(open)) };
            lines += memchr_iter(b'\n', &piece).count() as u64;
            open = *last != b'\n';
            at += piece.len() as u64;
        }
    }

    /// The offset at which line `line` begins, counted from 1; none if the stream has fewer. The line behind the last
    /// newline is there as soon as that newline is.
    ///
    /// # Errors
    /// If a segment is damaged or missing, or the blob store fails.
    pub async fn line(&self, build: u64, stream: &str, line: u64) -> Result<Option<u64>, LogError> {
        let stream = self.current(build, stream).await?;
        self.line_start(&stream, line).await
    }

    /// The stream, with what other processes have written of it.
    pub(crate) async fn current(&self, build: u64, name: &str) -> Result<std::sync::Arc<Stream>, LogError> {
        let stream = self.stream(build, name).await?;
        let written_here = stream.state().session.is_some();
        if !written_here {
            self.extend(&stream).await?;
        }
        Ok(stream)
    }

    pub(crate) async fn line_start(&self, stream: &Stream, line: u64) -> Result<Option<u64>, LogError> {
        let Some(newlines) = line.checked_sub(1).filter(|newlines| *newlines > 0) else {
            return Ok(Some(0));
        };
        let (mut at, mut before) = self.before_newline(stream, newlines).await?;
        // The newline is in the piece that begins here, except in the tail, which may be several.
        loop {
            let piece = self.piece(stream, at).await?;
            if piece.is_empty() {
                return Ok(None);
            }
            let within = usize::try_from(newlines - before - 1).unwrap_or(usize::MAX);
            if let Some(newline) = memchr_iter(b'\n', &piece).nth(within) {
                return Ok(Some(at + newline as u64 + 1));
            }
            before += memchr_iter(b'\n', &piece).count() as u64;
            at += piece.len() as u64;
        }
    }

    /// The offset of the segment (or the tail) that holds the `newlines`-th newline, and the newlines before it.
    async fn before_newline(&self, stream: &Stream, newlines: u64) -> Result<(u64, u64), LogError> {
        let (mut low, mut high) = {
            let state = stream.state();
            if newlines > state.lines {
                return Ok((state.durable, state.lines));
            }
            (0, state.places.len())
        };
        // The last segment with fewer newlines before it.
        let mut found = (0, 0);
        while low < high {
            let middle = usize::midpoint(low, high);
            let (offset, before) = self.lines_before(stream, middle).await?;
            if before < newlines {
                found = (offset, before);
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(found)
    }

    /// The offset of a segment, and the newlines before it, which its head tells.
    async fn lines_before(&self, stream: &Stream, index: usize) -> Result<(u64, u64), LogError> {
        let place = stream.state().places[index];
        if let Some(before) = place.lines_before {
            return Ok((place.offset, before));
        }
        let head = self.head(&stream.id, place.offset).await?;
        let before = head.ok_or_else(|| missing(&stream.id, place.offset))?.lines_before;
        stream.state().places[index].lines_before = Some(before);
        Ok((place.offset, before))
    }
}

/// Where the line that holds this byte begins.
pub(crate) fn start_of_line(bytes: &[u8], at: usize) -> usize {
    memrchr(b'\n', &bytes[..at]).map_or(0, |newline| newline + 1)
}
