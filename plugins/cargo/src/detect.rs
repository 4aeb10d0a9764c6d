//! Whether a tree is a package or a workspace of cargo.

use muster_sdk::builder::SourceFile;

/// Tables that make a `Cargo.toml` one of a package or a workspace.
const TABLES: [&str; 3] = ["[package]", "[workspace]", "[project]"];

/// A manifest at the root.
pub(crate) fn is_cargo(files: &[SourceFile]) -> bool {
    files.iter().filter(|file| file.path == "Cargo.toml").any(|file| match &file.content {
        // Too long to be shown.
        None => true,
        Some(content) => String::from_utf8_lossy(content).lines().any(|line| {
            let line = line.split('#').next().unwrap_or_default().trim();
            TABLES.contains(&line) || line.starts_with("[workspace.") || line.starts_with("[package.")
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, content: Option<&str>, expected: bool) {
        let file = SourceFile { path: path.into(), content: content.map(|text| text.into()) };
        assert_eq!(is_cargo(&[file]), expected, "{path}");
    }

    #[test]
    fn a_manifest_at_the_root_is_what_counts() {
        check("Cargo.toml", Some("[package] # main\nname = 'x'\n"), true);
        check("Cargo.toml", Some("[workspace]\nmembers = []\n"), true);
        check("Cargo.toml", Some("[workspace.package]\n"), true);
        check("Cargo.toml", None, true);
        check("Cargo.toml", Some("x = 1\n"), false);
        check("sub/Cargo.toml", Some("[package]\n"), false);
        check("Makefile", Some(""), false);
    }
}
