//! A Muster builder for Makefile projects: `make` builds the tree, every target `test-*` is a test, and
//! `make TARGET...` runs some of them.
//!
//! This is the whole of a plugin: the contract (`wit/`), what wit-bindgen makes of it, and six functions. The logic
//! stands in `targets.rs`, free of the bindings, and is tested like any Rust.

mod targets;

wit_bindgen::generate!({
    path: ["wit/types", "wit/host", "wit/builder"],
    world: "muster:builder/builder-plugin",
    generate_all,
});

use exports::muster::builder::builder::{
    BuildPlan, BuilderConfig, Command, Error, ExitStatus, Guest, Listing, Place, Source, SourceFile, Step, Test,
    TestPlan,
};

/// The name of the one builder.
const NAME: &str = "make";
/// Starting make takes about this long (nanoseconds).
const EXEC_OVERHEAD: u64 = 20_000_000;

/// The plugin.
pub struct BuilderMake;

impl Guest for BuilderMake {
    fn configure(_settings: String) -> Result<Vec<BuilderConfig>, Error> {
        Ok(vec![BuilderConfig {
            name: NAME.into(),
            description: "Makefile project whose tests are the targets `test-*`".into(),
            os: "linux".into(),
            arch: "amd64".into(),
            make_host_type: "default".into(),
            test_host_type: "default".into(),
            helpers: None,
            root: "tree".into(),
            env: Vec::new(),
            parser: None,
            exec_overhead: EXEC_OVERHEAD,
            keep_going: true,
            look_at_env: Vec::new(),
            look_at: Vec::new(),
            try_only: false,
            owner: String::new(),
            notes: String::new(),
            extra: Vec::new(),
        }])
    }

    fn detect(files: Vec<SourceFile>, _settings: String) -> Option<String> {
        let makefiles = files.iter().filter(|file| file.path == "Makefile");
        let mut contents = makefiles.filter_map(|file| file.content.as_deref());
        contents.any(|content| !targets::tests(content).is_empty()).then(|| NAME.to_owned())
    }

    fn plan(_builder: String, _settings: String, _source: Source, _place: Place) -> Result<BuildPlan, Error> {
        Ok(BuildPlan {
            make: vec![Step { name: "make".into(), command: command(&["make"]) }],
            clean: Vec::new(),
            // The targets are read from the made tree's Makefile, not from make: `make -p` also lists what is implied.
            tests: TestPlan::Listed(command(&["cat", "Makefile"])),
            memo: String::new(),
        })
    }

    fn tests(_builder: String, _settings: String, _memo: String, listing: Listing) -> Result<Vec<Test>, Error> {
        if !matches!(listing.exit, ExitStatus::Exited(0)) {
            return Err(Error::Other(format!("the Makefile cannot be read: {:?}", listing.exit)));
        }
        Ok(targets::tests(&listing.output).into_iter().map(test).collect())
    }

    fn run(
        _builder: String,
        _settings: String,
        _memo: String,
        tests: Vec<Test>,
        _place: Place,
    ) -> Result<Command, Error> {
        let names = tests.iter().map(|test| test.name.as_str());
        // Without a parser the exit status speaks for all: a group that fails is run again test by test.
        Ok(command(&["make", "--keep-going"].into_iter().chain(names).collect::<Vec<_>>()))
    }
}

fn command(argv: &[&str]) -> Command {
    Command {
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        dir: String::new(),
        env: Vec::new(),
        path: Vec::new(),
        files: Vec::new(),
        results: Vec::new(),
        timeout: None,
    }
}

fn test(name: String) -> Test {
    Test {
        suite: "make".into(),
        case: name.clone(),
        name,
        // One merge key for all: any targets may share one call of make.
        merge_key: Some("make".into()),
        unit: None,
        setup_key: None,
        alone: None,
        timeout: None,
        skip: None,
        extra: Vec::new(),
    }
}

// Natively, under `cargo test`, nothing is exported.
#[cfg(target_arch = "wasm32")]
export!(BuilderMake);
