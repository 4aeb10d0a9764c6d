//! What a run consists of: builds with their tests, the fleet, and what goes wrong. Drawn from a seed or read from a
//! scenario.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::{BuildSpec, ExecFailureKind, Test, Time};
use serde::Deserialize;

/// A whole run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The builds, and when each is submitted.
    pub(crate) builds: Vec<BuildPlan>,
    /// Machines that exist.
    pub(crate) machines: u32,
    /// Buildlets on one machine.
    pub(crate) per_machine: u32,
    /// Builds that run at once.
    pub(crate) max_active: usize,
    /// After a restart, how long a machine of before is waited for; none gives them up.
    pub(crate) adoption: Option<Duration>,
    /// What happens by chance.
    pub(crate) faults: Faults,
    /// What happens at set times.
    pub(crate) script: Vec<(Time, Scripted)>,
    /// From here on nothing goes wrong by chance.
    pub(crate) heal: Time,
    /// Nothing is left to chance: what has no set length takes the least that it can.
    pub(crate) steady: bool,
    /// Machines that take another time to come than their build says.
    pub(crate) starts: BTreeMap<u32, Duration>,
}

/// One build.
#[derive(Clone, Debug)]
pub(crate) struct BuildPlan {
    /// As submitted.
    pub(crate) spec: BuildSpec,
    /// When.
    pub(crate) at: Time,
    /// Its tests, in listed order.
    pub(crate) tests: Vec<TestPlan>,
    /// An earlier build left a snapshot under its key.
    pub(crate) snapshot: bool,
    /// How making ends.
    pub(crate) make_fails: bool,
    /// How listing ends.
    pub(crate) list: ListPlan,
    /// How the estimator plugin behaves.
    pub(crate) estimator: EstimatorPlan,
    /// How the policy plugin behaves, if there is one.
    pub(crate) policy: PolicyPlan,
    /// How long it thinks, where nothing is left to chance.
    pub(crate) policy_takes: Duration,
    /// What one exec costs before its first test.
    pub(crate) overhead: Duration,
    /// How long making takes.
    pub(crate) make_takes: Duration,
    /// How long a new machine takes to come.
    pub(crate) machine_takes: Duration,
}

/// What the list command gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ListPlan {
    /// The tests.
    #[default]
    Tests,
    /// It fails.
    Fails,
    /// No test.
    Empty,
    /// One name twice.
    Twice,
    /// The filter matches nothing.
    NoMatch,
}

/// How an estimator plugin behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum EstimatorPlan {
    /// It says what was planned of each test.
    Good,
    /// One answer too few.
    TooFew,
    /// Longer than anything lasts.
    Absurd,
    /// Does not answer.
    Silent,
    /// Traps.
    Traps,
}

/// How a policy plugin behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PolicyPlan {
    /// As the rule.
    Good,
    /// As the rule, and copies running tests where nothing waits.
    Copies,
    /// Names a test that there is not.
    UnknownTest,
    /// Starts on a worker that is not idle.
    BusyWorker,
    /// Puts all that waits into one exec.
    OneGroup,
    /// Leaves the last test out of each group.
    TearsGroups,
    /// Starts a test twice.
    Twice,
    /// Starts a group without a test.
    EmptyGroup,
    /// Answers nothing, ever.
    Nothing,
    /// Wants to be asked again soon, for ever.
    Later,
    /// Lets every worker go.
    ReleaseAll,
    /// Does not answer.
    Silent,
    /// Traps.
    Traps,
}

/// One test: what it is listed as, and what it does when it runs.
#[derive(Clone, Debug)]
pub(crate) struct TestPlan {
    /// As listed.
    pub(crate) test: Test,
    /// On a machine that is not slow.
    pub(crate) takes: Duration,
    /// What is expected of it; none where nothing is known.
    pub(crate) expected: Option<Duration>,
    /// What it does.
    pub(crate) nature: Nature,
}

/// What a test does when it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nature {
    /// Passes.
    Passes,
    /// Fails.
    Fails,
    /// Fails this often, then passes.
    Flaky(u32),
    /// Skips itself.
    Skips,
    /// Never ends.
    Hangs,
    /// Takes its machine down this often, then passes.
    Kills(u32),
    /// Is never mentioned.
    Silent,
    /// Ends its whole command.
    Crashes,
    /// Passes, and makes its command fail.
    SpoilsExit,
    /// Passes, and so does another that nobody had listed.
    Adds,
}

/// What goes wrong, and how often in a thousand times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    /// A claim is refused.
    pub(crate) refused: u32,
    /// A claim is not answered until it is called back or over its limit.
    pub(crate) no_grant: u32,
    /// A claim that was called back is granted all the same.
    pub(crate) late_grant: u32,
    /// A phase or a set-up fails to run.
    pub(crate) phase: u32,
    /// A phase does not end.
    pub(crate) phase_hangs: u32,
    /// A disk is full.
    pub(crate) disk: u32,
    /// A machine is lost in an exec.
    pub(crate) lost: u32,
    /// A machine stops in an exec, and does not say so.
    pub(crate) frozen: u32,
    /// An idle machine is lost.
    pub(crate) lost_idle: u32,
    /// Machines are slow.
    pub(crate) slow: u32,
    /// A report is left out, told twice, or made up; an exit status is turned around.
    pub(crate) lies: u32,
    /// A machine that is lost fails the test that runs, just before.
    pub(crate) dying: u32,
    /// Output that nobody could read.
    pub(crate) unparsed: u32,
    /// An answer comes twice.
    pub(crate) twice: u32,
    /// An answer comes to a question that nobody asked.
    pub(crate) unknown: u32,
    /// An estimate or a plan is a fault.
    pub(crate) plugin: u32,
    /// A machine is lost while the coordinator is down.
    pub(crate) gone: u32,
    /// A machine does not say in time that it still serves.
    pub(crate) no_adoption: u32,
}

/// Something at a set time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scripted {
    /// The buildlet in this place is lost: its connections break.
    Lose(u32),
    /// Like that, and it fails the test that runs just before.
    LoseFailing(u32),
    /// It says nothing any more; missing heartbeats tell.
    Freeze(u32),
    /// It says nothing any more; only deadlines tell.
    Hang(u32),
    /// What it does, and begins to do, ends as an exec failure of this kind.
    Fail(u32, ExecFailureKind),
    /// What it begins from here on takes this many times as long.
    Slow(u32, u32),
    /// What it begins from here on is told this much later than it ends.
    Delay(u32, Duration),
    /// The end of the next group that it begins is not told as it was.
    Lie(u32, Lie),
    /// Claims are refused from here on.
    Refuse,
    /// Claims are granted again.
    Grant,
    /// From here on every answer comes a second time, this much later.
    Again(Duration),
    /// Someone cancels the build of this place.
    Cancel(usize, String),
    /// Someone changes the priority of the build of this place.
    Prefer(usize, i32),
    /// The coordinator is killed between steps, and starts again after this.
    Restart(Duration),
    /// It is killed in its next step that makes something durable: before (true) or after the records of that step are
    /// durable. It starts again after this.
    Crash(bool, Duration),
}

/// How a machine lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Lie {
    /// One report is left out.
    LeavesOut,
    /// One report comes again and says the opposite.
    Contradicts,
    /// The exit status is turned around.
    TurnsExit,
    /// A test that there is not is reported as failed.
    Invents,
    /// A test of another group is reported as failed.
    TellsOfOthers,
}
