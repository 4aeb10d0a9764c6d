//! How the tree is made: nothing but what an editable install generates where the caller's environment is used, and
//! an environment of its own elsewhere.

use muster_sdk::builder::{BuildPlan, Place, Source, Step, TestPlan};
use muster_sdk::types::{Command, Error, command};

use crate::environment;
use crate::run::{Memo, request};
use crate::settings::{Environment, PytestSettings};

/// The environment that is made, below the tree.
const MADE: &str = ".muster-venv";
/// What an editable project is installed into where the original cannot be seen; `muster_make.py` says the same.
const PREFIX: &str = ".muster-prefix";
/// The script that brings over or makes generated files.
const MAKE_SCRIPT: &str = include_str!("python/muster_make.py");
/// The script that makes an environment inside the tree usable wherever the tree is put.
const RELOCATE_SCRIPT: &str = include_str!("python/muster_relocate.py");
/// Lock files that `muster_lock.py` reads, the standard's first.
const LOCK_FILES: [&str; 5] = ["pylock.toml", "uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock"];
/// The script that installs what a lock file says.
const LOCK_SCRIPT: &str = include_str!("python/muster_lock.py");

/// The plan of a tree.
pub(crate) fn plan(settings: &PytestSettings, source: &Source, place: &Place) -> Result<BuildPlan, Error> {
    let made = match settings.environment {
        Environment::Auto => !place.local && settings.python.is_none(),
        Environment::AsIs => false,
        Environment::Made => true,
    };
    let memo = if made { made_memo(place) } else { as_is_memo(settings, source) };
    let make = match (&settings.make, made) {
        (Some(commands), _) => {
            commands.iter().enumerate().map(|(index, argv)| own_step(index, argv, &memo, place)).collect()
        }
        (None, true) => made_steps(settings, source, place),
        (None, false) => generated_step(source, place, &memo).into_iter().collect(),
    };
    let list = request(settings, &memo, place, "list", &[], &[]);
    Ok(BuildPlan { make, clean: settings.common.clean.clone(), tests: TestPlan::Listed(list), memo: memo.to_json() })
}

/// The caller's environment: the active one, else one in the original tree, else whatever `python3` is.
fn as_is_memo(settings: &PytestSettings, source: &Source) -> Memo {
    let origin = source.origin.as_deref().map(|origin| origin.trim_end_matches('/'));
    let mut memo = Memo { sites: vec![PREFIX.into()], ..Memo::default() };
    memo.redirect.extend(origin.map(str::to_owned));
    if let Some(python) = &settings.python {
        memo.python = python.clone();
    } else if let Some(active) = environment::active(source) {
        memo.python = format!("{active}/bin/python");
        memo.path = vec![format!("{active}/bin"), "$PATH".into()];
        memo.env = vec![(environment::VARIABLE.into(), active.into())];
    } else {
        memo.python = "python3".into();
        if let Some(origin) = origin {
            memo.path = vec![format!("{origin}/.venv/bin"), format!("{origin}/venv/bin"), "$PATH".into()];
        }
    }
    memo
}

/// The environment inside the tree, which moves with it to other machines.
fn made_memo(place: &Place) -> Memo {
    Memo {
        python: format!("{{tree}}/{MADE}/bin/python"),
        path: vec![format!("{{tree}}/{MADE}/bin"), "$PATH".into()],
        env: vec![(environment::VARIABLE.into(), format!("{{tree}}/{MADE}"))],
        redirect: vec![place.tree.clone()],
        sites: Vec::new(),
    }
}

fn own_step(index: usize, argv: &[String], memo: &Memo, place: &Place) -> Step {
    Step { name: format!("make {}", index + 1), command: memo.apply(command(argv), place) }
}

fn generated_step(source: &Source, place: &Place, memo: &Memo) -> Option<Step> {
    let origin = source.origin.clone()?;
    // Isolated: what stands in the tree is not to be imported instead of the standard library.
    let words = [memo.python.as_str(), "-I", "-c", MAKE_SCRIPT, &origin];
    let command = memo.apply(command(words), place);
    Some(Step { name: "generated files".into(), command })
}

