//! From the list command's lines to tests.

use muster_sdk::builder::{Listing, unlisted};
use muster_sdk::types::{Error, ExitStatus, Test, test};

use crate::plan::LIST_NAME;
use crate::settings::{CommandSettings, Tests};

/// All tests that may share an exec at all may share one.
const MERGE_KEY: &str = "command";

/// One test a line; empty lines are none.
pub(crate) fn tests(settings: &CommandSettings, listing: &Listing) -> Result<Vec<Test>, Error> {
    let Tests::Listed(listed) = &settings.tests else {
        return Err(Error::Unsupported("one command runs all tests of this tree".into()));
    };
    if listing.exit != ExitStatus::Exited(0) {
        return Err(unlisted("the list command failed", &listing.exit, &listing.output));
    }
    let file = listing.files.iter().find(|(name, _)| name.rsplit('/').next() == Some(LIST_NAME));
    let output = String::from_utf8_lossy(file.map_or(&listing.output, |(_, content)| content));
    let lines = output.lines().map(str::trim).filter(|line| !line.is_empty());
    let names = lines.filter_map(|line| match &listed.list_match {
        None => Some(line),
        Some(expression) => {
            let captures = expression.captures(line)?;
            captures.get(1).or_else(|| captures.get(0)).map(|name| name.as_str())
        }
    });
    Ok(names.map(|name| one(settings, listed.merge, name)).collect())
}

fn one(settings: &CommandSettings, merge: bool, name: &str) -> Test {
    Test {
        case: name.to_owned(),
        merge_key: merge.then(|| MERGE_KEY.to_owned()),
        unit: settings.unit.expand(name),
        setup_key: settings.setup.expand(name),
        alone: settings.alone.expand(name),
        timeout: settings.timeout.find(name).map(|(_, timeout)| *timeout),
        ..test(name)
    }
}

#[cfg(test)]
mod tests {
    use muster_sdk::types::SECOND;

    use super::*;

    #[test]
    fn what_holds_depends_on_the_name() {
        let settings = CommandSettings::required(
            r#"{"list": "l", "run": "r {tests}", "list-match": "^test (\\S+)$", "unit": {"^(seq/\\d)": "$1"},
                "alone": {"^gpu": "gpu0", "^whole": "machine"}, "timeout": {"^slow": "20m", "": 5}}"#,
        )
        .unwrap();
        let output = b"noise\ntest seq/1/a\ntest gpu/x\r\n\ntest slow\n".to_vec();
        let listing = Listing { output, exit: ExitStatus::Exited(0), files: vec![] };
        let tests = tests(&settings, &listing).unwrap();
        let seen: Vec<_> = tests
            .iter()
            .map(|t| (t.name.as_str(), t.unit.as_deref(), t.alone.as_deref(), t.timeout.map(|t| t / SECOND)))
            .collect();
        assert_eq!(
            seen,
            [
                ("seq/1/a", Some("seq/1"), None, Some(5)),
                ("gpu/x", None, Some("gpu0"), Some(5)),
                ("slow", None, None, Some(1200)),
            ]
        );
    }

    #[test]
    fn a_failed_list_is_an_error_with_its_text() {
        let settings = CommandSettings::required(r#"{"list": "l", "run": "r {test}"}"#).unwrap();
        let listing = Listing { output: b"no such file\n".to_vec(), exit: ExitStatus::Exited(1), files: vec![] };
        let error = tests(&settings, &listing).unwrap_err();
        assert!(matches!(error, Error::Other(text) if text.ends_with("no such file")));
    }
}
