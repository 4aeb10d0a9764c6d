//! Spans of time as people write them: `1m30s`, `500ms`, `0s`.

use std::time::Duration;

use serde::Deserialize;

/// A span of time in a scenario.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Span(pub(super) Duration);

impl Span {
    /// A span of whole seconds.
    pub(super) const fn seconds(seconds: u64) -> Span {
        Span(Duration::from_secs(seconds))
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Span, String> {
        parse(&text).map(Span).ok_or_else(|| format!("`{text}` is no span of time: write `1m30s`, `2s` or `500ms`"))
    }
}

fn parse(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number: u32 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_lowercase()).len();
        let unit = match &rest[..letters] {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_secs(60),
            "h" => Duration::from_secs(3600),
            _ => return None,
        };
        rest = &rest[letters..];
        sum = sum.checked_add(unit.checked_mul(number)?)?;
    }
    (!text.is_empty()).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_they_are_written() {
        let millis = |text: &str| parse(text).map(|span| span.as_millis());
        assert_eq!(millis("0s"), Some(0));
        assert_eq!(millis("250ms"), Some(250));
        assert_eq!(millis("1m30s"), Some(90_000));
        assert_eq!(millis("2h1s5ms"), Some(7_201_005));
        for wrong in ["", "5", "s", "5x", "-1s", "1 s", "99999999999s", "1.5s", "5ß"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
