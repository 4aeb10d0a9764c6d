//! Rules about single files.

use std::collections::BTreeMap;
use std::fs;

use crate::repository::{assert_none, root, rust_sources, tracked};

/// Longest Rust file, in lines: past it, a file has more than one job.
const MAX_LINES: usize = 500;

/// Files that are longer, with the length they may have. Entries may shrink and go; none may come.
const LONGER: [(&str, usize); 0] = [];

/// Largest file in version control, in bytes: what is larger is fetched or generated.
const MAX_FILE_BYTES: u64 = 512 * 1024;

/// Larger files that cannot be fetched or generated. Entries may go; none may come.
const LARGER: [&str; 0] = [];

/// What may not stay in a source file. Each is spelled in two parts, so that this list does not offend itself.
const BANNED: [&str; 7] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X:"),
    concat!("dbg", "!("),
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("#[ign", "ore"),
];

#[test]
fn files_are_short() -> anyhow::Result<()> {
    let longer = BTreeMap::from(LONGER);
    let mut offences = Vec::new();
    for (path, text) in rust_sources()? {
        let lines = text.lines().count();
        let allowed = longer.get(path.to_string_lossy().as_ref()).copied().unwrap_or(MAX_LINES);
        if lines > allowed {
            offences.push(format!("{}: {lines} lines", path.display()));
        }
    }
    assert_none("a Rust file has at most 500 lines", &offences);
    Ok(())
}

#[test]
fn the_allowlist_only_shrinks() -> anyhow::Result<()> {
    let lengths: BTreeMap<String, usize> = rust_sources()?
        .into_iter()
        .map(|(path, text)| (path.to_string_lossy().into_owned(), text.lines().count()))
        .collect();
    let stale: Vec<String> = LONGER
        .iter()
        .filter(|(path, allowed)| lengths.get(*path) != Some(allowed) || *allowed <= MAX_LINES)
        .map(|(path, allowed)| format!("{path}: {allowed} lines allowed"))
        .collect();
    assert_none("an entry states the file's length as it is", &stale);
    Ok(())
}

#[test]
fn files_say_what_they_are_for() -> anyhow::Result<()> {
    let silent: Vec<String> = rust_sources()?
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//! ") && !text.starts_with("#![doc = include_str!("))
        .map(|(path, _)| path.display().to_string())
        .collect();
    assert_none("a Rust file begins with `//! ` or takes its documentation from a page", &silent);
    Ok(())
}

#[test]
fn nothing_unfinished_is_left() -> anyhow::Result<()> {
    let mut offences = Vec::new();
    for (path, text) in rust_sources()? {
        for (index, line) in text.lines().enumerate() {
            // Neither is a note to ourselves: a directive of the Test Anything Protocol, and a tree to be tested.
            let of_others = path.starts_with("plugins/tap") || path.components().any(|part| part.as_os_str() == "data");
            for word in BANNED.iter().filter(|word| has_word(line, word) && !of_others) {
                offences.push(format!("{}:{}: {word}", path.display(), index + 1));
            }
        }
    }
    assert_none("these words are not for finished code", &offences);
    Ok(())
}

/// Whether a word stands in a line, not in the middle of another (`XXXBANNERXXX:`).
fn has_word(line: &str, word: &str) -> bool {
    let stands = |(at, _): (usize, &str)| !line[..at].ends_with(char::is_alphanumeric);
    line.match_indices(word).any(stands)
}

#[test]
fn files_are_small() -> anyhow::Result<()> {
    let mut offences = Vec::new();
    for path in tracked()? {
        let size_bytes = fs::symlink_metadata(root().join(&path))?.len();
        if size_bytes > MAX_FILE_BYTES && !LARGER.contains(&path.to_string_lossy().as_ref()) {
            offences.push(format!("{}: {size_bytes} bytes", path.display()));
        }
    }
    assert_none("a file under version control has at most 512 KiB", &offences);
    Ok(())
}
