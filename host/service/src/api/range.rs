//! Parts of a log: `Range` and `offset`.

use http::{HeaderMap, header};

use crate::problem::{Kind, Problem};

/// A part of something that has `end` bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// The first byte.
    pub(super) from: u64,
    /// The byte after the last.
    pub(super) to: u64,
    /// It was asked for as a range.
    pub(super) is_range: bool,
}

/// The part that is asked for. A range in a form that is not understood is none, as RFC 9110 says.
pub(super) fn part(headers: &HeaderMap, offset: Option<u64>, end: u64) -> Result<Part, Problem> {
    if let Some(from) = offset {
        return Ok(Part { from: from.min(end), to: end, is_range: false });
    }
    let asked = headers.get(header::RANGE).and_then(|value| value.to_str().ok()).and_then(range);
    let (from, to) = match asked {
        None => return Ok(Part { from: 0, to: end, is_range: false }),
        Some((None, Some(last))) => (end.saturating_sub(last), end),
        Some((Some(first), last)) => (first, last.map_or(end, |last| last.saturating_add(1).min(end))),
        Some((None, None)) => return Ok(Part { from: 0, to: end, is_range: false }),
    };
    if from >= end {
        return Err(Problem::new(
            Kind::Range,
            format!("the log has {end} bytes by now, and byte {from} was asked for"),
            "ask for less, or follow the log with `?follow=1`",
        ));
    }
    Ok(Part { from, to, is_range: true })
}

/// One range in bytes: first and last, or how many at the end.
fn range(text: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| if text.is_empty() { Some(None) } else { text.parse().ok().map(Some) };
    let (first, last) = (number(first.trim())?, number(last.trim())?);
    match (first, last) {
        (None, None | Some(0)) => None,
        (Some(first), Some(last)) if last < first => None,
        both => Some(both),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_what_rfc_9110_says() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, text.parse().unwrap());
            part(&headers, None, 100).map(|part| (part.from, part.to, part.is_range)).map_err(|problem| problem.kind())
        };
        assert_eq!(of("bytes=0-9"), Ok((0, 10, true)));
        assert_eq!(of("bytes=90-"), Ok((90, 100, true)));
        assert_eq!(of("bytes=-10"), Ok((90, 100, true)));
        assert_eq!(of("bytes=-1000"), Ok((0, 100, true)));
        assert_eq!(of("bytes=0-1000"), Ok((0, 100, true)));
        assert_eq!(of("bytes=100-"), Err(Kind::Range));
        for ignored in ["lines=0-9", "bytes=9-0", "bytes=0-1,5-6", "bytes=-", "bytes=-0", "bytes=a-b"] {
            assert_eq!(of(ignored), Ok((0, 100, false)), "{ignored}");
        }
        assert_eq!(part(&HeaderMap::new(), Some(200), 100).unwrap().from, 100, "an offset past the end is the end");
    }
}
