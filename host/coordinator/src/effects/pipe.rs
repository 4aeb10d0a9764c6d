//! From a blocking writer to a stream of bytes, with a bounded number of chunks between them.

use std::io;

use bytes::Bytes;
use futures::Stream;
use tokio::sync::mpsc;

/// Size of a chunk on its way.
const CHUNK_BYTES: usize = 256 << 10;

/// Chunks between the writer and the reader.
const CHUNKS: usize = 4;

/// Runs `work` on a blocking thread with a writer whose bytes come out of the returned stream. An error of the work is
/// the stream's last item.
pub(super) fn blocking_stream<W>(work: W) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static
where
    W: FnOnce(&mut ChunkWriter) -> io::Result<()> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(CHUNKS);
    tokio::task::spawn_blocking(move || {
        let mut writer = ChunkWriter { sender, buffer: Vec::with_capacity(CHUNK_BYTES) };
        let result = work(&mut writer).and_then(|()| writer.send());
        if let Err(error) = result {
            // Nobody left to tell is nobody left to mind.
            let _ = writer.sender.blocking_send(Err(error));
        }
    });
    futures::stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)))
}

/// Writes into the stream.
pub(super) struct ChunkWriter {
    sender: mpsc::Sender<io::Result<Bytes>>,
    buffer: Vec<u8>,
}

impl ChunkWriter {
    fn send(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK_BYTES));
        self.sender.blocking_send(Ok(chunk.into())).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl io::Write for ChunkWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = CHUNK_BYTES - self.buffer.len();
        let taken = room.min(bytes.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        if self.buffer.len() == CHUNK_BYTES {
            self.send()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
