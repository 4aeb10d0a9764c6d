//! How tests are gathered into a group.

use std::time::Duration;

use crate::group::Size;
use crate::items::{Entry, Items};
use crate::narrower;
use crate::set::Set;

/// A group that is being put together from the waiting tests.
pub(crate) struct Gather<'a> {
    items: &'a Items,
    typical: Duration,
    size: Size,
    tests: Set,
    /// The test that all others must be mergeable with; none where a member of its unit is not.
    first: Option<&'a Entry>,
    sum: Duration,
    /// Of these, tests without an estimate of their own.
    unknown: u32,
    /// The most tests that may be in it.
    max: Option<u32>,
}

impl<'a> Gather<'a> {
    pub(crate) fn new(items: &'a Items, typical: Duration, size: Size) -> Gather<'a> {
        let tests = Set::default();
        Gather { items, typical, size, tests, first: None, sum: Duration::ZERO, unknown: 0, max: None }
    }

    /// The first waiting test, and those that follow it as long as they fit.
    pub(crate) fn in_order(&mut self, may_run: impl Fn(&Entry) -> bool) -> Vec<u32> {
        let items = self.items;
        let mut waiting = items.waiting_from(0).skip_while(|&index| !may_run(items.get(index)));
        if let Some(first) = waiting.next() {
            self.begin(first);
        }
        for index in waiting {
            let is_in = self.tests.contains(index) || (self.admits(index) && self.grow(index));
            if !is_in {
                break;
            }
        }
        self.tests.from(0).collect()
    }

    /// The biggest waiting test; where the exec would cost more than its share, with its neighbours, and then the
    /// next biggest with theirs: what they share is set up once.
    pub(crate) fn biggest_first(&mut self, may_run: impl Fn(&Entry) -> bool) -> Vec<u32> {
        let items = self.items;
        let mut by_size = items.by_size(self.typical);
        if let Some(first) = by_size.find(|&index| may_run(items.get(index))) {
            self.begin(first);
            if self.sum < self.size.floor && self.with_neighbours(first) {
                by_size.all(|seed| {
                    self.tests.contains(seed) || !self.admits(seed) || (self.grow(seed) && self.with_neighbours(seed))
                });
            }
        }
        self.tests.from(0).collect()
    }

    /// Adds the waiting tests around this one that share its set-up key: those after it, then those before it. False
    /// once nothing more fits.
    fn with_neighbours(&mut self, seed: u32) -> bool {
        let items = self.items;
        let key = items.get(seed).setup_key;
        let near = |index: &u32| key.is_some() && items.get(*index).setup_key == key;
        let after = items.waiting_from(seed + 1).take_while(near);
        let mut around = after.chain(items.waiting_below(seed).take_while(near));
        !self.is_full()
            && around.all(|index| {
                let may_join = !self.tests.contains(index) && self.admits(index);
                !self.is_full() && (!may_join || self.grow(index))
            })
    }

    /// The first test, with its whole unit.
    fn begin(&mut self, index: u32) {
        let first = self.items.get(index);
        let is_open = self.items.unit_of(index).all(|member| first.merges_with(self.items.get(member)));
        self.first = is_open.then_some(first);
        self.add_unit(index);
    }

    /// Whether a test, with its whole unit, may join what is here.
    fn admits(&self, index: u32) -> bool {
        let Some(first) = self.first else { return false };
        let entry = self.items.get(index);
        if entry.unit.is_none() {
            return first.merges_with(entry) && self.has_room(1, entry.max_group);
        }
        let (mut count, mut max) = (0, None);
        for member in self.items.unit_of(index).map(|member| self.items.get(member)) {
            if !first.merges_with(member) {
                return false;
            }
            (count, max) = (count + 1, narrower(max, member.max_group));
        }
        self.has_room(count, max)
    }

    /// Whether so many more may join, which bear no larger group than this.
    fn has_room(&self, more: u32, max: Option<u32>) -> bool {
        narrower(self.max, max).is_none_or(|most| self.tests.len() + more <= most)
    }

    /// Nothing more may join.
    fn is_full(&self) -> bool {
        self.first.is_none() || !self.has_room(1, None)
    }

    /// Adds a test, with its whole unit, unless the group would get too long: false then.
    fn grow(&mut self, index: u32) -> bool {
        let expected = self.items.get(index).expected;
        if !self.size.admits(self.sum, self.unknown, expected.unwrap_or(self.typical), expected.is_some()) {
            return false;
        }
        self.add_unit(index);
        true
    }

    fn add_unit(&mut self, index: u32) {
        if self.items.get(index).unit.is_none() {
            self.add(index);
        }
        let items = self.items;
        items.unit_of(index).for_each(|member| self.add(member));
    }

    fn add(&mut self, index: u32) {
        if self.tests.insert(index) {
            let entry = self.items.get(index);
            self.sum += entry.expected.unwrap_or(self.typical);
            self.unknown += u32::from(entry.expected.is_none());
            self.max = narrower(self.max, entry.max_group);
        }
    }
}
