//! Where a command's output goes, and what carries it there.

use std::{io, sync::Arc, time::Duration};

use tokio::{io::AsyncReadExt as _, net::unix::pipe};
use tokio_util::sync::CancellationToken;

use super::{super::http1::StreamWriter, Spool, spool::SpoolWriter};

/// Output is read in pieces of this size: what a pipe holds.
const READ_BYTES: usize = 64 << 10;
/// How long output is gathered before it is passed on.
const GATHER: Duration = Duration::from_millis(10);
/// Once all of a command's processes were killed, its pipe should be at its end. One that somebody else still holds
/// is given up after this time without a byte.
const DRAIN: Duration = Duration::from_secs(2);

/// Where output goes.
pub(crate) enum Output<'a> {
    Client(StreamWriter<'a>),
    Spool(SpoolWriter),
}

impl<'a> Output<'a> {
    /// The client's side again, to end its response.
    pub(crate) fn into_client(self) -> Option<StreamWriter<'a>> {
        match self {
            Output::Client(writer) => Some(writer),
            Output::Spool(_) => None,
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Output::Client(writer) => writer.chunk(bytes).await,
            Output::Spool(writer) => writer.write(bytes).await,
        }
    }

    pub(super) fn spool(&self) -> Option<Arc<Spool>> {
        match self {
            Output::Client(_) => None,
            Output::Spool(writer) => Some(writer.spool()),
        }
    }
}

/// Passes output on until its end; after `killed` it no longer waits for it.
///
/// A command that writes line by line has its lines gathered: each piece costs the disk, the network and the coordinator
/// as much as a hundred lines do.
pub(super) async fn pump(
    pipe: &mut pipe::Receiver,
    output: &mut Output<'_>,
    killed: &CancellationToken,
) -> io::Result<()> {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let given_up = async {
            killed.cancelled().await;
            tokio::time::sleep(DRAIN).await;
        };
        let count = tokio::select! {
            biased;
            count = pipe.read(&mut buffer) => count?,
            () = given_up => {
                tracing::warn!("output of a command was given up: another process holds its pipe");
                0
            }
        };
        if count == 0 {
            return Ok(());
        }
        let (filled, more) = gather(pipe, &mut buffer, count).await;
        output.write(&buffer[..filled]).await?;
        if !more? {
            return Ok(());
        }
    }
}

/// Reads on for a moment, up to a full buffer: how much is in it, and whether there may be more.
async fn gather(pipe: &mut pipe::Receiver, buffer: &mut [u8], mut filled: usize) -> (usize, io::Result<bool>) {
    let moment = tokio::time::sleep(GATHER);
    tokio::pin!(moment);
    while filled < buffer.len() {
        tokio::select! {
            biased;
            count = pipe.read(&mut buffer[filled..]) => match count {
                Ok(0) => return (filled, Ok(false)),
                Ok(count) => filled += count,
                Err(error) => return (filled, Err(error)),
            },
            () = &mut moment => break,
        }
    }
    (filled, Ok(true))
}
