//! Times, durations and digests as templates write them.

use std::time::Duration;

use report::text;

/// A number, behind however many references a template has it.
pub(super) trait Number: Copy {
    /// The number.
    type Is;
    /// The number itself.
    fn get(self) -> Self::Is;
}

impl Number for u64 {
    type Is = u64;

    fn get(self) -> u64 {
        self
    }
}

impl Number for f64 {
    type Is = f64;

    fn get(self) -> f64 {
        self
    }
}

impl<N: Number> Number for &N {
    type Is = N::Is;

    fn get(self) -> N::Is {
        (*self).get()
    }
}

/// A moment for machines: RFC 3339.
pub(super) fn iso(ms: impl Number<Is = u64>) -> String {
    moment(ms.get(), "%Y-%m-%dT%H:%M:%S.%3fZ")
}

/// A moment for people, to the second.
pub(super) fn full(ms: impl Number<Is = u64>) -> String {
    moment(ms.get(), "%Y-%m-%d %H:%M:%S UTC")
}

fn moment(ms: u64, format: &str) -> String {
    let shown = i64::try_from(ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    shown.map_or_else(String::new, |time| time.strftime(format).to_string())
}

/// How long ago: `just now`, `12 s ago`, `3 days ago`. The script counts on in the same words.
pub(super) fn ago(now_ms: impl Number<Is = u64>, ms: impl Number<Is = u64>) -> String {
    let age = Duration::from_millis(now_ms.get().saturating_sub(ms.get()));
    if age < Duration::from_secs(10) { "just now".to_owned() } else { format!("{} ago", text::age(age)) }
}

/// The time between two moments, in whole seconds: `12s`, `4m05s`, `2h03m`.
pub(super) fn between(from_ms: impl Number<Is = u64>, to_ms: impl Number<Is = u64>) -> String {
    whole(to_ms.get().saturating_sub(from_ms.get()) / 1_000)
}

fn whole(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3_600, seconds / 60 % 60),
    }
}

/// A duration to as many digits as it deserves.
pub(super) fn took(seconds: impl Number<Is = f64>) -> String {
    text::duration(Duration::try_from_secs_f64(seconds.get()).unwrap_or_default())
}

/// A duration that is only expected.
pub(super) fn about(seconds: impl Number<Is = f64>) -> String {
    whole(Duration::try_from_secs_f64(seconds.get()).unwrap_or_default().as_secs())
}

/// A digest as people compare it: its first twelve digits. What is built in has none; a revision may be no digest.
pub(super) fn short(digest: &str) -> String {
    match digest.strip_prefix("sha256:") {
        Some(digits) => digits.chars().take(12).collect(),
        None if digest.is_empty() => "built in".to_owned(),
        None => text::one_line(digest, 24),
    }
}

/// A number with thousands set apart.
pub(super) fn number(number: impl Number<Is = u64>) -> String {
    text::number(number.get())
}

/// A size.
pub(super) fn bytes(bytes: impl Number<Is = u64>) -> String {
    text::bytes(bytes.get())
}

/// A text for a line of its own.
pub(super) fn line(text: &str) -> String {
    text::one_line(text, 300)
}

/// A text as part of a query.
pub(super) fn query(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_as_people_do() {
        assert_eq!((iso(1_500), full(1_500)), ("1970-01-01T00:00:01.500Z".into(), "1970-01-01 00:00:01 UTC".into()));
        let said = [0, 9_999, 10_000, 180_000, 8_000_000].map(|ms| ago(ms, 0));
        assert_eq!(said, ["just now", "just now", "10 s ago", "3 min ago", "2 h ago"]);
        assert_eq!(ago(0, 5_000), "just now", "clocks differ");
        assert_eq!([59_999, 245_000, 7_380_000].map(|ms| between(0, ms)), ["59s", "4m05s", "2h03m"]);
        assert_eq!((short("sha256:0123456789abcdef"), short("")), ("0123456789ab".into(), "built in".into()));
        assert_eq!(query("a b&\u{e4}"), "a%20b%26%C3%A4");
    }
}
