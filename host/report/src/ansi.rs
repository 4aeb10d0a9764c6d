//! Output with terminal colors, as HTML.

use std::fmt::Write as _;

/// Text with the escape sequences of colors and weights turned into spans, all others removed.
pub fn html(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut html = String::with_capacity(text.len() + text.len() / 8);
    let mut look = Look::default();
    let mut rest: &str = &text;
    while let Some(start) = rest.find("\u{1b}[") {
        push(&mut html, &rest[..start], look);
        let sequence = &rest[start + 2..];
        let Some(end) = sequence.find(|letter: char| ('@'..='~').contains(&letter)) else {
            rest = "";
            break;
        };
        if sequence[end..].starts_with('m') {
            look.apply(&sequence[..end]);
        }
        // The final byte is ASCII: `find` compared it with ASCII letters only.
        rest = &sequence[end + 1..];
    }
    push(&mut html, rest, look);
    html
}

/// Color and weight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Look {
    color: Option<u8>,
    bold: bool,
}

impl Look {
    fn apply(&mut self, parameters: &str) {
        let mut codes = parameters.split([';', ':']).map(|code| code.parse::<u16>().unwrap_or(0));
        while let Some(code) = codes.next() {
            match code {
                0 => *self = Look::default(),
                1 => self.bold = true,
                22 => self.bold = false,
                // 8 for the bright variants: the page has sixteen classes.
                30..=37 => self.color = u8::try_from(code - 30).ok(),
                90..=97 => self.color = u8::try_from(code - 90 + 8).ok(),
                39 => self.color = None,
                // Colors of 256 and more: their parameters must not be read as codes of their own.
                38 | 48 => match codes.next() {
                    Some(5) => {
                        let index = codes.next().unwrap_or(0);
                        if code == 38 {
                            self.color = u8::try_from(index).ok().filter(|index| *index < 16);
                        }
                    }
                    Some(2) => {
                        codes.by_ref().take(3).for_each(drop);
                    }
                    Some(_) | None => {}
                },
                _ => {}
            }
        }
    }
}

fn push(html: &mut String, text: &str, look: Look) {
    let text = crate::text::plain(text.as_bytes());
    if text.is_empty() {
        return;
    }
    let plain = look == Look::default();
    if !plain {
        let color = look.color.map_or_else(String::new, |color| format!("c{color}"));
        let bold = if look.bold { " b" } else { "" };
        let _infallible = write!(html, "<span class=\"{color}{bold}\">");
    }
    escape_into(html, &text);
    if !plain {
        html.push_str("</span>");
    }
}

/// Text as HTML content or attribute.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    escape_into(&mut escaped, text);
    escaped
}

fn escape_into(html: &mut String, text: &str) {
    for letter in text.chars() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_become_spans_and_markup_stays_text() {
        assert_eq!(html(b"\x1b[31m<b>\x1b[0m ok"), "<span class=\"c1\">&lt;b&gt;</span> ok");
        assert_eq!(html(b"\x1b[1;92mx\x1b[22;39my"), "<span class=\"c10 b\">x</span>y");
        assert_eq!(html(b"\x1b[38;2;31;1;4mx\x1b[38;5;200my\x1b[48;5;1mz"), "xyz");
        assert_eq!(html(b"\x1b[2Ka\x1b[1"), "a");
        assert_eq!(html(b"\xff\x1b]0;t\x07b"), "\u{fffd}b");
    }
}
