//! Output with terminal colors, as HTML.

use std::fmt::Write as _;

/// Text with the escape sequences of colors and weights turned into spans, all others removed.
pub fn html(bytes: &[u8]) -> String {
    html_from(bytes, Look::default())
}

/// The same, of text that begins where this look is on.
pub fn html_from(bytes: &[u8], mut look: Look) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut html = String::with_capacity(text.len() + text.len() / 8);
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
pub struct Look {
    color: Option<u8>,
    bold: bool,
}

/// What a sequence says something of, whether it changes it or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Said {
    color: bool,
    bold: bool,
}

impl Look {
    /// The look that these parameters of a color sequence give: `1;31`.
    #[must_use]
    pub fn read(parameters: &str) -> Look {
        let mut look = Look::default();
        look.apply(parameters);
        look
    }

    /// The parameters of a color sequence that gives this look to plain text; empty for none.
    #[must_use]
    pub fn parameters(self) -> String {
        let color = self.color.map(|color| if color < 8 { 30 + color } else { 82 + color });
        match (self.bold, color) {
            (false, None) => String::new(),
            (true, None) => "1".to_owned(),
            (false, Some(color)) => color.to_string(),
            (true, Some(color)) => format!("1;{color}"),
        }
    }

    fn apply(&mut self, parameters: &str) -> Said {
        let mut said = Said::default();
        // What begins so is a terminal's private business.
        if parameters.starts_with(['<', '=', '>', '?']) {
            return said;
        }
        let mut codes = parameters.split([';', ':']).map(|code| code.parse::<u16>().unwrap_or(0));
        while let Some(code) = codes.next() {
            said.color |= matches!(code, 0 | 30..=37 | 38 | 39 | 90..=97);
            said.bold |= matches!(code, 0 | 1 | 22);
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
        said
    }
}

/// Bytes behind a sequence within which it is remembered.
pub const REMEMBERED: u64 = 64 << 10;
/// The longest parameters that are read: those of colors are short.
const MAX_PARAMETERS: usize = 256;

/// Follows the look through a text that comes in pieces.
///
/// A color or weight is on at a place if the last sequence that says something of it, among those that begin in the
/// [`REMEMBERED`] bytes before that place, switches it on. So the look at a place follows from so many bytes before it,
/// wherever the reading began; a color that nothing was said of for longer is over.
#[derive(Clone, Debug, Default)]
pub struct Follower {
    look: Look,
    /// Bytes so far.
    at: u64,
    /// Where the last sequences began that said something of the color, and of the weight.
    color_at: u64,
    bold_at: u64,
    within: Within,
}

/// Where in a sequence a text is.
#[derive(Clone, Debug, Default)]
enum Within {
    #[default]
    Text,
    /// Behind the escape that is at this place.
    Escape(u64),
    /// Among the parameters of the sequence that began at this place.
    Sequence(u64, Vec<u8>),
}

impl Follower {
    /// Goes on through the next piece.
    pub fn push(&mut self, piece: &[u8]) {
        let mut rest = piece;
        while let Some((byte, behind)) = rest.split_first() {
            let within = std::mem::take(&mut self.within);
            self.within = match (within, byte) {
                (_, b'\x1b') => Within::Escape(self.at),
                (Within::Text, _) => {
                    let text = rest.iter().position(|byte| *byte == b'\x1b').unwrap_or(rest.len());
                    self.at += text as u64;
                    rest = &rest[text..];
                    continue;
                }
                (Within::Escape(began), b'[') => Within::Sequence(began, Vec::new()),
                (Within::Sequence(began, mut parameters), b' '..=b'?') => {
                    if parameters.len() < MAX_PARAMETERS {
                        parameters.push(*byte);
                    }
                    Within::Sequence(began, parameters)
                }
                (Within::Sequence(began, parameters), b'm') => {
                    self.apply(began, &parameters);
                    Within::Text
                }
                (Within::Escape(_) | Within::Sequence(..), _) => Within::Text,
            };
            self.at += 1;
            rest = behind;
        }
    }

    fn apply(&mut self, began: u64, parameters: &[u8]) {
        // What is on and forgotten must not come back with a sequence that leaves it as it is.
        self.look = self.look();
        let said = self.look.apply(&String::from_utf8_lossy(parameters));
        if said.color {
            self.color_at = began;
        }
        if said.bold {
            self.bold_at = began;
        }
    }

    /// The look where the text is now.
    #[must_use]
    pub fn look(&self) -> Look {
        let remembered = |began: u64| self.at - began <= REMEMBERED;
        Look {
            color: self.look.color.filter(|_| remembered(self.color_at)),
            bold: self.look.bold && remembered(self.bold_at),
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
        assert_eq!(html(b"\x1b[31ma\x1b[>4;2mb"), "<span class=\"c1\">a</span><span class=\"c1\">b</span>");
    }

    #[test]
    fn a_look_is_read_as_it_is_written() {
        for parameters in ["", "1", "31", "97", "1;34"] {
            assert_eq!(Look::read(parameters).parameters(), parameters);
        }
        assert_eq!(html_from(b"a\x1b[mb", Look::read("1;31")), "<span class=\"c1 b\">a</span>b");
    }

    /// The look behind a text, which is the same however the text is cut.
    fn look_behind(text: &[u8]) -> String {
        let look = |cut: usize| {
            let mut follower = Follower::default();
            follower.push(&text[..cut]);
            follower.push(&text[cut..]);
            follower.look()
        };
        let whole = look(0);
        for cut in 1..text.len().min(100) {
            assert_eq!(look(cut), whole, "{:?} cut at {cut}", String::from_utf8_lossy(text));
        }
        whole.parameters()
    }

    #[test]
    fn a_look_goes_on_until_something_else_is_said() {
        assert_eq!(look_behind(b"\x1b[1;31mred\nand still"), "1;31");
        assert_eq!(look_behind(b"\x1b[1;31mred\n\x1b[39mbold"), "1");
        assert_eq!(look_behind(b"\x1b[31mred\x1b[0m\n"), "");
        assert_eq!(look_behind(b"\x1b[31m\x1b[2K\x1b]0;title\x07"), "31", "other sequences say nothing of it");
        assert_eq!(look_behind(b"\x1b[31\nm"), "", "a line break ends a sequence");
    }

    #[test]
    fn a_look_is_forgotten_wherever_the_reading_began() {
        let within = REMEMBERED as usize;
        let text = [b"\x1b[1;31m".as_slice(), &vec![b'x'; within - 100], b"\x1b[32m", &[b'y'; 200]].concat();
        assert_eq!(look_behind(&text), "32", "the weight is forgotten, the newer color is not");
        assert_eq!(look_behind(&text[text.len() - within..]), "32");
        let old = [b"\x1b[1;31m".as_slice(), &vec![b'x'; within - 7], b"y"].concat();
        assert_eq!((look_behind(&old[..old.len() - 1]), look_behind(&old)), ("1;31".to_owned(), String::new()));
    }
}
