//! `docs/configuration.md` is what the types of the configuration say: their doc comments, types and defaults, with the
//! examples of `config/coordinator.toml`. Written anew where `MUSTER_UPDATE_CONFIGURATION` is set.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use cli::config::host::{
    BlobsSection, BuildSection, GrantsSection, HttpGrantSection, LimitsSection, PluginLimitsSection, PluginSection,
    PoolSection, RetentionSection, RuleSection, ServeSection, StateSection, StoreSection, TracesSection,
};
use serde::Serialize;
use serde_json::Value;

/// A section: how it is written, the struct behind it with its file, and its defaults.
struct Section {
    /// As in the file: `[pool.NAME]`.
    title: &'static str,
    /// Where its example stands, a name as `*`.
    path: &'static [&'static str],
    name: &'static str,
    file: &'static str,
    defaults: Value,
}

fn section<T: Serialize + Default>(
    title: &'static str,
    path: &'static [&'static str],
    (name, file): (&'static str, &'static str),
) -> anyhow::Result<Section> {
    Ok(Section { title, path, name, file, defaults: serde_json::to_value(T::default())? })
}

fn sections() -> anyhow::Result<Vec<Section>> {
    Ok(vec![
        section::<StateSection>("[state]", &["state"], ("StateSection", "state.rs"))?,
        section::<ServeSection>("[serve]", &["serve"], ("ServeSection", "serve.rs"))?,
        section::<RetentionSection>("[retention]", &["retention"], ("RetentionSection", "retention.rs"))?,
        section::<TracesSection>("[traces]", &["traces"], ("TracesSection", "traces.rs"))?,
        section::<StoreSection>("[store]", &["store"], ("StoreSection", "blobs.rs"))?,
        section::<BlobsSection>("[blobs]", &["blobs"], ("BlobsSection", "blobs.rs"))?,
        section::<BuildSection>("[build]", &["build"], ("BuildSection", "build.rs"))?,
        section::<RuleSection>("[[rule]]", &["rule", "*"], ("RuleSection", "rules.rs"))?,
        section::<PoolSection>("[pool.NAME]", &["pool", "*"], ("PoolSection", "pool.rs"))?,
        section::<PluginSection>("[plugins.NAME]", &["plugins", "*"], ("PluginSection", "plugins.rs"))?,
        section::<GrantsSection>(
            "[plugins.NAME.grants]",
            &["plugins", "*", "grants"],
            ("GrantsSection", "plugins.rs"),
        )?,
        section::<HttpGrantSection>(
            "[[plugins.NAME.grants.http]]",
            &["plugins", "*", "grants", "http", "*"],
            ("HttpGrantSection", "plugins.rs"),
        )?,
        section::<PluginLimitsSection>(
            "[plugins.NAME.limits]",
            &["plugins", "*", "limits"],
            ("PluginLimitsSection", "plugins.rs"),
        )?,
        section::<LimitsSection>("[limits]", &["limits"], ("LimitsSection", "limits.rs"))?,
    ])
}

const HEAD: &str = "\
# Configuration

Every key of `coordinator.toml`, the file of `muster serve` and `muster build` (where it is looked for:
`muster --help`). It is written from the types that read the file, so that it says what they do;
[config/coordinator.toml](../config/coordinator.toml) is the same as a file to copy, and `muster config show` prints every
value and the line it came from. An unknown key is an error that names what was probably meant.

Durations are written `90s`, `5m`, `1h 30m` or `30days`, sizes `64KiB`, `512MiB` or `4GiB`; relative paths are meant from
the file's own folder.
";

/// A field of a struct, as it stands in the source.
struct Field {
    key: String,
    kind: String,
    doc: String,
}

/// What a struct's source says of it and its fields.
fn read_struct(source: &str, name: &str) -> anyhow::Result<(String, Vec<Field>)> {
    let (mut doc, mut fields, mut about, mut inside) = (String::new(), Vec::new(), String::new(), false);
    for line in source.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            doc = format!("{doc} {}", text.trim());
        } else if line.starts_with("#[") {
            // An attribute stands between the comment and what it is about.
        } else if !inside {
            inside = line == format!("pub struct {name} {{");
            let said = std::mem::take(&mut doc);
            if inside {
                said.trim().clone_into(&mut about);
            }
        } else if line == "}" {
            return Ok((about, fields));
        } else {
            let field = line.strip_prefix("pub ").and_then(|field| field.strip_suffix(',')?.split_once(": "));
            let (key, kind) = field.with_context(|| format!("`{line}` of {name} is no field"))?;
            let doc = std::mem::take(&mut doc).trim().to_owned();
            fields.push(Field { key: key.replace('_', "-"), kind: kind.to_owned(), doc });
        }
    }
    anyhow::bail!("there is no struct {name}")
}

