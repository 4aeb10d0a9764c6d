//! `muster builds`: the builds of a server.

use std::fmt::Write as _;

use service::view::BuildsPage;

use super::{block_on, client, show};
use crate::args::{BuildsArgs, GlobalArgs};
use crate::commands::output::{columns, print};
use crate::exit::Exit;

/// Lists builds, newest first.
///
/// # Errors
/// The server refuses, or cannot be reached.
pub(crate) fn run(global: &GlobalArgs, args: &BuildsArgs) -> anyhow::Result<Exit> {
    let client = client(global, &args.server)?;
    let mut query = reqwest::Url::parse("query:")?;
    {
        let mut pairs = query.query_pairs_mut();
        pairs.append_pair("limit", &args.limit.to_string());
        let texts = [("project", args.project.as_deref()), ("builder", args.builder.as_deref())];
        texts.into_iter().filter_map(|(key, value)| Some((key, value?))).for_each(|(key, value)| {
            pairs.append_pair(key, value);
        });
        if let Some(outcome) = args.outcome {
            pairs.append_pair("outcome", outcome.word());
        }
        if args.running {
            pairs.append_pair("running", "true");
        }
        if let Some(before) = args.before {
            pairs.append_pair("before", &before.to_string());
        }
    }
    let path = format!("/builds?{}", query.query().unwrap_or_default());
    let page: BuildsPage = block_on(async { Ok(client.get(&path).await?) })?;
    if args.json {
        print(&serde_json::to_string(&page)?)?;
        return Ok(Exit::Passed);
    }
    if page.builds.is_empty() {
        print("no builds")?;
        return Ok(Exit::Passed);
    }
    let rows: Vec<[String; 6]> = page.builds.iter().map(show::row).collect();
    let mut text = columns(&rows);
    if let Some(next) = page.next {
        let _infallible = write!(text, "... `--before {next}` shows older ones");
    }
    print(&text)?;
    Ok(Exit::Passed)
}
