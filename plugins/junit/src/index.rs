//! Which listed test a case belongs to: runners and result files spell one test differently.

use std::collections::BTreeMap;

use muster_sdk::types::Test;

use crate::cases::Case;

/// Listed tests by their spellings.
#[derive(Debug)]
pub(crate) struct Index {
    by_names: BTreeMap<(String, String), usize>,
    by_name: BTreeMap<String, usize>,
}

impl Index {
    pub(crate) fn new(tests: &[Test]) -> Index {
        let named = tests.iter().enumerate().filter(|(_, test)| !test.case.is_empty());
        Index {
            by_names: named.map(|(i, test)| ((test.suite.clone(), test.case.clone()), i)).collect(),
            by_name: tests.iter().enumerate().map(|(i, test)| (test.name.clone(), i)).collect(),
        }
    }

    /// The place of the test: as JUnit XML was said to call it, else by the usual ways to join class and name, else
    /// by the name alone, else the class or the file that the case is in was what was listed.
    pub(crate) fn find(&self, case: &Case) -> Option<usize> {
        let exact = [&case.class, &case.suite].into_iter().filter(|suite| !suite.is_empty());
        let mut exact = exact.filter_map(|suite| self.by_names.get(&(suite.clone(), case.name.clone())));
        if let Some(&index) = exact.next() {
            return Some(index);
        }
        let joined = [&case.class, &case.suite].into_iter().filter(|scope| !scope.is_empty()).flat_map(|scope| {
            [".", "::", "#", "/", " ", "$", " > "].map(|separator| format!("{scope}{separator}{}", case.name))
        });
        let wider = [&case.name, &case.file, &case.class, &case.suite].into_iter().cloned();
        joined.chain(wider).filter(|name| !name.is_empty()).find_map(|name| self.by_name.get(&name).copied())
    }
}

/// The name of a case that was not listed.
pub(crate) fn own_name(case: &Case) -> String {
    let scope = if case.class.is_empty() { &case.suite } else { &case.class };
    if scope.is_empty() { case.name.clone() } else { format!("{scope}.{}", case.name) }
}
