//! What an agent writes: its URL is found in it, and its last words are kept for the message when it fails.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Child;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// Lines of an agent's output that are kept for the message when it fails to start.
const KEPT_LINES: usize = 20;

/// Bytes of one line that are kept.
const KEPT_LINE_BYTES: usize = 500;

/// What the readers of an agent's output share.
pub(super) struct Output {
    tail: Mutex<VecDeque<String>>,
    pub(super) url: watch::Sender<Option<String>>,
}

impl Output {
    /// Reads both streams until they end: a full pipe would stop the agent.
    pub(super) fn read(name: &str, child: &mut Child) -> (Arc<Output>, Vec<AbortOnDropHandle<()>>) {
        let output = Arc::new(Output { tail: Mutex::new(VecDeque::new()), url: watch::Sender::new(None) });
        let stdout = child.stdout.take().expect("it is piped");
        let stderr = child.stderr.take().expect("it is piped");
        let readers = vec![
            AbortOnDropHandle::new(tokio::spawn(Arc::clone(&output).follow(name.to_owned(), stdout, true))),
            AbortOnDropHandle::new(tokio::spawn(Arc::clone(&output).follow(name.to_owned(), stderr, false))),
        ];
        (output, readers)
    }

    async fn follow(self: Arc<Self>, name: String, stream: impl AsyncRead + Unpin, has_url: bool) {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        loop {
            line.clear();
            match read_line(&mut reader, &mut line).await {
                Ok(true) => {}
                Ok(false) | Err(_) => return,
            }
            let text = String::from_utf8_lossy(&line);
            if has_url
                && self.url.borrow().is_none()
                && let Some(url) = find_url(&text)
            {
                self.url.send_replace(Some(url.to_owned()));
                continue;
            }
            tracing::debug!(machine = name, "{text}");
            let mut tail = self.tail.lock().expect("no holder of this lock can panic");
            if tail.len() == KEPT_LINES {
                tail.pop_front();
            }
            tail.push_back(text.into_owned());
        }
    }

    /// The last lines, to be put behind a message.
    pub(super) fn tail(&self) -> String {
        let tail = self.tail.lock().expect("no holder of this lock can panic");
        having_said(tail.iter().map(String::as_str))
    }
}

/// The last lines of the file that a surviving agent writes, to be put behind a message.
pub(super) fn tail_of(file: &Path) -> String {
    let text = std::fs::read(file).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let cut = |line: &&'_ str| line.floor_char_boundary(KEPT_LINE_BYTES);
    let last = &lines[lines.len().saturating_sub(KEPT_LINES)..];
    having_said(last.iter().map(|line| &line[..cut(line)]))
}

fn having_said<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let lines: Vec<&str> = lines.collect();
    if lines.is_empty() { String::new() } else { format!(", having said: {}", lines.join(" | ")) }
}

/// Reads a line and keeps its first bytes. Whether there was one.
async fn read_line(reader: &mut (impl AsyncBufReadExt + Unpin), line: &mut Vec<u8>) -> std::io::Result<bool> {
    let mut any = false;
    loop {
        let buffer = reader.fill_buf().await?;
        if buffer.is_empty() {
            return Ok(any);
        }
        any = true;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let text = &buffer[..end.unwrap_or(buffer.len())];
        let room = KEPT_LINE_BYTES.saturating_sub(line.len());
        line.extend_from_slice(&text[..text.len().min(room)]);
        let used = text.len() + usize::from(end.is_some());
        reader.consume(used);
        if end.is_some() {
            return Ok(true);
        }
    }
}

/// The URL in a line such as `listening http://127.0.0.1:5936/`.
fn find_url(line: &str) -> Option<&str> {
    line.split_whitespace().find(|word| word.starts_with("http://") || word.starts_with("https://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_is_found_behind_any_words() {
        assert_eq!(find_url("listening http://:x@127.0.0.1:1/"), Some("http://:x@127.0.0.1:1/"));
        assert_eq!(find_url("https://:x@h:1/#sha256=00"), Some("https://:x@h:1/#sha256=00"));
        assert_eq!(find_url("starting"), None);
    }

    #[tokio::test]
    async fn a_long_line_is_cut_and_the_next_one_is_whole() -> std::io::Result<()> {
        let text = [vec![b'x'; 100_000], b"\nnext\nlast".to_vec()].concat();
        let mut reader = BufReader::new(&text[..]);
        let mut lines = Vec::new();
        loop {
            let mut line = Vec::new();
            if !read_line(&mut reader, &mut line).await? {
                break;
            }
            lines.push(line);
        }
        assert_eq!(lines[0].len(), KEPT_LINE_BYTES);
        assert_eq!(lines[1..], [b"next".to_vec(), b"last".to_vec()]);
        Ok(())
    }
}
