//! What a user may set in the `[go]` section.

use muster_sdk::Error;
use muster_sdk::builder::Common;
use muster_sdk::settings::{Settings, kind};
use muster_sdk::types::{Duration, MILLISECOND, SECOND};
use serde_json::Value;

/// What starting the runner and a test binary takes on an ordinary machine, until it is measured.
const EXEC_OVERHEAD: Duration = 50 * MILLISECOND;
/// `go test`'s own time-out of a test binary.
const TIMEOUT: Duration = 600 * SECOND;

/// What a test binary is told by Muster alone, and what to do instead.
const NOT_ARGS: [(&str, &str); 5] = [
    ("test.run", "`packages` and `tags` say what is tested, and `muster build --run REGEX` for one build"),
    ("test.skip", "`packages` and `tags` say what is tested, and `muster build --run REGEX` for one build"),
    ("test.list", "every build lists its tests"),
    ("test.bench", "no benchmark is run; a `[command]` can run some"),
    ("test.v", "each test is told of as it is"),
];

/// Which packages may be split over several execs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Split {
    /// Those without a TestMain: it may set up what all tests of the package share.
    Auto,
    Always,
    Never,
}

/// The settings of the builder.
#[derive(Clone, Debug)]
pub(crate) struct GoSettings {
    /// The go command.
    pub(crate) go: String,
    /// The module's folder, relative to the tree.
    pub(crate) dir: String,
    /// Patterns of packages.
    pub(crate) packages: Vec<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) race: bool,
    /// The checks of `go vet` that `go test` makes; none are its own.
    pub(crate) vet: Option<String>,
    /// Further flags of `go list` and `go test` (`-mod=vendor`, `-ldflags=...`).
    pub(crate) flags: Vec<String>,
    /// Of a test binary, as `go test -timeout`; 0 is none.
    pub(crate) timeout: Duration,
    pub(crate) short: bool,
    pub(crate) count: Option<u64>,
    pub(crate) parallel: Option<u64>,
    /// Further arguments of the test binaries (`-test.cpu=1,4`, flags of the project's own).
    pub(crate) args: Vec<String>,
    pub(crate) split: Split,
    /// Patterns of packages that are never split.
    pub(crate) together: Vec<String>,
    /// Whether subtests are reported as tests of their own.
    pub(crate) subtests: bool,
    pub(crate) common: Common,
}

impl GoSettings {
    /// Reads the section.
    pub(crate) fn parse(json: &str) -> Result<GoSettings, Error> {
        let mut settings = Settings::parse(json)?;
        let read = GoSettings {
            go: settings.text("go")?.unwrap_or_else(|| "go".into()),
            dir: dir(&mut settings)?,
            packages: packages(&mut settings)?,
            tags: settings.texts("tags")?.unwrap_or_default(),
            race: settings.flag("race")?.unwrap_or(false),
            vet: vet(&mut settings)?,
            flags: flags(&mut settings)?,
            timeout: settings.duration("timeout")?.unwrap_or(TIMEOUT),
            short: settings.flag("short")?.unwrap_or(false),
            count: settings.count("count")?,
            parallel: settings.count("parallel")?,
            args: args(&mut settings)?,
            split: split(&mut settings)?,
            together: settings.texts("together")?.unwrap_or_default(),
            subtests: settings.flag("subtests")?.unwrap_or(true),
            common: Common::take(&mut settings, EXEC_OVERHEAD)?,
        };
        settings.finish()?;
        Ok(read)
    }

    /// Whether all tests of a package run in one exec.
    pub(crate) fn is_together(&self, package: &str, has_main: bool) -> bool {
        let named = self.together.iter().any(|pattern| fits(pattern, package));
        named
            || match self.split {
                Split::Auto => has_main,
                Split::Always => false,
                Split::Never => true,
            }
    }
}

/// An import path, or one and all below it: `example.com/m/...`.
fn fits(pattern: &str, package: &str) -> bool {
    match pattern.strip_suffix("...") {
        Some(prefix) => package.starts_with(prefix) || prefix.strip_suffix('/') == Some(package),
        None => package == pattern,
    }
}

fn dir(settings: &mut Settings) -> Result<String, Error> {
    let dir = settings.text("dir")?.unwrap_or_default();
    let dir = dir.trim_end_matches('/');
    if dir.starts_with('/') || dir.split('/').any(|part| part == ".." || part == ".") {
        return Err(settings.invalid("dir", "a folder below the tree such as \"tools\""));
    }
    Ok(dir.to_owned())
}

fn packages(settings: &mut Settings) -> Result<Vec<String>, Error> {
    let packages = settings.texts("packages")?.unwrap_or_else(|| vec!["./...".into()]);
    if packages.is_empty() || packages.iter().any(|pattern| pattern.starts_with('-')) {
        return Err(settings.invalid("packages", "a list of patterns such as \"./...\""));
    }
    Ok(packages)
}

