//! Decoded segments that readers share; the one used longest ago goes first.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;

/// The number of a stream, and where a segment begins in it.
type Key = (u64, u64);

/// What an entry costs beside its bytes.
const ENTRY_BYTES: usize = 256;

#[derive(Debug)]
pub(crate) struct Cache {
    bytes: usize,
    most: usize,
    ticks: u64,
    entries: HashMap<Key, (u64, Bytes)>,
    by_use: BTreeMap<u64, Key>,
}

impl Cache {
    pub(crate) fn new(most: usize) -> Cache {
        Cache { bytes: 0, most, ticks: 0, entries: HashMap::new(), by_use: BTreeMap::new() }
    }

    pub(crate) fn get(&mut self, key: Key) -> Option<Bytes> {
        let (tick, bytes) = self.entries.get_mut(&key)?;
        self.by_use.remove(tick);
        self.ticks += 1;
        *tick = self.ticks;
        self.by_use.insert(*tick, key);
        Some(bytes.clone())
    }

    pub(crate) fn put(&mut self, key: Key, bytes: Bytes) {
        self.remove(key);
        self.ticks += 1;
        self.bytes += bytes.len() + ENTRY_BYTES;
        self.entries.insert(key, (self.ticks, bytes));
        self.by_use.insert(self.ticks, key);
        while self.bytes > self.most
            && let Some((_, oldest)) = self.by_use.first_key_value()
        {
            self.remove(*oldest);
        }
    }

    fn remove(&mut self, key: Key) {
        if let Some((tick, bytes)) = self.entries.remove(&key) {
            self.by_use.remove(&tick);
            self.bytes -= bytes.len() + ENTRY_BYTES;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let piece = |n: u8| Bytes::from(vec![n; 1_000]);
        let mut cache = Cache::new(3 * (1_000 + ENTRY_BYTES));
        for n in 0..3 {
            cache.put((1, u64::from(n)), piece(n));
        }
        assert_eq!(cache.get((1, 0)), Some(piece(0)));
        cache.put((2, 0), piece(9));
        cache.put((2, 0), piece(8));
        assert_eq!(cache.get((1, 1)), None);
        assert_eq!([cache.get((1, 0)), cache.get((1, 2)), cache.get((2, 0))], [0, 2, 8].map(|n| Some(piece(n))));
        cache.put((3, 0), Bytes::from(vec![0; 10_000]));
        assert_eq!((cache.bytes, cache.entries.len(), cache.by_use.len()), (0, 0, 0), "too large for it");
    }
}
