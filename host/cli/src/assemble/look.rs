//! Files outside the tree that a builder wants to see: globs that begin with a variable it looks at.

use std::path::{Path, PathBuf};

use coordinator::ports::SourceFile;
use globset::{GlobBuilder, GlobMatcher};

use super::tree::read;

/// The most files: environments of thousands of packages are well below.
const MAX_FOUND: usize = 20_000;
/// The deepest that `**` goes.
const MAX_DEPTH: usize = 12;

/// The matches of these globs, sorted, each once. `value` gives the values of variables; a glob of one that is not
/// set, and one that does not begin with a variable, matches nothing.
pub(crate) fn look(globs: &[String], value: impl Fn(&str) -> Option<String>) -> Vec<SourceFile> {
    let mut paths = Vec::new();
    for glob in globs {
        let mut segments = glob.split('/');
        let Some(root) = segments.next().and_then(|first| first.strip_prefix('$')).and_then(&value) else { continue };
        let rest: Vec<&str> = segments.filter(|segment| !segment.is_empty()).collect();
        let root = PathBuf::from(root);
        if root.is_absolute() && !rest.contains(&"..") {
            descend(&root, &rest, 0, &mut paths);
        }
    }
    paths.sort();
    paths.dedup();
    paths
        .into_iter()
        .map(|path| SourceFile { content: read(&path), path: path.to_string_lossy().into_owned() })
        .collect()
}

fn descend(folder: &Path, segments: &[&str], depth: usize, found: &mut Vec<PathBuf>) {
    if found.len() >= MAX_FOUND || depth > MAX_DEPTH {
        return;
    }
    let Some((segment, rest)) = segments.split_first() else {
        if folder.is_file() {
            found.push(folder.to_owned());
        }
        return;
    };
    if *segment == "**" {
        descend(folder, rest, depth, found);
        for (child, _) in children(folder) {
            if child.is_dir() && !child.is_symlink() {
                descend(&child, segments, depth + 1, found);
            }
        }
    } else if let Some(matcher) = matcher(segment) {
        for (child, name) in children(folder) {
            if matcher.is_match(&name) {
                descend(&child, rest, depth, found);
            }
        }
    } else {
        descend(&folder.join(segment), rest, depth, found);
    }
}

/// A matcher, if the segment is a pattern at all.
fn matcher(segment: &str) -> Option<GlobMatcher> {
    if !segment.contains(['*', '?', '[', '{']) {
        return None;
    }
    GlobBuilder::new(segment).literal_separator(true).build().ok().map(|glob| glob.compile_matcher())
}

/// What is in a folder, sorted. One that cannot be read has nothing in it that could be shown.
fn children(folder: &Path) -> Vec<(PathBuf, String)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut children: Vec<_> =
        entries.map(|entry| (entry.path(), entry.file_name().to_string_lossy().into_owned())).collect();
    children.sort();
    children
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn finds_what_the_globs_say_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let site = folder.path().join("lib/python3.11/site-packages");
        for name in ["a-1.dist-info", "b-2.dist-info", "c"] {
            std::fs::create_dir_all(site.join(name)).unwrap();
            std::fs::write(site.join(name).join("METADATA"), name).unwrap();
        }
        let value = |name: &str| (name == "ENV").then(|| folder.path().to_string_lossy().into_owned());
        let found = |glob: &str| -> Vec<String> {
            let prefix = format!("{}/", site.display());
            look(&[glob.to_owned()], value)
                .into_iter()
                .map(|file| file.path.replace(&prefix, "") + "=" + &String::from_utf8(file.content.unwrap()).unwrap())
                .collect()
        };
        let expected = ["a-1.dist-info/METADATA=a-1.dist-info", "b-2.dist-info/METADATA=b-2.dist-info"];
        assert_eq!(found("$ENV/lib/python*/site-packages/*.dist-info/METADATA"), expected);
        assert_eq!(found("$ENV/**/*.dist-info/METADATA"), expected);
        assert!(found("$OTHER/**").is_empty());
        assert!(found("/etc/passwd").is_empty());
        assert!(found("$ENV/../*").is_empty());
    }
}
