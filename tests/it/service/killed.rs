//! The coordinator killed in every phase, and started again over the same state: the build goes on where it was.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::gated::{FAILING, Gated, TESTS};
use crate::support::server::SERVE;
use crate::support::{Server, User, assert_same, is_full, until};

/// How a line of the log begins that tells of a restart.
const RESTARTED: &str = "##### Coordinator restarted: ";
/// Enough that pushing or saving it takes a while.
const BULK_MIB: u64 = 128;

/// A build of a gated tree, and its server.
struct Killed<'a> {
    server: Server<'a>,
    tree: Gated,
    build: u64,
}

impl<'a> Killed<'a> {
    fn begin(user: &'a User, tree: Gated) -> Killed<'a> {
        let server = Server::start(user, SERVE);
        server.ready();
        let build = server.submit(tree.path(), &["--helpers", "1"]);
        Killed { server, tree, build }
    }

    /// Kills the server and says when, in milliseconds since 1970.
    fn kill(&mut self) -> u64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        self.server.kill();
        u64::try_from(since.as_millis()).unwrap()
    }

    fn begin_again(&mut self) {
        self.server.begin();
        self.server.ready();
    }

    /// Kills it, lets what runs meanwhile go on, and begins again.
    fn restart_opening(&mut self, gate: &str) {
        self.server.kill();
        self.tree.open(gate);
        self.begin_again();
    }

    /// The build ends as if nothing had happened, having told of so many restarts.
    fn ends_as_undisturbed(&self, restarts: usize) -> Value {
        let ended = self.server.wait(self.build);
        self.tree.assert_each_begun(1);
        let log = self.server.log(self.build);
        let (kept, told) = without_restarts(&log);
        assert_eq!(told.len(), restarts, "restarts are told once each: {told:?}\n{}", self.server.said());
        let (_, junit) = self.server.junit(self.build);
        assert_eq!(junit.len(), TESTS, "{junit:?}");
        let verdicts = self.server.event_counts(self.build);
        assert_eq!(verdicts, TESTS, "each test has one verdict");

        let again = self.server.submit(self.tree.path(), &["--helpers", "1", "--fresh"]);
        let undisturbed = self.server.wait(again);
        assert_eq!(ended["outcome"], undisturbed["outcome"], "{ended}");
        assert_eq!(ended["outcome"], "failed", "{ended}");
        assert_eq!(self.server.junit(again).1, junit);
        let failed: Vec<_> = junit.iter().filter(|(_, result)| *result != "passed").collect();
        assert!(failed.len() == 1 && failed[0].0.1 == FAILING, "{failed:?}");
        assert_same("no byte is lost or doubled", &kept, &self.server.log(again));
        ended
    }

    /// The machines of before were taken up again.
    fn assert_adopted(&self, build: &Value) {
        let lost: Vec<&Value> = machines(build).filter(|machine| !machine["lost"].is_null()).collect();
        assert!(lost.is_empty(), "no machine is given up: {lost:?}\n{}", self.server.said());
    }
}

impl Server<'_> {
    /// How many verdicts a build that is over recorded.
    fn event_counts(&self, build: u64) -> usize {
        let mut count = 0;
        self.event(build, |event| {
            count += usize::from(event["event"] == "test");
            false
        });
        count
    }
}

fn machines(build: &Value) -> impl Iterator<Item = &Value> {
    build["machines"].as_array().into_iter().flatten()
}

/// The log without what tells of restarts, and that.
fn without_restarts(log: &str) -> (String, Vec<String>) {
    let (mut kept, mut told) = (String::new(), Vec::new());
    let mut rest = log;
    while let Some((before, after)) = rest.split_once(&format!("\n{RESTARTED}")) {
        kept += before;
        let (line, after) = after.split_once('\n').unwrap();
        told.push(line.to_owned());
        rest = after;
    }
    (kept + rest, told)
}

/// When a phase began; none if it did not.
fn began(build: &Value, phase: &str) -> Option<u64> {
    let phases = build["phases"].as_array().unwrap();
    phases.iter().find(|known| known["phase"] == phase)?["began_ms"].as_u64()
}

/// What was done in the phase that the server was killed in was not over then.
fn assert_killed_before(build: &Value, killed: u64, next: &str) {
    let next_began = began(build, next).unwrap();
    assert!(next_began > killed, "it was killed too late: {killed}, {next} began at {next_began}: {build}");
}

fn phase_begins<'a>(phase: &'a str) -> impl FnMut(&Value) -> bool + 'a {
    move |event| event["event"] == "phase" && event["phase"] == phase
}

#[test]
fn killed_in_the_source_push() {
    let user = User::new();
    let tree = Gated::sized(&user, BULK_MIB, 0);
    tree.open("all");
    let mut run = Killed::begin(&user, tree);
    run.server.event(run.build, phase_begins("prepare")).unwrap();
    let killed = run.kill();
    run.begin_again();
    let ended = run.ends_as_undisturbed(1);
    assert_killed_before(&ended, killed, "make");
}

