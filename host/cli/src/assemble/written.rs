//! What a command writes into the very tree that it builds: no part of the tree.

use std::io;
use std::path::{Path, PathBuf};

use snapshot::source::LeftOut;

use crate::args::WrittenArgs;

/// The targets of `--junit`, `--report` and `--log` in this tree, and standard output and error where these are files.
/// The tree's path is canonical.
pub(crate) fn written(args: &WrittenArgs, tree: &Path) -> LeftOut {
    let mut left_out = LeftOut::default();
    for target in [&args.junit, &args.report, &args.log].into_iter().flatten() {
        for place in places(target) {
            if let Ok(inside) = place.strip_prefix(tree) {
                left_out.path(inside);
            }
        }
    }
    left_out.open(io::stdout());
    left_out.open(io::stderr());
    left_out
}

/// Where a file is or will be, and where a link in its place leads.
fn places(target: &Path) -> impl Iterator<Item = PathBuf> {
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let named = folder.canonicalize().ok().zip(target.file_name()).map(|(folder, name)| folder.join(name));
    named.into_iter().chain(target.canonicalize())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn reports_in_the_tree_are_no_part_of_it() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().canonicalize().unwrap();
        let tree = home.join("tree");
        std::fs::create_dir(&tree).unwrap();
        for name in ["kept", "junit.xml", "real.log"] {
            std::fs::write(tree.join(name), name).unwrap();
        }
        std::os::unix::fs::symlink(tree.join("real.log"), home.join("link.log")).unwrap();
        let args = WrittenArgs {
            junit: Some(home.join("tree/../tree/junit.xml")),
            report: Some(home.join("nowhere/report.html")),
            log: Some(home.join("link.log")),
        };
        let listing = snapshot::source::list_without(&tree, &written(&args, &tree)).unwrap();
        let names: Vec<_> = listing.files.iter().map(|file| file.path.display().to_string()).collect();
        assert_eq!(names, ["kept"]);
    }
}
