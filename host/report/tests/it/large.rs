//! A build of many tests.

use std::time::Duration;

use coordinator::view::{AttemptKind, AttemptSpan, BuildReport, BuildletSpan};
use engine::{Outcome, Role, VerdictKind};

use crate::fixture::{eventful, seconds, test};

/// A build of this many tests, one exec each, on eight machines.
pub(crate) fn large(count: usize) -> BuildReport {
    let mut report = eventful();
    report.outcome = Outcome::Passed;
    report.tests = (0..count)
        .map(|index| {
            let mut one = test(&format!("test_{index}"), VerdictKind::Passed, "");
            one.verdict.duration = Some(Duration::from_micros(index as u64));
            one
        })
        .collect();
    report.buildlets = (0..8)
        .map(|index| BuildletSpan {
            name: format!("local-{index}"),
            role: Role::Helper,
            joined: Duration::ZERO,
            left: seconds(12.0),
            lost: None,
        })
        .collect();
    report.attempts = (0..count)
        .map(|index| AttemptSpan {
            buildlet: format!("local-{}", index % 8),
            kind: AttemptKind::Exec,
            tests: vec![report.tests[index].name.clone()],
            start: seconds(12.0 * index as f64 / count as f64),
            end: seconds(12.0 * (index + 8) as f64 / (count + 8) as f64),
            text: "exit status 0".into(),
            ok: true,
        })
        .collect();
    report
}
