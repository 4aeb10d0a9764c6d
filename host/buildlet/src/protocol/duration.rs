//! Durations as whole milliseconds, the form they have in headers.

use std::time::Duration;

/// Whole milliseconds, rounded up so that a short time limit never becomes none.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
