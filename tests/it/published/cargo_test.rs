//! What `cargo test` prints, with binaries called as nextest calls them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::suite::Own;

type Results = BTreeMap<(String, String), Vec<String>>;

/// What cargo says of the binaries and crates that it tests.
struct Names {
    /// By path.
    binaries: BTreeMap<String, String>,
    /// Packages by the names of their libraries.
    packages: BTreeMap<String, String>,
}

/// Runs `cargo test` with these arguments, and reads its line for each test. `cargo` is the command so far.
pub(super) fn run(tree: &Path, cargo: impl Fn() -> Command, args: &[&str]) -> Own {
    let mut compile = cargo();
    compile.args(["test", "--no-run", "--message-format", "json"]);
    let output = compile.output().unwrap();
    assert!(output.status.success(), "{compile:?}: {}", String::from_utf8_lossy(&output.stderr));
    let names = Names::of(&String::from_utf8_lossy(&output.stdout));
    let mut command = cargo();
    command.args(["test", "--no-fail-fast"]).args(args);
    // Cargo names binaries on standard error: both are read as one.
    let mut both = Command::new("sh");
    both.arg("-c").arg(r#"exec "$@" 2>&1"#).arg("sh").arg(command.get_program()).args(command.get_args());
    both.current_dir(tree).envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = both.output().unwrap();
    let (code, text) = (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned());
    assert!(matches!(code, Some(0 | 101)), "{command:?}: {code:?}\n{text}");
    let results = names.read(&text);
    let tests = results.len();
    Own { results, code: code.map(|code| i32::from(code != 0)), tests }
}

impl Names {
    /// From cargo's messages.
    fn of(messages: &str) -> Names {
        let mut names = Names { binaries: BTreeMap::new(), packages: BTreeMap::new() };
        for message in messages.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
            let Some(manifest) = message["manifest_path"].as_str() else { continue };
            // Published crates lie in folders of name and version.
            let folder = Path::new(manifest).parent().unwrap().file_name().unwrap().to_str().unwrap();
            let package = folder.rsplit_once('-').map_or(folder, |(package, _)| package).to_owned();
            let target = message["target"]["name"].as_str().unwrap();
            let kind = message["target"]["kind"][0].as_str().unwrap();
            let binary = match kind {
                "lib" | "proc-macro" => package.clone(),
                "test" => format!("{package}::{target}"),
                other => format!("{package}::{other}/{target}"),
            };
            if let Some(executable) = message["executable"].as_str() {
                names.binaries.insert(executable.to_owned(), binary);
            }
            if matches!(kind, "lib" | "proc-macro") {
                names.packages.insert(target.to_owned(), package);
            }
        }
        names
    }

    /// Each test with its result, below the binary that cargo named before it.
    fn read(&self, text: &str) -> Results {
        let mut results = Results::new();
        let mut binary = String::new();
        for line in text.lines() {
            if let Some(name) = line.strip_prefix("   Doc-tests ") {
                binary = format!("{}::doc", self.packages[name]);
            } else if let Some(running) = line.strip_prefix("     Running ") {
                let path = running.rsplit_once('(').unwrap().1.trim_end_matches(')');
                binary.clone_from(&self.binaries[path]);
            } else if let Some((name, result)) = test(line) {
                results.insert((binary.clone(), name), vec![result]);
            }
        }
        results
    }
}

/// `test path::name - should panic ... ok`.
fn test(line: &str) -> Option<(String, String)> {
    let (name, word) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let modes = [" - should panic", " - compile fail", " - compile"];
    let name = modes.iter().find_map(|mode| name.strip_suffix(mode)).unwrap_or(name);
    let result = match word.split(',').next() {
        Some("ok") => "passed",
        Some("ignored") => "skipped",
        Some(_) | None => "failed",
    };
    Some((name.to_owned(), result.to_owned()))
}
