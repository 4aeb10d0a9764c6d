//! Finished builds to render.

use std::time::Duration;

use coordinator::ports::LogFormat;
use coordinator::view::{
    AttemptKind, AttemptSpan, AttemptSummary, BuildReport, BuildletSpan, Certificate, Difference, Fault, PhaseSpan,
    PluginUse, TestResult,
};
use engine::{AttemptId, Outcome, Role, Verdict, VerdictKind};

pub(crate) fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

pub(crate) fn test(name: &str, kind: VerdictKind, cause: &str) -> TestResult {
    let ran = !matches!(kind, VerdictKind::NotRun | VerdictKind::Skipped);
    let attempt = |id: u64, end: &str, failed: bool| AttemptSummary {
        attempt: AttemptId(id),
        buildlet: "local-1".into(),
        end: end.into(),
        failed,
        duration: Some(seconds(0.5)),
    };
    TestResult {
        name: format!("tests/test_a.py::{name}"),
        suite: "tests.test_a".into(),
        case: name.into(),
        verdict: Verdict {
            kind,
            cause: cause.into(),
            duration: ran.then(|| seconds(0.5)),
            attempt: ran.then_some(AttemptId(3)),
        },
        buildlet: if ran { "local-1".into() } else { String::new() },
        attempts: match kind {
            VerdictKind::Flaky => vec![attempt(3, "failed: connection reset", true), attempt(4, "passed", false)],
            VerdictKind::Lost => {
                vec![attempt(3, "machine lost: killed", false), attempt(4, "machine lost: no answer", false)]
            }
            VerdictKind::Passed | VerdictKind::Failed => {
                vec![attempt(3, &kind.to_string(), kind == VerdictKind::Failed)]
            }
            VerdictKind::Skipped | VerdictKind::NotRun => Vec::new(),
        },
        output: Vec::new(),
        added: false,
    }
}

/// A build in which everything happened that can.
pub(crate) fn eventful() -> BuildReport {
    let mut failed = test("test_fails", VerdictKind::Failed, "assert 1 == <2>\n& \"more\" \u{1b}[31mred\u{1b}[0m");
    failed.output = b"\x1b[1;31mE   assert\x1b[0m 1 == 2\x00\xff\x07 ]]> <script>alert(1)</script>\n".to_vec();
    let mut added = test("test_added[\u{1}'\"<>&]", VerdictKind::Passed, "");
    added.added = true;
    let tests = vec![
        test("test_passes", VerdictKind::Passed, ""),
        failed,
        test("test_flaky", VerdictKind::Flaky, "failed once"),
        test("test_skipped", VerdictKind::Skipped, "needs a network"),
        test("test_lost", VerdictKind::Lost, "3 exec failures: machine lost: killed"),
        test("test_not_run", VerdictKind::NotRun, "the build was canceled"),
        added,
    ];
    let span = |buildlet: &str, kind, start: f64, end: f64, ok| AttemptSpan {
        buildlet: buildlet.into(),
        kind,
        tests: vec!["tests/test_a.py::test_passes".into(), "a <b> & c".into()],
        start: seconds(start),
        end: seconds(end),
        text: if ok { "exit status 0".into() } else { "machine lost: killed".into() },
        ok,
    };
    BuildReport {
        project: "demo & <co>".into(),
        builder: "pytest".into(),
        rev: "sha256:0123456789abcdef".into(),
        outcome: Outcome::Errored { cause: "1 test was lost".into() },
        started_unix_ms: 1_700_000_000_000,
        ended_unix_ms: 1_700_000_012_000,
        took: seconds(12.0),
        aggregate: seconds(20.0),
        saved: seconds(9.5),
        tests,
        attempts: vec![
            span("local-1", AttemptKind::Make, 0.5, 3.0, true),
            span("local-2", AttemptKind::Setup, 3.0, 4.0, true),
            span("local-1", AttemptKind::Exec, 4.0, 9.0, true),
            span("local-2", AttemptKind::Exec, 4.0, 8.0, false),
            span("local-1", AttemptKind::Exec, 9.0, 11.5, true),
        ],
        buildlets: vec![
            BuildletSpan {
                name: "local-1".into(),
                role: Role::Main,
                joined: seconds(0.4),
                left: seconds(12.0),
                lost: None,
            },
            BuildletSpan {
                name: "local-2".into(),
                role: Role::Helper,
                joined: seconds(2.8),
                left: seconds(8.0),
                lost: Some("killed by <signal 9>".into()),
            },
        ],
        phases: vec![
            PhaseSpan { name: "make".into(), start: seconds(0.5), end: seconds(3.0) },
            PhaseSpan { name: "snapshot".into(), start: seconds(3.0), end: seconds(3.1) },
            PhaseSpan { name: "test".into(), start: seconds(3.1), end: seconds(11.5) },
        ],
        certificate: Some(Certificate {
            lower_bound: seconds(8.0),
            took: seconds(12.0),
            differences: vec![Difference {
                label: "lost machines".into(),
                time: seconds(3.0),
                text: "local-2 was lost with 2 tests".into(),
            }],
            statement: "each of 6 listed tests has exactly one verdict".into(),
        }),
        plugins: vec![PluginUse { role: "builder".into(), name: "pytest".into(), digest: "sha256:ab".into() }],
        faults: vec![Fault {
            plugin: "bad".into(),
            digest: "sha256:cd".into(),
            text: "ran over its time; the built-in rule answers".into(),
        }],
        notes: vec!["memory is not limited: no cgroups".into()],
        log: LogFormat::default(),
    }
}
