//! What is in the ordered log, as each of its marks says, and what of a part of it is missing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ordered::OrderedLog;

/// What is in the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// How much of the output of each exec that is no attempt.
    pub(super) execs: BTreeMap<String, u64>,
    /// How many attempts, whole.
    pub(super) attempts: u64,
    /// How much of the next one.
    pub(super) bytes: u64,
    /// What was printed above it last.
    pub(super) heads: OrderedLog,
    /// How many restarts were told.
    pub(super) restarts: u64,
}

/// What some bytes of the log are.
pub(super) enum Part {
    /// The output of an exec up to this offset.
    Exec { exec: String, end: u64 },
    /// The attempt whose place in the log is this, counted from 1, up to this offset; if that is the whole of it, what was
    /// printed above it last.
    Attempt { place: u64, end: u64, whole: Option<OrderedLog> },
    /// The word on this restart.
    Restart(u64),
}

impl Place {
    /// What is missing of a part that ends with these bytes, and where the log is once that is appended; none if all of the
    /// part is there.
    pub(super) fn missing<'a>(&self, part: &Part, bytes: &'a [u8]) -> Option<(&'a [u8], Place)> {
        let from = |known: u64, end: u64| {
            let left = usize::try_from(end.saturating_sub(known)).unwrap_or(usize::MAX).min(bytes.len());
            &bytes[bytes.len() - left..]
        };
        let mut place = self.clone();
        let missing = match part {
            Part::Exec { exec, end } => {
                let missing = from(self.execs.get(exec).copied().unwrap_or(0), *end);
                if missing.is_empty() {
                    return None;
                }
                place.execs.insert(exec.clone(), *end);
                missing
            }
            Part::Attempt { place: number, .. } if self.attempts >= *number => return None,
            Part::Attempt { end, whole: None, .. } => {
                place.bytes = self.bytes.max(*end);
                from(self.bytes, *end)
            }
            Part::Attempt { end, whole: Some(heads), .. } => {
                place.whole(heads.clone());
                from(self.bytes, *end)
            }
            Part::Restart(number) if self.restarts >= *number => return None,
            Part::Restart(number) => {
                place.restarts = *number;
                bytes
            }
        };
        Some((missing, place))
    }

    /// The attempt that came in part is whole.
    fn whole(&mut self, heads: OrderedLog) {
        self.bytes = 0;
        self.attempts += 1;
        self.heads = heads;
    }
}
