//! Reading a scenario and playing it.

use super::file::File;
use super::plan::plan;
use crate::plan::Plan;
use crate::rng::Rng;
use crate::run::play;
use crate::summary::Summary;
use crate::trace::Trace;

/// A run that is told in a file.
#[derive(Clone, Debug)]
pub struct Scenario {
    about: String,
    plan: Plan,
}

/// A scenario that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {text}")]
pub struct ScenarioError {
    /// As it was named.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub text: String,
}

impl Scenario {
    /// Reads the text of a file of this name.
    pub fn read(file: &str, text: &str) -> Result<Scenario, ScenarioError> {
        let wrong = |place: Option<std::ops::Range<usize>>, what: String| ScenarioError {
            file: file.to_owned(),
            line: line_of(text, place.map_or(0, |place| place.start)),
            text: what,
        };
        let told: File = toml::from_str(text).map_err(|error| wrong(error.span(), error.message().to_owned()))?;
        let about = told.about.trim().to_owned();
        let plan = plan(told).map_err(|(place, what)| wrong(Some(place), what))?;
        Ok(Scenario { about, plan })
    }

    /// Plays it: what it did in numbers, or what held that must not; and the log of what happened, which says so too.
    pub fn play(self) -> (Result<Summary, String>, String) {
        // Nothing is left to chance: the stream of numbers is not drawn from.
        let (result, log) = play(self.plan, Rng::new(0), Trace::plain());
        let result = result.map_err(|(step, text)| format!("in step {step}: {text}"));
        let end = result.as_ref().err().map(|wrong| format!("\nWRONG {wrong}\n")).unwrap_or_default();
        (result, format!("{}\n\n{log}{end}", self.about))
    }
}

fn line_of(text: &str, place: usize) -> usize {
    1 + text.as_bytes().iter().take(place).filter(|byte| **byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Scenario::read("a.toml", text).map_or_else(|error| error.to_string(), |_| "no error".into())
    }

    const BUILD: &str = "about = 'x'\n[[build]]\ntest = [{ name = 'a' }]\n";

    #[test]
    fn what_is_wrong_is_told_with_its_file_and_line() {
        assert_eq!(error(BUILD), "no error");
        let with = |more: &str| error(&format!("{BUILD}{more}"));
        let errors = [
            error("about = 'x'\n[[build]]\nhelp = 2\ntest = []").chars().take(60).collect(),
            error("about = 'x'\n[[build]]\nmake = 'long'\ntest = []"),
            error("about = 'x'\n[[build]]\ntest = [\n{ name = 'a' },\n{ name = 'a' },\n]"),
            error("about = 'x'\n[[build]]\npolicy = 'clever'\ntest = []"),
            error("about = 'x'\nbuild = []"),
            error("about = 'x'\nabout = 'y'"),
            with("[[at]]\ntime = '1s'\ndo = 'lose'\nmachine = 'm9'"),
            with("[[at]]\ntime = '1s'\ndo = 'slow'\nmachine = 'm1'"),
            with("[[at]]\ntime = '1s'\ndo = 'lie'\nmachine = 'm1'\nhow = 'badly'"),
            with("[[at]]\ntime = '1s'\ndo = 'cancel'\nbuild = 2"),
            with("[fleet]\nstarts = { m7 = '1s' }"),
        ];
        insta::assert_snapshot!(errors.join("\n"), @"
        a.toml:3: unknown field `help`, expected one of `at`, `helpe
        a.toml:3: `long` is no span of time: write `1m30s`, `2s` or `500ms`
        a.toml:5: there is a test `a` already
        a.toml:3: unknown variant `clever`, expected one of `good`, `copies`, `unknown-test`, `busy-worker`, `one-group`, `tears-groups`, `twice`, `empty-group`, `nothing`, `later`, `release-all`, `silent`, `traps`, or `built-in`
        a.toml:1: there must be a build, at most 100000 machines, and at least one on each host
        a.toml:2: duplicate key
        a.toml:7: there is no machine `m9`: there are 3, named m1 to m3
        a.toml:4: `times` is missing: it is needed by what is to be done
        a.toml:8: unknown variant `badly`, expected one of `leaves-out`, `contradicts`, `turns-exit`, `invents`, `tells-of-others`
        a.toml:7: there is no build 2: they are counted from 1 to 1
        a.toml:5: there is no machine `m7`: there are 3, named m1 to m3
        ");
    }
}
