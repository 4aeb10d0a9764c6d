//! What of a test's output goes with its failure: the beginning and the end, in bounded memory.

/// How much is kept of each.
const HALF: usize = 8 * 1024;

/// Some text.
#[derive(Debug, Default)]
pub(crate) struct Excerpt {
    head: String,
    tail: String,
    left_out: usize,
}

impl Excerpt {
    /// Adds a line without its end.
    pub(crate) fn push(&mut self, line: &str) {
        if self.tail.is_empty() && self.left_out == 0 && self.head.len() + line.len() < HALF {
            self.head.push_str(line);
            self.head.push('\n');
            return;
        }
        self.tail.push_str(line);
        self.tail.push('\n');
        // Twice the half, so that the text is moved once for many lines.
        if self.tail.len() > 2 * HALF {
            self.cut();
        }
    }

    /// How much is held.
    pub(crate) fn len(&self) -> usize {
        self.head.len() + self.tail.len()
    }

    /// The whole, saying where something is left out.
    pub(crate) fn text(mut self) -> String {
        if self.tail.len() > HALF {
            self.cut();
        }
        let gap = match self.left_out {
            0 => String::new(),
            bytes => format!("[... {bytes} bytes left out ...]\n"),
        };
        format!("{}{gap}{}", self.head, self.tail).trim_end().to_owned()
    }

    fn cut(&mut self) {
        let start = self.tail.ceil_char_boundary(self.tail.len() - HALF);
        self.left_out += start;
        self.tail.drain(..start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginning_and_end_are_kept() {
        let mut short = Excerpt::default();
        short.push("a");
        short.push("");
        short.push("b");
        short.push("");
        assert_eq!(short.text(), "a\n\nb");
        let mut long = Excerpt::default();
        for number in 0..100_000 {
            long.push(&format!("é{number}"));
            assert!(long.len() <= 3 * HALF + 20);
        }
        let text = long.text();
        assert!(text.starts_with("é0\né1\n") && text.ends_with("é99999"), "{text}");
        assert!(text.contains("bytes left out") && text.len() <= 2 * HALF + 50);
    }
}
