//! The file as a whole: found, read, checked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    BlobsSection, BuildSection, LimitsSection, PluginSection, PoolKind, PoolSection, RetentionSection, RuleSection,
    ServeSection, StateSection, StoreSection, TracesSection,
};
use crate::config::find::{COORDINATOR, Folders};
use crate::config::located::{Located, SourceText};
use crate::config::read;
use crate::config::show::Places;
use crate::config::{ConfigError, nearest::nearest};

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct HostConfig {
    /// What is kept on this machine.
    pub state: StateSection,
    /// What builds use that do not say otherwise.
    pub build: BuildSection,
    /// Sources of machines.
    pub pool: BTreeMap<String, PoolSection>,
    /// Plugins, their grants and limits.
    pub plugins: BTreeMap<String, PluginSection>,
    /// The bounds of every build.
    pub limits: LimitsSection,
    /// Where snapshots are kept.
    pub blobs: BlobsSection,
    /// Where records are kept.
    pub store: StoreSection,
    /// How `muster serve` serves.
    pub serve: ServeSection,
    /// How long a service keeps what builds leave behind.
    pub retention: RetentionSection,
    /// Where traces of builds go.
    pub traces: TracesSection,
    /// What some builds use that others do not.
    pub rule: Vec<RuleSection>,
}

/// What it says, and where.
#[derive(Clone, Debug, Default)]
pub struct HostFile {
    /// What it says.
    pub config: HostConfig,
    /// The file; none means that there is no file and everything is default.
    pub source: Option<SourceText>,
}

impl HostFile {
    /// Reads the file that was named, or the first that is found.
    ///
    /// # Errors
    /// It was named and is not there, or it is wrong.
    pub fn find(named: Option<&Path>, folders: &Folders) -> Result<HostFile, ConfigError> {
        if let Some(path) = named {
            let text =
                std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
            return HostFile::read(SourceText { path: path.to_owned(), text });
        }
        for path in folders.candidates(COORDINATOR) {
            if let Some(source) = read::read_optional(&path)? {
                return HostFile::read(source);
            }
        }
        Ok(HostFile::default())
    }

    /// A path that the file names: relative ones are meant from the file's own folder.
    pub fn resolve(&self, path: &Path) -> PathBuf {
        let folder = self.source.as_ref().and_then(|source| source.path.parent());
        folder.map_or_else(|| path.to_owned(), |folder| folder.join(path))
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// The line that is wrong.
    pub fn read(source: SourceText) -> Result<HostFile, ConfigError> {
        let config: HostConfig = read::whole(&source)?;
        let places = Places::of(&source)?;
        check_pools(&config, &source, &places)?;
        check_plugins(&config, &source, &places)?;
        check_counts(&config, &source, &places)?;
        check_traces(&config, &source, &places)?;
        Ok(HostFile { config, source: Some(source) })
    }
}

fn check_pools(config: &HostConfig, source: &SourceText, places: &Places) -> Result<(), Located> {
    let known = config.pool.keys().map(String::as_str).chain(["local", "docker"]);
    if config.build.pool != "local" && !known.clone().any(|name| name == config.build.pool) {
        let wrong = places.value(source, "build.pool", format!("there is no pool `{}`", config.build.pool));
        return Err(match nearest(&config.build.pool, known) {
            Some(near) => wrong.help(format!("did you mean `{near}`?")),
            None => wrong.help(format!("add a section `[pool.{}]`", config.build.pool)),
        });
    }
    for (name, pool) in &config.pool {
        let of_kind = |key: &str, kinds: &str| {
            places
                .key(source, &format!("pool.{name}.{key}"), format!("the key `{key}` does nothing in this pool"))
                .help(format!("it belongs to pools of kind {kinds}"))
        };
        if pool.kind != PoolKind::Local && (pool.cpus.is_some() || pool.memory.is_some()) {
            let key = if pool.cpus.is_some() { "cpus" } else { "memory" };
            return Err(of_kind(key, "`local`"));
        }
        if pool.cpus.is_some_and(|cpus| !cpus.is_finite() || cpus <= 0.0) {
            return Err(places.value(source, &format!("pool.{name}.cpus"), "must be more than 0"));
        }
        if pool.kind != PoolKind::Url && !pool.url_files.is_empty() {
            return Err(of_kind("url-files", "`url`"));
        }
        if pool.kind == PoolKind::Url && pool.url_files.is_empty() {
            let wrong = places.key(source, &format!("pool.{name}"), format!("the pool `{name}` has no machines"));
            return Err(wrong.help("name files that hold a buildlet URL each: url-files = [\"/etc/muster/lab-1.url\"]"));
        }
        if pool.kind == PoolKind::Url && pool.buildlets.is_some() {
            return Err(of_kind("buildlets", "`local` or `plugin`"));
        }
        let of_plugins = [
            ("plugin", pool.plugin.is_some()),
            ("max-life", pool.max_life.is_some()),
            ("settings", !pool.settings.is_empty()),
        ];
        if let Some((key, _)) = of_plugins.iter().find(|(_, is_set)| *is_set && pool.kind != PoolKind::Plugin) {
            return Err(of_kind(key, "`plugin`"));
        }
    }
    Ok(())
}

fn check_plugins(config: &HostConfig, source: &SourceText, places: &Places) -> Result<(), Located> {
    for (name, plugin) in &config.plugins {
        let path = format!("plugins.{name}");
        if let Some(digest) = &plugin.digest {
            let hex = digest.strip_prefix("sha256:").unwrap_or_default();
            if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)) {
                let wrong = places.value(source, &format!("{path}.digest"), "this is not a digest");
                return Err(
                    wrong.help("a digest is `sha256:` and 64 hexadecimal digits; `muster plugin inspect` prints it")
                );
            }
        }
        for (index, grant) in plugin.grants.http.iter().enumerate() {
            let at = format!("{path}.grants.http.{index}");
            if !["https://", "http://", "unix:/"].iter().any(|scheme| grant.origin.starts_with(scheme)) {
                let wrong = places.value(source, &at, format!("`{}` is not an origin", grant.origin));
                return Err(wrong.help("write it like `https://api.example.org` or `unix:/run/docker.sock`"));
            }
            if grant.bearer_file.is_some() && grant.basic_file.is_some() {
                let wrong = places.value(source, &at, "one origin has one credential");
                return Err(wrong.help("keep `bearer-file` or `basic-file`"));
            }
        }
    }
    Ok(())
}

