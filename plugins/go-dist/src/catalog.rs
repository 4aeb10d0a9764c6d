//! The builders there are: those of the table and those of the settings, with what the settings say of each.

use muster_sdk::Error;
use muster_sdk::builder::BuilderConfig;

use crate::parser::{SHARDED, WHOLE};
use crate::settings::{BuilderSettings, GoDistSettings, HostSettings};
use crate::spec::{BUILDER_NAME, Platform, Spec};
use crate::table::{OWN, ROWS, Row};
use crate::toolchain;

/// The variable with the place that is baked into the commands. Each machine has the tree where it likes, and commands
/// that were linked for another place are stale: so it is one place for all, and `GOROOT` says where the tree is.
const GOROOT_FINAL: &str = "GOROOT_FINAL";
/// The folder below the work directory where the tree stands.
pub(crate) const ROOT: &str = "go";
/// The parser of what these builders' commands print.
const PARSER: &str = "go-dist";

/// All builders under these settings, the table's first.
pub(crate) fn all(settings: &GoDistSettings) -> Result<Vec<Spec>, Error> {
    let of_table = ROWS.iter().filter(|row| !settings.leave_out.iter().any(|name| name == row.name));
    let mut specs: Vec<Spec> = of_table.map(|row| with_settings(settings, row, row.name)).collect();
    for name in settings.builders.keys().filter(|name| !ROWS.iter().any(|row| row.name == name.as_str())) {
        if Platform::read(name).is_none() {
            let text = format!("`builders.{name}` is to begin with a system and an architecture, such as linux-arm64");
            return Err(Error::Invalid(text));
        }
        specs.push(with_settings(settings, &OWN, name));
    }
    Ok(specs)
}

/// The builder of this name.
pub(crate) fn find(settings: &GoDistSettings, name: &str) -> Result<Spec, Error> {
    let found = all(settings)?.into_iter().find(|spec| spec.name == name);
    found.ok_or_else(|| Error::Invalid(format!("there is no builder `{name}` of Go's tree under these settings")))
}

fn with_settings(settings: &GoDistSettings, row: &Row, name: &str) -> Spec {
    let (no_builder, no_host) = (BuilderSettings::default(), HostSettings::default());
    let of_builder = settings.builders.get(name).unwrap_or(&no_builder);
    let mut spec = Spec::of(row, name);
    if let Some(host) = &of_builder.host {
        spec.host_type.clone_from(host);
    }
    let of_host = settings.hosts.get(&spec.host_type).unwrap_or(&no_host);
    if let Some(pool_type) = &of_host.pool_type {
        spec.host_type.clone_from(pool_type);
    }
    spec.set(BUILDER_NAME, name);
    spec.set(GOROOT_FINAL, spec.goroot_final());
    let own = row.env.iter().map(|(name, value)| (*name, *value));
    for (name, value) in pairs(&of_host.env).chain(own).chain(pairs(&settings.env)).chain(pairs(&of_builder.env)) {
        spec.set(name, value);
    }
    spec.helpers = of_builder.helpers.unwrap_or(spec.helpers);
    spec.bootstrap = of_host.bootstrap.clone().or_else(|| settings.bootstrap.clone());
    let url = of_host.bootstrap_url.clone().or_else(|| settings.bootstrap_url.clone());
    spec.bootstrap_url = url.or(spec.bootstrap_url);
    spec
}

fn pairs(env: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    env.iter().map(|(name, value)| (name.as_str(), value.as_str()))
}

/// A builder as the host knows it.
pub(crate) fn config(settings: &GoDistSettings, spec: &Spec) -> BuilderConfig {
    let parser = if spec.is_split() { SHARDED } else { WHOLE };
    BuilderConfig {
        name: spec.name.clone(),
        description: format!("Go's own tree on {} ({})", spec.machine(), spec.all_script()),
        os: spec.goos().into(),
        arch: spec.goarch().into(),
        make_host_type: spec.host_type.clone(),
        test_host_type: spec.host_type.clone(),
        helpers: Some(spec.helpers),
        root: ROOT.into(),
        env: spec.env.clone(),
        parser: Some((PARSER.into(), parser.into())),
        exec_overhead: settings.exec_overhead,
        keep_going: settings.keep_going,
        // The host's buildlets have the caller's, and it may be what makes the tree.
        look_at_env: vec![toolchain::VARIABLE.into()],
        look_at: Vec::new(),
        try_only: spec.row.try_only,
        owner: spec.short_owner().into(),
        notes: spec.row.notes.into(),
        extra: extra(settings, spec),
    }
}

