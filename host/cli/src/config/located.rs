//! Text with places in it: files, lines, and messages that point at them.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A file of configuration as it was read.
#[derive(Clone, Debug)]
pub struct SourceText {
    /// Where it was read.
    pub path: PathBuf,
    /// What it says.
    pub text: String,
}

impl SourceText {
    /// The number of the line that holds this byte, from 1.
    pub fn line(&self, offset: usize) -> usize {
        1 + self.text.as_bytes().iter().take(offset).filter(|&&byte| byte == b'\n').count()
    }

    /// A message about a part of this text.
    pub fn at(&self, span: Range<usize>, message: impl Into<String>) -> Located {
        let start = floor_boundary(&self.text, span.start);
        let line_start = self.text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = self.text[start..].find('\n').map_or(self.text.len(), |newline| start + newline);
        let end = floor_boundary(&self.text, span.end).clamp(start, line_end);
        Located {
            path: self.path.clone(),
            line: self.line(start),
            column: 1 + self.text[line_start..start].chars().count(),
            line_text: self.text[line_start..line_end].trim_end().to_owned(),
            marked: self.text[start..end].trim_end().chars().count().max(1),
            message: message.into(),
            help: None,
        }
    }
}

fn floor_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// A message about a place in a file. Shown over several lines, the way compilers do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The whole line.
    pub line_text: String,
    /// How many characters are meant.
    pub marked: usize,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl Located {
    /// Adds what to do about it.
    pub fn help(mut self, help: impl Into<String>) -> Located {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        // Tabs of the line stay tabs below it, so that the mark stands under what it marks.
        let lead: String = self
            .line_text
            .chars()
            .take(self.column - 1)
            .map(|letter| if letter == '\t' { '\t' } else { ' ' })
            .collect();
        writeln!(f, "{}", self.message)?;
        writeln!(f, "{margin}--> {}:{}:{}", self.path.display(), self.line, self.column)?;
        writeln!(f, "{margin} |")?;
        writeln!(f, "{number} | {}", self.line_text)?;
        write!(f, "{margin} | {lead}{}", "^".repeat(self.marked))?;
        match &self.help {
            Some(help) => write!(f, "\n{margin} = {help}"),
            None => Ok(()),
        }
    }
}

/// A file and a line of it, for `config show`.
pub fn place(path: &Path, line: usize) -> String {
    format!("{}:{line}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> SourceText {
        SourceText { path: "a.toml".into(), text: text.into() }
    }

    #[test]
    fn marks_what_is_meant() {
        let source = source("[run]\n\thelprs = 3\n");
        insta::assert_snapshot!(source.at(7..13, "unknown key").help("did you mean `helpers`?"), @r"
        unknown key
         --> a.toml:2:2
          |
        2 | 	helprs = 3
          | 	^^^^^^
          = did you mean `helpers`?
        ");
    }

    #[test]
    fn a_place_outside_the_text_is_its_end() {
        let located = source("ü").at(1..99, "odd");
        assert_eq!((located.line, located.column, located.marked), (1, 1, 1));
        let located = source("").at(5..9, "empty");
        assert_eq!((located.line, located.column, located.marked), (1, 1, 1));
    }
}
