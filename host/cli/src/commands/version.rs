//! `muster version`.

use serde_json::json;

use super::output::print;
use crate::args::VersionArgs;
use crate::bundle::{self, BUNDLE};
use crate::exit::Exit;

/// Prints the version and the bundle.
pub(super) fn run(args: &VersionArgs) -> anyhow::Result<Exit> {
    let version = env!("CARGO_PKG_VERSION");
    if args.json {
        let plugins: Vec<_> =
            BUNDLE.iter().map(|plugin| json!({"name": plugin.name, "digest": plugin.digest})).collect();
        print(&json!({"version": version, "plugins": plugins}).to_string())?;
        return Ok(Exit::Passed);
    }
    let mut text = format!("muster {version}\n");
    if BUNDLE.is_empty() {
        text += &format!("note: {}\n", bundle::EMPTY);
    }
    for plugin in BUNDLE {
        text += &format!("  {} {}\n", plugin.name, plugin.digest);
    }
    print(&text)?;
    Ok(Exit::Passed)
}
