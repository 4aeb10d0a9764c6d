//! A small tree of shell scripts that speak TAP, built by the command builder.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// How the tree is built: one exec runs any number of scripts, each announced by its name.
const MUSTER: &str = r##"
[command]
make = ["touch made"]
list = "ls t/*.t"
run = 'for t in {tests}; do echo "# muster-test: $t"; sh "$t" || bad=1; done; exit ${bad:-0}'
parser = "tap"
"##;

/// A tree in a folder of its own.
pub(crate) struct Tree {
    folder: TempDir,
}

impl Tree {
    /// With these scripts: name (without `t/` and `.t`) and body.
    pub(crate) fn new(scripts: &[(&str, &str)]) -> Tree {
        let tree = Tree::with_muster(MUSTER);
        for (name, body) in scripts {
            tree.script(name, body);
        }
        tree
    }

    pub(crate) fn with_muster(muster: &str) -> Tree {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("t")).unwrap();
        std::fs::write(folder.path().join("muster.toml"), muster).unwrap();
        Tree { folder }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn script(&self, name: &str, body: &str) -> PathBuf {
        let path = self.path().join(format!("t/{name}.t"));
        std::fs::write(&path, body).unwrap();
        path
    }

    /// Adds settings to the `[command]` section.
    pub(crate) fn set(&self, line: &str) {
        let path = self.path().join("muster.toml");
        let mut text = std::fs::read_to_string(&path).unwrap();
        writeln!(text, "{line}").unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Changes what its `muster.toml` says.
    pub(crate) fn replace(&self, from: &str, to: &str) {
        let path = self.path().join("muster.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }

    /// Adds a top-level section.
    pub(crate) fn section(&self, text: &str) {
        self.set(text);
    }
}
