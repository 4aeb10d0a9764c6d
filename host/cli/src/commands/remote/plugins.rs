//! `muster plugin reload` and `muster plugin rollback`: what a server's new builds begin with.

use plugin_host::short;
use service::ports::{PluginChange, ReloadReport};

use super::{block_on, client};
use crate::args::{GlobalArgs, PluginReloadArgs, PluginRollbackArgs, ServerArgs};
use crate::commands::output::{columns, print};
use crate::exit::Exit;

/// Has a server read its configuration and plugins anew.
///
/// # Errors
/// The server refuses, says why, and changes nothing; or it cannot be reached.
pub(crate) fn reload(global: &GlobalArgs, args: &PluginReloadArgs) -> anyhow::Result<Exit> {
    change(global, &args.server, "/plugins/reload", args.json)
}

/// Returns a server to the generation of a plugin before the one that serves.
///
/// # Errors
/// As [`reload`].
pub(crate) fn rollback(global: &GlobalArgs, args: &PluginRollbackArgs) -> anyhow::Result<Exit> {
    change(global, &args.server, &format!("/plugins/{}/rollback", args.name), args.json)
}

fn change(global: &GlobalArgs, server: &ServerArgs, path: &str, json: bool) -> anyhow::Result<Exit> {
    let client = client(global, server)?;
    let report: ReloadReport = block_on(async { Ok(client.order(path).await?) })?;
    print(&if json { serde_json::to_string(&report)? } else { told(&report) })?;
    Ok(Exit::Passed)
}

/// A line for each plugin that was swapped.
fn told(report: &ReloadReport) -> String {
    if report.changed.is_empty() && report.notes.is_empty() {
        return "read anew; no plugin changed".to_owned();
    }
    let rows: Vec<[String; 2]> = report.changed.iter().map(|change| [change.plugin.clone(), swap(change)]).collect();
    let notes = report.notes.iter().map(|note| format!("{note}\n"));
    columns(&rows) + &notes.collect::<String>()
}

fn swap(change: &PluginChange) -> String {
    match (&change.from, &change.to) {
        (Some(from), Some(to)) => format!("{} -> {}", short(from), short(to)),
        (None, Some(to)) => format!("new: {}", short(to)),
        (Some(from), None) => format!("gone: {}", short(from)),
        (None, None) => "as before".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swap_says_from_what_to_what() {
        let digest = |letter: char| Some(format!("sha256:{}", String::from(letter).repeat(64)));
        let change = |plugin: &str, from, to| PluginChange { plugin: plugin.into(), from, to };
        let changed = vec![
            change("tap", digest('a'), digest('b')),
            change("fair-share", None, digest('c')),
            change("old", digest('d'), None),
        ];
        let short = |letter: char| digest(letter).map(|digest| super::short(&digest).to_owned()).unwrap_or_default();
        let expected = format!(
            "tap         {} -> {}\nfair-share  new: {}\nold         gone: {}\n",
            short('a'),
            short('b'),
            short('c'),
            short('d')
        );
        assert_eq!(told(&ReloadReport { changed, notes: Vec::new() }), expected);
        assert_eq!(told(&ReloadReport::default()), "read anew; no plugin changed");
    }
}