fn made_steps(settings: &PytestSettings, source: &Source, place: &Place) -> Vec<Step> {
    let base = settings.python.clone().unwrap_or_else(|| "python3".into());
    let python = format!("{}/{MADE}/bin/python", place.tree);
    let pip = |rest: &[&str]| {
        let words = [python.as_str(), "-m", "pip", "install", "--disable-pip-version-check", "--quiet"];
        command(words.iter().chain(rest).copied())
    };
    let step = |name: &str, command: Command| Step { name: name.into(), command };
    let mut steps = vec![step("environment", command([base.as_str(), "-m", "venv", MADE]))];
    match requirements(settings, source) {
        Requirements::Files(files) => {
            let words: Vec<&str> = files.iter().flat_map(|file| ["-r", file]).collect();
            steps.push(step("requirements", pip(&words)));
        }
        Requirements::Lock(file) => {
            steps.push(step("requirements", command([python.as_str(), "-I", "-c", LOCK_SCRIPT, &file])));
        }
        Requirements::Pins(pins) => {
            let words: Vec<&str> = ["--no-deps"].into_iter().chain(pins.lines()).collect();
            steps.push(step("requirements", pip(&words)));
        }
        Requirements::None => steps.push(step("requirements", pip(&["pytest"]))),
    }
    let is_project = source.files.iter().any(|file| file.path == "pyproject.toml" || file.path == "setup.py");
    if settings.install && is_project && is_installable(source) {
        let words: &[&str] = if settings.editable { &["-e", "."] } else { &["."] };
        steps.push(step("install", pip(words)));
    }
    steps.push(step("relocate", command([python.as_str(), "-I", "-c", RELOCATE_SCRIPT])));
    steps
}

/// What an environment that is made is filled with.
enum Requirements {
    /// Files of the tree.
    Files(Vec<String>),
    /// The lock file of a package manager.
    Lock(String),
    /// One `name==version` a line.
    Pins(String),
    /// Nothing says it.
    None,
}

/// The settings, else a lock file, else the exact versions of the caller's environment.
fn requirements(settings: &PytestSettings, source: &Source) -> Requirements {
    if let Some(files) = &settings.requirements {
        return Requirements::Files(files.clone());
    }
    let is_there = |name: &&&str| source.files.iter().any(|file| file.path == **name);
    if let Some(file) = LOCK_FILES.iter().find(is_there) {
        return Requirements::Lock((*file).into());
    }
    let locked: Vec<String> = source
        .files
        .iter()
        .filter(|file| !file.path.contains('/') && file.path.starts_with("requirements"))
        .filter(|file| {
            file.path.ends_with(".lock") || (file.path.ends_with(".txt") && is_pinned(file.content.as_deref()))
        })
        .map(|file| file.path.clone())
        .collect();
    let pins = environment::distributions(&source.found);
    if !locked.is_empty() {
        Requirements::Files(locked)
    } else if pins.is_empty() {
        Requirements::None
    } else {
        Requirements::Pins(pins.iter().map(|pin| format!("{}=={}\n", pin.name, pin.version)).collect())
    }
}

/// Whether every requirement of a file names its exact version.
fn is_pinned(content: Option<&[u8]>) -> bool {
    let text = String::from_utf8_lossy(content.unwrap_or_default());
    let mut requirements =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', '-'])).peekable();
    requirements.peek().is_some() && requirements.all(|line| line.contains("=="))
}

