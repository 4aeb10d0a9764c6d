//! Results on standard output.

use std::io::{self, Write};

use anyhow::Context;

/// Who reads standard output has read enough, as `head` does.
#[derive(Debug, thiserror::Error)]
#[error("standard output is closed")]
pub(crate) struct Closed;

/// Prints a text that is the whole result, a line break at its end.
///
/// # Errors
/// [`Closed`], or standard output cannot be written.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    write(format!("{}\n", text.trim_end_matches('\n')).as_bytes())
}

/// Prints a text as [`print()`] does, beside a result that stands also where nobody reads the text.
///
/// # Errors
/// Standard output cannot be written.
pub(super) fn print_beside(text: &str) -> anyhow::Result<()> {
    print(text).or_else(|error| if error.is::<Closed>() { Ok(()) } else { Err(error) })
}

/// Writes to standard output, now.
///
/// # Errors
/// As [`print()`].
pub(super) fn write(bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Closed.into()),
        written => written.context("failed to write to standard output"),
    }
}

/// Says something on standard error that is not the result.
pub(crate) fn warn(text: &str) {
    // Nobody is there to be told that standard error is closed.
    let _ = writeln!(io::stderr(), "note: {text}");
}

/// Rows as columns, two spaces apart, the last column unpadded.
pub(super) fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}", width = *width)).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}
