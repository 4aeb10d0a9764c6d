//! Searches the lines of a stream.

use memchr::{memchr, memchr_iter, memmem, memrchr};

use crate::lines::start_of_line;
use crate::{LogError, LogStore};

/// Most matches of one search.
pub const MAX_MATCHES: usize = 10_000;
/// Longest text of a match, in bytes.
const MAX_TEXT_BYTES: usize = 4 << 10;
/// Text shown before the needle in a line that is longer.
const TEXT_BEFORE: usize = 1 << 10;
/// A line longer than this is searched in parts, so that it need not be held whole.
const MAX_LINE_BYTES: usize = 1 << 20;

/// A line that holds what was searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Its number, from 1.
    pub line: u64,
    /// Where it begins in the stream.
    pub offset: u64,
    /// The line without its newline; of one longer than 4 KiB what is around the needle.
    pub text: String,
}

impl LogStore {
    /// The lines from `from_line` on that hold `needle`, the first `limit` (at most [`MAX_MATCHES`]) of them. Where as
    /// many come back, a search from behind the last finds more.
    ///
    /// # Errors
    /// If a segment is damaged or missing, or the blob store fails.
    pub async fn search(
        &self,
        build: u64,
        stream: &str,
        needle: &str,
        from_line: u64,
        limit: usize,
    ) -> Result<Vec<Match>, LogError> {
        let stream = self.current(build, stream).await?;
        let first = from_line.max(1);
        let Some(mut at) = self.line_start(&stream, first).await? else { return Ok(Vec::new()) };
        if needle.is_empty() || needle.contains('\n') || limit == 0 {
            return Ok(Vec::new());
        }
        let mut search = Search::new(needle.as_bytes(), first, at, limit.min(MAX_MATCHES));
        loop {
            let piece = self.piece(&stream, at).await?;
            if piece.is_empty() {
                search.end();
                return Ok(search.found);
            }
            search.push(&piece);
            if search.found.len() >= search.limit {
                return Ok(search.found);
            }
            at += piece.len() as u64;
        }
    }
}

/// A search through pieces that are cut anywhere.
struct Search<'a> {
    finder: memmem::Finder<'a>,
    limit: usize,
    found: Vec<Match>,
    /// The number of the line that is not searched yet, and where it begins.
    line: u64,
    line_at: u64,
    /// The beginning of that line, or the end of it where it is very long.
    open: Vec<u8>,
    /// That line is among what was found.
    told: bool,
    /// Where the next piece begins.
    at: u64,
}

impl<'a> Search<'a> {
    fn new(needle: &'a [u8], line: u64, at: u64, limit: usize) -> Search<'a> {
        let finder = memmem::Finder::new(needle);
        Search { finder, limit, found: Vec::new(), line, line_at: at, open: Vec::new(), told: false, at }
    }

    fn push(&mut self, mut piece: &[u8]) {
        if !self.open.is_empty() || self.told {
            let cut = memchr(b'\n', piece).map_or(piece.len(), |newline| newline + 1);
            let (rest_of_line, rest) = piece.split_at(cut);
            self.open.extend_from_slice(rest_of_line);
            self.at += cut as u64;
            if rest_of_line.last() == Some(&b'\n') {
                self.end_line();
            } else if self.open.len() > MAX_LINE_BYTES {
                self.shorten();
            }
            piece = rest;
        }
        let whole = memrchr(b'\n', piece).map_or(0, |newline| newline + 1);
        self.whole_lines(&piece[..whole]);
        self.at += piece.len() as u64;
        self.open.extend_from_slice(&piece[whole..]);
    }

    /// Searches lines that are all there, the first of which begins at `self.at`.
    fn whole_lines(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let mut from = 0;
        while let Some(hit) = self.finder.find(&bytes[from..]) {
            let start = start_of_line(bytes, from + hit).max(from);
            let end = memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |newline| start + newline);
            self.line += memchr_iter(b'\n', &bytes[from..start]).count() as u64;
            let (line, offset) = (self.line, self.at + start as u64);
            self.found.push(Match { line, offset, text: text(&bytes[start..end], from + hit - start) });
            self.line += 1;
            from = end + 1;
            if self.found.len() >= self.limit || from >= bytes.len() {
                break;
            }
        }
        self.line += memchr_iter(b'\n', &bytes[from.min(bytes.len())..]).count() as u64;
        self.line_at = self.at + bytes.len() as u64;
    }

    /// The open line is complete.
    fn end_line(&mut self) {
        if self.open.last() == Some(&b'\n') {
            self.open.pop();
        }
        self.search_open();
        self.open.clear();
        self.told = false;
        self.line += 1;
        self.line_at = self.at;
    }

    fn search_open(&mut self) {
        if !self.told
            && self.found.len() < self.limit
            && let Some(hit) = self.finder.find(&self.open)
        {
            self.found.push(Match { line: self.line, offset: self.line_at, text: text(&self.open, hit) });
            self.told = true;
        }
    }

    /// Keeps of a very long line what the next piece may complete to a hit.
    fn shorten(&mut self) {
        self.search_open();
        let keep = (self.finder.needle().len() - 1).max(1).min(self.open.len());
        self.open.drain(..self.open.len() - keep);
    }

    /// The last line has no newline.
    fn end(&mut self) {
        self.search_open();
    }
}

/// A line as it is shown.
fn text(line: &[u8], hit: usize) -> String {
    if line.len() <= MAX_TEXT_BYTES {
        return String::from_utf8_lossy(line).into_owned();
    }
    let from = hit.saturating_sub(TEXT_BEFORE);
    let to = (from + MAX_TEXT_BYTES).min(line.len());
    String::from_utf8_lossy(&line[from..to]).into_owned()
}
