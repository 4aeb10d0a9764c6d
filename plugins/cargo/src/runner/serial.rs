//! What is seen of tests that run one by one: a test's line begins before the test does.

use std::time::Duration;

use crate::libtest::{Libtest, Section, plain};

impl Libtest {
    /// Looks at a line that has no end yet: the test that has begun, when it is first seen.
    pub(crate) fn begun(&mut self, held: &str, now: Duration) -> Option<String> {
        let name = plain(held.strip_suffix(" ... ")?.strip_prefix("test ")?);
        if self.section != Section::Tests || self.open.as_deref() == Some(name) {
            return None;
        }
        self.unclear_open(now);
        self.open = Some(name.to_owned());
        self.since = now;
        self.open.clone()
    }
}
