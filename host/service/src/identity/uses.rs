//! When tokens were last used, told to the store at most once a minute for each.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Seconds between two notes of one token's use.
const EVERY_S: u64 = 60;

/// What was told.
#[derive(Debug, Default)]
pub(crate) struct Uses(Mutex<BTreeMap<String, u64>>);

impl Uses {
    /// Whether this use is to be told.
    pub(crate) fn note(&self, token: &str, now: u64) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match told.get(token) {
            Some(last) if now < last + EVERY_S => false,
            _ => {
                told.retain(|_, last| now < *last + EVERY_S);
                told.insert(token.to_owned(), now);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_told_once_a_minute() {
        let uses = Uses::default();
        let told = [("a", 0), ("a", 59), ("b", 59), ("a", 60)].map(|(token, now)| uses.note(token, now));
        assert_eq!(told, [true, false, true, true]);
    }
}
