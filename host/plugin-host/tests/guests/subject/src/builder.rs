//! A builder whose listing has one test a line.

use crate::Subject;
use crate::exports::muster::builder::builder::{
    BuildPlan, BuilderConfig, Guest, Listing, Place, Source, SourceFile, TestPlan,
};
use crate::muster::types::types::{Command, Error, Test};

fn config(name: &str) -> BuilderConfig {
    BuilderConfig {
        name: name.into(),
        description: "for tests".into(),
        os: "linux".into(),
        arch: "amd64".into(),
        make_host_type: "local".into(),
        test_host_type: "local".into(),
        helpers: Some(2),
        root: "tree".into(),
        env: vec![],
        parser: Some(("subject".into(), "{}".into())),
        exec_overhead: 500_000_000,
        keep_going: true,
        look_at_env: vec![],
        look_at: vec![],
        try_only: false,
        owner: String::new(),
        notes: String::new(),
        extra: vec![],
    }
}

fn command(argv: Vec<String>) -> Command {
    Command { argv, dir: String::new(), env: vec![], path: vec![], files: vec![], results: vec![], timeout: None }
}

impl Guest for Subject {
    fn configure(settings: String) -> Result<Vec<BuilderConfig>, Error> {
        match settings.as_str() {
            "\"refuse\"" => Err(Error::Invalid("key `colour`: did you mean `color`?".into())),
            "\"twins\"" => Ok(vec![config("one"), config("one")]),
            _ => Ok(vec![config("one"), config("two")]),
        }
    }

    fn detect(files: Vec<SourceFile>, _settings: String) -> Option<String> {
        files.iter().any(|file| file.path == "subject.toml").then(|| "one".into())
    }

    fn plan(_builder: String, settings: String, source: Source, _place: Place) -> Result<BuildPlan, Error> {
        let clean = if settings == "\"escape\"" { "../other" } else { "build" };
        Ok(BuildPlan {
            make: vec![],
            clean: vec![clean.into()],
            tests: TestPlan::Listed(command(vec!["./list".into()])),
            memo: format!("{} files of {}, {:?}", source.files.len(), source.project, source.purpose),
        })
    }

    fn tests(_builder: String, settings: String, memo: String, listing: Listing) -> Result<Vec<Test>, Error> {
        let output = String::from_utf8(listing.output).map_err(|error| Error::Other(error.to_string()))?;
        let mut tests: Vec<Test> = output
            .lines()
            .map(|name| {
                let (suite, case) = name.split_once("::").unwrap_or(("", name));
                Test {
                    name: name.into(),
                    suite: suite.into(),
                    case: case.into(),
                    merge_key: Some("all".into()),
                    unit: None,
                    setup_key: Some(suite.into()),
                    alone: None,
                    timeout: None,
                    skip: None,
                    extra: vec![("line".into(), format!("as listed: {name}")), ("memo".into(), memo.clone())],
                }
            })
            .collect();
        if settings == "\"twins\"" {
            tests.extend_from_within(..1);
        }
        Ok(tests)
    }

    fn run(_builder: String, settings: String, memo: String, tests: Vec<Test>, place: Place) -> Result<Command, Error> {
        let notes: Vec<(String, String)> = tests.iter().flat_map(|test| test.extra.clone()).collect();
        let mut run = command(["./run".into(), memo].into_iter().chain(tests.into_iter().map(|test| test.name)).collect());
        run.env.push(("PLACE".into(), place.attempt_dir));
        run.env.extend(notes);
        if settings == "\"escape\"" {
            run.dir = "../../etc".into();
        }
        Ok(run)
    }
}
