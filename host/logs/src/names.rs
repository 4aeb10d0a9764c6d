//! Names of streams, and the keys of their segments.

use std::fmt;
use std::sync::Arc;

use snapshot::blob::BlobKey;

use crate::LogError;

/// What all keys of logs begin with.
pub(crate) const ROOT: &str = "logs";
/// Longest name of a stream as a part of a key, in bytes: file systems hold 255.
const MAX_PART_BYTES: usize = 200;
/// Digits of an offset: as many as the largest has, so that keys sort as offsets do.
const OFFSET_DIGITS: usize = 20;

/// A stream of a build.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StreamId {
    /// The build's number.
    pub build: u64,
    /// The stream's name within it: `log`, `exec/...`.
    pub name: Arc<str>,
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "log stream `{}` of build {}", self.name, self.build)
    }
}

impl StreamId {
    pub(crate) fn new(build: u64, name: &str) -> Result<StreamId, LogError> {
        let refuse = |reason| Err(LogError::Name { stream: name.to_owned(), reason });
        if name.is_empty() {
            return refuse("it is empty");
        }
        if escape(name).len() > MAX_PART_BYTES {
            return refuse("it is longer than 200 bytes, where other characters than letters and digits count three");
        }
        Ok(StreamId { build, name: name.into() })
    }

    /// What the keys of all its segments begin with.
    pub(crate) fn prefix(&self) -> String {
        format!("{}/{}", build_prefix(self.build), escape(&self.name))
    }

    /// The key of the segment that begins at this offset.
    pub(crate) fn segment(&self, offset: u64) -> BlobKey {
        BlobKey::new(format!("{}/{offset:0OFFSET_DIGITS$}", self.prefix())).expect("escaped, and short enough")
    }
}

/// What the keys of all segments of a build begin with.
pub(crate) fn build_prefix(build: u64) -> String {
    format!("{ROOT}/{build}")
}

/// The build, stream and offset that a key is of.
pub(crate) fn parse(key: &BlobKey) -> Option<(u64, String, u64)> {
    let mut parts = key.as_str().split('/');
    let mut next = || parts.next();
    let (root, build, name, offset) = (next()?, next()?, next()?, next()?);
    if root != ROOT || next().is_some() || offset.len() != OFFSET_DIGITS {
        return None;
    }
    Some((build.parse().ok()?, unescape(name)?, offset.parse().ok()?))
}

/// Letters, digits, `_` and `-` stay; all else becomes `=` and two hex digits.
fn escape(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("={byte:02X}"));
        }
    }
    escaped
}

fn unescape(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'=' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        bytes.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn keys_say_of_what_they_are_and_sort_as_offsets_do() {
        for name in ["log", "exec/make-1-2", "a.b c", "ä=2F", "..", "=="] {
            let stream = StreamId::new(7, name).unwrap();
            let key = stream.segment(12_345);
            assert!(!key.as_str().contains('.'), "{key}");
            assert_eq!(parse(&key), Some((7, name.to_owned(), 12_345)), "{key}");
        }
        let stream = StreamId::new(7, "log").unwrap();
        assert!(stream.segment(9) < stream.segment(10));
        assert!(stream.segment(u64::MAX) > stream.segment(1 << 62));
    }

    #[test]
    fn what_is_no_segment_is_not_taken_for_one() {
        for key in
            ["logs/7/log", "logs/7/log/12", "other/7/log/00000000000000000001", "logs/x/log/00000000000000000001"]
        {
            assert_eq!(parse(&BlobKey::new(key).unwrap()), None, "{key}");
        }
        assert!(StreamId::new(1, "").is_err());
        assert!(StreamId::new(1, &"/".repeat(67)).is_err());
        assert!(StreamId::new(1, &"x".repeat(200)).is_ok());
    }
}
