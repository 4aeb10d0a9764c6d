//! Stands in for the programs that cargo calls, and notes what cargo says to them.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::folders::{self, HARNESS, OUTER, UNITS};
use crate::unit::{Kind, Listed, Unit, escape};
use crate::{Result, make};

/// Variables that are this program's own, or the machine's.
const LEFT_OUT: [&str; 10] = [
    "PATH",
    "CARGO_HOME",
    "CARGO_TARGET_DIR",
    "CARGO_TERM_QUIET",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN_SOURCE",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTDOC",
    "RUST_RECURSION_COUNT",
    "_",
];

/// Compiles, and notes which outputs have the standard harness: nothing else that cargo says tells it.
pub(crate) fn rustc(args: &[OsString]) -> Result<i32> {
    let (program, rest) = args.split_first().ok_or_else(|| "rustc: there is no compiler to call".to_owned())?;
    let words: Vec<&str> = rest.iter().filter_map(|arg| arg.to_str()).collect();
    if words.contains(&"--test") {
        let crate_name = after(&words, "--crate-name").unwrap_or_default();
        let extra = words.iter().find_map(|word| word.strip_prefix("extra-filename=")).unwrap_or_default();
        folders::write(&folders::own()?.join(HARNESS).join(format!("{}{}", crate_name, extra)), b"")?;
    }
    Err(format!("run {:?}: {}", program, Command::new(program).args(rest).exec()))
}

/// Called with a test binary in the environment and folder that cargo gives it: notes them, and lists its tests.
pub(crate) fn exec(args: &[OsString]) -> Result<i32> {
    if env::var_os(make::RECORD_EXEC).is_none() {
        return Ok(0);
    }
    let (program, rest) = args.split_first().ok_or_else(|| "exec: there is no binary to run".to_owned())?;
    let name = Path::new(program).file_name().unwrap_or_default();
    let has_harness = folders::own()?.join(HARNESS).join(name).exists();
    let mut tests = Vec::new();
    if has_harness {
        let ignored = names(Command::new(program).args(["--list", "--format", "terse", "--ignored"]))?;
        let all = names(Command::new(program).args(["--list", "--format", "terse"]))?;
        tests.extend(all.into_iter().map(|name| Listed { ignored: ignored.contains(&name), name }));
    }
    let kind = if has_harness { Kind::Libtest } else { Kind::Plain };
    note(kind, text(program)?, &aloud(rest), tests)?;
    Ok(0)
}

/// Called to run documentation tests: notes how, and lists them.
pub(crate) fn rustdoc(args: &[OsString]) -> Result<i32> {
    let program = env::var_os(make::RUSTDOC).unwrap_or_else(|| "rustdoc".into());
    if !args.iter().any(|arg| arg == "--test") {
        return Err(format!("run {:?}: {}", program, Command::new(&program).args(args).exec()));
    }
    if env::var_os(make::RECORD_DOC).is_none() {
        return Ok(0);
    }
    let args = aloud(&without_stand_in(args));
    let list = ["--test-args", "--list --format terse"];
    let mut tests = names(Command::new(&program).args(&args).args(list))?;
    // Two examples that a macro put on one line have one name, and one verdict.
    let mut seen = std::collections::BTreeSet::new();
    tests.retain(|name| seen.insert(name.clone()));
    if !tests.is_empty() {
        let tests = tests.into_iter().map(|name| Listed { name, ignored: false }).collect();
        note(Kind::Doc, text(&program)?, &args, tests)?;
    }
    Ok(0)
}

/// Newer versions of cargo have documentation tests started by what stands in for their runner.
fn without_stand_in(args: &[OsString]) -> Vec<OsString> {
    let mut kept = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--test-runtool" {
            args.next();
        } else {
            kept.push(arg.clone());
        }
    }
    kept
}

