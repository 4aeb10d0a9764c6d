//! The history of one test as it is stored: fixed-size entries, newest first, little-endian.
//!
//! ```text
//! duration in ns: u64 | at, seconds since 1970: u64 | build: u64 | exact: u8
//! ```

use std::time::Duration;

use engine::BuildId;

use crate::Observation;

/// Observations of one test or phase that are kept: enough for a median that follows a change within some weeks.
pub const MAX_STORED: usize = 50;

/// Observations of one test or phase that are read: older ones no longer change an estimate.
pub const MAX_READ: usize = 20;

/// Bytes of one entry.
pub(crate) const ENTRY: usize = 25;

/// Entries as bytes.
pub(crate) fn pack(observations: &[Observation]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(observations.len() * ENTRY);
    for observation in observations {
        let nanos = u64::try_from(observation.duration.as_nanos()).unwrap_or(u64::MAX);
        bytes.extend_from_slice(&nanos.to_le_bytes());
        bytes.extend_from_slice(&observation.at.to_le_bytes());
        bytes.extend_from_slice(&observation.build.0.to_le_bytes());
        bytes.push(u8::from(observation.exact));
    }
    bytes
}

/// Bytes as entries; none if they are no whole number of them.
pub(crate) fn unpack(bytes: &[u8]) -> Option<Vec<Observation>> {
    let (entries, rest) = bytes.as_chunks::<ENTRY>();
    rest.is_empty().then(|| entries.iter().map(unpack_one).collect())
}

fn unpack_one(entry: &[u8; ENTRY]) -> Observation {
    let (numbers, _) = entry.as_chunks::<8>();
    Observation {
        duration: Duration::from_nanos(u64::from_le_bytes(numbers[0])),
        at: u64::from_le_bytes(numbers[1]),
        build: BuildId(u64::from_le_bytes(numbers[2])),
        exact: entry[ENTRY - 1] != 0,
    }
}

/// The newest of both, newest first. What a build told before is replaced by what it tells now, so that telling twice
/// changes nothing.
pub(crate) fn merge(new: &[Observation], old: Vec<Observation>) -> Vec<Observation> {
    let mut merged = new.to_vec();
    merged.extend(old.into_iter().filter(|before| new.iter().all(|now| now.build != before.build)));
    merged.sort_by_key(|observation| std::cmp::Reverse((observation.at, observation.build)));
    merged.truncate(MAX_STORED);
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(at: u64, build: u64, millis: u64) -> Observation {
        Observation {
            duration: Duration::from_millis(millis),
            exact: build.is_multiple_of(2),
            at,
            build: BuildId(build),
        }
    }

    #[test]
    fn what_is_packed_is_unpacked() {
        let observations = [observed(7, 3, 20), observed(5, 2, 0)];
        assert_eq!(unpack(&pack(&observations)).as_deref(), Some(&observations[..]));
        assert_eq!(unpack(&pack(&observations)[1..]), None);
        let endless = Observation { duration: Duration::MAX, ..observed(1, 1, 1) };
        let capped = unpack(&pack(&[endless])).expect("one entry");
        assert_eq!(capped[0].duration, Duration::from_nanos(u64::MAX));
    }

    #[test]
    fn the_newest_are_kept_and_a_build_counts_once() {
        let old: Vec<_> = (1..=50).rev().map(|n| observed(n, n, n)).collect();
        let merged = merge(&[observed(51, 51, 1), observed(51, 51, 2)], old.clone());
        assert_eq!(merged.len(), MAX_STORED);
        assert_eq!(merged[0].build, BuildId(51));
        assert_eq!(merged[1].build, BuildId(51));
        assert_eq!(merged.last().map(|last| last.at), Some(3));
        let told_again = merge(&[observed(50, 50, 9)], old);
        assert_eq!(told_again.len(), 50);
        assert_eq!(told_again[0].duration, Duration::from_millis(9));
    }

    #[test]
    fn an_older_one_that_comes_late_takes_its_place() {
        let merged = merge(&[observed(2, 9, 1)], vec![observed(3, 3, 1), observed(1, 1, 1)]);
        assert_eq!(merged.iter().map(|observation| observation.at).collect::<Vec<_>>(), [3, 2, 1]);
    }
}
