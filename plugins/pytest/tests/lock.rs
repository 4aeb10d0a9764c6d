//! `muster_lock.py` on lock files as uv, pip, pipenv, poetry and pdm wrote them of one project, which wants
//! `idna`, `colorama` on Windows, `tomli` before Python 3.11, and for tests `iniconfig` (an extra) and `packaging` (a
//! group); it has `docutils` and `six` in an extra and a group that are not for tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Makes two wheels of each package, in a folder: the version that is asked for, and a newer one.
const WHEELS: &str = r#"
import os, sys, zipfile
os.makedirs(sys.argv[1])
for name, version in (pin.split("==") for pin in sys.argv[2:]):
    for version in (version, "99"):
        info = f"{name}-{version}.dist-info"
        with zipfile.ZipFile(f"{sys.argv[1]}/{name}-{version}-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
"#;

/// Says what the environment has.
const INSTALLED: &str = "from importlib.metadata import distributions as all; \
                         print('\\n'.join(sorted(d.metadata['Name'] + '==' + d.version for d in all())))";

/// All that the project may want.
const ALL: [&str; 7] = [
    "colorama==0.4.6",
    "docutils==0.21.2",
    "idna==3.10",
    "iniconfig==2.0.0",
    "packaging==24.2",
    "six==1.16.0",
    "tomli==2.2.1",
];

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/python")
}

fn locks() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// A Python that has pip, whose parts the script uses, for one test.
fn python(test: &str) -> PathBuf {
    let environment = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("python-{test}"));
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
    let script = "import sys; sys.path.insert(0, sys.argv[1]); sys.dont_write_bytecode = True; import muster_lock; \
                  print('\\n'.join(muster_lock.requirements(sys.argv[2])))";
    let mut command = Command::new(python("requirements"));
    command.args(["-c", script]).arg(scripts()).arg(locks().join(lock));
    run(&mut command).lines().map(str::to_owned).collect()
}

/// What an environment has that a lock file filled. Its pip is another one's, since one of its own takes seconds to make.
fn filled_by(lock: &str, pip: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("filled-by-{lock}"));
    let _ = fs::remove_dir_all(&folder);
    let wheels = folder.join("wheels");
    run(Command::new("python3").args(["-c", WHEELS]).arg(&wheels).args(ALL));
    run(Command::new("python3").args(["-m", "venv", "--without-pip"]).arg(folder.join("environment")));
    let python = folder.join("environment/bin/python");
    let mut command = Command::new(&python);
    command.arg("-B").arg(scripts().join("muster_lock.py")).arg(lock).current_dir(locks());
    command.env("PIP_CONFIG_FILE", "/dev/null").env("PIP_NO_INDEX", "1").env("PIP_FIND_LINKS", &wheels);
    run(command.env("PYTHONPATH", pip));
    run(Command::new(&python).args(["-c", INSTALLED])).lines().map(str::to_owned).collect()
}

/// What the project wants here, with what is for tests.
fn wanted() -> Vec<&'static str> {
    let newer = run(Command::new("python3").args(["-c", "import sys; print(sys.version_info >= (3, 11))"]));
    let tomli = if newer.trim() == "True" { None } else { Some("tomli==2.2.1") };
    ["idna==3.10", "iniconfig==2.0.0", "packaging==24.2"].into_iter().chain(tomli).collect()
}

#[test]
fn what_holds_here_and_is_for_tests_is_installed() {
    for lock in ["uv.lock", "poetry.lock", "pdm.lock"] {
        assert_eq!(requirements(lock), wanted(), "{lock}");
    }
    assert_eq!(requirements("pylock.toml"), ["idna==3.10"], "the project itself is no package");
    // Before its second version poetry left conditions and groups out, but not extras.
    let poetry_1 = ALL.into_iter().filter(|package| !package.starts_with("docutils")).collect::<Vec<_>>();
    assert_eq!(requirements("poetry-1/poetry.lock"), poetry_1);
    // Pipenv left the condition out.
    assert_eq!(requirements("Pipfile.lock"), ["colorama==0.4.6", "idna==3.10", "packaging==24.2"]);
}

/// Newer versions are there to be had, and so is what is not for tests.
#[test]
fn an_environment_has_what_its_lock_file_names() {
    let script = "import os, pip; print(os.path.dirname(os.path.dirname(pip.__file__)))";
    let pip = run(Command::new(python("environments")).args(["-c", script]));
    for lock in ["poetry.lock", "pdm.lock"] {
        assert_eq!(filled_by(lock, pip.trim()), wanted(), "{lock}");
    }
}
