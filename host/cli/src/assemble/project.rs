//! What a project is called: history and reports are kept under this name.

use std::path::Path;

use serde_json::Value;

/// Files that may say the name, and where in them.
const NAMED_BY: [(&str, &[&[&str]]); 3] = [
    ("pyproject.toml", &[&["project", "name"], &["tool", "poetry", "name"]]),
    ("Cargo.toml", &[&["package", "name"]]),
    ("package.json", &[&["name"]]),
];
/// A file larger than this is not read for a name.
const MAX_FILE: u64 = 1 << 20;

/// The name that the tree's own files give, else that of its folder. `tree` is absolute.
pub(crate) fn name(tree: &Path) -> String {
    for (file, paths) in NAMED_BY {
        let Some(value) = read(&tree.join(file)) else { continue };
        for path in paths {
            let found = path.iter().try_fold(&value, |value, key| value.get(key));
            if let Some(name) = found.and_then(Value::as_str).filter(|name| !name.trim().is_empty()) {
                return name.trim().to_owned();
            }
        }
    }
    tree.file_name().map_or_else(|| "tree".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// A file that is not there, or not readable as what its name says, names nothing.
fn read(path: &Path) -> Option<Value> {
    if std::fs::metadata(path).ok()?.len() > MAX_FILE {
        return None;
    }
    let text = std::fs::read_to_string(path).ok()?;
    if path.extension().is_some_and(|extension| extension == "json") {
        serde_json::from_str(&text).ok()
    } else {
        toml::from_str(&text).ok()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn files_before_the_folder() {
        let parent = tempfile::tempdir().unwrap();
        let tree = parent.path().join("folder");
        std::fs::create_dir(&tree).unwrap();
        assert_eq!(name(&tree), "folder");
        std::fs::write(tree.join("package.json"), "{\"name\": \"@a/b\"}").unwrap();
        assert_eq!(name(&tree), "@a/b");
        std::fs::write(tree.join("pyproject.toml"), "[build-system]\nrequires = []\n").unwrap();
        assert_eq!(name(&tree), "@a/b");
        std::fs::write(tree.join("pyproject.toml"), "[tool.poetry]\nname = 'py'\n").unwrap();
        assert_eq!(name(&tree), "py");
    }
}