fn check_counts(config: &HostConfig, source: &SourceText, places: &Places) -> Result<(), Located> {
    for (key, value) in [("exec-failures", config.limits.exec_failures), ("main-losses", config.limits.main_losses)] {
        if value == 0 {
            return Err(places.value(source, &format!("limits.{key}"), "must be at least 1"));
        }
    }
    if config.serve.takeover.0 < Duration::from_secs(1) {
        return Err(places.value(source, "serve.takeover", "must be at least 1s"));
    }
    if config.serve.max_builds == 0 {
        return Err(places.value(source, "serve.max-builds", "must be at least 1"));
    }
    for (index, rule) in config.rule.iter().enumerate() {
        if rule.share.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
            let wrong = places.value(source, &format!("rule.{index}.share"), "must be from 0 to 1");
            return Err(wrong.help("a tenth of the builds is 0.1"));
        }
    }
    Ok(())
}

fn check_traces(config: &HostConfig, source: &SourceText, places: &Places) -> Result<(), Located> {
    let Some(endpoint) = &config.traces.endpoint else { return Ok(()) };
    if ["https://", "http://"].iter().any(|scheme| endpoint.starts_with(scheme)) {
        return Ok(());
    }
    let wrong = places.value(source, "traces.endpoint", format!("`{endpoint}` is no address of a collector"));
    Err(wrong.help("write it like `http://collector:4318`: OTLP over HTTP"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn values_that_serve_nobody_are_refused_where_they_stand() {
        let read = |text: &str| HostFile::read(SourceText { path: "/c.toml".into(), text: text.into() });
        read("[serve]\ntakeover = '1s'\nmax-builds = 1\n[[rule]]\nshare = 1.0\n").unwrap();
        for (text, what) in [
            ("[serve]\ntakeover = '1ms'\n", "must be at least 1s"),
            ("[serve]\nmax-builds = 0\n", "must be at least 1"),
            ("[[rule]]\nshare = 10.0\n", "must be from 0 to 1"),
            ("[traces]\nendpoint = 'collector:4317'\n", "is no address of a collector"),
            ("[pool.a]\nkind = 'url'\nurl-files = ['a']\nbuildlets = 3\n", "the key `buildlets` does nothing"),
            ("[pool.local]\nmax-life = '2h'\n", "the key `max-life` does nothing"),
            (
                "[pool.docker.settings]\nimage = 'a'\n",
                "the key `settings` does nothing in this pool\n --> /c.toml:1:14",
            ),
        ] {
            let refused = read(text).unwrap_err().to_string();
            assert!(refused.contains(what), "{refused}");
        }
    }
}
