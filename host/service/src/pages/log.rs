//! The ordered log in pages, for those who read without the script, and the frame that the script fills.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use report::ansi::Look;
use serde::Deserialize;

use super::actions::Acts;
use super::shell::{Shell, html};
use super::words;
use crate::api::{Args, Build, Lines, build_view, read_lines, search_lines};
use crate::identity::Identity;
use crate::problem::Problem;
use crate::service::Service;
use crate::view::{BuildView, LineView, LinesPage, MatchView, SearchPage};

/// Lines of a page.
const PAGE: u64 = 500;
/// Lines found in a page.
const FOUND: u32 = 200;

/// Which page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    /// The first line.
    from: Option<u64>,
    /// What to search for.
    q: String,
}

/// A line as markup.
pub(super) struct Row {
    /// Its number.
    pub(super) line: u64,
    /// Its text with colours.
    pub(super) html: String,
    /// The text itself, for texts.
    pub(super) text: String,
}

#[derive(Template)]
#[template(path = "log.html")]
struct Page {
    shell: Shell,
    build: BuildView,
    acts: Acts,
    asked: Asked,
    frame: Frame,
    found: Option<SearchPage>,
    earlier: Option<u64>,
    later: Option<u64>,
}

/// Lines in the frame that the script takes over.
pub(super) struct Frame {
    /// Whose.
    pub(super) build: u64,
    /// The lines.
    pub(super) rows: Vec<Row>,
    /// How many there are.
    pub(super) lines: u64,
    /// No more come.
    pub(super) finished: bool,
    /// The whole log has more around it.
    pub(super) framed: bool,
    /// What was searched for.
    pub(super) query: String,
}

impl Frame {
    /// These lines of a build, with their colours.
    pub(super) fn new(build: &BuildView, page: &LinesPage, query: &str) -> Frame {
        let row = |line: &LineView| Row {
            line: line.line,
            html: report::ansi::html_from(line.text.as_bytes(), Look::read(&line.look)),
            text: line.text.clone(),
        };
        Frame {
            build: build.item.id,
            rows: page.lines.iter().map(row).collect(),
            lines: page.total,
            finished: page.finished,
            framed: build.framed_log,
            query: query.to_owned(),
        }
    }
}

/// A page of the log.
pub(super) async fn log(
    State(service): State<Arc<Service>>,
    identity: Identity,
    Build(id): Build,
    Args(asked): Args<Asked>,
) -> Result<Response, Problem> {
    let known = service.known(id).await?;
    let build = build_view(&service, &known);
    let from = asked.from.map(|from| from.max(1));
    let page = read_lines(&service, &known, &Lines { from, limit: u32::try_from(PAGE).ok() }).await?;
    let found = match asked.q.as_str() {
        "" => None,
        text => Some(search_lines(&service, id, text, from, FOUND).await?),
    };
    let first = page.lines.first().map_or(1, |line| line.line);
    let last = page.lines.last().map_or(0, |line| line.line);
    let mut shell =
        Shell::new(format!("log · {} #{} · muster", words::line(&build.item.project), id.0), Some(&identity));
    (shell.icon, shell.place) = (build.item.state(), "Builds");
    if build.item.outcome.is_none() || !page.finished {
        shell.live = format!("/builds/{}/live", id.0);
    }
    let page = Page {
        shell,
        acts: Acts::of(&service, &identity, &build),
        frame: Frame::new(&build, &page, &asked.q),
        found,
        earlier: (first > 1).then(|| first.saturating_sub(PAGE).max(1)),
        later: (last < page.total).then_some(last + 1),
        build,
        asked,
    };
    html(StatusCode::OK, &page)
}

impl Page {
    /// A match in a page of its own, some lines of what was before it shown too.
    fn around(found: &MatchView) -> u64 {
        found.line.saturating_sub(PAGE / 4).max(1)
    }
}
