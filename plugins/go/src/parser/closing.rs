//! The line by which `go test` closes a package.

use muster_sdk::types::{Duration, from_seconds};

/// Such a line.
#[derive(Debug, PartialEq)]
pub(crate) struct Closing<'a> {
    pub(crate) package: &'a str,
    pub(crate) verdict: Closed<'a>,
}

/// What became of the package.
#[derive(Debug, PartialEq)]
pub(crate) enum Closed<'a> {
    Passed(Option<Duration>),
    Failed(Option<Duration>),
    /// It has no test binary: why.
    NotMade(&'a str),
    NoTestFiles,
}

/// Reads a line without its end.
pub(crate) fn closing(line: &str) -> Option<Closing<'_>> {
    let (word, rest) = line.split_once('\t')?;
    let (package, told) = rest.split_once('\t').unwrap_or((rest, ""));
    let took = || told.split(['\t', ' ']).next()?.strip_suffix('s')?.parse().ok().and_then(from_seconds);
    let (package, verdict) = match word {
        "ok  " => (package, Closed::Passed(took())),
        "?   " if told == "[no test files]" => (package, Closed::NoTestFiles),
        "FAIL" if told.is_empty() => {
            let (package, why) = package.strip_suffix(']')?.rsplit_once(" [")?;
            (package, Closed::NotMade(why))
        }
        "FAIL" => (package, Closed::Failed(took())),
        _ => return None,
    };
    (!package.is_empty() && !package.contains(' ')).then_some(Closing { package, verdict })
}

#[cfg(test)]
mod tests {
    use muster_sdk::types::MILLISECOND;

    use super::*;

    fn check(line: &str, expected: Option<(&str, Closed<'_>)>) {
        assert_eq!(closing(line), expected.map(|(package, verdict)| Closing { package, verdict }), "{line}");
    }

    #[test]
    fn lines_of_go_test() {
        check("ok  \tm/a\t0.012s", Some(("m/a", Closed::Passed(Some(12 * MILLISECOND)))));
        check("ok  \tm/a\t0.012s [no tests to run]", Some(("m/a", Closed::Passed(Some(12 * MILLISECOND)))));
        check("ok  \tm/a\t(cached)\tcoverage: 1% of statements", Some(("m/a", Closed::Passed(None))));
        check("FAIL\tm/a\t1.000s", Some(("m/a", Closed::Failed(Some(1000 * MILLISECOND)))));
        check("FAIL\tm/a [build failed]", Some(("m/a", Closed::NotMade("build failed"))));
        check("FAIL\tm/a [setup failed]", Some(("m/a", Closed::NotMade("setup failed"))));
        check("?   \tm/a\t[no test files]", Some(("m/a", Closed::NoTestFiles)));
        for other in ["FAIL", "ok", "ok  \t", "FAIL\t", "FAIL\twhat is this\tnow", "okay\tm\t1s"] {
            check(other, None);
        }
    }
}
