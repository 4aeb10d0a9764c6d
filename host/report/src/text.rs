//! Durations, sizes and output as people read them.

use std::time::Duration;

/// A duration in at most two units: `0.35s`, `12.3s`, `4m05s`, `2h03m`.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if duration.is_zero() {
        return "0s".to_owned();
    }
    if seconds < 0.000_95 {
        return format!("{}µs", duration.as_micros());
    }
    if seconds < 0.0995 {
        return format!("{}ms", duration.as_millis());
    }
    if seconds < 9.995 {
        return format!("{seconds:.2}s");
    }
    if seconds < 59.95 {
        return format!("{seconds:.1}s");
    }
    let whole = seconds.round() as u64;
    if whole < 3600 {
        format!("{}m{:02}s", whole / 60, whole % 60)
    } else {
        format!("{}h{:02}m", whole / 3600, whole % 3600 / 60)
    }
}

/// An age in one unit: `12 s`, `5 min`, `3 h`, `2 days`.
pub fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A size in one unit: `17 bytes`, `1.5 KiB`, `3.2 GiB`.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return plural(bytes, "byte");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A number with thousands set apart: `12,345`.
pub fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut spaced = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            spaced.push(',');
        }
        spaced.push(digit);
    }
    spaced
}

/// A number of things: `1 test`, `2,000 tests`.
pub fn plural(count: u64, thing: &str) -> String {
    format!("{} {thing}{}", number(count), if count == 1 { "" } else { "s" })
}

/// Text for a line of its own: [`plain`], with line breaks as spaces, and cut at `limit` characters.
pub fn one_line(text: &str, limit: usize) -> String {
    let mut line: String =
        plain(text.as_bytes()).trim().chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if let Some((cut, _)) = line.char_indices().nth(limit) {
        line.truncate(cut);
        line.push('…');
    }
    line
}

/// Output of a program as plain text: invalid UTF-8 becomes `\u{fffd}`, terminal sequences and control characters go.
pub fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{1b}' => skip_sequence(&mut letters),
            '\n' | '\t' => plain.push(letter),
            '\r' if letters.peek() == Some(&'\n') => {}
            // A carriage return alone draws over the line, as progress bars do: each drawing gets a line here.
            '\r' => plain.push('\n'),
            other if other.is_control() => {}
            other => plain.push(other),
        }
    }
    plain
}

/// Skips what follows an escape: a control sequence up to its final byte, an operating system command up to its
/// terminator, or one letter.
fn skip_sequence(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match letters.peek() {
        Some('[') => {
            letters.next();
            while let Some(letter) = letters.next_if(|letter| (' '..='~').contains(letter)) {
                if ('@'..='~').contains(&letter) {
                    break;
                }
            }
        }
        Some(']' | 'P' | '_' | '^') => {
            while let Some(letter) = letters.next() {
                match letter {
                    '\u{7}' => break,
                    '\u{1b}' => {
                        letters.next_if_eq(&'\\');
                        break;
                    }
                    // An unterminated one must not swallow the rest of the output.
                    '\n' => break,
                    _ => {}
                }
            }
        }
        Some('(' | ')' | '#') => {
            letters.next();
            letters.next();
        }
        Some(_) => {
            letters.next();
        }
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units_at_most() {
        let shown: Vec<String> = [40, 350_000, 5_000_000, 12_340_000, 245_000_000, 7_380_000_000]
            .map(|micros| duration(Duration::from_micros(micros)))
            .into();
        assert_eq!(shown, ["40µs", "0.35s", "5.00s", "12.3s", "4m05s", "2h03m"]);
        assert_eq!(duration(Duration::from_millis(59_960)), "1m00s");
    }

    #[test]
    fn sizes_and_numbers() {
        assert_eq!((bytes(1), bytes(1023), bytes(1536)), ("1 byte".into(), "1,023 bytes".into(), "1.5 KiB".into()));
        assert_eq!(bytes(u64::MAX), "16384.0 PiB");
        assert_eq!(number(1_234_567), "1,234,567");
        assert_eq!(number(123), "123");
    }

    #[test]
    fn output_becomes_plain_text() {
        assert_eq!(plain(b"\x1b[1;31mred\x1b[0m\r\nnext\x07\xff"), "red\nnext\u{fffd}");
        assert_eq!(plain(b"10%\r20%\r\n"), "10%\n20%\n");
        assert_eq!(plain(b"\x1b]0;title\x07a\x1b]8;;http://x\x1b\\b"), "ab");
        assert_eq!(plain(b"a\x1b"), "a");
        assert_eq!(plain(b"\x1b]never ends\nstill here"), "still here");
    }

    #[test]
    fn one_line_is_one_line() {
        assert_eq!(one_line(" a\nb\tc \u{1b}[31mred\u{1b}[0m\u{1}", 99), "a b c red");
        assert_eq!(one_line("äöü", 2), "äö…");
    }
}
