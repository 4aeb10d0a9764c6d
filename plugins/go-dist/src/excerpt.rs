//! Keeps the beginning and the end of a text that may be long: what went wrong stands in one of them.

/// Bytes kept of the beginning, and of the end.
const HALF: usize = 16 * 1024;

/// What is kept of a text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Excerpt {
    head: String,
    tail: String,
    cut: usize,
}

impl Excerpt {
    /// Adds a line, without its end.
    pub(crate) fn line(&mut self, line: &str) {
        self.text(line);
        self.text("\n");
    }

    /// Adds text.
    pub(crate) fn text(&mut self, text: &str) {
        let room = HALF.saturating_sub(self.head.len());
        let split = text.floor_char_boundary(if self.tail.is_empty() { room } else { 0 });
        self.head.push_str(&text[..split]);
        self.tail.push_str(&text[split..]);
        if self.tail.len() > 2 * HALF {
            let at = self.tail.floor_char_boundary(self.tail.len() - HALF);
            self.cut += at;
            self.tail.drain(..at);
        }
    }

    /// What was kept; where something is missing, it says how much.
    pub(crate) fn into_text(self) -> String {
        if self.cut == 0 {
            return self.head + &self.tail;
        }
        format!("{}\n... {} bytes are only in the log ...\n{}", self.head, self.cut, self.tail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_texts_are_whole_and_long_ones_have_both_ends() {
        let mut short = Excerpt::default();
        short.line("a");
        short.text("b");
        assert_eq!(short.into_text(), "a\nb");
        let mut long = Excerpt::default();
        for number in 0..100_000 {
            long.line(&format!("línea {number}"));
        }
        let text = long.into_text();
        assert!(text.starts_with("línea 0\n") && text.ends_with("línea 99999\n"));
        assert!(text.contains(" bytes are only in the log") && text.len() < 4 * HALF);
    }
}
