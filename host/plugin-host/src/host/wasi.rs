//! A WASI with nothing in it, for guests whose toolchain imports one whether they need it or not.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError};
use wasmtime_wasi::random::Deterministic;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxBuilder};

/// Bytes of standard error that are kept: a Python traceback fits.
const TAIL_BYTES: usize = 4 << 10;
/// Bytes that one call for randomness may ask for.
const RANDOM_BYTES: u64 = 1 << 20;
/// The seed of all randomness: decisions must be replayable.
const SEED: &[u8; 32] = b"muster plugins get no randomness";

/// Empty environment and arguments, clocks that stand still, seeded randomness, no files, no network.
pub(crate) fn deny_all(stderr: &Tail) -> WasiCtx {
    WasiCtxBuilder::new()
        .stderr(stderr.clone())
        .secure_random(Deterministic::new(SEED.to_vec()))
        .insecure_random(Deterministic::new(SEED.to_vec()))
        .insecure_random_seed(0)
        .max_random_size(RANDOM_BYTES)
        .wall_clock(Still)
        .monotonic_clock(Still)
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .build()
}

/// A clock that stands still at 1970.
struct Still;

impl HostWallClock for Still {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

impl HostMonotonicClock for Still {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        0
    }
}

/// The end of what a guest wrote to standard error.
#[derive(Clone, Default)]
pub(crate) struct Tail {
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Tail {
    /// What is there, if anything.
    pub(crate) fn text(&self) -> Option<String> {
        let bytes = self.bytes.lock().expect("no code that holds the tail panics");
        let text = String::from_utf8_lossy(&bytes).trim().to_owned();
        (!text.is_empty()).then_some(text)
    }

    fn keep(&self, new: &[u8]) {
        let mut bytes = self.bytes.lock().expect("no code that holds the tail panics");
        bytes.extend_from_slice(&new[new.len().saturating_sub(TAIL_BYTES)..]);
        let over = bytes.len().saturating_sub(TAIL_BYTES);
        bytes.drain(..over);
    }
}

impl IsTerminal for Tail {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Tail {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for Tail {
    fn write(&mut self, bytes: Bytes) -> Result<(), StreamError> {
        self.keep(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StreamError> {
        Ok(())
    }

    fn check_write(&mut self) -> Result<usize, StreamError> {
        Ok(TAIL_BYTES)
    }
}

#[async_trait::async_trait]
impl Pollable for Tail {
    async fn ready(&mut self) {}
}
