//! Every scenario says what its golden text says. A new one is two files: `NAME.toml`, and `NAME.txt` with what
//! `muster simulate NAME.toml` prints.

#![expect(clippy::disallowed_methods, reason = "the files are the test's input; the simulator reads none itself")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use sim::Scenario;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

fn stems(extension: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(folder()).expect("the folder of the scenarios is there");
    let paths = entries.map(|entry| entry.expect("it can be listed").path());
    let wanted = paths.filter(|path| path.extension().is_some_and(|other| other == extension));
    wanted.map(|path| path.file_stem().expect("it has a name").to_string_lossy().into_owned()).collect()
}

/// What playing it says; the invariants are checked in each step.
fn play(name: &str) -> Result<String, String> {
    let file = format!("host/sim/scenarios/{name}.toml");
    let text = fs::read_to_string(folder().join(format!("{name}.toml"))).map_err(|error| format!("{file}: {error}"))?;
    let scenario = Scenario::read(&file, &text).map_err(|error| error.to_string())?;
    let (result, log) = scenario.play();
    result.map(|_| log.clone()).map_err(|wrong| format!("{file}: {wrong}\n{log}"))
}

/// The first line that differs, with what stands before it.
fn difference(golden: &str, log: &str) -> String {
    let same = golden.lines().zip(log.lines()).take_while(|(one, other)| one == other).count();
    let before: Vec<&str> = log.lines().take(same).skip(same.saturating_sub(5)).map(|line| line.trim_end()).collect();
    let line = |text: &str| text.lines().nth(same).unwrap_or("(the end)").to_owned();
    format!("{}\n- {}\n+ {}", before.join("\n"), line(golden), line(log))
}

#[test]
fn every_scenario_says_what_its_golden_text_says() {
    let mut wrong = Vec::new();
    for name in stems("toml") {
        let log = play(&name).unwrap_or_else(|error| error);
        let golden = fs::read_to_string(folder().join(format!("{name}.txt"))).unwrap_or_default();
        if golden != log {
            let how = format!("muster simulate host/sim/scenarios/{name}.toml >host/sim/scenarios/{name}.txt");
            wrong
                .push(format!("{name}.txt differs:\n{}\nif that is as it should be: {how}", difference(&golden, &log)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn no_golden_text_is_left_over() {
    assert_eq!(stems("txt").difference(&stems("toml")).next(), None);
}

#[test]
fn the_example_of_the_documentation_can_be_played() {
    let page = fs::read_to_string(folder().join("../../../docs/scenarios.md")).expect("the page is there");
    let blocks: Vec<&str> = page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!blocks.is_empty(), "the page shows a scenario");
    for block in blocks {
        let scenario = Scenario::read("docs/scenarios.md", block).unwrap_or_else(|error| panic!("{error}"));
        let (result, log) = scenario.play();
        assert!(result.is_ok(), "{log}");
    }
}