/// The make ends while there is no coordinator.
#[test]
fn killed_in_make() {
    let user = User::new();
    let mut run = Killed::begin(&user, Gated::new(&user));
    run.tree.waits_in("make", &run.server);
    run.restart_opening("all");
    run.assert_adopted(&run.ends_as_undisturbed(1));
}

#[test]
fn killed_in_the_snapshot() {
    let user = User::new();
    let tree = Gated::sized(&user, 0, BULK_MIB);
    tree.open("all");
    let mut run = Killed::begin(&user, tree);
    run.server.event(run.build, phase_begins("snapshot")).unwrap();
    let killed = run.kill();
    run.begin_again();
    let ended = run.ends_as_undisturbed(1);
    assert_killed_before(&ended, killed, "list");
}

#[test]
fn killed_while_tests_are_listed() {
    let user = User::new();
    let mut run = Killed::begin(&user, Gated::new(&user));
    run.tree.open("make");
    run.tree.waits_in("list", &run.server);
    run.restart_opening("all");
    run.assert_adopted(&run.ends_as_undisturbed(1));
}

/// Some tests end while there is no coordinator, others afterwards.
#[test]
fn killed_in_the_test_phase() {
    let user = User::new();
    let mut run = Killed::begin(&user, Gated::new(&user));
    ["make", "list", "t1"].iter().for_each(|gate| run.tree.open(gate));
    run.server.event(run.build, |event| event["event"] == "test").unwrap();
    until("two tests wait", || {
        ((2..=TESTS).filter(|n| run.tree.begun(&format!("t{n}")) > 0).count() == 2).then_some(())
    });
    run.restart_opening("t2");
    run.server.event(run.build, |event| event["event"] == "test" && event["name"] == "t/t2.t").unwrap();
    run.tree.open("all");
    run.assert_adopted(&run.ends_as_undisturbed(1));
}

#[test]
fn killed_again_and_again() {
    let user = User::new();
    let mut run = Killed::begin(&user, Gated::new(&user));
    run.tree.waits_in("make", &run.server);
    let lives = if is_full() { 10 } else { 3 };
    for life in 1..=lives {
        run.server.restart();
        let (mut restarted, mut adopted) = (0, 0);
        let told = run.server.event(run.build, |event| {
            restarted += usize::from(event["event"] == "restarted");
            adopted += usize::from(event["event"] == "adopted");
            (restarted, adopted) == (life, life)
        });
        assert!(told.is_some(), "restart {life} is told, and that the machine was taken up again");
    }
    ["make", "list"].iter().for_each(|gate| run.tree.open(gate));
    run.tree.waits_in("t1", &run.server);
    // Not waited for: a life may end before anything was done in it.
    for _ in 1..lives {
        run.server.kill();
        run.server.begin();
    }
    run.server.restart();
    run.tree.open("all");
    let log_has = |build: u64| without_restarts(&run.server.log(build)).1.len();
    run.server.wait(run.build);
    let told = log_has(run.build);
    // A life that ended before it began to drive builds was none.
    assert!((lives + 1..=2 * lives).contains(&told), "{told} restarts are told of {}", 2 * lives);
    run.assert_adopted(&run.ends_as_undisturbed(told));
}

/// The last verdict is recorded, or even the end: what is left is to complete log and reports.
#[test]
fn killed_while_finishing() {
    for last in ["test", "ended"] {
        let user = User::new();
        let tree = Gated::new(&user);
        tree.open("all");
        let mut run = Killed::begin(&user, tree);
        let mut verdicts = 0;
        let seen = run.server.event(run.build, |event| {
            verdicts += usize::from(event["event"] == "test");
            event["event"] == last && verdicts == TESTS
        });
        assert!(seen.is_some(), "{last}");
        run.kill();
        run.begin_again();
        run.server.wait(run.build);
        let told = without_restarts(&run.server.log(run.build)).1.len();
        // Which of them came first is not for the test to say.
        assert!(told <= 1, "{told}");
        run.ends_as_undisturbed(told);
    }
}

/// Anywhere: the build ends as it would have, however often that happens.
#[test]
fn killed_at_any_moment() {
    let rounds = if is_full() { 40 } else { 1 };
    let seed = std::env::var("MUSTER_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1_u64);
    eprintln!("MUSTER_SEED={seed}");
    let mut random = seed;
    for round in 0..rounds {
        let user = User::new();
        let tree = Gated::new(&user);
        tree.open("all");
        let mut run = Killed::begin(&user, tree);
        let begun = Instant::now();
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let moment = Duration::from_millis((random >> 33) % 3_000);
        until("the moment", || (begun.elapsed() >= moment).then_some(()));
        run.server.restart();
        run.server.wait(run.build);
        let told = without_restarts(&run.server.log(run.build)).1.len();
        assert!(told <= 1, "round {round}, after {moment:?}: {told}");
        run.ends_as_undisturbed(told);
    }
}
