//! A finished build, as every report shows it.

use std::time::Duration;

use engine::{AttemptId, Outcome, Role, Verdict, VerdictKind};

use crate::ports::LogFormat;

/// A finished build. Times are since the build's start unless they say otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct BuildReport {
    /// What was built.
    pub project: String,
    /// How: the builder's name.
    pub builder: String,
    /// Of what: the digest of what was pushed, or a revision.
    pub rev: String,
    /// Its result.
    pub outcome: Outcome,
    /// Unix time in milliseconds.
    pub started_unix_ms: u64,
    /// Unix time in milliseconds.
    pub ended_unix_ms: u64,
    /// Wall time of the whole build.
    pub took: Duration,
    /// Sum of the durations of all tests.
    pub aggregate: Duration,
    /// What sharding saved: aggregate time less the wall time of the test phase.
    pub saved: Duration,
    /// Every listed test and every added one, in listed order.
    pub tests: Vec<TestResult>,
    /// Everything that ran, in order of start.
    pub attempts: Vec<AttemptSpan>,
    /// Every buildlet that served the build, in order of arrival.
    pub buildlets: Vec<BuildletSpan>,
    /// The phases, in order.
    pub phases: Vec<PhaseSpan>,
    /// Where the time went. None if the build ended before there was anything to certify.
    pub certificate: Option<Certificate>,
    /// The plugins that the build began with.
    pub plugins: Vec<PluginUse>,
    /// What plugins did wrong.
    pub faults: Vec<Fault>,
    /// Anything else that people want to know.
    pub notes: Vec<String>,
    /// How its log reads.
    pub log: LogFormat,
}

/// One test at the end of its build.
#[derive(Clone, Debug, PartialEq)]
pub struct TestResult {
    /// Unique in the build.
    pub name: String,
    /// JUnit's class name.
    pub suite: String,
    /// JUnit's test name.
    pub case: String,
    /// Its one verdict.
    pub verdict: Verdict,
    /// Where the verdict was earned; empty if it never ran.
    pub buildlet: String,
    /// Every try, in order.
    pub attempts: Vec<AttemptSummary>,
    /// The part of the output that belongs to it, bounded by the sender.
    pub output: Vec<u8>,
    /// It was reported without having been listed.
    pub added: bool,
}

/// One try of one test.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptSummary {
    /// The attempt.
    pub attempt: AttemptId,
    /// Where.
    pub buildlet: String,
    /// How it ended for this test, in words: `passed`, `failed: ...`, `machine lost: ...`.
    pub end: String,
    /// The test failed in it, rather than not having been run to its end.
    pub failed: bool,
    /// How long it took for this test, where that is known.
    pub duration: Option<Duration>,
}

/// One exec, as a bar of the timeline.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptSpan {
    /// Where.
    pub buildlet: String,
    /// What it was for.
    pub kind: AttemptKind,
    /// What ran: test names, or the one line that names a step.
    pub tests: Vec<String>,
    /// When it began.
    pub start: Duration,
    /// When it was over.
    pub end: Duration,
    /// How it ended, in words.
    pub text: String,
    /// It ended well.
    pub ok: bool,
}

/// What an exec was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptKind {
    /// A step that makes the tree, or lists its tests.
    Make,
    /// Bringing the tree to a buildlet.
    Setup,
    /// Running tests.
    Exec,
}

/// The time that one buildlet served a build.
#[derive(Clone, Debug, PartialEq)]
pub struct BuildletSpan {
    /// As people know it.
    pub name: String,
    /// What it was to this build.
    pub role: Role,
    /// When it came.
    pub joined: Duration,
    /// When it went.
    pub left: Duration,
    /// Why it was lost; none if it was not.
    pub lost: Option<String>,
}

/// One phase.
#[derive(Clone, Debug, PartialEq)]
pub struct PhaseSpan {
    /// As in [`super::BuildUpdate::Phase`].
    pub name: String,
    /// When it began.
    pub start: Duration,
    /// When it was over.
    pub end: Duration,
}

/// The lower bound on a build's time, the time it took, and where the difference went.
#[derive(Clone, Debug, PartialEq)]
pub struct Certificate {
    /// No schedule on these machines could have been quicker.
    pub lower_bound: Duration,
    /// What it took.
    pub took: Duration,
    /// Where the difference went, biggest first.
    pub differences: Vec<Difference>,
    /// The proof that each listed test has exactly one verdict.
    pub statement: String,
}

/// One cause of lost time.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// In a word or two: `late helpers`.
    pub label: String,
    /// How much.
    pub time: Duration,
    /// In a sentence.
    pub text: String,
}

/// A plugin that a build used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginUse {
    /// What it served as.
    pub role: String,
    /// Its name.
    pub name: String,
    /// `sha256:...`; empty for what is built in.
    pub digest: String,
}

/// Something a plugin did wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its name.
    pub plugin: String,
    /// `sha256:...` of its component.
    pub digest: String,
    /// What it did, and what stood in.
    pub text: String,
}

impl BuildReport {
    /// How many tests have this verdict.
    pub fn count(&self, kind: VerdictKind) -> usize {
        self.tests.iter().filter(|test| test.verdict.kind == kind).count()
    }

    /// The buildlets that were lost, with the cause.
    pub fn lost_buildlets(&self) -> impl Iterator<Item = (&BuildletSpan, &str)> {
        self.buildlets.iter().filter_map(|buildlet| buildlet.lost.as_deref().map(|cause| (buildlet, cause)))
    }

    /// The tests with a known duration, longest first, at most `limit`.
    pub fn slowest(&self, limit: usize) -> Vec<(&TestResult, Duration)> {
        let mut timed: Vec<_> =
            self.tests.iter().filter_map(|test| test.verdict.duration.map(|took| (test, took))).collect();
        timed.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.name.cmp(&b.0.name)));
        timed.truncate(limit);
        timed
    }
}