/// How logs read, and the columns of the table that no part of the contract has.
fn extra(settings: &GoDistSettings, spec: &Spec) -> Vec<(String, String)> {
    let columns = [
        ("log", settings.log.as_str()),
        ("log-script", if spec.is_split() { spec.make_script() } else { "" }),
        ("pool", spec.pool()),
        ("image", spec.row.image),
        ("machine-type", spec.row.machine_type),
        ("disk", if spec.row.regular_disk { "regular" } else { "ssd" }),
        ("tried", if spec.row.tried { "true" } else { "false" }),
        ("buildlet-url", &spec.buildlet_url()),
        ("bootstrap-url", spec.bootstrap_url.as_deref().unwrap_or_default()),
        ("all-script", spec.all_script()),
        ("make-script", spec.make_script()),
        ("run-script", spec.run_script()),
    ];
    let told = columns.into_iter().filter(|(_, value)| !value.is_empty());
    told.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config_of(settings: &str, name: &str) -> BuilderConfig {
        let settings = GoDistSettings::parse(settings).unwrap();
        config(&settings, &find(&settings, name).unwrap())
    }

    fn value<'a>(pairs: &'a [(String, String)], key: &str) -> Option<&'a str> {
        pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    #[test]
    fn a_builder_is_as_the_table_says() {
        let config = config_of("", "linux-386");
        assert_eq!((config.os.as_str(), config.arch.as_str(), config.helpers), ("linux", "386", Some(3)));
        assert_eq!(config.test_host_type, "linux-buildlet-std");
        assert_eq!((config.owner.as_str(), config.try_only), ("go-dev", false));
        let log =
            |config: &BuilderConfig| ["log", "log-script"].map(|key| value(&config.extra, key).map(str::to_owned));
        assert_eq!(log(&config), [Some("go-2015".into()), Some("src/make.bash".into())]);
        assert_eq!(log(&config_of("", "linux-amd64-race")), [Some("go-2015".into()), None], "one command");
        assert_eq!(log(&config_of(r#"{"log": "plain"}"#, "linux-386"))[0], Some("plain".into()));
        assert_eq!(value(&config.env, "GO_BUILDER_NAME"), Some("linux-386"));
        assert_eq!(value(&config.env, "GOROOT_FINAL"), Some("/usr/local/go"));
        assert_eq!(
            value(&config.extra, "buildlet-url"),
            Some("http://storage.googleapis.com/go-builder-data/buildlet.linux-amd64")
        );
        assert_eq!(config.look_at_env, ["GOROOT_BOOTSTRAP"], "what makes the tree is known");
        let compile = config_of("", "all-compile");
        assert_eq!((compile.try_only, value(&compile.extra, "machine-type")), (true, Some("n1-highcpu-16")));
        assert_eq!(value(&compile.extra, "tried"), Some("true"));
    }

    #[test]
    fn the_slow_one_is_left_out_unless_it_is_wanted() {
        let names = |settings: &str| -> Vec<String> {
            let settings = GoDistSettings::parse(settings).unwrap();
            all(&settings).unwrap().into_iter().map(|spec| spec.name).collect()
        };
        assert_eq!(names("").len(), 34);
        assert!(!names("").contains(&"linux-arm-qemu".to_owned()));
        assert_eq!(names(r#"{"leave-out": []}"#).len(), 35);
    }

    #[test]
    fn hosts_are_mapped_and_their_environment_comes_first() {
        let settings = r#"{
            "env": {"A": "all", "B": "all"},
            "hosts": {"linux-arm-arm5": {"pool-type": "pi", "env": {"GO_TEST_TIMEOUT_SCALE": "3", "A": "host"}}},
            "builders": {"linux-arm-arm5": {"helpers": 1, "env": {"B": "own"}}}
        }"#;
        let config = config_of(settings, "linux-arm-arm5");
        assert_eq!((config.make_host_type.as_str(), config.helpers), ("pi", Some(1)));
        let told = |key| value(&config.env, key);
        assert_eq!((told("GO_TEST_TIMEOUT_SCALE"), told("A"), told("B")), (Some("5"), Some("all"), Some("own")));
    }

    #[test]
    fn settings_bring_builders_of_their_own() {
        let settings = r#"{"builders": {"linux-arm64-pi": {"host": "pi", "helpers": 2, "env": {"GOARM": "7"}}}}"#;
        let config = config_of(settings, "linux-arm64-pi");
        assert_eq!((config.os.as_str(), config.arch.as_str(), config.helpers), ("linux", "arm64", Some(2)));
        assert_eq!(config.test_host_type, "pi");
        let wrong = GoDistSettings::parse(r#"{"builders": {"mine": {}}}"#).unwrap();
        assert!(matches!(all(&wrong), Err(Error::Invalid(text)) if text.contains("linux-arm64")));
    }
}
