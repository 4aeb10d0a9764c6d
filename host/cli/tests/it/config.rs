//! `muster config`, and errors in both files, as people see them.

use std::fs;

use crate::command::run;

#[test]
fn values_come_with_their_file_and_line() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    fs::create_dir_all(home.path().join(".config/muster"))?;
    fs::write(home.path().join(".config/muster/coordinator.toml"), "[limits]\n\ntest = \"90s\"\n")?;
    fs::write(home.path().join("muster.toml"), "helpers = 2\n[pytest]\nargs = [\"-x\"]\n")?;
    let shown = run(home.path(), &["config", "show"])?;
    let lines: Vec<String> = shown.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for expected in [
        "# host: HOME/.config/muster/coordinator.toml",
        "build.pool = \"local\" default",
        "build.helpers (not set) default",
        "limits.test = \"1m 30s\" HOME/.config/muster/coordinator.toml:3",
        "# tree: ./muster.toml",
        "helpers = 2 ./muster.toml:1",
        "run.retries (not set) default",
        "pytest.args = [\"-x\"] ./muster.toml:3",
    ] {
        assert!(lines.iter().any(|line| line == expected), "{expected} is not in\n{shown}");
    }
    Ok(())
}

#[test]
fn a_tree_may_not_decide_for_the_host() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    fs::write(home.path().join("muster.toml"), "builder = \"command\"\n[pool.mine]\nkind = \"url\"\n")?;
    insta::assert_snapshot!(run(home.path(), &["build"])?, @r"
    exit code 2
    error: a tree may not say `pool`: that is for the host to decide
     --> HOME/muster.toml:2:2
      |
    2 | [pool.mine]
      |  ^^^^
      = give `--pool NAME`, or write `[pool.NAME]` in the host's coordinator.toml
    ");
    fs::remove_file(home.path().join("muster.toml"))?;
    fs::write(home.path().join("pyproject.toml"), "[tool.muster.pytest]\ngrants = { http = [\"https://a\"] }\n")?;
    insta::assert_snapshot!(run(home.path(), &["config", "check"])?, @r#"
    exit code 2
    error: a tree may not say `grants`: that is for the host to decide
     --> ./pyproject.toml:2:1
      |
    2 | grants = { http = ["https://a"] }
      | ^^^^^^
      = write `[plugins.NAME.grants]` in the host's coordinator.toml
    "#);
    Ok(())
}

#[test]
fn a_host_file_is_never_looked_for_in_a_tree() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let tree = home.path().join("tree");
    fs::create_dir(&tree)?;
    fs::write(tree.join("coordinator.toml"), "this is not even TOML")?;
    let shown = run(home.path(), &["config", "check", "tree"])?;
    assert_eq!(shown, "exit code 0\nhost: no file, all defaults\ntree: no file, all defaults\ngood\n");
    Ok(())
}

#[test]
fn a_tree_that_is_not_there_is_an_error() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    for arguments in [&["config", "check", "nowhere"][..], &["config", "show", "nowhere"], &["builders", "nowhere"]] {
        let shown = run(home.path(), arguments)?;
        assert!(shown.starts_with("exit code 2\nerror: `nowhere` is not there\n"), "{shown}");
    }
    Ok(())
}

#[test]
fn mistakes_in_the_host_file_are_shown_with_what_was_meant() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let file = home.path().join("c.toml");
    let check = |text: &str| -> anyhow::Result<String> {
        fs::write(&file, text)?;
        run(home.path(), &["--config", "c.toml", "config", "check"])
    };
    insta::assert_snapshot!(check("[pool.lab]\nkind = \"ulr\"\n")?, @r#"
    exit code 2
    error: `ulr` is not known here
     --> c.toml:2:8
      |
    2 | kind = "ulr"
      |        ^^^^^
      = did you mean `url`?
    "#);
    insta::assert_snapshot!(check("[plugins.docker]\ndigest = \"sha256:12\"\n")?, @r#"
    exit code 2
    error: this is not a digest
     --> c.toml:2:10
      |
    2 | digest = "sha256:12"
      |          ^^^^^^^^^^^
      = a digest is `sha256:` and 64 hexadecimal digits; `muster plugin inspect` prints it
    "#);
    insta::assert_snapshot!(check("[limits]\ntest = 90\n")?, @r"
    exit code 2
    error: invalid type: integer `90`, expected a string: durations are written like `90s` or `5m`
     --> c.toml:2:8
      |
    2 | test = 90
      |        ^^
    ");
    insta::assert_snapshot!(check("[build]\npool = \"lcal\"\n")?, @r#"
    exit code 2
    error: there is no pool `lcal`
     --> c.toml:2:8
      |
    2 | pool = "lcal"
      |        ^^^^^^
      = did you mean `local`?
    "#);
    let shown = check("[limits\n")?;
    assert!(shown.starts_with("exit code 2\n") && shown.contains("--> c.toml:1:"), "{shown}");
    insta::assert_snapshot!(check("[pool.lab]\nkind = \"url\"\nurl-files = [\"lab.url\"]\n")?, @r"
    exit code 2
    error: failed to read the buildlet URL file `lab.url`: No such file or directory (os error 2)
    hint: check the path, and that you may read it
    ");
    let missing = run(home.path(), &["--config", "nowhere.toml", "config", "check"])?;
    assert!(
        missing.starts_with("exit code 2\nerror: failed to read the configuration file `nowhere.toml`"),
        "{missing}"
    );
    Ok(())
}
