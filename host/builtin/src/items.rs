//! The tests of a run as the rule looks at them again and again: names are numbers, and so is where a test is.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::set::Set;
use crate::{Item, narrower};

/// The name of the need that stands for a whole machine.
const MACHINE: &str = "machine";

/// A name, as long as the run lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(usize);

impl Key {
    /// The need for a whole machine.
    pub(crate) const MACHINE: Key = Key(0);
}

/// Where a test is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Waiting,
    /// With this worker.
    Running(u32),
    /// It has a verdict, or is none of this run.
    Gone,
}

/// A test: what the rule looks at.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) place: Place,
    pub(crate) merge_key: Option<Key>,
    pub(crate) unit: Option<Key>,
    pub(crate) setup_key: Option<Key>,
    pub(crate) alone: Option<Key>,
    /// None where there is no estimate of its own.
    pub(crate) expected: Option<Duration>,
    pub(crate) max_group: Option<u32>,
    /// Its place in `Items::ranked`.
    rank: u32,
}

impl Entry {
    /// Whether the two may share an exec, units and the group's size aside.
    pub(crate) fn merges_with(&self, other: &Entry) -> bool {
        self.merge_key.is_some() && self.merge_key == other.merge_key && self.alone.is_none() && other.alone.is_none()
    }
}

const NONE: Entry = Entry {
    place: Place::Gone,
    merge_key: None,
    unit: None,
    setup_key: None,
    alone: None,
    expected: None,
    max_group: None,
    rank: 0,
};

/// All tests of a run, each by its place in the listed order.
#[derive(Clone, Debug)]
pub(crate) struct Items {
    entries: Vec<Entry>,
    waiting: Set,
    /// Waiting tests without an estimate of their own.
    unknown: Set,
    /// Waiting tests with one, by rank.
    known: Set,
    known_total: Duration,
    /// Tests with an estimate of their own: biggest last, of equals the first listed last.
    ranked: Vec<u32>,
    units: BTreeMap<Key, Vec<u32>>,
}

impl Items {
    /// All of them wait.
    pub(crate) fn new(items: &[Item]) -> Items {
        let mut keys = BTreeMap::from([(MACHINE, Key::MACHINE)]);
        let size = items.iter().map(|item| item.index as usize + 1).max().unwrap_or_default();
        let mut new = Items {
            entries: vec![NONE; size],
            waiting: Set::default(),
            unknown: Set::default(),
            known: Set::default(),
            known_total: Duration::ZERO,
            ranked: Vec::new(),
            units: BTreeMap::new(),
        };
        for item in items {
            let entry = Entry {
                merge_key: key(&mut keys, &item.merge_key),
                unit: key(&mut keys, &item.unit),
                setup_key: key(&mut keys, &item.setup_key),
                alone: key(&mut keys, &item.alone),
                expected: item.source.is_known().then_some(item.expected),
                max_group: item.max_group,
                ..NONE
            };
            if let Some(unit) = entry.unit {
                new.units.entry(unit).or_default().push(item.index);
            }
            new.ranked.extend(entry.expected.map(|_| item.index));
            new.entries[item.index as usize] = entry;
        }
        let entries = &new.entries;
        new.ranked.sort_by_key(|&index| (entries[index as usize].expected, std::cmp::Reverse(index)));
        for (rank, &index) in (0..).zip(&new.ranked) {
            new.entries[index as usize].rank = rank;
        }
        items.iter().for_each(|item| new.put(item.index));
        new
    }

    pub(crate) fn get(&self, index: u32) -> &Entry {
        self.entries.get(index as usize).unwrap_or(&NONE)
    }

    /// Waiting tests, in listed order from this place on.
    pub(crate) fn waiting_from(&self, start: u32) -> impl Iterator<Item = u32> {
        self.waiting.from(start)
    }

    /// Waiting tests before this place, the nearest first.
    pub(crate) fn waiting_below(&self, end: u32) -> impl Iterator<Item = u32> {
        self.waiting.below(end)
    }

    pub(crate) fn is_waiting(&self, index: u32) -> bool {
        self.waiting.contains(index)
    }

    pub(crate) fn are_done(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many wait without an estimate of their own.
    pub(crate) fn unknown(&self) -> u32 {
        self.unknown.len()
    }

    /// Sum of the waiting tests with an estimate of their own.
    pub(crate) fn known_total(&self) -> Duration {
        self.known_total
    }

    /// Waiting tests, biggest first, where those without an estimate of their own are taken for `typical`. These come
    /// from the end of the list.
    pub(crate) fn by_size(&self, typical: Duration) -> impl Iterator<Item = u32> {
        let smaller = self.ranked.partition_point(|&index| self.get(index).expected < Some(typical));
        let smaller = u32::try_from(smaller).unwrap_or(u32::MAX);
        let listed = |rank: u32| self.ranked[rank as usize];
        let bigger = self.known.below(u32::MAX).take_while(move |&rank| rank >= smaller).map(listed);
        bigger.chain(self.unknown.below(u32::MAX)).chain(self.known.below(smaller).map(listed))
    }

    /// The waiting members of a test's unit.
    pub(crate) fn unit_of(&self, index: u32) -> impl Iterator<Item = u32> {
        let members = self.get(index).unit.and_then(|unit| self.units.get(&unit));
        members.into_iter().flatten().copied().filter(|&member| self.is_waiting(member))
    }

    /// A test is no longer where it was: where it was then.
    pub(crate) fn take(&mut self, index: u32, to: Place) -> Place {
        let Some(entry) = self.entries.get_mut(index as usize) else { return Place::Gone };
        let place = std::mem::replace(&mut entry.place, to);
        if place == Place::Waiting {
            self.waiting.remove(index);
            match entry.expected {
                Some(expected) => {
                    self.known.remove(entry.rank);
                    self.known_total -= expected;
                }
                None => drop(self.unknown.remove(index)),
            }
        }
        place
    }

    /// A test that does not wait waits.
    pub(crate) fn put(&mut self, index: u32) {
        let entry = &mut self.entries[index as usize];
        entry.place = Place::Waiting;
        self.waiting.insert(index);
        match entry.expected {
            Some(expected) => {
                self.known.insert(entry.rank);
                self.known_total += expected;
            }
            None => drop(self.unknown.insert(index)),
        }
    }

    /// Bounds a test's groups further.
    pub(crate) fn narrow(&mut self, index: u32, max_group: Option<u32>) {
        if let Some(entry) = self.entries.get_mut(index as usize) {
            entry.max_group = narrower(entry.max_group, max_group);
        }
    }
}

/// The key that stands for a name.
fn key<'a>(keys: &mut BTreeMap<&'a str, Key>, name: &'a Option<String>) -> Option<Key> {
    let next = Key(keys.len());
    name.as_deref().map(|name| *keys.entry(name).or_insert(next))
}
