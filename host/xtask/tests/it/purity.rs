//! The crates that decide have no clock, randomness, environment or I/O: clippy holds them to it.
#![expect(clippy::print_stdout, reason = "a test says why it skips")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;

use crate::repository::root;

/// The crates that decide.
const PURE: [&str; 3] = ["builtin", "engine", "sim"];

/// What none of them may do, each with a piece of the reason that is to be given.
const BREACHES: [(&str, &str); 11] = [
    ("pub fn f() -> bool { std::time::Instant::now().elapsed().is_zero() }", "it is a clock"),
    ("pub fn f() -> bool { std::time::SystemTime::now().elapsed().is_ok() }", "it is a clock"),
    ("pub fn f() { std::thread::sleep(std::time::Duration::ZERO); }", "it is a clock"),
    ("pub fn f(at: std::time::Instant) -> std::time::Instant { at }", "cannot be saved"),
    ("pub fn f(m: &std::collections::HashMap<u8, u8>) -> usize { m.values().count() }", "use a BTreeMap"),
    ("pub fn f(s: &std::collections::HashSet<u8>) -> usize { s.iter().count() }", "use a BTreeSet"),
    ("pub fn f() -> impl Sized { std::hash::RandomState::new() }", "it is randomness"),
    ("pub fn f() -> bool { std::env::var_os(\"HOME\").is_some() }", "it is the environment"),
    ("pub fn f() -> u32 { std::process::id() }", "it is the environment"),
    ("pub fn f() -> bool { std::fs::read(\"file\").is_ok() }", "it is I/O"),
    ("pub fn f() -> bool { std::process::Command::new(\"true\").status().is_ok() }", "it is I/O"),
];

fn rules(package: &str) -> PathBuf {
    root().join("host").join(package).join("clippy.toml")
}

#[test]
fn pure_crates_share_their_rules() -> anyhow::Result<()> {
    let read = |package| fs::read_to_string(rules(package)).with_context(|| format!("read the rules of {package}"));
    let first = read(PURE[0])?;
    for package in PURE {
        assert_eq!(read(package)?, first, "the rules of {package} are those of {}", PURE[0]);
    }
    // A nested file replaces that of the root, which would have to be repeated in it.
    assert!(!root().join("clippy.toml").exists(), "a clippy.toml at the root does not hold for {}", PURE.join(", "));
    Ok(())
}

#[test]
fn a_breach_of_purity_is_an_error() -> anyhow::Result<()> {
    let Ok(true) = Command::new("clippy-driver").arg("--version").output().map(|output| output.status.success()) else {
        println!("skipped: there is no clippy-driver on this machine");
        return Ok(());
    };
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("purity");
    fs::create_dir_all(&folder)?;
    let lint = |text: &str| -> anyhow::Result<(bool, String)> {
        let file = folder.join("lib.rs");
        fs::write(&file, text)?;
        let output = Command::new("clippy-driver")
            .env("CLIPPY_CONF_DIR", rules("engine").with_file_name(""))
            .args(["--crate-type", "lib", "--edition", "2024", "--emit", "metadata", "--deny", "warnings"])
            .arg("--out-dir")
            .arg(&folder)
            .arg(&file)
            .output()
            .context("run clippy-driver")?;
        Ok((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
    };
    let (fine, said) = lint("pub fn f(m: &std::collections::BTreeMap<u8, u8>) -> usize { m.values().count() }")?;
    assert!(fine, "what is pure is refused:\n{said}");
    for (breach, reason) in BREACHES {
        let (fine, said) = lint(breach)?;
        assert!(!fine && said.contains(reason), "`{breach}` should be refused because \"{reason}\":\n{said}");
    }
    Ok(())
}
