//! The commands of a build, with their placeholders filled in.

use muster_sdk::builder::{BuildPlan, Place, Step, TestPlan, to_file};
use muster_sdk::types::{Command, Error, Test};

use crate::fill::{Filling, Template};
use crate::settings::{CommandSettings, Tests};

/// The file that the list goes to, below the attempt's directory: what else is printed is no test.
pub(crate) const LIST_NAME: &str = "muster-list";
/// The file with the tests to run, one a line.
const TESTS_NAME: &str = "muster-tests";

/// How the tree is made and listed.
pub(crate) fn plan(settings: &CommandSettings, place: &Place) -> Result<BuildPlan, Error> {
    let filling = Filling { tree: &place.tree, attempt: &place.attempt_dir, ..Filling::default() };
    let fill = |template: &Template| Ok(surround(settings, template.fill(&filling)?));
    let make = settings.make.iter().enumerate().map(|(index, template)| {
        let name = match template {
            Template::Shell(text) => text.lines().next().unwrap_or_default().chars().take(60).collect(),
            Template::Words(words) => words.join(" ").chars().take(60).collect::<String>(),
        };
        Ok(Step { name: format!("{}: {name}", index + 1), command: fill(template)? })
    });
    let tests = match &settings.tests {
        Tests::OneCommand(template) => {
            let mut command = fill(template)?;
            command.results.clone_from(&settings.results);
            TestPlan::OneCommand(command)
        }
        Tests::Listed(listed) => TestPlan::Listed(to_file(fill(&listed.list)?, place, LIST_NAME)),
    };
    let make = make.collect::<Result<_, Error>>()?;
    Ok(BuildPlan { make, clean: settings.common.clean.clone(), tests, memo: String::new() })
}

/// The command that runs these tests.
pub(crate) fn run(settings: &CommandSettings, tests: &[Test], place: &Place) -> Result<Command, Error> {
    let Tests::Listed(listed) = &settings.tests else {
        return Err(Error::Unsupported("one command runs all tests of this tree".into()));
    };
    let names: Vec<&str> = tests.iter().map(|test| test.name.as_str()).collect();
    let lines: String = names.iter().map(|name| format!("{name}\n")).collect();
    let tests_file = format!("{}/{TESTS_NAME}", place.attempt_dir);
    let filling = Filling { tree: &place.tree, attempt: &place.attempt_dir, tests_file: &tests_file, tests: names };
    let mut command = surround(settings, listed.run.fill(&filling)?);
    command.files.push((TESTS_NAME.into(), lines.into_bytes()));
    command.results.clone_from(&settings.results);
    Ok(command)
}

fn surround(settings: &CommandSettings, mut command: Command) -> Command {
    command.path.clone_from(&settings.path);
    command
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process;

    use super::*;
    use crate::listing;
    use muster_sdk::builder::{self, Listing};
    use muster_sdk::types::ExitStatus;

    /// Runs a command as a buildlet would; what it printed, standard error after standard output.
    fn exec(command: &Command, place: &Place) -> String {
        let _ = fs::remove_dir_all(&place.attempt_dir);
        fs::create_dir_all(&place.attempt_dir).unwrap();
        for (name, content) in &command.files {
            fs::write(format!("{}/{name}", place.attempt_dir), content).unwrap();
        }
        let mut process = process::Command::new(&command.argv[0]);
        let output = process.args(&command.argv[1..]).current_dir(&place.tree).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    }

    #[test]
    fn the_commands_do_what_they_say() {
        let root = std::env::temp_dir().join(format!("muster-command-{}", process::id()));
        let place = builder::place(root.to_str().unwrap());
        fs::create_dir_all(format!("{}/t", place.tree)).unwrap();
        fs::write(format!("{}/t/it's one", place.tree), "").unwrap();
        fs::write(format!("{}/t/two", place.tree), "").unwrap();
        let settings = CommandSettings::required(
            r#"{"make": ["echo made > made", ["mkdir", "dir with space"]], "list": "ls t; echo warning >&2",
                "run": "cat made; for t in {tests}; do echo \"<$t>\"; done; cat {tests_file}"}"#,
        )
        .unwrap();
        let plan = plan(&settings, &place).unwrap();
        for step in &plan.make {
            exec(&step.command, &place);
        }
        assert!(fs::exists(format!("{}/dir with space", place.tree)).unwrap());
        let TestPlan::Listed(list) = &plan.tests else { panic!("listed") };
        assert_eq!(exec(list, &place), "warning\n");
        let content = fs::read(format!("{}/{}", place.attempt_dir, list.results[0])).unwrap();
        let listing = Listing { output: vec![], exit: ExitStatus::Exited(0), files: vec![(LIST_NAME.into(), content)] };
        let tests = listing::tests(&settings, &listing).unwrap();
        let names: Vec<&str> = tests.iter().map(|test| test.name.as_str()).collect();
        assert_eq!(names, ["it's one", "two"]);
        let output = exec(&run(&settings, &tests, &place).unwrap(), &place);
        assert_eq!(output, "made\n<it's one>\n<two>\nit's one\ntwo\n");
        fs::remove_dir_all(root).unwrap();
    }
}
