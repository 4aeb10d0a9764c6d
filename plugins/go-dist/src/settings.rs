//! What a user may set in the `[go-dist]` section: toolchains, environments, machines, and builders of one's own.

use std::collections::BTreeMap;

use muster_sdk::Error;
use muster_sdk::settings::{Settings, kind};
use muster_sdk::types::{Duration, SECOND};
use serde_json::{Map, Value};

use crate::spec::Platform;

/// What `go tool dist test` does before its first test on an ordinary machine (it looks for stale packages and says
/// where it runs), until it is measured.
const EXEC_OVERHEAD: Duration = 4 * SECOND;
/// The machine that runs the coordinator, and so the local pool, unless it is said.
const LOCAL: &str = "linux-amd64";
/// Left out as Go's coordinator left it out at its start: it takes more than 85 minutes.
const LEFT_OUT: [&str; 1] = ["linux-arm-qemu"];
/// Logs read as those of Go's coordinator of 2015 unless it is said.
const LOG: &str = "go-2015";
/// Setting a table's keys is said so.
const TABLES: &str = "a table of tables";

/// How `go tool dist test` is told which tests to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    /// By their names, since June 2015.
    Names,
    /// By a regular expression, in trees from before.
    Regexp,
}

/// The settings of the builders.
#[derive(Clone, Debug)]
pub(crate) struct GoDistSettings {
    /// The builder of a tree that names none.
    pub(crate) builder: Option<String>,
    /// A toolchain on the machine, for builders whose own is not there.
    pub(crate) bootstrap: Option<String>,
    /// The archive of one.
    pub(crate) bootstrap_url: Option<String>,
    /// Variables of every builder, after its own.
    pub(crate) env: Vec<(String, String)>,
    /// What the machines of the local pool are.
    pub(crate) local: Platform,
    pub(crate) keep_going: bool,
    pub(crate) exec_overhead: Duration,
    /// None is by the tree's version.
    pub(crate) selection: Option<Selection>,
    pub(crate) leave_out: Vec<String>,
    /// How the host frames the logs of builds.
    pub(crate) log: String,
    pub(crate) hosts: BTreeMap<String, HostSettings>,
    pub(crate) builders: BTreeMap<String, BuilderSettings>,
}

/// Of one host type of the table.
#[derive(Clone, Debug, Default)]
pub(crate) struct HostSettings {
    /// What the pool calls it.
    pub(crate) pool_type: Option<String>,
    pub(crate) bootstrap: Option<String>,
    pub(crate) bootstrap_url: Option<String>,
    /// Variables of its machines, before the builder's own.
    pub(crate) env: Vec<(String, String)>,
}

/// Of one builder of the table, or one that the table does not have.
#[derive(Clone, Debug, Default)]
pub(crate) struct BuilderSettings {
    /// The host type that it wants instead.
    pub(crate) host: Option<String>,
    pub(crate) helpers: Option<u32>,
    pub(crate) env: Vec<(String, String)>,
}

impl GoDistSettings {
    /// Reads the section.
    pub(crate) fn parse(json: &str) -> Result<GoDistSettings, Error> {
        let mut settings = Settings::parse(json)?;
        let read = GoDistSettings {
            builder: settings.text("builder")?,
            bootstrap: settings.text("bootstrap")?,
            bootstrap_url: url(&mut settings)?,
            env: settings.table("env")?.unwrap_or_default(),
            local: local(&mut settings)?,
            keep_going: settings.flag("keep-going")?.unwrap_or(true),
            exec_overhead: settings.duration("exec-overhead")?.unwrap_or(EXEC_OVERHEAD),
            selection: selection(&mut settings)?,
            leave_out: settings.texts("leave-out")?.unwrap_or_else(|| LEFT_OUT.map(str::to_owned).to_vec()),
            log: log(&mut settings)?,
            hosts: tables(&mut settings, "hosts", host)?,
            builders: tables(&mut settings, "builders", builder)?,
        };
        settings.finish()?;
        Ok(read)
    }
}

fn url(settings: &mut Settings) -> Result<Option<String>, Error> {
    let url = settings.text("bootstrap-url")?;
    let is_url = |url: &String| url.starts_with("http://") || url.starts_with("https://");
    if url.as_ref().is_some_and(|url| !is_url(url)) {
        return Err(settings.invalid("bootstrap-url", "the URL of a .tar.gz, with http:// or https://"));
    }
    Ok(url)
}

fn local(settings: &mut Settings) -> Result<Platform, Error> {
    let text = settings.text("local")?.unwrap_or_else(|| LOCAL.to_owned());
    Platform::read(&text).ok_or_else(|| settings.invalid("local", "a system and an architecture, such as linux-arm64"))
}