/// Without what has a harness print a dot for each test: a `cargo test` that is quiet asks for it.
fn aloud(args: &[OsString]) -> Vec<OsString> {
    let mut kept: Vec<OsString> = Vec::new();
    for arg in args {
        if arg != "--quiet" && arg != "-q" {
            kept.push(arg.clone());
        } else if matches!(kept.last(), Some(last) if last == "--test-args") {
            kept.pop();
        }
    }
    kept
}

fn note(kind: Kind, program: String, args: &[OsString], tests: Vec<Listed>) -> Result<()> {
    let own = folders::own()?;
    let dir = text(folders::tree()?.as_os_str())?;
    let args = args.iter().map(|arg| text(arg)).collect::<Result<_>>()?;
    let unit = Unit { kind, program, args, dir, env: added(&own)?, tests };
    let folder = own.join(UNITS);
    // Cargo runs one at a time.
    let number = folders::files(&folder)?.len();
    folders::write(&folder.join(format!("{:05}", number)), to_text(&unit).as_bytes())
}

/// One line for each thing that is known of a unit.
fn to_text(unit: &Unit) -> String {
    let kind = match unit.kind {
        Kind::Libtest => "libtest",
        Kind::Plain => "plain",
        Kind::Doc => "doc",
    };
    let mut text = String::new();
    let mut line = |key: &str, value: &str| text.push_str(&format!("{} {}\n", key, escape(value)));
    line("kind", kind);
    line("program", &unit.program);
    unit.args.iter().for_each(|arg| line("arg", arg));
    line("dir", &unit.dir);
    unit.env.iter().for_each(|(name, value)| line("env", &format!("{}={}", name, value)));
    unit.tests.iter().for_each(|test| line(if test.ignored { "ignored" } else { "test" }, &test.name));
    text
}

/// Keeps the environment as it is before cargo adds to it.
pub(crate) fn keep_environment(own: &Path) -> Result<()> {
    let mut text = String::new();
    for (name, value) in env::vars_os() {
        if let (Some(name), Some(value)) = (name.to_str(), value.to_str()) {
            text.push_str(&format!("{}={}\0", name, value));
        }
    }
    folders::write(&own.join(OUTER), text.as_bytes())
}

/// What cargo sets, whatever stood there before: this machine's own environment may not be the other's.
fn added(own: &Path) -> Result<Vec<(String, String)>> {
    let outer = folders::read(&own.join(OUTER))?;
    let known: std::collections::BTreeSet<&str> = outer.split('\0').collect();
    let mut added = Vec::new();
    for (name, value) in env::vars_os() {
        let (name, value) = (text(&name)?, text(&value)?);
        let is_left_out = LEFT_OUT.contains(&name.as_str()) || name.starts_with("MUSTER_");
        let is_new = !known.contains(format!("{}={}", name, value).as_str());
        if !is_left_out && (is_new || name.starts_with("CARGO")) {
            added.push((name, value));
        }
    }
    added.sort();
    Ok(added)
}

/// The tests that a command lists.
fn names(command: &mut Command) -> Result<Vec<String>> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| format!("run {:?}: {}", command, error))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return Err(format!("list the tests by {:?}: {}\n{}", command, output.status, text));
    }
    let names =
        text.lines().filter_map(|line| line.strip_suffix(": test").or_else(|| line.strip_suffix(": benchmark")));
    Ok(names.map(str::to_owned).collect())
}

fn after<'a>(words: &[&'a str], key: &str) -> Option<&'a str> {
    let at = words.iter().position(|word| *word == key)?;
    words.get(at + 1).copied()
}

fn text(value: &OsStr) -> Result<String> {
    value.to_str().map(str::to_owned).ok_or_else(|| format!("{:?} is not UTF-8", value))
}

/// Puts this program under the names that cargo is given.
pub(crate) fn stand_in(own: &Path) -> Result<()> {
    let program = own.join("runner");
    for name in ["rustc", "exec", "rustdoc"] {
        let link = own.join(name);
        let _ = fs::remove_file(&link);
        fs::hard_link(&program, &link).map_err(|error| format!("make `{}`: {}", link.display(), error))?;
    }
    Ok(())
}
