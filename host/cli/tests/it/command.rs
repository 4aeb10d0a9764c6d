//! Runs the real binary in an environment of its own.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

/// The binary with nothing of this machine's configuration in sight.
pub(crate) fn muster(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
    command.env_clear().env("HOME", home).env("PATH", "/usr/bin:/bin").current_dir(home);
    command
}

/// What a command did, with the folder's name replaced, so that it can be compared.
pub(crate) fn text(home: &Path, output: &Output) -> String {
    let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&home.display().to_string(), "HOME");
    format!(
        "exit code {}\n{}{}",
        output.status.code().map_or_else(|| "none".to_owned(), |code| code.to_string()),
        shown(&output.stdout),
        shown(&output.stderr)
    )
}

/// Runs `muster` with these arguments in a folder.
pub(crate) fn run(home: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = muster(home).args(arguments).output()?;
    Ok(text(home, &output))
}

#[test]
fn help_names_every_command_and_the_exit_codes() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let help = run(home.path(), &["--help"])?;
    for word in
        ["build", "builders", "buildlet", "plugin", "simulate", "config", "version", "completions", "Examples:", "130"]
    {
        assert!(help.contains(word), "{word} is not in\n{help}");
    }
    let help = run(home.path(), &["build", "--help"])?;
    for option in [
        "--builder",
        "--helpers",
        "--policy",
        "--estimator",
        "--pool",
        "--plugin",
        "--buildlet",
        "--run",
        "--keep-going",
        "--fail-fast",
        "--fresh",
        "--retries",
        "--junit",
        "--report",
        "--log",
        "--json",
        "--timeout",
        "--state",
        "--config",
    ] {
        assert!(help.contains(option), "{option} is not in\n{help}");
    }
    Ok(())
}

#[test]
fn version_names_the_bundle() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let output = muster(home.path()).args(["version", "--json"]).output()?;
    let version: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    assert!(version["plugins"].is_array());
    assert_eq!(run(home.path(), &["--version"])?, format!("exit code 0\nmuster {}\n", env!("CARGO_PKG_VERSION")));
    Ok(())
}

#[test]
fn completions_for_every_shell() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = muster(home.path()).args(["completions", shell]).output()?;
        assert!(output.status.success());
        assert!(String::from_utf8(output.stdout)?.contains("keep-going"), "{shell}");
    }
    Ok(())
}

#[test]
fn usage_errors_exit_with_2_and_say_what_to_do() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    std::fs::write(home.path().join("file"), "")?;
    insta::assert_snapshot!(run(home.path(), &["build", "nowhere"])?, @r"
    exit code 2
    error: `nowhere` is not there
    hint: give the folder of a source tree
    ");
    insta::assert_snapshot!(run(home.path(), &["build", "file"])?, @r"
    exit code 2
    error: `file` is not a folder
    hint: give the folder of a source tree
    ");
    insta::assert_snapshot!(run(home.path(), &["build", "--plugin", "x.wasm"])?, @r"
    exit code 2
    error: the plugin `x.wasm` is not there
    hint: give the file of a component; `muster plugin build DIR` makes one
    ");
    insta::assert_snapshot!(run(home.path(), &["build", "--helpers", "4000"])?, @r"
    exit code 2
    error: 4000 helpers are more than the 256 that are possible
    ");
    for wrong in
        [&["build", "--run", "("][..], &["build", "--timeout", "90"], &["bild"], &["build", "--helprs", "3"], &[]]
    {
        let shown = run(home.path(), wrong)?;
        assert!(shown.starts_with("exit code 2\n"), "{wrong:?}: {shown}");
    }
    Ok(())
}

#[test]
fn inspecting_what_is_no_component_is_a_usage_error() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    std::fs::write(home.path().join("x.wasm"), "no wasm")?;
    let shown = run(home.path(), &["plugin", "inspect", "x.wasm"])?;
    assert!(shown.starts_with("exit code 2\nerror: failed to load `x.wasm`"), "{shown}");
    Ok(())
}

#[test]
fn plugins_are_listed_as_json() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let output = muster(home.path()).args(["plugin", "list", "--json"]).output()?;
    assert!(output.status.success(), "{}", text(home.path(), &output));
    let state = std::fs::metadata(home.path().join(".local/state/muster"))?;
    assert_eq!(state.permissions().mode() & 0o777, 0o700, "what builds keep is nobody else's business");
    let listed: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout)?;
    let version = muster(home.path()).args(["version", "--json"]).output()?;
    let version: serde_json::Value = serde_json::from_slice(&version.stdout)?;
    assert_eq!(Some(listed.len()), version["plugins"].as_array().map(Vec::len), "every bundled plugin loads");
    for plugin in listed {
        assert!(plugin["roles"].as_array().is_some_and(|roles| !roles.is_empty()), "{plugin}");
    }
    Ok(())
}

#[test]
fn a_closed_pipe_is_no_error_and_hides_none() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    for (arguments, code) in [(&["config", "show"][..], 0), (&["doctor", "--config", "nowhere.toml"], 1)] {
        let mut child = muster(home.path()).args(arguments).stdout(std::process::Stdio::piped()).spawn()?;
        drop(child.stdout.take());
        assert_eq!(child.wait()?.code(), Some(code), "{arguments:?}");
    }
    Ok(())
}

#[test]
fn a_choice_of_what_is_logged_that_is_none_is_told() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let told = |choice: &str| -> anyhow::Result<String> {
        let output = muster(home.path()).arg("version").env("MUSTER_LOG", choice).output()?;
        assert!(output.status.success());
        Ok(String::from_utf8(output.stderr)?)
    };
    assert_eq!(told("warn,cli=debug")?, "");
    assert!(told("cli=loud")?.starts_with("note: MUSTER_LOG is not heeded: "));
    Ok(())
}