/// Both commands that take them have no other arguments than patterns.
fn flags(settings: &mut Settings) -> Result<Vec<String>, Error> {
    let flags = settings.texts("flags")?.unwrap_or_default();
    match flags.iter().find(|flag| !flag.starts_with('-')) {
        Some(_) => {
            Err(settings.invalid("flags", "a list of flags of the build, each one text such as \"-mod=vendor\""))
        }
        None => Ok(flags),
    }
}

/// A test binary would run other tests than it is asked for, or tell them in another form.
fn args(settings: &mut Settings) -> Result<Vec<String>, Error> {
    let args = settings.texts("args")?.unwrap_or_default();
    for arg in &args {
        // One dash or two, and the value in the same word or the next.
        let flag = arg.strip_prefix("--").or_else(|| arg.strip_prefix('-')).and_then(|flag| flag.split('=').next());
        if let Some((name, instead)) = NOT_ARGS.iter().find(|(name, _)| Some(*name) == flag) {
            return Err(settings.invalid("args", &format!("without `-{name}`: {instead}")));
        }
    }
    Ok(args)
}

/// `false` is `-vet=off`; a list names checks.
fn vet(settings: &mut Settings) -> Result<Option<String>, Error> {
    let Some(value) = settings.value("vet") else {
        return Ok(None);
    };
    match &value {
        Value::Bool(true) => Ok(None),
        Value::Bool(false) => Ok(Some("off".into())),
        Value::Array(_) => match muster_sdk::settings::texts(&value).filter(|checks| !checks.is_empty()) {
            Some(checks) => Ok(Some(checks.join(","))),
            None => Err(settings.invalid("vet", "a list of names of checks")),
        },
        Value::Null | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            Err(settings.invalid("vet", &format!("true, false or a list of checks, not {}", kind(&value))))
        }
    }
}

fn split(settings: &mut Settings) -> Result<Split, Error> {
    match settings.text("split")?.as_deref() {
        None | Some("auto") => Ok(Split::Auto),
        Some("always") => Ok(Split::Always),
        Some("never") => Ok(Split::Never),
        Some(_) => Err(settings.invalid("split", "\"auto\", \"always\" or \"never\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(json: &str) -> String {
        match GoSettings::parse(json) {
            Err(Error::Invalid(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_key_is_optional_and_strict() {
        let settings = GoSettings::parse("").unwrap();
        assert_eq!((settings.go.as_str(), settings.timeout, settings.vet), ("go", 600 * SECOND, None));
        assert_eq!(GoSettings::parse(r#"{"vet": false}"#).unwrap().vet.as_deref(), Some("off"));
        assert_eq!(GoSettings::parse(r#"{"vet": ["printf", "atomic"]}"#).unwrap().vet.unwrap(), "printf,atomic");
        assert_eq!(error(r#"{"tag": ["x"]}"#), "unknown key `tag`; did you mean `tags`?");
        assert!(error(r#"{"vet": "off"}"#).contains("true, false or a list"));
        assert!(error(r#"{"dir": "../x"}"#).starts_with("`dir`"));
        assert!(error(r#"{"flags": ["-tags", "x"]}"#).starts_with("`flags`"));
        assert!(error(r#"{"packages": ["-exec=x"]}"#).starts_with("`packages`"));
        assert!(error(r#"{"split": "yes"}"#).starts_with("`split`"));
    }

    #[test]
    fn what_muster_tells_test_binaries_is_no_argument() {
        for arg in
            ["-test.run=X", "--test.run", "-test.skip=X", "--test.list=.", "-test.bench", "-test.v", "-test.v=false"]
        {
            let error = error(&format!(r#"{{"args": ["-update", "{arg}", "x"]}}"#));
            assert!(error.starts_with("`args` is to be without `-test."), "{error}");
        }
        assert!(error(r#"{"args": ["--test.skip", "X"]}"#).ends_with("`muster build --run REGEX` for one build"));
        let others = r#"{"args": ["-test.cpu=1,4", "-test.vector", "test.run", "-run=x"]}"#;
        assert_eq!(GoSettings::parse(others).unwrap().args.len(), 4);
    }

    #[test]
    fn packages_that_stay_together() {
        let check = |json: &str, package: &str, has_main: bool, expected: bool| {
            assert_eq!(GoSettings::parse(json).unwrap().is_together(package, has_main), expected, "{json} {package}");
        };
        check("", "m/a", false, false);
        check("", "m/a", true, true);
        check(r#"{"split": "always"}"#, "m/a", true, false);
        check(r#"{"split": "never"}"#, "m/a", false, true);
        check(r#"{"together": ["m/a/..."], "split": "always"}"#, "m/a", false, true);
        check(r#"{"together": ["m/a/..."]}"#, "m/a/b", false, true);
        check(r#"{"together": ["m/a/..."]}"#, "m/ab", false, false);
        check(r#"{"together": ["m/a"]}"#, "m/a/b", false, false);
    }
}
