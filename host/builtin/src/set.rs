//! A set of small numbers in order, as bits: the places of tests in a list.

const BITS: u32 = u64::BITS;

/// The set. Every operation but the walks takes one step; a walk passes over 64 absent members in one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Set {
    words: Vec<u64>,
    len: u32,
}

impl Set {
    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn contains(&self, member: u32) -> bool {
        self.words.get(word(member)).is_some_and(|bits| bits & bit(member) != 0)
    }

    /// False if it was there.
    pub(crate) fn insert(&mut self, member: u32) -> bool {
        if self.words.len() <= word(member) {
            self.words.resize(word(member) + 1, 0);
        }
        let is_new = !self.contains(member);
        self.words[word(member)] |= bit(member);
        self.len += u32::from(is_new);
        is_new
    }

    /// False if it was not there.
    pub(crate) fn remove(&mut self, member: u32) -> bool {
        let was_there = self.contains(member);
        if was_there {
            self.words[word(member)] &= !bit(member);
            self.len -= 1;
        }
        was_there
    }

    /// Members from this one on, upwards.
    pub(crate) fn from(&self, start: u32) -> impl Iterator<Item = u32> {
        let mut next = Some(start);
        std::iter::from_fn(move || {
            let found = self.at_or_after(next?)?;
            next = found.checked_add(1);
            Some(found)
        })
    }

    /// Members below this one, downwards.
    pub(crate) fn below(&self, end: u32) -> impl Iterator<Item = u32> {
        let mut end = end;
        std::iter::from_fn(move || {
            end = self.before(end)?;
            Some(end)
        })
    }

    fn at_or_after(&self, start: u32) -> Option<u32> {
        let at = word(start);
        let rest = self.words.get(at)? & (u64::MAX << (start % BITS));
        if rest != 0 {
            return Some(start - start % BITS + rest.trailing_zeros());
        }
        let further = self.words[at + 1..].iter().position(|bits| *bits != 0)?;
        let at = at + 1 + further;
        Some(first(at) + self.words[at].trailing_zeros())
    }

    fn before(&self, end: u32) -> Option<u32> {
        let known = self.words.get(word(end)).map_or(0, |bits| bits & (bit(end) - 1));
        if known != 0 {
            return Some(end - end % BITS + BITS - 1 - known.leading_zeros());
        }
        let at = self.words.iter().take(word(end)).rposition(|bits| *bits != 0)?;
        Some(first(at) + BITS - 1 - self.words[at].leading_zeros())
    }
}

fn word(member: u32) -> usize {
    (member / BITS) as usize
}

/// The least number of a word.
fn first(word: usize) -> u32 {
    u32::try_from(word).unwrap_or(u32::MAX) * BITS
}

fn bit(member: u32) -> u64 {
    1 << (member % BITS)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Beside a set of the standard library, over every place that words begin and end at.
    #[test]
    fn it_is_a_set() {
        let members = [0, 1, 62, 63, 64, 65, 127, 128, 200, 320];
        for chosen in 0..1u32 << members.len() {
            let (mut set, mut expected) = (Set::default(), BTreeSet::new());
            for (at, member) in members.into_iter().enumerate() {
                if chosen & 1 << at != 0 {
                    assert!(set.insert(member) && !set.insert(member));
                    expected.insert(member);
                }
            }
            assert_eq!((set.len() as usize, set.is_empty()), (expected.len(), expected.is_empty()));
            for place in [0, 1, 63, 64, 128, 129, 319, 320, 321, 1000] {
                assert_eq!(set.contains(place), expected.contains(&place));
                assert!(set.from(place).eq(expected.range(place..).copied()), "{expected:?} from {place}");
                assert!(set.below(place).eq(expected.range(..place).rev().copied()), "{expected:?} below {place}");
            }
            assert_eq!((set.remove(64), set.remove(64)), (expected.remove(&64), false));
            assert!(set.from(0).eq(expected));
        }
    }
}
