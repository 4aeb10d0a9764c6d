//! Results on standard output.

use std::io::{self, Write};

/// Prints a text, a line break at its end.
///
/// # Errors
/// Standard output is closed.
pub(super) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.trim_end_matches('\n').as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Says something on standard error that is not the result.
pub(super) fn warn(text: &str) {
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
