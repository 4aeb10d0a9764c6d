//! The builder role: each call reads the settings and hands over.

use muster_sdk::builder::{BuildPlan, Builder, BuilderConfig, Listing, Place, Source, SourceFile};
use muster_sdk::types::{Command, Error, Test};

use crate::memo::Memo;
use crate::settings::GoDistSettings;
use crate::{catalog, detect, listing, plan, run};

/// The plugin.
#[derive(Debug)]
pub struct GoDist;

impl Builder for GoDist {
    fn configure(settings: &str) -> Result<Vec<BuilderConfig>, Error> {
        let settings = GoDistSettings::parse(settings)?;
        let specs = catalog::all(&settings)?;
        Ok(specs.iter().map(|spec| catalog::config(&settings, spec)).collect())
    }

    /// Go's own tree is for the builder of the settings, else for the plain one of this machine. Settings that are wrong
    /// make it no other tree: `configure` says what is wrong with them.
    fn detect(files: &[SourceFile], settings: &str) -> Option<String> {
        let settings = GoDistSettings::parse(settings).or_else(|_| GoDistSettings::parse("")).ok()?;
        detect::is_go(files).then(|| settings.builder.unwrap_or_else(|| settings.local.to_string()))
    }

    fn plan(builder: &str, settings: &str, source: &Source, place: &Place) -> Result<BuildPlan, Error> {
        let settings = GoDistSettings::parse(settings)?;
        plan::plan(&settings, &catalog::find(&settings, builder)?, source, place)
    }

    fn tests(builder: &str, settings: &str, memo: &str, listing: &Listing) -> Result<Vec<Test>, Error> {
        let spec = catalog::find(&GoDistSettings::parse(settings)?, builder)?;
        listing::tests(&spec, Memo::read(memo)?.purpose, listing)
    }

    fn run(builder: &str, settings: &str, memo: &str, tests: &[Test], place: &Place) -> Result<Command, Error> {
        Ok(run::run(&catalog::find(&GoDistSettings::parse(settings)?, builder)?, Memo::read(memo)?, tests, place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gos_tree_is_for_the_plain_builder_of_the_machine() {
        let file = |path: &str| SourceFile { path: path.into(), content: None };
        let tree = ["src/make.bash", "src/cmd/dist/main.go"].map(file);
        assert_eq!(GoDist::detect(&tree, "").as_deref(), Some("linux-amd64"));
        assert_eq!(GoDist::detect(&tree, r#"{"builder": "linux-386"}"#).as_deref(), Some("linux-386"));
        assert_eq!(GoDist::detect(&tree[..1], ""), None);
        assert_eq!(GoDist::detect(&tree, r#"{"biulder": "linux-386"}"#).as_deref(), Some("linux-amd64"));
    }

    #[test]
    fn every_builder_is_configured() {
        let names: Vec<String> = GoDist::configure("").unwrap().into_iter().map(|config| config.name).collect();
        assert_eq!(names.len(), 34);
        assert_eq!((names[0].as_str(), names[33].as_str()), ("freebsd-amd64-gce93", "darwin-arm64-a7ios"));
    }
}