/// A pyproject.toml that only configures tools is no project.
fn is_installable(source: &Source) -> bool {
    source.files.iter().any(|file| match file.path.as_str() {
        "setup.py" => true,
        "pyproject.toml" => {
            let text = String::from_utf8_lossy(file.content.as_deref().unwrap_or_default());
            text.lines().any(|line| ["[project]", "[build-system]", "[tool.poetry]"].contains(&line.trim()))
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use muster_sdk::builder::{self, SourceFile};

    use super::*;

    fn place(local: bool) -> Place {
        Place { local, ..builder::place("/w") }
    }

    fn source(files: &[(&str, &str)], env: &[(&str, &str)], found: &[&str]) -> Source {
        let file = |path: &str, content: &str| SourceFile { path: path.into(), content: Some(content.into()) };
        Source {
            files: files.iter().map(|(path, content)| file(path, content)).collect(),
            env: env.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect(),
            found: found.iter().map(|path| file(path, "")).collect(),
            origin: Some("/home/me/p".into()),
            ..builder::source()
        }
    }

    fn argvs(plan: &BuildPlan) -> Vec<String> {
        let list = match &plan.tests {
            TestPlan::Listed(list) | TestPlan::OneCommand(list) => list,
        };
        plan.make
            .iter()
            .map(|step| &step.command)
            .chain([list])
            .map(|command| {
                let line = command.argv.join(" ").replace(MAKE_SCRIPT, "SCRIPT");
                line.replace(RELOCATE_SCRIPT, "RELOCATE").replace(LOCK_SCRIPT, "LOCK")
            })
            .collect()
    }

    fn check(settings: &str, source: &Source, local: bool, expected: &[&str]) -> BuildPlan {
        let settings = PytestSettings::parse(settings).unwrap();
        let plan = plan(&settings, source, &place(local)).unwrap();
        assert_eq!(argvs(&plan), expected);
        plan
    }

    #[test]
    fn an_active_environment_is_used_as_it_is() {
        let plan = check(
            "",
            &source(&[], &[("VIRTUAL_ENV", "/v")], &[]),
            true,
            &["/v/bin/python -I -c SCRIPT /home/me/p", "/v/bin/python /w/attempt/muster_pytest.py"],
        );
        assert_eq!(plan.make[0].command.path, ["/v/bin", "$PATH"]);
    }

    #[test]
    fn one_in_the_tree_is_found_by_the_path() {
        let plan = check(
            "",
            &source(&[], &[], &[]),
            true,
            &["python3 -I -c SCRIPT /home/me/p", "python3 /w/attempt/muster_pytest.py"],
        );
        assert_eq!(plan.make[0].command.path[0], "/home/me/p/.venv/bin");
    }

    #[test]
    fn elsewhere_one_is_made_of_exact_versions() {
        let site = "$VIRTUAL_ENV/lib/python3.11/site-packages";
        let metadata = format!("{site}/pytest-9.0.1.dist-info/METADATA");
        let tree = [("pyproject.toml", "[project]\n")];
        check(
            "",
            &source(&tree, &[("VIRTUAL_ENV", "/v")], &[&metadata]),
            false,
            &[
                "python3 -m venv .muster-venv",
                "/w/tree/.muster-venv/bin/python -m pip install --disable-pip-version-check --quiet --no-deps pytest==9.0.1",
                "/w/tree/.muster-venv/bin/python -m pip install --disable-pip-version-check --quiet -e .",
                "/w/tree/.muster-venv/bin/python -I -c RELOCATE",
                "/w/tree/.muster-venv/bin/python /w/attempt/muster_pytest.py",
            ],
        );
    }

    #[test]
    fn a_lock_file_comes_before_the_environment() {
        let tree = [("requirements.txt", "# pinned\npytest==8.0\n"), ("requirements-loose.txt", "pytest\n")];
        check(
            r#"{"install": false}"#,
            &source(&tree, &[], &[]),
            false,
            &[
                "python3 -m venv .muster-venv",
                "/w/tree/.muster-venv/bin/python -m pip install --disable-pip-version-check --quiet -r requirements.txt",
                "/w/tree/.muster-venv/bin/python -I -c RELOCATE",
                "/w/tree/.muster-venv/bin/python /w/attempt/muster_pytest.py",
            ],
        );
    }

    #[test]
    fn the_lock_of_a_package_manager_comes_first() {
        let tree = [("requirements.txt", "pytest==8.0\n"), ("poetry.lock", ""), ("uv.lock", "")];
        check(
            "",
            &source(&tree, &[("VIRTUAL_ENV", "/v")], &[]),
            false,
            &[
                "python3 -m venv .muster-venv",
                "/w/tree/.muster-venv/bin/python -I -c LOCK uv.lock",
                "/w/tree/.muster-venv/bin/python -I -c RELOCATE",
                "/w/tree/.muster-venv/bin/python /w/attempt/muster_pytest.py",
            ],
        );
    }

    #[test]
    fn own_steps_replace_the_usual_ones() {
        check(
            r#"{"make": [["python", "setup.py", "build_ext", "--inplace"]]}"#,
            &source(&[], &[("VIRTUAL_ENV", "/v")], &[]),
            true,
            &["python setup.py build_ext --inplace", "/v/bin/python /w/attempt/muster_pytest.py"],
        );
    }
}
