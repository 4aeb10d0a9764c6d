//! `muster plugin inspect`.

use plugin_host::{EngineOptions, PluginHost};
use serde_json::json;

use crate::args::PluginInspectArgs;
use crate::commands::output::print;
use crate::exit::{Exit, UsageError};
use crate::text;

/// Prints what a component is, with none of its code run.
pub(super) fn run(args: &PluginInspectArgs) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let host = PluginHost::new(&EngineOptions::default())?;
    let name = args.file.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let loaded = runtime.block_on(host.load_file(&name, &args.file)).map_err(|error| {
        let why = crate::exit::describe(&anyhow::Error::from(error));
        UsageError::new(format!("failed to {why}"), "")
    })?;
    let roles: Vec<String> = loaded.roles.iter().map(|role| format!("{} {}", role.role, role.version)).collect();
    if args.json {
        let value = json!({
            "name": loaded.name, "digest": loaded.digest, "size_bytes": loaded.size, "imports": loaded.imports,
            "roles": loaded.roles.iter().map(|role| json!({
                "role": role.role.word(), "version": role.version.to_string(),
            })).collect::<Vec<_>>(),
        });
        print(&value.to_string())?;
        return Ok(Exit::Passed);
    }
    let mut out = format!(
        "{}\n  digest  {}\n  size    {}\n  roles   {}\n",
        args.file.display(),
        loaded.digest,
        text::bytes(loaded.size),
        roles.join(", ")
    );
    if loaded.imports.is_empty() {
        out += "  imports nothing\n";
    }
    for import in &loaded.imports {
        out += &format!("  imports {import}\n");
    }
    print(&out)?;
    Ok(Exit::Passed)
}
