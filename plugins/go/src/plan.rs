//! How the tree is made: the runner is built, and by it every test binary.

use muster_sdk::builder::{BuildPlan, Place, Source, Step, TestPlan};
use muster_sdk::types::{Command, command};

use crate::runner;
use crate::settings::GoSettings;

/// The caller's variables that say where its cache of compiled packages is.
pub(crate) const VARIABLES: [&str; 3] = ["GOCACHE", "XDG_CACHE_HOME", "HOME"];

/// The plan of a tree.
pub(crate) fn plan(settings: &GoSettings, source: &Source, place: &Place) -> BuildPlan {
    let memo = if place.local { cache(source).unwrap_or_default() } else { String::new() };
    let compile = runner::request(settings, place, "make", &[]);
    let list = runner::request(settings, place, "list", &[]);
    let make = vec![
        Step { name: "runner".into(), command: with_cache(build_runner(settings, place), &memo) },
        Step { name: "test binaries".into(), command: with_cache(compile, &memo) },
    ];
    let list = with_cache(list, &memo);
    BuildPlan { make, clean: settings.common.clean.clone(), tests: TestPlan::Listed(list), memo }
}

/// A buildlet has an empty cache of its own. On the caller's machine the caller's is used, as by `go test` itself;
/// what is compiled and what a test is told do not depend on it.
pub(crate) fn with_cache(mut command: Command, cache: &str) -> Command {
    if !cache.is_empty() {
        command.env.push(("GOCACHE".into(), cache.to_owned()));
    }
    command
}

/// As the go command finds it: its variable, else a folder of the user's caches.
fn cache(source: &Source) -> Option<String> {
    let variable = |name: &str| {
        let (_, value) = source.env.iter().find(|(variable, _)| variable == name)?;
        value.starts_with('/').then(|| value.trim_end_matches('/').to_owned())
    };
    variable("GOCACHE")
        .or_else(|| variable("XDG_CACHE_HOME").map(|caches| format!("{caches}/go-build")))
        .or_else(|| variable("HOME").map(|home| format!("{home}/.cache/go-build")))
}

/// Outside of the module, whose flags and dependencies are not the runner's; without cgo it runs on any machine.
fn build_runner(settings: &GoSettings, place: &Place) -> Command {
    let mut words = vec![settings.go.clone(), "build".into(), "-o".into(), runner::program(place)];
    words.extend(runner::SOURCE.iter().map(|(name, _)| format!("{}/{name}", place.attempt_dir)));
    let mut command = command(words);
    let env = [("GO111MODULE", "off"), ("GOFLAGS", ""), ("CGO_ENABLED", "0")];
    command.env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    command.files = runner::SOURCE.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec())).to_vec();
    command
}

#[cfg(test)]
mod tests {
    use muster_sdk::builder;
    use serde_json::Value;

    use super::*;

    fn plan_of(settings: &str, env: &[(&str, &str)], local: bool) -> BuildPlan {
        let env = env.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let source = Source { env, ..builder::source() };
        let place = Place { local, ..builder::place("/w") };
        plan(&GoSettings::parse(settings).unwrap(), &source, &place)
    }

    #[test]
    fn the_runner_is_built_and_then_builds() {
        let plan = plan_of(r#"{"go": "/opt/go/bin/go", "vet": false, "tags": ["x"]}"#, &[], false);
        let [runner, binaries] = &plan.make[..] else { panic!("two steps") };
        assert_eq!(runner.command.argv[..4], ["/opt/go/bin/go", "build", "-o", "/w/tree/.muster-go/runner"]);
        assert_eq!(runner.command.argv[4], "/w/attempt/main.go");
        assert_eq!(runner.command.files.len(), runner.command.argv.len() - 4);
        assert_eq!(binaries.command.argv, ["/w/tree/.muster-go/runner", "make", "/w/attempt/muster-go.json"]);
        let request: Value = serde_json::from_slice(&binaries.command.files[0].1).unwrap();
        assert_eq!((&request["flags"][0], &request["vetFlags"][0]), (&"-tags=x".into(), &"-vet=off".into()));
        assert_eq!(request["packages"][0], "./...");
    }

    #[test]
    fn only_on_the_callers_machine_is_its_cache_used() {
        let cache = |env: &[(&str, &str)], local: bool| plan_of("", env, local).memo;
        assert_eq!(cache(&[("HOME", "/home/me")], true), "/home/me/.cache/go-build");
        assert_eq!(cache(&[("HOME", "/home/me"), ("XDG_CACHE_HOME", "/c")], true), "/c/go-build");
        assert_eq!(cache(&[("HOME", "/home/me"), ("GOCACHE", "/g/")], true), "/g");
        assert_eq!(cache(&[("HOME", "/home/me"), ("GOCACHE", "off")], true), "/home/me/.cache/go-build");
        assert_eq!(cache(&[("HOME", "/home/me")], false), "");
        let local = plan_of("", &[("GOCACHE", "/g")], true);
        assert_eq!(local.make[1].command.env, [("GOCACHE".to_owned(), "/g".to_owned())]);
    }
}
