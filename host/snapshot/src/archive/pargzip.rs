//! Gzip on several threads: the input is cut into chunks and each becomes a gzip member of its own.
//!
//! ```text
//! write() -> chunk (1 MiB) -> bounded queue -> worker threads -> members, written in order by the caller's thread
//! ```
//! Readers must accept concatenated members, which RFC 1952 asks of them and x/build has relied on since 2015.

use std::{
    collections::VecDeque,
    io::{self, Write},
    mem,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
};

use flate2::{Compression, write::GzEncoder};

/// Input of one member, in bytes: large enough that restarting the dictionary costs under one percent.
const CHUNK_BYTES: usize = 1 << 20;
/// The level of `gzip -6`, which x/build uses too.
const LEVEL: u32 = 6;

struct Job {
    input: Vec<u8>,
    done: SyncSender<Done>,
}

struct Done {
    member: io::Result<Vec<u8>>,
    /// Given back to be filled again.
    input: Vec<u8>,
}

/// A gzip writer that compresses on several threads; memory is about 2 MiB for each thread and one more.
#[derive(Debug)]
pub struct ParallelGzip<W: Write> {
    writer: W,
    chunk: Vec<u8>,
    /// `None` once closed, which ends the workers.
    jobs: Option<SyncSender<Job>>,
    pending: VecDeque<Receiver<Done>>,
    max_pending: usize,
    workers: Vec<JoinHandle<()>>,
    spare: Vec<Vec<u8>>,
    any_member: bool,
}

impl<W: Write> ParallelGzip<W> {
    /// Starts this many worker threads, at least one.
    pub fn new(writer: W, threads: usize) -> Self {
        let threads = threads.max(1);
        let max_pending = threads + 1;
        let (jobs, queue) = sync_channel(max_pending);
        let queue = Arc::new(Mutex::new(queue));
        let workers = (0..threads)
            .map(|_| {
                let queue = Arc::clone(&queue);
                thread::spawn(move || work(&queue))
            })
            .collect();
        ParallelGzip {
            writer,
            chunk: Vec::with_capacity(CHUNK_BYTES),
            jobs: Some(jobs),
            pending: VecDeque::with_capacity(max_pending),
            max_pending,
            workers,
            spare: Vec::new(),
            any_member: false,
        }
    }

    /// Compresses what is left, writes everything, and gives the output back.
    ///
    /// # Errors
    ///
    /// Where writing to the output fails. Without this call the stream is left without its end.
    pub fn finish(mut self) -> io::Result<W>
    where
        W: Sized,
    {
        if !self.chunk.is_empty() || !self.any_member {
            self.submit()?;
        }
        self.drain(0)?;
        self.jobs = None;
        for worker in self.workers.drain(..) {
            worker.join().map_err(|_| io::Error::other("a compression thread panicked"))?;
        }
        Ok(self.writer)
    }

    fn submit(&mut self) -> io::Result<()> {
        self.drain(self.max_pending - 1)?;
        let next = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(CHUNK_BYTES));
        let input = mem::replace(&mut self.chunk, next);
        let (done, answer) = sync_channel(1);
        let jobs = self.jobs.as_ref().expect("it is closed by `finish` only");
        jobs.send(Job { input, done }).map_err(|_| worker_gone())?;
        self.pending.push_back(answer);
        self.any_member = true;
        Ok(())
    }

    /// Writes members, oldest first, until at most this many are pending.
    fn drain(&mut self, most: usize) -> io::Result<()> {
        while self.pending.len() > most {
            let Some(answer) = self.pending.pop_front() else {
                return Ok(());
            };
            let done = answer.recv().map_err(|_| worker_gone())?;
            self.writer.write_all(&done.member?)?;
            let mut input = done.input;
            input.clear();
            self.spare.push(input);
        }
        Ok(())
    }
}

impl<W: Write> Write for ParallelGzip<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(CHUNK_BYTES - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..count]);
        if self.chunk.len() == CHUNK_BYTES {
            self.submit()?;
        }
        Ok(count)
    }

    /// Writes the members that are complete; the open chunk stays open, or the output would grow.
    fn flush(&mut self) -> io::Result<()> {
        self.drain(0)?;
        self.writer.flush()
    }
}

fn work(queue: &Mutex<Receiver<Job>>) {
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { input, done }) = job else {
            return;
        };
        let member = compress(&input);
        // Nobody waits any more when the writer was dropped half-way.
        let _ = done.send(Done { member, input });
    }
}

fn compress(input: &[u8]) -> io::Result<Vec<u8>> {
    let output = Vec::with_capacity(input.len() / 2 + 64);
    let mut encoder = GzEncoder::new(output, Compression::new(LEVEL));
    encoder.write_all(input)?;
    encoder.finish()
}

fn worker_gone() -> io::Error {
    io::Error::other("a compression thread panicked")
}
