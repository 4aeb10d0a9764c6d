//! What a call may use of time, and the counting of it.
//!
//! A guest is interrupted at each tick and lets others run: that is where what it used is counted. So a call costs
//! nothing for it that ends before its first tick, which is nearly every one, and one that ends there has used no more
//! than a tick.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::role::Role;
use crate::runtime::Job;

/// A guest that only computes is given up after so many times its limit, whatever of that it had a processor for.
const PATIENCE: u32 = 20;

/// What a call may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    /// Of processor time.
    pub(crate) computing: Duration,
    /// Of any time.
    pub(crate) all: Duration,
}

impl Allowance {
    /// Of a call in this role. A pool waits for others, and its limit is how long it may; who only computes must not be
    /// late because a busy machine gave it no processor.
    pub(crate) fn of(role: Role, limit: Duration) -> Allowance {
        let all = match role {
            Role::Pool => limit,
            Role::Builder | Role::Estimator | Role::Policy | Role::Parser => limit.saturating_mul(PATIENCE),
        };
        Allowance { computing: limit, all }
    }
}

/// A job whose processor time is counted; none is its answer when that is used up.
pub(crate) struct Counted<T> {
    job: Job<T>,
    left: Duration,
}

impl<T> Counted<T> {
    pub(crate) fn new(job: Job<T>, computing: Duration) -> Counted<T> {
        Counted { job, left: computing }
    }
}

impl<T> Future for Counted<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        // It may go on on another thread each time, but stays on one in between.
        let before = processor_time();
        if let Poll::Ready(answer) = self.job.as_mut().poll(context) {
            return Poll::Ready(Some(answer));
        }
        let used = processor_time().saturating_sub(before);
        self.left = self.left.saturating_sub(used);
        if self.left.is_zero() { Poll::Ready(None) } else { Poll::Pending }
    }
}

/// What this thread has computed so far.
pub(crate) fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}
