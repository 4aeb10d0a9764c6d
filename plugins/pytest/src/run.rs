//! The commands that list and run tests, both by the runner script.

use std::collections::BTreeSet;

use muster_sdk::builder::Place;
use muster_sdk::types::{Command, Error, Test, command};
use serde_json::{Value, json};

use crate::listing::MODULE;
use crate::settings::PytestSettings;

/// The script that runs pytest and tells what happens.
const RUNNER: &str = include_str!("python/muster_pytest.py");
/// Its name below the attempt's directory.
const RUNNER_NAME: &str = "muster_pytest.py";
/// What it is asked, beside it.
const REQUEST_NAME: &str = "muster_pytest.json";

/// What the plan decided and every later command needs. `{tree}` stands for the tree of the machine it runs on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Memo {
    pub(crate) python: String,
    pub(crate) path: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    /// Trees that the environment's editable installs may point to.
    pub(crate) redirect: Vec<String>,
    /// Prefixes below the tree that it may have been installed into.
    pub(crate) sites: Vec<String>,
}

impl Memo {
    /// As it is handed to the host.
    pub(crate) fn to_json(&self) -> String {
        let env: Vec<Value> = self.env.iter().map(|(name, value)| json!([name, value])).collect();
        json!({
            "python": self.python, "path": self.path, "env": env, "redirect": self.redirect, "sites": self.sites,
        })
        .to_string()
    }

    fn from_json(text: &str) -> Option<Memo> {
        let value: Value = serde_json::from_str(text).ok()?;
        let pair = |pair: &Value| Some((pair.get(0)?.as_str()?.to_owned(), pair.get(1)?.as_str()?.to_owned()));
        Some(Memo {
            python: value.get("python")?.as_str()?.to_owned(),
            path: muster_sdk::settings::texts(value.get("path")?)?,
            env: value.get("env")?.as_array()?.iter().map(pair).collect::<Option<_>>()?,
            redirect: muster_sdk::settings::texts(value.get("redirect")?)?,
            sites: muster_sdk::settings::texts(value.get("sites")?)?,
        })
    }

    /// Puts a command into the environment.
    pub(crate) fn apply(&self, mut command: Command, place: &Place) -> Command {
        let here = |text: &str| text.replace("{tree}", &place.tree);
        command.argv = command.argv.iter().map(|word| here(word)).collect();
        command.path = self.path.iter().map(|element| here(element)).collect();
        command.env.extend(self.env.iter().map(|(name, value)| (name.clone(), here(value))));
        command
    }
}

/// The command that runs exactly these tests, in this order.
pub(crate) fn run(settings: &PytestSettings, memo: &str, tests: &[Test], place: &Place) -> Result<Command, Error> {
    let memo = Memo::from_json(memo).ok_or_else(|| Error::Invalid("the memo is not this builder's".into()))?;
    let names: Vec<&str> = tests.iter().map(|test| test.name.as_str()).collect();
    let mut seen = BTreeSet::new();
    let modules: Vec<&str> = tests.iter().map(module).filter(|module| seen.insert(*module)).collect();
    Ok(request(settings, &memo, place, "run", &names, &modules))
}

/// A command of the runner script.
pub(crate) fn request(
    settings: &PytestSettings,
    memo: &Memo,
    place: &Place,
    mode: &str,
    tests: &[&str],
    modules: &[&str],
) -> Command {
    let redirect: Vec<Value> = memo
        .redirect
        .iter()
        .filter(|origin| **origin != place.tree)
        .map(|origin| json!([origin, place.tree]))
        .collect();
    let request = json!({
        "mode": mode, "args": settings.args, "redirect": redirect, "sites": memo.sites,
        "tests": tests, "modules": modules,
    });
    let script = format!("{}/{RUNNER_NAME}", place.attempt_dir);
    let mut command = memo.apply(command([memo.python.clone(), script]), place);
    command.files = vec![(RUNNER_NAME.into(), RUNNER.into()), (REQUEST_NAME.into(), request.to_string().into_bytes())];
    command
}

/// The file that a test is collected from.
fn module(test: &Test) -> &str {
    let noted = test.extra.iter().find(|(key, _)| key == MODULE).map(|(_, module)| module.as_str());
    noted.unwrap_or_else(|| test.name.split("::").next().unwrap_or(&test.name))
}

#[cfg(test)]
mod tests {
    use muster_sdk::builder::place;

    use super::*;

    #[test]
    fn a_memo_comes_back_as_it_was() {
        let memo = Memo {
            python: "{tree}/v/bin/python".into(),
            path: vec!["{tree}/v/bin".into(), "$PATH".into()],
            env: vec![("A".into(), "b".into())],
            redirect: vec!["/o".into()],
            sites: vec![".p".into()],
        };
        assert_eq!(Memo::from_json(&memo.to_json()), Some(memo));
        assert_eq!(Memo::from_json("{}"), None);
    }

    #[test]
    fn tests_go_by_file_in_order() {
        let memo = Memo { python: "{tree}/v".into(), redirect: vec!["/m/tree".into()], ..Memo::default() };
        let tests = ["b.py::z", "a.py::y", "b.py::x"].map(muster_sdk::types::test);
        let settings = PytestSettings::parse("").unwrap();
        let command = run(&settings, &memo.to_json(), &tests, &place("/h")).unwrap();
        assert_eq!(command.argv, ["/h/tree/v", "/h/attempt/muster_pytest.py"]);
        let request: Value = serde_json::from_slice(&command.files[1].1).unwrap();
        assert_eq!(request["tests"], json!(["b.py::z", "a.py::y", "b.py::x"]));
        assert_eq!(request["modules"], json!(["b.py", "a.py"]));
        assert_eq!(request["redirect"], json!([["/m/tree", "/h/tree"]]));
    }
}
