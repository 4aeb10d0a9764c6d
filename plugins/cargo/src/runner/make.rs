//! What happens on the main machine: the tests are compiled, noted and listed.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::folders::{self, ARTIFACTS, AT, BINARIES, HARNESS, METADATA, TREE, UNITS};
use crate::request::Request;
use crate::{Result, prune, record, relocate, run_nextest};

/// Set where test binaries are to be noted.
pub(crate) const RECORD_EXEC: &str = "MUSTER_RECORD_EXEC";
/// Set where documentation tests are to be noted.
pub(crate) const RECORD_DOC: &str = "MUSTER_RECORD_DOC";
/// The real `rustdoc`.
pub(crate) const RUSTDOC: &str = "MUSTER_RUSTDOC";

/// The program of nextest.
pub(crate) const NEXTEST: &str = "cargo-nextest";

/// Compiles the tests.
pub(crate) fn compile(request: &Request) -> Result<i32> {
    let own = folders::own()?;
    let tree = folders::tree()?;
    folders::write(&own.join(TREE), tree.as_os_str().as_bytes())?;
    for folder in [UNITS, HARNESS, AT] {
        folders::renew(&own.join(folder))?;
    }
    record::stand_in(&own)?;
    let nextest = has_nextest()?;
    let by_nextest = match request.tool.as_str() {
        "nextest" if nextest.is_none() => {
            return Err("`runner` is \"nextest\", and there is no cargo-nextest on this machine".to_owned());
        }
        "libtest" => false,
        _ => nextest.is_some(),
    };
    for known in [ARTIFACTS, BINARIES, METADATA] {
        let _ = fs::remove_file(own.join(known));
    }
    if by_nextest {
        say(&format!("with {}", nextest.unwrap_or_default()));
        return compile_for_nextest(request, &own);
    }
    say("without nextest: test binaries are run as `cargo test` does");
    let mut cargo = cargo(request, "test", "--profile");
    cargo.args(["--no-run", "--message-format=json-render-diagnostics"]);
    cargo.env("RUSTC_WORKSPACE_WRAPPER", own.join("rustc"));
    to_file(&mut cargo, &own.join(ARTIFACTS))
}

fn compile_for_nextest(request: &Request, own: &Path) -> Result<i32> {
    let mut list = cargo(request, "nextest", "--cargo-profile");
    list.args(["--list-type", "binaries-only", "--message-format", "json"]);
    let code = to_file(&mut list, &own.join(BINARIES))?;
    if code != 0 {
        return Ok(code);
    }
    let mut metadata = Command::new(cargo_program());
    metadata.args(["metadata", "--format-version", "1"]);
    to_file(&mut metadata, &own.join(METADATA))
}

/// Has cargo begin every test binary and every crate's documentation tests, and notes how instead of running them.
pub(crate) fn record(request: &Request) -> Result<i32> {
    let own = folders::own()?;
    record::keep_environment(&own)?;
    folders::renew(&own.join(UNITS))?;
    let by_nextest = own.join(BINARIES).exists();
    let mut cargo = cargo(request, "test", "--profile");
    let stand_in = own.join("exec");
    for target in targets(request)? {
        cargo.arg("--config").arg(format!("target.{}.runner=['{}']", target, stand_in.display()));
    }
    cargo.env(RUSTDOC, env::var_os("RUSTDOC").unwrap_or_else(|| "rustdoc".into())).env("RUSTDOC", own.join("rustdoc"));
    // Else it would ask the harnesses for less than is read of them.
    cargo.env("CARGO_TERM_QUIET", "false");
    if !by_nextest {
        cargo.env(RECORD_EXEC, "1").env("RUSTC_WORKSPACE_WRAPPER", own.join("rustc"));
    }
    if request.doc {
        cargo.env(RECORD_DOC, "1");
    }
    cargo.arg("--no-fail-fast");
    status(&mut cargo)
}

