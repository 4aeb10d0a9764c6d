//! The tree's file: `muster.toml`, or `[tool.muster]` in `pyproject.toml`.
//!
//! It comes with the source, from whoever wrote that. It may say how the project is built and tested; keys that say
//! which plugins run, where machines come from and what they may touch are the host's, and refused by name.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use toml::de::{DeTable, DeValue};

use super::located::{Located, SourceText};
use super::show::Places;
use super::units::Time;
use super::{ConfigError, read};

/// The tree's own file.
pub const MUSTER: &str = "muster.toml";
/// The file that may hold it as a section.
pub const PYPROJECT: &str = "pyproject.toml";

/// Keys that a tree may write. Tables of other names are sections for plugins.
const KEYS: [&str; 4] = ["project", "builder", "helpers", "run"];

/// Keys that only the host may write, and where they belong.
const HOST_KEYS: [(&str, &str); 22] = [
    ("plugin", "give `--plugin FILE`, or write `[plugins.NAME]` in the host's coordinator.toml"),
    ("plugins", "give `--plugin FILE`, or write `[plugins.NAME]` in the host's coordinator.toml"),
    ("policy", "give `--policy NAME`, or write `[build] policy` in the host's coordinator.toml"),
    ("estimator", "give `--estimator NAME`, or write `[build] estimator` in the host's coordinator.toml"),
    ("pool", "give `--pool NAME`, or write `[pool.NAME]` in the host's coordinator.toml"),
    ("pools", "give `--pool NAME`, or write `[pool.NAME]` in the host's coordinator.toml"),
    ("buildlet", "give `--buildlet URL`, or write a pool of kind `url` in the host's coordinator.toml"),
    ("buildlets", "give `--buildlet URL`, or write a pool of kind `url` in the host's coordinator.toml"),
    ("grant", "write `[plugins.NAME.grants]` in the host's coordinator.toml"),
    ("grants", "write `[plugins.NAME.grants]` in the host's coordinator.toml"),
    ("digest", "write `[plugins.NAME] digest` in the host's coordinator.toml"),
    ("credential", CREDENTIALS),
    ("credentials", CREDENTIALS),
    ("password", CREDENTIALS),
    ("password-file", CREDENTIALS),
    ("secret", CREDENTIALS),
    ("secrets", CREDENTIALS),
    ("token", CREDENTIALS),
    ("state", "write `[state]` in the host's coordinator.toml"),
    ("store", "write `[store]` in the host's coordinator.toml"),
    ("blobs", "write `[blobs]` in the host's coordinator.toml"),
    ("limits", "write `[limits]` in the host's coordinator.toml; a tree has `[run] timeout` and `test-timeout`"),
];

const CREDENTIALS: &str =
    "name a file by `bearer-file` or `basic-file` of `[[plugins.NAME.grants.http]]` in the host's coordinator.toml";

/// `[run]`: how the tests are run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct RunSection {
    /// Run everything after a failure. None is what the project's own runner does.
    pub keep_going: Option<bool>,
    /// How often a failed test is run again; a pass then makes it flaky.
    pub retries: Option<u32>,
    /// The whole build.
    pub timeout: Option<Time>,
    /// One test that names no limit of its own.
    pub test_timeout: Option<Time>,
}

/// What the tree says.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TreeConfig {
    /// What the project is called, in history and reports.
    pub project: Option<String>,
    /// The builder. None is found out from the tree.
    pub builder: Option<String>,
    /// The most helpers.
    pub helpers: Option<u32>,
    /// How the tests are run.
    pub run: RunSection,
    /// Settings of plugins, by the plugin's name.
    #[serde(flatten)]
    pub sections: BTreeMap<String, serde_json::Value>,
}

/// What it says, and where.
#[derive(Clone, Debug, Default)]
pub struct TreeFile {
    /// What it says.
    pub config: TreeConfig,
    /// The file; none means that there is none and everything is default.
    pub source: Option<SourceText>,
    /// Where each key stands.
    pub places: Places,
}

