//! The threads that plugins run on, so that a busy guest never starves the coordinator.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::task::{AbortHandle, JoinError};

use crate::error::HostError;

/// Plugin threads: enough for one guest that computes and others that answer meanwhile.
const THREADS: usize = 2;

/// A call's future: it owns its store and returns it with the answer.
pub(crate) type Job<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Why a job has no answer.
#[derive(Debug)]
pub(crate) enum JobEnd {
    /// It ran over its time; its store is gone.
    TimedOut,
    /// The host's own code panicked.
    Panicked(String),
}

/// Where a job begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// On the caller's thread, until the first tick: what answers at once saves two changes of thread.
    Here,
    /// On a plugin thread: it will take long.
    Apart,
}

/// A runtime of its own for plugins.
pub(crate) struct PluginRuntime {
    runtime: Option<Runtime>,
}

impl PluginRuntime {
    pub(crate) fn new() -> Result<PluginRuntime, HostError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("plugin")
            .enable_all()
            .build()
            .map_err(HostError::Threads)?;
        Ok(PluginRuntime { runtime: Some(runtime) })
    }

    /// Runs a job to its end, at most for `limit`. Past it the job is dropped, its store with it.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        start: Start,
        limit: Duration,
        mut job: Job<T>,
    ) -> Result<T, JobEnd> {
        let began = Instant::now();
        if start == Start::Here
            && let Poll::Ready(answer) = futures::poll!(&mut job)
        {
            return Ok(answer);
        }
        let runtime = self.runtime.as_ref().expect("the runtime lives as long as its owner");
        let left = limit.saturating_sub(began.elapsed());
        let task = runtime.spawn(async move { tokio::time::timeout(left, job).await });
        let _stop = StopOnDrop(task.abort_handle());
        match task.await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_elapsed)) => Err(JobEnd::TimedOut),
            Err(error) => Err(JobEnd::Panicked(panic_text(error))),
        }
    }
}

impl Drop for PluginRuntime {
    fn drop(&mut self) {
        // A runtime must not be dropped by waiting inside another one.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Ends the job of a caller that no longer waits.
struct StopOnDrop(AbortHandle);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn panic_text(error: JoinError) -> String {
    match error.try_into_panic() {
        Ok(panic) => panic
            .downcast_ref::<&str>()
            .map(ToString::to_string)
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without a message".into()),
        Err(_) => "the plugin threads are shut down".into(),
    }
}