/// Puts all that is known of the tests into a folder.
pub(crate) fn list(request: &Request, to: &str) -> Result<i32> {
    let own = folders::own()?;
    let to = Path::new(to);
    folders::renew(to)?;
    let mut units = String::new();
    for unit in folders::files(&own.join(UNITS))? {
        let name = unit.file_name().unwrap_or_default().to_string_lossy().into_owned();
        units.push_str(&format!("unit {}\n{}", name, folders::read(&unit)?));
    }
    folders::write(&to.join("units"), units.as_bytes())?;
    if own.join(BINARIES).exists() {
        relocate::all(&own)?;
        return to_file(&mut run_nextest::list(request, &own)?, &to.join("nextest.json"));
    }
    let artifacts = folders::read(&own.join(ARTIFACTS))?;
    folders::write(&to.join(ARTIFACTS), artifacts.as_bytes())?;
    Ok(0)
}

/// `cargo test` or `cargo nextest list` with what the settings say.
fn cargo(request: &Request, what: &str, profile: &str) -> Command {
    let mut cargo = Command::new(cargo_program());
    forget_outer(&mut cargo);
    cargo.arg(what);
    if what == "nextest" {
        cargo.arg("list");
        cargo.args(request.nextest_profile.iter().flat_map(|name| ["--profile", name]));
    }
    cargo.args(&request.args);
    cargo.args(request.profile.iter().flat_map(|name| [profile, name]));
    cargo.args(request.target.iter().flat_map(|target| ["--target", target]));
    // The usual place, whatever the machine's own configuration says: it goes to the helpers with the tree.
    cargo.arg("--target-dir").arg("target");
    cargo
}

/// Where this runs inside of a test that another nextest runs, what that one has set is not meant for this one.
pub(crate) fn forget_outer(command: &mut Command) {
    if env::var_os("NEXTEST").is_none() {
        return;
    }
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("NEXTEST") {
            command.env_remove(name);
        }
    }
}

fn cargo_program() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// What was compiled for: the machine's own target, and others that the settings or the project's configuration name.
fn targets(request: &Request) -> Result<BTreeSet<String>> {
    let mut targets: BTreeSet<String> = request.target.iter().cloned().collect();
    targets.insert(host()?);
    let root = folders::tree()?.join("target");
    for profile in prune::profiles(&root)? {
        let folder = profile.parent().filter(|folder| *folder != root).and_then(Path::file_name);
        targets.extend(folder.map(|name| name.to_string_lossy().into_owned()));
    }
    Ok(targets)
}

/// The machine's own target.
fn host() -> Result<String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(&rustc).arg("-vV").output().map_err(|error| format!("run {:?} -vV: {}", rustc, error))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| format!("{:?} -vV names no host: {}", rustc, text))
}

/// The version of nextest, where it is.
fn has_nextest() -> Result<Option<String>> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found: Option<PathBuf> = env::split_paths(&path).map(|folder| folder.join(NEXTEST)).find(|file| file.is_file());
    let program = match found {
        Some(program) => program,
        None => return Ok(None),
    };
    let output = Command::new(&program).args(["nextest", "--version"]).output();
    let output = output.map_err(|error| format!("run `{}`: {}", program.display(), error))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().next().map(str::to_owned))
}

/// Runs a command with its output in a file.
fn to_file(command: &mut Command, file: &Path) -> Result<i32> {
    let out = File::create(file).map_err(|error| format!("make `{}`: {}", file.display(), error))?;
    status(command.stdout(out))
}

/// Runs a command; its exit status, 128 where a signal ended it.
pub(crate) fn status(command: &mut Command) -> Result<i32> {
    let status = command.stdin(Stdio::null()).status();
    let status = status.map_err(|error| format!("run {:?}: {}", command.get_program(), error))?;
    Ok(status.code().unwrap_or(128))
}

fn say(text: &str) {
    eprintln!("muster: {}", text);
}