fn selection(settings: &mut Settings) -> Result<Option<Selection>, Error> {
    match settings.text("select-by")?.as_deref() {
        None | Some("auto") => Ok(None),
        Some("names") => Ok(Some(Selection::Names)),
        Some("regexp") => Ok(Some(Selection::Regexp)),
        Some(_) => Err(settings.invalid("select-by", "\"auto\", \"names\" or \"regexp\"")),
    }
}

fn log(settings: &mut Settings) -> Result<String, Error> {
    match settings.text("log")? {
        None => Ok(LOG.to_owned()),
        Some(log) if log == LOG || log == "plain" => Ok(log),
        Some(_) => Err(settings.invalid("log", "\"go-2015\" or \"plain\"")),
    }
}

fn host(mut settings: Settings) -> Result<HostSettings, Error> {
    let read = HostSettings {
        pool_type: settings.text("pool-type")?,
        bootstrap: settings.text("bootstrap")?,
        bootstrap_url: url(&mut settings)?,
        env: settings.table("env")?.unwrap_or_default(),
    };
    settings.finish()?;
    Ok(read)
}

fn builder(mut settings: Settings) -> Result<BuilderSettings, Error> {
    let helpers = settings.count("helpers")?;
    let read = BuilderSettings {
        host: settings.text("host")?,
        helpers: helpers.map(|count| u32::try_from(count).unwrap_or(u32::MAX)),
        env: settings.table("env")?.unwrap_or_default(),
    };
    settings.finish()?;
    Ok(read)
}

/// A table whose keys are names and whose values are tables of known keys.
fn tables<T>(
    settings: &mut Settings,
    key: &'static str,
    read: impl Fn(Settings) -> Result<T, Error>,
) -> Result<BTreeMap<String, T>, Error> {
    let map = match settings.value(key) {
        None => Map::new(),
        Some(Value::Object(map)) => map,
        Some(other) => return Err(settings.invalid(key, &format!("{TABLES}, not {}", kind(&other)))),
    };
    let one = |(name, value): (String, Value)| {
        let table = Settings::parse(&value.to_string()).and_then(&read);
        let table = table.map_err(|error| match error {
            Error::Invalid(text) => Error::Invalid(format!("in `{key}.{name}`: {text}")),
            other @ (Error::Unsupported(_) | Error::Unavailable(_) | Error::Other(_)) => other,
        })?;
        Ok((name, table))
    };
    map.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(json: &str) -> String {
        match GoDistSettings::parse(json) {
            Err(Error::Invalid(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_key_is_optional() {
        let settings = GoDistSettings::parse("").unwrap();
        assert_eq!(settings.local.to_string(), "linux-amd64");
        assert_eq!(settings.leave_out, ["linux-arm-qemu"]);
        assert!(settings.keep_going && settings.selection.is_none());
    }

    #[test]
    fn tables_go_by_name() {
        let settings = GoDistSettings::parse(
            r#"{"hosts": {"linux-buildlet-std": {"pool-type": "linux-amd64", "env": {"A": 1}}},
                "builders": {"linux-amd64": {"helpers": 2}, "linux-arm64": {"host": "pi", "env": {"B": "b"}}}}"#,
        )
        .unwrap();
        let host = &settings.hosts["linux-buildlet-std"];
        assert_eq!((host.pool_type.as_deref(), &host.env[..]), (Some("linux-amd64"), &[("A".into(), "1".into())][..]));
        assert_eq!(settings.builders["linux-amd64"].helpers, Some(2));
        assert_eq!(settings.builders["linux-arm64"].host.as_deref(), Some("pi"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(error(r#"{"bootstap": "x"}"#), "unknown key `bootstap`; did you mean `bootstrap`?");
        assert_eq!(
            error(r#"{"builders": {"linux-386": {"helper": 1}}}"#),
            "in `builders.linux-386`: unknown key `helper`; did you mean `helpers`?"
        );
        assert_eq!(error(r#"{"hosts": []}"#), "`hosts` is to be a table of tables, not a list");
        assert!(error(r#"{"hosts": {"a": 3}}"#).starts_with("in `hosts.a`: settings are a table"));
        assert!(error(r#"{"bootstrap-url": "go.tar.gz"}"#).contains("http://"));
        assert!(error(r#"{"local": "linux"}"#).contains("linux-arm64"));
        assert!(error(r#"{"select-by": "number"}"#).contains("\"regexp\""));
    }
}
