//! The builder role: each call reads the settings and hands over.

use muster_sdk::builder::{BuildPlan, Builder, BuilderConfig, Listing, Place, Source, SourceFile};
use muster_sdk::types::{Command, Error, Test};
use serde_json::json;

use crate::settings::GoSettings;
use crate::{detect, listing, plan, run};

/// The name of the one builder, and of the parser.
pub(crate) const NAME: &str = "go";

/// The plugin.
#[derive(Debug)]
pub struct Go;

impl Builder for Go {
    fn configure(settings: &str) -> Result<Vec<BuilderConfig>, Error> {
        let settings = GoSettings::parse(settings)?;
        let parser = json!({ "subtests": settings.subtests }).to_string();
        Ok(vec![BuilderConfig {
            parser: Some((NAME.into(), parser)),
            look_at_env: plan::VARIABLES.map(str::to_owned).to_vec(),
            ..settings.common.config(NAME, "Go module tested with `go test`")
        }])
    }

    fn detect(files: &[SourceFile], settings: &str) -> Option<String> {
        let settings = GoSettings::parse(settings).ok()?;
        detect::is_module(files, &settings.dir).then(|| NAME.to_owned())
    }

    fn plan(_builder: &str, settings: &str, source: &Source, place: &Place) -> Result<BuildPlan, Error> {
        Ok(plan::plan(&GoSettings::parse(settings)?, source, place))
    }

    fn tests(_builder: &str, settings: &str, _memo: &str, listing: &Listing) -> Result<Vec<Test>, Error> {
        listing::tests(&GoSettings::parse(settings)?, listing)
    }

    fn run(_builder: &str, settings: &str, memo: &str, tests: &[Test], place: &Place) -> Result<Command, Error> {
        run::run(&GoSettings::parse(settings)?, memo, tests, place)
    }
}
