//! The builder role: each call reads the settings and hands over.

use muster_sdk::builder::{BuildPlan, Builder, BuilderConfig, Listing, Place, Source, SourceFile};
use muster_sdk::types::{Command, Error, Test};

use crate::settings::CommandSettings;
use crate::{listing, plan};

/// The name of the one builder.
const NAME: &str = "command";
/// Where the section of this builder may stand.
const SECTIONS: [(&str, &str); 2] = [("muster.toml", "[command"), ("pyproject.toml", "[tool.muster.command")];

/// The plugin.
#[derive(Debug)]
pub struct CommandBuilder;

impl Builder for CommandBuilder {
    /// No section, no builder.
    fn configure(settings: &str) -> Result<Vec<BuilderConfig>, Error> {
        let Some(settings) = CommandSettings::parse(settings)? else {
            return Ok(Vec::new());
        };
        Ok(vec![BuilderConfig {
            parser: settings.parser,
            ..settings.common.config(NAME, "The commands of the project's muster.toml")
        }])
    }

    fn detect(files: &[SourceFile], _settings: &str) -> Option<String> {
        let has_section = files.iter().any(|file| {
            let sections = SECTIONS.iter().filter(|(path, _)| *path == file.path);
            let text = String::from_utf8_lossy(file.content.as_deref().unwrap_or_default());
            sections.into_iter().any(|(_, section)| {
                let begins = |line: &str| line.trim().strip_prefix(section).is_some_and(|r| r.starts_with([']', '.']));
                text.lines().any(begins)
            })
        });
        has_section.then(|| NAME.to_owned())
    }

    fn plan(_builder: &str, settings: &str, _source: &Source, place: &Place) -> Result<BuildPlan, Error> {
        plan::plan(&CommandSettings::required(settings)?, place)
    }

    fn tests(_builder: &str, settings: &str, _memo: &str, listing: &Listing) -> Result<Vec<Test>, Error> {
        listing::tests(&CommandSettings::required(settings)?, listing)
    }

    fn run(_builder: &str, settings: &str, _memo: &str, tests: &[Test], place: &Place) -> Result<Command, Error> {
        plan::run(&CommandSettings::required(settings)?, tests, place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detected(path: &str, content: &str) -> bool {
        let file = SourceFile { path: path.into(), content: Some(content.into()) };
        CommandBuilder::detect(&[file], "").is_some()
    }

    #[test]
    fn a_section_is_what_counts() {
        assert!(detected("muster.toml", "[command]\nrun = 'x'\n"));
        assert!(detected("muster.toml", "[command.env]\n"));
        assert!(!detected("muster.toml", "[pytest]\n[commander]\n"));
        assert!(!detected("sub/muster.toml", "[command]\n"));
        assert!(detected("pyproject.toml", "[tool.muster.command]\n"));
    }

    #[test]
    fn no_section_no_builder() {
        assert_eq!(CommandBuilder::configure("").unwrap(), []);
        let configs = CommandBuilder::configure(r#"{"one-command": "make test"}"#).unwrap();
        assert_eq!(configs[0].name, "command");
    }
}
