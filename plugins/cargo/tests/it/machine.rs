//! A machine: a work directory, and commands run in it as a buildlet does.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;

use cargo::{CargoBuilder, CargoParser};
use muster_sdk::builder::{self, Builder, Listing, Place, TestPlan};
use muster_sdk::parser::{Event, Parser, ResultOf};
use muster_sdk::types::{Command, ExitStatus, Test};

/// The tree that is built.
const TREE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/tree");

/// A folder for the machines of one test, removed with it.
pub(crate) struct Root(pub(crate) PathBuf);

impl Root {
    /// Makes one of this name.
    pub(crate) fn make(name: &str) -> Root {
        let root = std::env::temp_dir().join(format!("muster-cargo-{name}-{}", process::id()));
        fs::create_dir_all(&root).unwrap();
        Root(root)
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        // What a failed test left is looked at by hand.
        if !std::thread::panicking() {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }
}

/// A work directory with a tree in it.
pub(crate) struct Machine {
    work: PathBuf,
    settings: String,
    /// Whether it is the caller's.
    local: bool,
    /// PATH without nextest, where it is to be hidden.
    path: Option<String>,
}

/// What a command said.
pub(crate) struct Said {
    pub(crate) output: Vec<u8>,
    pub(crate) exit: ExitStatus,
}

impl Machine {
    /// A machine with the source.
    pub(crate) fn with_source(work: &Path, settings: &str, path: Option<String>) -> Machine {
        fs::create_dir_all(work).unwrap();
        copy(Path::new(TREE), &work.join("tree"));
        Machine { work: work.to_owned(), settings: settings.to_owned(), local: true, path }
    }

    /// Another, with this one's tree as it is now; this one's is gone then.
    pub(crate) fn moved(self, work: &Path) -> Machine {
        fs::create_dir_all(work).unwrap();
        copy(&self.work.join("tree"), &work.join("tree"));
        fs::remove_dir_all(&self.work).unwrap();
        Machine { work: work.to_owned(), ..self }
    }

    /// The same, as one that is not the caller's.
    pub(crate) fn of_others(self) -> Machine {
        Machine { local: false, ..self }
    }

    fn place(&self) -> Place {
        Place { local: self.local, ..builder::place(self.work.to_str().unwrap()) }
    }

    /// Makes the tree and lists its tests.
    pub(crate) fn make(&self) -> Vec<Test> {
        let plan = CargoBuilder::plan("cargo", &self.settings, &builder::source(), &self.place()).unwrap();
        for step in &plan.make {
            let said = self.exec(&step.command);
            assert_eq!(said.exit, ExitStatus::Exited(0), "{}: {}", step.name, String::from_utf8_lossy(&said.output));
        }
        let TestPlan::Listed(list) = plan.tests else { panic!("a list") };
        let said = self.exec(&list);
        let folder = self.work.join("attempt/listing");
        let files = fs::read_dir(folder).unwrap().map(|entry| {
            let path = entry.unwrap().path();
            (format!("listing/{}", path.file_name().unwrap().to_str().unwrap()), fs::read(&path).unwrap())
        });
        let listing = Listing { output: said.output, exit: said.exit, files: files.collect() };
        CargoBuilder::tests("cargo", &self.settings, &plan.memo, &listing).unwrap()
    }

    /// Runs tests in one exec; what the parser read.
    pub(crate) fn run(&self, tests: &[Test]) -> (BTreeMap<String, ResultOf>, Said) {
        let command = CargoBuilder::run("cargo", &self.settings, "", tests, &self.place()).unwrap();
        let said = self.exec(&command);
        let mut parser = CargoParser::new("", tests.to_vec());
        let mut events = parser.push(&said.output);
        events.extend(parser.finish(&said.exit));
        let finished = events.into_iter().filter_map(|event| match event {
            Event::Finished(result) => Some((result.name.clone(), result)),
            Event::Banner(_) | Event::Text(_) | Event::Started(_) | Event::Progress(_) | Event::Other(_) => None,
        });
        (finished.collect(), said)
    }

    /// The size of what of the tree was made.
    pub(crate) fn target_names(&self) -> Vec<String> {
        let mut names = Vec::new();
        walk(&self.work.join("tree/target"), &mut |path| names.push(path.to_str().unwrap().to_owned()));
        names
    }

    fn exec(&self, command: &Command) -> Said {
        let place = self.place();
        let attempt = Path::new(&place.attempt_dir);
        if attempt.exists() {
            fs::remove_dir_all(attempt).unwrap();
        }
        for (name, content) in &command.files {
            let file = attempt.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, content).unwrap();
        }
        // One stream, as a buildlet has it.
        let log = self.work.join("log");
        let file = fs::File::create(&log).unwrap();
        let mut process = process::Command::new(&command.argv[0]);
        process.args(&command.argv[1..]).current_dir(&place.tree).stdin(process::Stdio::null());
        process.stdout(file.try_clone().unwrap()).stderr(file).env("RUST_BACKTRACE", "0");
        // What stands around a test of this test set is not the project's, and does no harm; but for clippy.
        process.env_remove("RUSTC_WORKSPACE_WRAPPER");
        // The tree has tests that look at these: they are to be of the nextest that runs them.
        process.env_remove("NEXTEST_ATTEMPT").env_remove("NEXTEST_TEST_THREADS");
        process.envs(self.path.iter().map(|path| ("PATH", path)));
        let status = process.status().unwrap();
        let exit = status.code().map_or(ExitStatus::Signaled("?".into()), ExitStatus::Exited);
        Said { output: fs::read(log).unwrap(), exit }
    }
}

fn walk(folder: &Path, see: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, see) } else { see(&path) }
    }
}

fn copy(from: &Path, to: &Path) {
    let status = process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(status.success());
}
