//! `muster_lock.py` on lock files as uv, pip and pipenv wrote them of one project, which wants
//! `idna`, `colorama` on Windows, `tomli` before Python 3.11, and for tests `iniconfig` (an extra) and `packaging` (a
//! group); it has `docutils` and `six` in an extra and a group that are not for tests.

use std::path::Path;
use std::process::Command;

/// A Python that has pip, whose parts the script uses.
fn python() -> std::path::PathBuf {
    let environment = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lock-environment");
    let python = environment.join("bin/python");
    if !python.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&environment));
    }
    python
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What pip would be told to install.
fn requirements(lock: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let script = "import sys; sys.path.insert(0, sys.argv[1]); sys.dont_write_bytecode = True; import muster_lock; \
                  print('\\n'.join(muster_lock.requirements(sys.argv[2])))";
    let mut command = Command::new(python());
    command.args(["-c", script]).arg(folder.join("src/python")).arg(folder.join("tests/data").join(lock));
    run(&mut command).lines().map(str::to_owned).collect()
}

#[test]
fn what_holds_here_and_is_for_tests_is_installed() {
    let newer = run(Command::new(python()).args(["-c", "import sys; print(sys.version_info >= (3, 11))"]));
    let tomli = if newer.trim() == "True" { None } else { Some("tomli==2.2.1") };
    let expected: Vec<&str> = ["idna==3.10", "iniconfig==2.0.0", "packaging==24.2"].into_iter().chain(tomli).collect();
    assert_eq!(requirements("uv.lock"), expected);
    assert_eq!(requirements("pylock.toml"), ["idna==3.10"], "the project itself is no package");
    // Pipenv left the condition out.
    assert_eq!(requirements("Pipfile.lock"), ["colorama==0.4.6", "idna==3.10", "packaging==24.2"]);
}