impl TreeFile {
    /// Reads the configuration of a tree, from whichever of the two files has it.
    ///
    /// # Errors
    /// Both files have it, or it is wrong.
    pub fn find(tree: &Path) -> Result<TreeFile, ConfigError> {
        let muster = read::read_optional(&tree.join(MUSTER))?;
        let pyproject = match read::read_optional(&tree.join(PYPROJECT))? {
            // Whether that file is good TOML is for the project's own tools to say.
            Some(source) if has_section(&source) => Some(source),
            Some(_) | None => None,
        };
        match (muster, pyproject) {
            (Some(muster), Some(pyproject)) => {
                Err(ConfigError::Twice { muster: muster.path, pyproject: pyproject.path })
            }
            (Some(source), None) => Ok(TreeFile::read(source)?),
            (None, Some(source)) => Ok(TreeFile::read_pyproject(source)?),
            (None, None) => Ok(TreeFile::default()),
        }
    }

    /// Reads the text of a `muster.toml`.
    ///
    /// # Errors
    /// The line that is wrong.
    pub fn read(source: SourceText) -> Result<TreeFile, Located> {
        let (config, places) = parse(&source, &read::table(&source)?)?;
        Ok(TreeFile { config, source: Some(source), places })
    }

    /// Reads `[tool.muster]` of the text of a `pyproject.toml`.
    ///
    /// # Errors
    /// The line that is wrong.
    pub fn read_pyproject(source: SourceText) -> Result<TreeFile, Located> {
        let table = read::table(&source)?;
        let (config, places) = match section(&table) {
            Some(section) => parse(&source, section)?,
            None => (TreeConfig::default(), Places::default()),
        };
        Ok(TreeFile { config, source: Some(source), places })
    }

    /// Refuses a section that no plugin of this host would read.
    ///
    /// # Errors
    /// The first such section, with what was probably meant.
    pub fn check_sections(&self, plugins: &[&str]) -> Result<(), ConfigError> {
        let Some(source) = &self.source else { return Ok(()) };
        match self.config.sections.keys().find(|name| !plugins.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => {
                let known: Vec<&str> = plugins.iter().copied().chain(KEYS).collect();
                let message = format!("the section `[{name}]` belongs to no plugin that is loaded here");
                Err(self.places.key(source, name, message).help(read::suggest(name, &known)).into())
            }
        }
    }
}

fn has_section(source: &SourceText) -> bool {
    source.text.contains("muster") && read::table(source).is_ok_and(|table| section(&table).is_some())
}

fn section<'a, 'i>(table: &'a DeTable<'i>) -> Option<&'a DeTable<'i>> {
    table.get("tool")?.get_ref().as_table()?.get("muster")?.get_ref().as_table()
}

fn parse(source: &SourceText, table: &DeTable<'_>) -> Result<(TreeConfig, Places), Located> {
    let mut places = Places::default();
    places.add("", table);
    let mut config = TreeConfig::default();
    for (key, value) in table.iter() {
        let name: &str = key.get_ref();
        refuse_host_key(source, key.span(), name)?;
        match name {
            "project" => config.project = Some(read::value(source, value.clone())?),
            "builder" => config.builder = Some(read::value(source, value.clone())?),
            "helpers" => config.helpers = Some(read::value(source, value.clone())?),
            "run" => config.run = read::value(source, value.clone())?,
            other => {
                let DeValue::Table(inner) = value.get_ref() else {
                    let wrong = source.at(key.span(), format!("unknown key `{other}`"));
                    return Err(wrong.help(read::suggest(other, &KEYS)));
                };
                for key in inner.keys() {
                    refuse_host_key(source, key.span(), key.get_ref())?;
                }
                config.sections.insert(other.to_owned(), read::value(source, value.clone())?);
            }
        }
    }
    Ok((config, places))
}

