//! The program that compiles, lists and runs on the machines: its source, and what it is asked.

use muster_sdk::builder::Place;
use muster_sdk::types::{Command, Duration, SECOND, command};
use serde_json::{Value, json};

use crate::settings::GoSettings;

/// Its source files, written below the attempt's directory where it is built.
pub(crate) const SOURCE: [(&str, &str); 7] = [
    ("main.go", include_str!("runner/main.go")),
    ("made.go", include_str!("runner/made.go")),
    ("make.go", include_str!("runner/make.go")),
    ("keep.go", include_str!("runner/keep.go")),
    ("list.go", include_str!("runner/list.go")),
    ("patch.go", include_str!("runner/patch.go")),
    ("run.go", include_str!("runner/run.go")),
];
/// What it is asked, below the attempt's directory.
const REQUEST_NAME: &str = "muster-go.json";

/// Where it is kept in the made tree, beside the test binaries.
pub(crate) fn program(place: &Place) -> String {
    format!("{}/.muster-go/runner", place.tree)
}

/// A call of it. `run` names packages, each with its tests or none for all.
pub(crate) fn request(settings: &GoSettings, place: &Place, mode: &str, run: &[(&str, Vec<&str>)]) -> Command {
    let parts = run.iter().map(|(package, tests)| json!({ "package": package, "tests": tests }));
    let request = json!({
        "tree": place.tree,
        "dir": settings.dir,
        "attempt": place.attempt_dir,
        "go": settings.go,
        "flags": flags(settings),
        "vetFlags": settings.vet.iter().map(|checks| format!("-vet={checks}")).collect::<Vec<_>>(),
        "packages": settings.packages,
        "args": args(settings),
        "timeout": settings.timeout,
        "run": parts.collect::<Vec<Value>>(),
    });
    let file = format!("{}/{REQUEST_NAME}", place.attempt_dir);
    let mut command = command([program(place), mode.to_owned(), file]);
    command.files = vec![(REQUEST_NAME.into(), request.to_string().into_bytes())];
    command
}

/// Flags of the build.
fn flags(settings: &GoSettings) -> Vec<String> {
    let mut flags = settings.flags.clone();
    if !settings.tags.is_empty() {
        flags.push(format!("-tags={}", settings.tags.join(",")));
    }
    if settings.race {
        flags.push("-race".into());
    }
    flags
}

/// Arguments of the test binaries, as `go test` passes them on.
fn args(settings: &GoSettings) -> Vec<String> {
    let mut args = vec![format!("-test.timeout={}", go_duration(settings.timeout))];
    if settings.short {
        args.push("-test.short=true".into());
    }
    args.extend(settings.count.map(|count| format!("-test.count={count}")));
    args.extend(settings.parallel.map(|parallel| format!("-test.parallel={parallel}")));
    args.extend(settings.args.iter().cloned());
    args
}

/// As Go reads it.
fn go_duration(duration: Duration) -> String {
    if duration.is_multiple_of(SECOND) { format!("{}s", duration / SECOND) } else { format!("{duration}ns") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_become_flags() {
        let json = r#"{"tags": ["a", "b"], "race": true, "flags": ["-mod=vendor"], "short": true, "count": 2,
                       "parallel": 4, "timeout": "1.5s", "args": ["-update"]}"#;
        let settings = GoSettings::parse(json).unwrap();
        assert_eq!(flags(&settings), ["-mod=vendor", "-tags=a,b", "-race"]);
        let expected =
            ["-test.timeout=1500000000ns", "-test.short=true", "-test.count=2", "-test.parallel=4", "-update"];
        assert_eq!(args(&settings), expected);
        assert_eq!(args(&GoSettings::parse(r#"{"timeout": 0}"#).unwrap()), ["-test.timeout=0s"]);
    }
}