/// A type in words.
fn word(kind: &str) -> anyhow::Result<String> {
    if let Some(inner) = kind.strip_prefix("Option<").and_then(|kind| kind.strip_suffix('>')) {
        return word(inner);
    }
    if let Some(inner) = kind.strip_prefix("Vec<").and_then(|kind| kind.strip_suffix('>')) {
        return Ok(format!("list: {}", word(inner)?));
    }
    Ok(match kind {
        "String" => "text",
        "PathBuf" | "std::path::PathBuf" => "path",
        "bool" => "`true` or `false`",
        "u32" | "u64" | "usize" => "whole number",
        "f64" => "number",
        "Time" => "duration",
        "Size" => "size",
        "PoolKind" => "`local`, `url` or `plugin`",
        "BTreeMap<String, String>" => "table of texts",
        "BTreeMap<String, PathBuf>" => "table of paths",
        "toml::Table" | "BTreeMap<String, toml::Table>" => "table",
        "GrantsSection" | "PluginLimitsSection" | "HttpGrantSection" => "section, see below",
        other => anyhow::bail!("what `{other}` is called is not known here"),
    }
    .to_owned())
}

/// All values in the example file that stand at a path; `*` is any name or place.
fn examples<'a>(at: &'a toml::Value, path: &[&str]) -> Vec<&'a toml::Value> {
    let Some((first, rest)) = path.split_first() else { return vec![at] };
    match at {
        toml::Value::Table(table) if *first == "*" => table.values().flat_map(|value| examples(value, rest)).collect(),
        toml::Value::Table(table) => table.get(*first).map(|value| examples(value, rest)).unwrap_or_default(),
        toml::Value::Array(all) if *first == "*" => all.iter().flat_map(|value| examples(value, rest)).collect(),
        toml::Value::Array(_)
        | toml::Value::String(_)
        | toml::Value::Integer(_)
        | toml::Value::Float(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_) => Vec::new(),
    }
}

fn default(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "not set".to_owned(),
        Some(Value::Array(all)) if all.is_empty() => "none".to_owned(),
        Some(Value::Object(map)) if map.is_empty() => "empty".to_owned(),
        Some(Value::Object(_)) => "see below".to_owned(),
        Some(value) => format!("`{value}`"),
    }
}

fn write_section(text: &mut String, section: &Section, example: &toml::Value) -> anyhow::Result<()> {
    let source = std::fs::read_to_string(root().join("src/config/host").join(section.file))?;
    let (about, fields) = read_struct(&source, section.name).with_context(|| section.file.to_owned())?;
    let named = format!("`{}`.", section.title);
    let about = about.trim_start_matches("The section.").trim_start_matches(&named).trim_start();
    writeln!(text, "\n## `{}`\n", section.title)?;
    if !about.is_empty() {
        writeln!(text, "{about}\n")?;
    }
    writeln!(text, "| key | type | default | meaning |\n|---|---|---|---|")?;
    for Field { key, kind, doc } in fields {
        anyhow::ensure!(!doc.is_empty(), "{}.{key} says nothing", section.name);
        let path: Vec<&str> = section.path.iter().copied().chain([key.as_str()]).collect();
        let found = examples(example, &path).into_iter().find(|value| !value.is_table());
        let found = found.map(|value| format!(" Example: `{value}`.")).unwrap_or_default();
        let default = default(section.defaults.get(&key));
        writeln!(text, "| `{key}` | {} | {default} | {}{found} |", word(&kind)?, doc.replace('|', "\\|"))?;
    }
    Ok(())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

#[test]
fn the_reference_is_what_the_types_say() -> anyhow::Result<()> {
    let example = std::fs::read_to_string(root().join("../../config/coordinator.toml"))?;
    let example = toml::Value::Table(example.parse()?);
    let mut text = HEAD.to_owned();
    for section in sections()? {
        write_section(&mut text, &section, &example)?;
    }
    let file = root().join("../../docs/configuration.md");
    if std::env::var_os("MUSTER_UPDATE_CONFIGURATION").is_some() {
        std::fs::write(&file, &text)?;
    }
    let written = std::fs::read_to_string(&file).context("run with MUSTER_UPDATE_CONFIGURATION=1")?;
    assert!(written == text, "docs/configuration.md is old: run this test with MUSTER_UPDATE_CONFIGURATION=1");
    Ok(())
}

#[test]
fn no_section_is_left_out() -> anyhow::Result<()> {
    let source = std::fs::read_to_string(root().join("src/config/host/file.rs"))?;
    let (_, fields) = read_struct(&source, "HostConfig")?;
    let there: BTreeSet<&str> = fields.iter().map(|field| field.key.as_str()).collect();
    let sections = sections()?;
    let described: BTreeSet<&str> = sections.iter().filter_map(|section| section.path.first().copied()).collect();
    assert_eq!(described, there);
    Ok(())
}
