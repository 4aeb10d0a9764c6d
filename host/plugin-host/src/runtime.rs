//! The threads that plugins run on, so that a busy guest never starves the coordinator.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;
use std::time::Instant;

use tokio::runtime::{Builder, Runtime};
use tokio::task::{AbortHandle, JoinError};

use crate::allowance::{Allowance, Counted};
use crate::error::HostError;

/// Plugin threads: enough for one guest that computes and others that answer meanwhile.
const THREADS: usize = 2;

/// A call's future: it owns its store and returns it with the answer.
pub(crate) type Job<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Why a job has no answer.
#[derive(Debug)]
pub(crate) enum JobEnd {
    /// It used up its processor time; its store is gone.
    Spent,
    /// It used up all of its time; its store is gone.
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

    /// Runs a job to its end, as far as its allowance goes. Past it the job is dropped, its store with it.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        start: Start,
        allowance: Allowance,
        mut job: Job<T>,
    ) -> Result<T, JobEnd> {
        let began = Instant::now();
        if start == Start::Here
            && let Poll::Ready(answer) = futures::poll!(&mut job)
        {
            return Ok(answer);
        }
        let runtime = self.runtime.as_ref().expect("the runtime lives as long as its owner");
        let left = allowance.all.saturating_sub(began.elapsed());
        let counted = Counted::new(job, allowance.computing);
        let task = runtime.spawn(async move { tokio::time::timeout(left, counted).await });
        let _stop = StopOnDrop(task.abort_handle());
        match task.await {
            Ok(Ok(Some(answer))) => Ok(answer),
            Ok(Ok(None)) => Err(JobEnd::Spent),
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failure is the test's")]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::allowance::processor_time;

    const LIMIT: Duration = Duration::from_millis(100);
    const LONG: Duration = Duration::from_secs(120);

    /// A machine with more to do than it has processors for.
    struct Busy(Arc<AtomicBool>);

    impl Busy {
        fn new() -> Busy {
            let over = Arc::new(AtomicBool::new(false));
            let processors = std::thread::available_parallelism().unwrap().get();
            for _ in 0..4 * processors {
                let over = Arc::clone(&over);
                std::thread::spawn(move || while !over.load(Ordering::Relaxed) {});
            }
            Busy(over)
        }
    }

    impl Drop for Busy {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    /// Computes for so long, or for ever, and lets others run now and then. What it has used is in `used`, in microseconds.
    async fn compute(wanted: Option<Duration>, used: Arc<AtomicU64>) {
        let mut so_far = Duration::ZERO;
        while wanted.is_none_or(|wanted| so_far < wanted) {
            let began = processor_time();
            while processor_time() - began < Duration::from_millis(2) {}
            so_far += processor_time() - began;
            used.store(u64::try_from(so_far.as_micros()).unwrap(), Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn what_counts_is_processor_time() {
        let runtime = PluginRuntime::new().unwrap();
        let _busy = Busy::new();
        let allowance = Allowance { computing: LIMIT, all: LONG };
        for start in [Start::Here, Start::Apart] {
            let used = Arc::new(AtomicU64::new(0));
            let ended = runtime.run(start, allowance, Box::pin(compute(None, Arc::clone(&used)))).await;
            assert!(matches!(ended, Err(JobEnd::Spent)), "{ended:?}");
            let used = Duration::from_micros(used.load(Ordering::Relaxed));
            assert!(used >= LIMIT.mul_f64(0.9) && used < LIMIT * 2, "{used:?}");
            let less = compute(Some(LIMIT.mul_f64(0.7)), Arc::default());
            assert!(runtime.run(start, allowance, Box::pin(less)).await.is_ok(), "{start:?}");
        }
    }

    #[tokio::test]
    async fn who_only_waits_is_given_up_in_the_end() {
        let runtime = PluginRuntime::new().unwrap();
        let allowance = Allowance { computing: LONG, all: LIMIT };
        let ended = runtime.run(Start::Here, allowance, Box::pin(std::future::pending::<()>())).await;
        assert!(matches!(ended, Err(JobEnd::TimedOut)), "{ended:?}");
    }
}
