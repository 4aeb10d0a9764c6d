//! The ordered log line by line, and what is found in it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use coordinator::streams::ORDERED;
use engine::BuildId;
use report::ansi::{Follower, REMEMBERED};
use serde::Deserialize;
use utoipa::IntoParams;

use super::extract::{Args, Build, page};
use crate::facts::{Known, Stage};
use crate::problem::{Kind, Problem};
use crate::service::Service;
use crate::view::{LineView, LinesPage, MatchView, SearchPage};

/// Lines of a page, unless asked otherwise, and at most.
const PAGE: u32 = 200;
const MAX_PAGE: u32 = 1_000;
/// Bytes read at once.
const PIECE: usize = 64 << 10;
/// Bytes of one line that are shown.
const MAX_LINE: usize = 16 << 10;
/// Bytes that a page of lines may take to read.
const MAX_BYTES: usize = 8 << 20;
/// Bytes of what is searched for.
const MAX_NEEDLE: usize = 1_000;

/// Which lines.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Lines {
    /// The first, from 1. Without it, the last lines there are.
    #[param(minimum = 1)]
    pub(crate) from: Option<u64>,
    /// How many.
    #[param(minimum = 1, maximum = 1000)]
    pub(crate) limit: Option<u32>,
}

/// What to search for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Search {
    /// The text, byte by byte.
    #[param(min_length = 1, max_length = 1000)]
    q: String,
    /// From this line on.
    #[param(minimum = 1)]
    from: Option<u64>,
    /// How many lines at most.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// Lines of the ordered log
#[utoipa::path(
    get, path = "/builds/{id}/log/lines", tag = "logs",
    params(("id" = u64, Path, description = "its number"), Lines), responses((status = 200, body = LinesPage))
)]
pub(super) async fn lines(
    State(service): State<Arc<Service>>,
    Build(id): Build,
    Args(wanted): Args<Lines>,
) -> Result<Json<LinesPage>, Problem> {
    read_lines(&service, &service.known(id).await?, &wanted).await.map(Json)
}

/// Lines of the ordered log of a build.
pub(crate) async fn read_lines(service: &Service, known: &Known, wanted: &Lines) -> Result<LinesPage, Problem> {
    let (id, limit) = (known.build(), u64::from(page(wanted.limit, PAGE, MAX_PAGE)?));
    // Asked first: what is whole then has no more lines than are counted.
    let finished = known.stage() == Stage::Over || service.logs().read(id.0, ORDERED, 0, 0).await?.finished;
    let total = service.logs().lines(id.0, ORDERED).await?;
    let first = wanted.from.unwrap_or((total + 1).saturating_sub(limit)).max(1);
    let lines = match service.logs().line(id.0, ORDERED, first).await? {
        Some(offset) => read(service, id, first, offset, limit).await?,
        None => Vec::new(),
    };
    Ok(LinesPage { lines, total, finished })
}

/// Reads lines from the beginning of one on.
async fn read(
    service: &Service,
    build: BuildId,
    first: u64,
    offset: u64,
    limit: u64,
) -> Result<Vec<LineView>, Problem> {
    let follower = follower_at(service, build, ORDERED, offset).await?;
    let mut pages = Pages::new(first, offset, follower);
    let (mut at, mut budget) = (offset, MAX_BYTES);
    while (pages.lines.len() as u64) < limit && budget > 0 {
        let bytes = service.logs().read(build.0, ORDERED, at, PIECE.min(budget)).await?.bytes;
        if bytes.is_empty() {
            pages.end();
            break;
        }
        budget -= bytes.len();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            at += piece.len() as u64;
            pages.push(piece, at);
        }
    }
    // Where the budget ended in a line, that is for the next page, unless no more of it is shown anyway.
    if pages.open.len() >= MAX_LINE {
        pages.end();
    }
    pages.lines.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(pages.lines)
}

/// What follows the colours of a stream, at an offset: it has seen as much before it as matters.
pub(crate) async fn follower_at(
    service: &Service,
    build: BuildId,
    stream: &str,
    offset: u64,
) -> Result<Follower, Problem> {
    let (mut follower, mut at) = (Follower::default(), offset.saturating_sub(REMEMBERED));
    while at < offset {
        let wanted = usize::try_from(offset - at).unwrap_or(PIECE).min(PIECE);
        let bytes = service.logs().read(build.0, stream, at, wanted).await?.bytes;
        if bytes.is_empty() {
            break;
        }
        at += bytes.len() as u64;
        follower.push(&bytes);
    }
    Ok(follower)
}

/// Lines being put together.
struct Pages {
    lines: Vec<LineView>,
    open: Vec<u8>,
    line: u64,
    began: u64,
    /// What is on where the line began.
    look: String,
    follower: Follower,
}

impl Pages {
    fn new(line: u64, began: u64, follower: Follower) -> Pages {
        let look = follower.look().parameters();
        Pages { lines: Vec::new(), open: Vec::new(), line, began, look, follower }
    }

    /// Takes in a piece of a line, which ends at `at`.
    fn push(&mut self, piece: &[u8], at: u64) {
        self.follower.push(piece);
        let room = MAX_LINE.saturating_sub(self.open.len());
        let text = piece.strip_suffix(b"\n").unwrap_or(piece);
        self.open.extend_from_slice(&text[..text.len().min(room)]);
        if piece.ends_with(b"\n") {
            self.close(at);
        }
    }

    fn close(&mut self, at: u64) {
        let text = String::from_utf8_lossy(&self.open).into_owned();
        let look = std::mem::replace(&mut self.look, self.follower.look().parameters());
        self.lines.push(LineView { line: self.line, offset: self.began, text, look });
        self.open.clear();
        self.line += 1;
        self.began = at;
    }

    /// The last line may have no break yet.
    fn end(&mut self) {
        if !self.open.is_empty() {
            self.close(self.began);
        }
    }
}

/// Lines of the ordered log that hold a text
#[utoipa::path(
    get, path = "/builds/{id}/log/search", tag = "logs",
    params(("id" = u64, Path, description = "its number"), Search), responses((status = 200, body = SearchPage))
)]
pub(super) async fn search(
    State(service): State<Arc<Service>>,
    Build(id): Build,
    Args(wanted): Args<Search>,
) -> Result<Json<SearchPage>, Problem> {
    service.known(id).await?;
    let limit = page(wanted.limit, PAGE, MAX_PAGE)?;
    search_lines(&service, id, &wanted.q, wanted.from, limit).await.map(Json)
}

/// Lines of the ordered log of a build that hold a text, from a line on.
pub(crate) async fn search_lines(
    service: &Service,
    id: BuildId,
    text: &str,
    from: Option<u64>,
    limit: u32,
) -> Result<SearchPage, Problem> {
    if text.is_empty() || text.len() > MAX_NEEDLE || text.contains('\n') {
        return Err(Problem::new(
            Kind::BadRequest,
            format!("`q` is a text of 1 to {MAX_NEEDLE} bytes without a line break"),
            "search for less",
        ));
    }
    let (from, limit) = (from.unwrap_or(1).max(1), limit as usize);
    let found = service.logs().search(id.0, ORDERED, text, from, limit).await?;
    let next = found.last().filter(|_| found.len() >= limit).map(|last| last.line + 1);
    Ok(SearchPage { matches: found.into_iter().map(MatchView::from).collect(), next })
}
