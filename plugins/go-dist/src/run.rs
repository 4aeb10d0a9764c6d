//! The commands of `go tool dist test`: what is tried, under which environment, and for how long.

use muster_sdk::builder::Place;
use muster_sdk::types::{Command, Duration, SECOND, Test, command};

use crate::catalog::ROOT;
use crate::memo::Memo;
use crate::parser::BANNER;
use crate::settings::Selection;
use crate::spec::Spec;

/// The longest that one command may run, before it is scaled.
const LIMIT: Duration = 20 * 60 * SECOND;
/// The variable by which slow machines get more time: a whole number.
const TIMEOUT_SCALE: &str = "GO_TEST_TIMEOUT_SCALE";
/// The variable with the expression of a builder that runs only some tests.
pub(crate) const TEST_ONLY: &str = "GOTESTONLY";

/// The command that runs exactly these tests.
pub(crate) fn run(spec: &Spec, memo: Memo, tests: &[Test], place: &Place) -> Command {
    // What `dist` calls them is what JUnit XML does.
    let names = tests.iter().map(|test| test.case.as_str());
    let banner = format!("--banner={BANNER}");
    let mut command = match memo.selection {
        Selection::Names => dist(spec, place, std::iter::once(banner.as_str()).chain(names)),
        Selection::Regexp => {
            let run = format!("--run={}", expression(names));
            dist(spec, place, [banner.as_str(), run.as_str()])
        }
    };
    // Names and an expression exclude each other, and the list was made with this one in mind.
    if spec.variable(TEST_ONLY).is_some() {
        command.env.push((TEST_ONLY.into(), String::new()));
    }
    command.timeout = Some(limit(spec));
    command
}

/// `go tool dist test`. Its folder is the work directory: below `go/bin` Windows would find the tests' own `go`.
pub(crate) fn dist<'a>(spec: &Spec, place: &Place, args: impl IntoIterator<Item = &'a str>) -> Command {
    let go = spec.join(&[ROOT, "bin", "go"]);
    let words = ["tool", "dist", "test", "--no-rebuild"].into_iter().chain(args).map(str::to_owned);
    let mut command = command(std::iter::once(go).chain(words));
    command.dir = ".".into();
    // The same on every machine: where the tree was made is baked into its binaries, and need not be where it is.
    command.env = vec![("GOROOT".into(), place.tree.clone())];
    command.path = vec![spec.join(&["$WORKDIR", ROOT, "bin"]), "$PATH".into()];
    command
}

/// The time limit of one command, and so of one test.
pub(crate) fn limit(spec: &Spec) -> Duration {
    let scale = spec.variable(TIMEOUT_SCALE).and_then(|scale| scale.parse().ok()).filter(|scale| *scale > 0);
    LIMIT.saturating_mul(scale.unwrap_or(1))
}

/// Matches these names and no other.
fn expression<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.map(escape).collect();
    match names.as_slice() {
        [name] => format!("^{name}$"),
        names => format!("^({})$", names.join("|")),
    }
}

fn escape(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for c in name.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use muster_sdk::builder::Purpose;

    use super::*;
    use crate::catalog;
    use crate::fixture::place;
    use crate::settings::GoDistSettings;

    const NAMES: Memo = Memo { selection: Selection::Names, purpose: Purpose::TryBuild };
    const REGEXP: Memo = Memo { selection: Selection::Regexp, ..NAMES };

    fn spec(settings: &str, name: &str) -> Spec {
        catalog::find(&GoDistSettings::parse(settings).unwrap(), name).unwrap()
    }

    fn tests(names: &[&str]) -> Vec<Test> {
        let test = |name: &&str| Test { case: (*name).into(), ..muster_sdk::types::test(*name) };
        names.iter().map(test).collect()
    }

    #[test]
    fn names_are_arguments() {
        let command = run(&spec("", "linux-amd64"), NAMES, &tests(&["go_test:net/http", "api"]), &place("/w"));
        let words = ["go/bin/go", "tool", "dist", "test", "--no-rebuild", "--banner=XXXBANNERXXX:"];
        assert_eq!(command.argv[..6], words);
        assert_eq!(command.argv[6..], ["go_test:net/http", "api"]);
        assert_eq!(
            (command.dir.as_str(), &command.path[..]),
            (".", &["$WORKDIR/go/bin".to_owned(), "$PATH".into()][..])
        );
        assert_eq!(command.env, [("GOROOT".into(), "/w/go".into())]);
    }

    #[test]
    fn old_trees_take_an_expression() {
        let line = |names: &[&str]| {
            let command = run(&spec("", "linux-amd64"), REGEXP, &tests(names), &place("/w"));
            command.argv[6..].to_vec()
        };
        assert_eq!(line(&["test:0_5"]), ["--run=^test:0_5$"]);
        assert_eq!(line(&["go_test:a", "go_test:b"]), ["--run=^(go_test:a|go_test:b)$"]);
        assert_eq!(line(&["go_test:rsc.io/x"]), [r"--run=^go_test:rsc\.io/x$"]);
    }

    #[test]
    fn a_builder_of_some_tests_does_not_choose_twice() {
        let shard = spec("", "linux-arm-shard_test");
        let command = run(&shard, NAMES, &tests(&["test"]), &place("/w"));
        assert_eq!(command.env.last(), Some(&("GOTESTONLY".to_owned(), String::new())));
    }

    /// `TestDistTestsExecTimeout`: the builder's scale wins over its host's.
    #[test]
    fn slow_machines_have_more_time() {
        let scaled = |host: &str, builder: &str| {
            let env = |value: &str| match value {
                "" => "{}".to_owned(),
                value => format!(r#"{{"GO_TEST_TIMEOUT_SCALE": "{value}"}}"#),
            };
            let settings = format!(
                r#"{{"hosts": {{"linux-buildlet-std": {{"env": {}}}}}, "builders": {{"linux-amd64": {{"env": {}}}}}}}"#,
                env(host),
                env(builder)
            );
            limit(&spec(&settings, "linux-amd64")) / (60 * SECOND)
        };
        assert_eq!((scaled("", ""), scaled("", "2"), scaled("3", ""), scaled("3", "2")), (20, 40, 60, 40));
        assert_eq!(limit(&spec("", "linux-arm-arm5")) / (60 * SECOND), 100);
        assert_eq!(scaled("", "soon"), 20);
    }
}
