//! The builder role: each call reads the settings and hands over.

use muster_sdk::builder::{BuildPlan, Builder, BuilderConfig, Listing, Place, Source, SourceFile};
use muster_sdk::types::{Command, Error, Test};

use crate::settings::PytestSettings;
use crate::{detect, environment, listing, plan, run};

/// The name of the one builder.
pub(crate) const NAME: &str = "pytest";

/// The plugin.
#[derive(Debug)]
pub struct Pytest;

impl Builder for Pytest {
    fn configure(settings: &str) -> Result<Vec<BuilderConfig>, Error> {
        let settings = PytestSettings::parse(settings)?;
        Ok(vec![BuilderConfig {
            parser: Some(("pytest".into(), String::new())),
            look_at_env: vec![environment::VARIABLE.into()],
            look_at: environment::globs(),
            ..settings.common.config(NAME, "Python project tested with pytest")
        }])
    }

    fn detect(files: &[SourceFile], settings: &str) -> Option<String> {
        PytestSettings::parse(settings).ok()?;
        detect::is_pytest(files).then(|| NAME.to_owned())
    }

    fn plan(_builder: &str, settings: &str, source: &Source, place: &Place) -> Result<BuildPlan, Error> {
        plan::plan(&PytestSettings::parse(settings)?, source, place)
    }

    fn tests(_builder: &str, settings: &str, _memo: &str, listing: &Listing) -> Result<Vec<Test>, Error> {
        listing::tests(&PytestSettings::parse(settings)?, listing)
    }

    fn run(_builder: &str, settings: &str, memo: &str, tests: &[Test], place: &Place) -> Result<Command, Error> {
        run::run(&PytestSettings::parse(settings)?, memo, tests, place)
    }
}
