//! Reads what a process prints until it ends. What it left behind may hold its output open: that is not waited for long.

use std::io::{self, Read};
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes read at once.
const READ_BYTES: usize = 64 * 1024;
/// More than a pipe and the reading thread hold: what comes beyond it after a process's end is not its own.
const LEFT_BYTES: usize = 1024 * 1024;
/// How often it is looked whether the process has ended, while it prints nothing.
const LOOK: Duration = Duration::from_millis(100);

/// Shows the standard output, which is to be a pipe, as it comes. How the process ended, and whether its output did too:
/// it is waited for so long after it.
pub(crate) fn follow(
    child: &mut Child,
    patience: Duration,
    mut see: impl FnMut(&[u8]),
) -> io::Result<(ExitStatus, bool)> {
    let pieces = match child.stdout.take() {
        Some(out) => read_on(out),
        None => return child.wait().map(|status| (status, true)),
    };
    let (mut waited, mut left) = (Duration::ZERO, LEFT_BYTES);
    loop {
        let asked = Instant::now();
        let piece = pieces.recv_timeout(LOOK);
        // Only the time in which nothing came: whoever is shown it may be slow.
        let silent = asked.elapsed();
        let count = match piece {
            Ok(piece) => {
                let piece = piece?;
                see(&piece);
                piece.len()
            }
            Err(RecvTimeoutError::Timeout) => 0,
            Err(RecvTimeoutError::Disconnected) => return child.wait().map(|status| (status, true)),
        };
        if let Some(status) = child.try_wait()? {
            waited += silent;
            left = left.saturating_sub(count);
            if waited > patience || left == 0 {
                return Ok((status, false));
            }
        }
    }
}

/// Reads on a thread of its own, which ends with the output or when nobody asks for more.
fn read_on(out: impl Read + Send + 'static) -> Receiver<io::Result<Vec<u8>>> {
    let (sender, pieces) = sync_channel(1);
    thread::spawn(move || read(out, &sender));
    pieces
}

fn read(mut out: impl Read, sender: &SyncSender<io::Result<Vec<u8>>>) {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let piece = match out.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => Ok(buffer[..count].to_vec()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let ended = piece.is_err();
        if sender.send(piece).is_err() || ended {
            return;
        }
    }
}