fn refuse_host_key(source: &SourceText, span: std::ops::Range<usize>, name: &str) -> Result<(), Located> {
    let folded = name.to_lowercase().replace('_', "-");
    match HOST_KEYS.iter().find(|(key, _)| *key == folded) {
        None => Ok(()),
        Some((_, instead)) => {
            Err(source.at(span, format!("a tree may not say `{name}`: that is for the host to decide")).help(*instead))
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn source(text: &str) -> SourceText {
        SourceText { path: "muster.toml".into(), text: text.into() }
    }

    fn wrong(text: &str) -> String {
        TreeFile::read(source(text)).unwrap_err().to_string()
    }

    #[test]
    fn reads_settings_and_sections() {
        let file = TreeFile::read(source(
            "builder = \"command\"\nhelpers = 2\n[run]\nretries = 1\ntest-timeout = \"5m\"\n[command]\nmake = [\"make\"]\n",
        ))
        .unwrap();
        assert_eq!(file.config.builder.as_deref(), Some("command"));
        assert_eq!(file.config.run.test_timeout, Some(Time::seconds(300)));
        assert_eq!(file.config.sections["command"]["make"][0], "make");
        file.check_sections(&["command", "pytest"]).unwrap();
        assert!(file.check_sections(&["comand"]).unwrap_err().to_string().contains("did you mean `comand`?"));
    }

    #[test]
    fn every_host_key_is_refused_by_name() {
        for (key, _) in HOST_KEYS {
            for text in [format!("{key} = 1\n"), format!("[{key}]\na = 1\n"), format!("[pytest]\n{key} = 1\n")] {
                assert!(wrong(&text).contains(&format!("a tree may not say `{key}`")), "{text}");
            }
        }
        assert!(wrong("[Pool.local]\n").contains("a tree may not say `Pool`"));
        assert!(wrong("password_file = 'x'\n").contains("a tree may not say `password_file`"));
    }

    #[test]
    fn a_host_key_is_shown_with_what_to_do() {
        insta::assert_snapshot!(wrong("builder = \"pytest\"\n\n[plugins.mine]\nsource = \"x.wasm\"\n"), @r"
        a tree may not say `plugins`: that is for the host to decide
         --> muster.toml:3:2
          |
        3 | [plugins.mine]
          |  ^^^^^^^
          = give `--plugin FILE`, or write `[plugins.NAME]` in the host's coordinator.toml
        ");
    }

    #[test]
    fn wrong_keys_and_values_are_shown_with_a_guess() {
        insta::assert_snapshot!(wrong("helprs = 3\n"), @r"
        unknown key `helprs`
         --> muster.toml:1:1
          |
        1 | helprs = 3
          | ^^^^^^
          = did you mean `helpers`?
        ");
        insta::assert_snapshot!(wrong("[run]\nkeep-gong = true\n"), @r"
        unknown key `keep-gong`
         --> muster.toml:2:1
          |
        2 | keep-gong = true
          | ^^^^^^^^^
          = did you mean `keep-going`?
        ");
        insta::assert_snapshot!(wrong("helpers = \"many\"\n"), @r#"
        invalid type: string "many", expected u32
         --> muster.toml:1:11
          |
        1 | helpers = "many"
          |           ^^^^^^
        "#);
        insta::assert_snapshot!(wrong("[run]\ntimeout = \"90\"\n"), @r#"
        `90` is not a duration: write it like `90s`, `5m` or `1h 30m`
         --> muster.toml:2:11
          |
        2 | timeout = "90"
          |           ^^^^
        "#);
    }

    #[test]
    fn pyproject_has_it_under_tool() {
        let text = "[project]\nname = \"x\"\n[tool.muster]\nhelpers = 4\n[tool.muster.pytest]\nargs = [\"-x\"]\n";
        let file = TreeFile::read_pyproject(source(text)).unwrap();
        assert_eq!(file.config.helpers, Some(4));
        assert_eq!(file.config.sections["pytest"]["args"][0], "-x");
        let error = TreeFile::read_pyproject(source("[tool.muster]\npool = \"x\"\n")).unwrap_err();
        assert_eq!(error.line, 2);
    }
}
