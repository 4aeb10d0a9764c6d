//! Whether a tree is Go's own, and of which age.

use muster_sdk::builder::SourceFile;

use crate::settings::Selection;

/// Files that together only Go's own tree has.
const MARKS: [&str; 2] = ["src/make.bash", "src/cmd/dist/main.go"];
/// The first version whose `dist test` takes names; between is a release in the making, whose trees may be older.
const TAKES_NAMES: (u32, u32) = (1, 5);

/// Whether this is Go's own tree.
pub(crate) fn is_go(files: &[SourceFile]) -> bool {
    MARKS.iter().all(|mark| files.iter().any(|file| file.path == *mark))
}

/// Whether a file of this name stands at the tree's root.
pub(crate) fn has(files: &[SourceFile], path: &str) -> bool {
    files.iter().any(|file| file.path == path)
}

/// How this tree's `dist test` is told what to run.
pub(crate) fn selection(files: &[SourceFile]) -> Selection {
    match version(files) {
        Some(version) if version < TAKES_NAMES => Selection::Regexp,
        Some(_) | None => Selection::Names,
    }
}

/// The release that the tree is or comes after: by its VERSION file, else by the newest of its API files.
fn version(files: &[SourceFile]) -> Option<(u32, u32)> {
    let content = files.iter().find(|file| file.path == "VERSION").and_then(|file| file.content.as_deref());
    let text = String::from_utf8_lossy(content.unwrap_or_default());
    let told = text.split_whitespace().find_map(|word| read(word.strip_prefix("go")?));
    let api = files.iter().filter_map(|file| read(file.path.strip_prefix("api/go")?.strip_suffix(".txt")?));
    told.or_else(|| api.max())
}

/// `1`, `1.19`, `1.19.8` or `1.5-abcdef`, as major and minor number.
fn read(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split('.');
    let major = numbers.next()?.parse().ok()?;
    let minor = numbers.next().unwrap_or("0");
    let end = minor.find(|c: char| !c.is_ascii_digit()).unwrap_or(minor.len());
    Some((major, minor[..end].parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(paths: &[(&str, &str)]) -> Vec<SourceFile> {
        let file = |(path, content): &(&str, &str)| SourceFile {
            path: (*path).into(),
            content: (!content.is_empty()).then(|| content.as_bytes().to_vec()),
        };
        paths.iter().map(file).collect()
    }

    #[test]
    fn its_scripts_and_its_dist_make_it_gos() {
        assert!(is_go(&files(&[("src/cmd/dist/main.go", ""), ("src/make.bash", "")])));
        assert!(!is_go(&files(&[("src/make.bash", "")])));
        assert!(!is_go(&files(&[("go/src/make.bash", ""), ("go/src/cmd/dist/main.go", "")])));
    }

    #[test]
    fn the_version_file_comes_before_the_api() {
        for (tree, expected) in [
            (&[("VERSION", "go1.19.8")][..], Some((1, 19))),
            (&[("VERSION", "devel go1.22-0a1b2c Thu Aug 3\n"), ("api/go1.20.txt", "")], Some((1, 22))),
            (&[("VERSION", "devel 79f3fc08"), ("api/go1.4.txt", ""), ("api/go1.txt", "")], Some((1, 4))),
            (&[("api/go1.9.txt", ""), ("api/go1.19.txt", ""), ("api/next/1.txt", "")], Some((1, 19))),
            (&[("api/except.txt", "")], None),
        ] {
            assert_eq!(version(&files(tree)), expected, "{tree:?}");
        }
    }

    #[test]
    fn only_old_trees_take_an_expression() {
        assert_eq!(selection(&files(&[("api/go1.4.txt", "")])), Selection::Regexp);
        assert_eq!(selection(&files(&[("VERSION", "go1.5")])), Selection::Names);
        assert_eq!(selection(&[]), Selection::Names);
    }
}
