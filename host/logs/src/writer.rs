//! Writes one stream.

use std::sync::Arc;

use tokio::sync::futures::Notified;

use crate::LogError;
use crate::segment::{MAX_MARK_BYTES, MAX_MARKED_BYTES, Mark};
use crate::state::{Session, State, Stream};

/// The writer of a stream; there is one at a time. Dropped before [`flush`](LogWriter::flush) or
/// [`finish`](LogWriter::finish) returned, it leaves what is durable, as a crash does.
///
/// After an error the stream is opened anew, which goes on after what is durable.
#[derive(Debug)]
pub struct LogWriter {
    stream: Arc<Stream>,
    segment_bytes: usize,
    mark: Option<Mark>,
}

impl LogWriter {
    pub(crate) fn new(stream: Arc<Stream>, segment_bytes: usize, mark: Option<Mark>) -> LogWriter {
        LogWriter { stream, segment_bytes, mark }
    }

    /// The end of the stream: all that was appended, durable or not. Directly after opening, all of it is durable.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.stream.state().end()
    }

    /// Up to where it is durable.
    #[must_use]
    pub fn durable(&self) -> u64 {
        self.stream.state().durable
    }

    /// The last mark: after opening the last that is durable, later the last that was appended.
    ///
    /// A writer that marks all it appends finds it at [`end`](LogWriter::end); [`marked`](LogWriter::marked) says where
    /// it stands.
    #[must_use]
    pub fn mark(&self) -> Option<&str> {
        self.mark.as_ref().map(|mark| mark.text.as_str())
    }

    /// Where the last mark stands; 0 if there is none.
    #[must_use]
    pub fn marked(&self) -> u64 {
        self.mark.as_ref().map_or(0, |mark| mark.at)
    }

    /// Appends bytes. Readers of this process see them at once; they are durable when they fill a segment, are old
    /// enough, or are flushed. Waits only where two segments' worth is not durable yet.
    ///
    /// Dropped while it waits, it may have appended a first part; [`end`](LogWriter::end) tells.
    ///
    /// # Errors
    /// If the blob store refused for longer than [`LogSettings::patience`](crate::LogSettings::patience), or another
    /// process wrote the stream.
    pub async fn append(&mut self, mut bytes: &[u8]) -> Result<(), LogError> {
        while !bytes.is_empty() {
            let (stream, segment_bytes) = (&self.stream, self.segment_bytes);
            let pushed = wait_for(stream, |session, _| {
                let room = segment_bytes.saturating_sub(session.tail.len()).min(bytes.len());
                (room > 0).then(|| push(stream, session, &bytes[..room], segment_bytes))
            });
            let pushed = pushed.await?;
            bytes = &bytes[pushed..];
        }
        Ok(())
    }

    /// Appends bytes and notes behind them what the writer must know to go on there. No segment ends between them, so
    /// they become durable together. A mark without bytes becomes durable with the next bytes.
    ///
    /// # Errors
    /// As [`append`](LogWriter::append); nothing was appended then. Or if there are more than [`MAX_MARKED_BYTES`], or
    /// the mark is longer than [`MAX_MARK_BYTES`].
    pub async fn append_marked(&mut self, bytes: &[u8], mark: String) -> Result<(), LogError> {
        if bytes.len() > MAX_MARKED_BYTES {
            return Err(LogError::TooMuchMarked { stream: self.stream.id.clone(), bytes: bytes.len() });
        }
        if mark.len() > MAX_MARK_BYTES {
            return Err(LogError::LongMark { stream: self.stream.id.clone(), bytes: mark.len() });
        }
        let (stream, segment_bytes) = (&self.stream, self.segment_bytes);
        let marked = wait_for(stream, |session, end| {
            let gathered = session.tail.len();
            if gathered > 0 && gathered + bytes.len() > segment_bytes {
                session.hurry = true;
                return None;
            }
            push(stream, session, bytes, segment_bytes);
            // Under the same lock as the bytes: the pump takes both or neither.
            let mark = Mark { at: end + bytes.len() as u64, text: mark.clone() };
            session.mark = Some(mark.clone());
            Some(mark)
        });
        self.mark = Some(marked.await?);
        Ok(())
    }

    /// Waits until all that was appended is durable, and returns up to where that is.
    ///
    /// # Errors
    /// As [`append`](LogWriter::append).
    pub async fn flush(&mut self) -> Result<u64, LogError> {
        wait_for(&self.stream, |session, _| {
            session.hurry = !session.tail.is_empty();
            (session.tail.is_empty() && session.in_flight.is_empty()).then_some(())
        })
        .await?;
        Ok(self.durable())
    }

    /// Makes all of it durable and seals the stream: nobody writes it again, and readers come to its end.
    ///
    /// # Errors
    /// As [`append`](LogWriter::append).
    pub async fn finish(self) -> Result<(), LogError> {
        let stream = &self.stream;
        loop {
            let mut grown = std::pin::pin!(stream.grown.notified());
            grown.as_mut().enable();
            {
                let mut state = stream.state();
                if state.finished {
                    return Ok(());
                }
                working(stream, &mut state)?.finishing = true;
            }
            stream.work.notify_one();
            grown.await;
        }
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        let mut state = self.stream.state();
        if let Some(session) = &mut state.session {
            session.dropped = true;
            if session.pump_gone {
                state.session = None;
            }
        }
        drop(state);
        self.stream.work.notify_one();
        self.stream.dropped.notify_one();
        self.stream.grown.notify_waiters();
    }
}

/// The session of a writer that did not fail.
fn working<'a>(stream: &Stream, state: &'a mut State) -> Result<&'a mut Session, LogError> {
    match &mut state.session {
        Some(session) => match &session.failed {
            Some(error) => Err(error.clone()),
            None => Ok(session),
        },
        None => Err(LogError::Stopped { stream: stream.id.clone() }),
    }
}

/// Asks until it is answered, each time something changed: with the session and the end of the stream.
async fn wait_for<T>(stream: &Stream, mut ask: impl FnMut(&mut Session, u64) -> Option<T>) -> Result<T, LogError> {
    loop {
        let grown: Notified<'_> = stream.grown.notified();
        let mut grown = std::pin::pin!(grown);
        grown.as_mut().enable();
        {
            let mut state = stream.state();
            let end = state.end();
            if let Some(answer) = ask(working(stream, &mut state)?, end) {
                return Ok(answer);
            }
        }
        stream.work.notify_one();
        grown.await;
    }
}

/// Adds bytes to what is gathered, and tells who is to know.
fn push(stream: &Stream, session: &mut Session, bytes: &[u8], segment_bytes: usize) -> usize {
    if bytes.is_empty() {
        return 0;
    }
    if session.push(bytes) || session.tail.len() >= segment_bytes {
        stream.work.notify_one();
    }
    stream.grown.notify_waiters();
    bytes.len()
}
