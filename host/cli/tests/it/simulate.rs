//! `muster simulate`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::{muster, run};

fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../sim/scenarios")
}

#[test]
fn a_scenario_prints_its_golden_text() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let output = muster(home.path()).arg("simulate").arg(scenarios().join("lost-helper.toml")).output()?;
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stdout)?, fs::read_to_string(scenarios().join("lost-helper.txt"))?);
    Ok(())
}

#[test]
fn a_seed_is_replayed_with_its_log() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let shown = run(home.path(), &["simulate", "--seed", "42"])?;
    assert!(shown.starts_with("exit code 0\n"), "{shown}");
    for part in ["b1 is submitted", "b1 phase acquire", "1 seeds, "] {
        assert!(shown.contains(part), "`{part}` is not in\n{shown}");
    }
    Ok(())
}

#[test]
fn a_wrong_scenario_is_told_with_its_line() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    fs::write(home.path().join("a.toml"), "about = 'x'\n[[build]]\nmake = 'soon'\ntest = []\n")?;
    insta::assert_snapshot!(run(home.path(), &["simulate", "a.toml"])?, @r"
    exit code 2
    error: a.toml:3: `soon` is no span of time: write `1m30s`, `2s` or `500ms`
    hint: docs/scenarios.md in the sources describes the file
    ");
    insta::assert_snapshot!(run(home.path(), &["simulate", "b.toml"])?, @r"
    exit code 2
    error: read the scenario `b.toml`: No such file or directory (os error 2)
    hint: docs/scenarios.md in the sources describes the file
    ");
    let both = run(home.path(), &["simulate", "a.toml", "--seed", "1"])?;
    assert!(both.starts_with("exit code 2\n"), "{both}");
    Ok(())
}
