//! The builder role: each call reads the settings and hands over.

use muster_sdk::builder::{BuildPlan, Builder, BuilderConfig, Listing, Place, Source, SourceFile};
use muster_sdk::types::{Command, Error, Test};

use crate::settings::CargoSettings;
use crate::{detect, listing, plan, run};

/// The name of the one builder, and of the parser.
const NAME: &str = "cargo";

/// Variables that change what is compiled: a tree made under other values is another.
const VARIABLES: [&str; 12] = [
    "RUSTUP_TOOLCHAIN",
    "RUSTC",
    "RUSTC_WRAPPER",
    "RUSTC_BOOTSTRAP",
    "RUSTFLAGS",
    "RUSTDOCFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CC",
    "CFLAGS",
    "CXX",
    "CXXFLAGS",
];

/// The plugin as a builder.
#[derive(Debug)]
pub struct CargoBuilder;

impl Builder for CargoBuilder {
    fn configure(settings: &str) -> Result<Vec<BuilderConfig>, Error> {
        let settings = CargoSettings::parse(settings)?;
        Ok(vec![BuilderConfig {
            parser: Some((NAME.into(), String::new())),
            look_at_env: VARIABLES.map(str::to_owned).to_vec(),
            ..settings.common.config(NAME, "Rust project tested with cargo")
        }])
    }

    fn detect(files: &[SourceFile], settings: &str) -> Option<String> {
        CargoSettings::parse(settings).ok()?;
        detect::is_cargo(files).then(|| NAME.to_owned())
    }

    fn plan(_builder: &str, settings: &str, _source: &Source, place: &Place) -> Result<BuildPlan, Error> {
        Ok(plan::plan(&CargoSettings::parse(settings)?, place))
    }

    fn tests(_builder: &str, settings: &str, _memo: &str, listing: &Listing) -> Result<Vec<Test>, Error> {
        listing::tests(&CargoSettings::parse(settings)?, listing)
    }

    fn run(_builder: &str, settings: &str, _memo: &str, tests: &[Test], place: &Place) -> Result<Command, Error> {
        run::run(&CargoSettings::parse(settings)?, tests, place)
    }
}
