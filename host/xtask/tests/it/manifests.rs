//! Versions, lints and package data live in the workspace's manifest only.

use std::fs;

use crate::repository::{assert_none, root, tracked};

/// What each package takes from the workspace.
const INHERITED: [&str; 5] = ["version", "edition", "rust-version", "license", "publish"];

#[test]
fn packages_inherit_from_the_workspace() -> anyhow::Result<()> {
    let mut offences = Vec::new();
    for path in tracked()? {
        let is_member = path.file_name().is_some_and(|name| name == "Cargo.toml")
            && (path.starts_with("host") || path.starts_with("tests"))
            && path.components().count() <= 3
            && !path.starts_with("tests/fixtures");
        if is_member {
            let manifest = fs::read_to_string(root().join(&path))?;
            offences.extend(offences_of(&manifest).into_iter().map(|offence| format!("{}: {offence}", path.display())));
        }
    }
    assert_none("a package inherits from the workspace", &offences);
    Ok(())
}

fn offences_of(manifest: &str) -> Vec<String> {
    let mut offences = Vec::new();
    for key in INHERITED {
        let line = format!("{key}.workspace = true");
        if !manifest.lines().any(|candidate| candidate == line) {
            offences.push(format!("`{line}` is missing"));
        }
    }
    if !manifest.contains("[lints]\nworkspace = true") {
        offences.push("`[lints] workspace = true` is missing".to_owned());
    }
    let mut is_dependencies = false;
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            is_dependencies = line.ends_with("dependencies]");
        } else if is_dependencies && line.contains('=') && !line.starts_with('#') && !line.contains("workspace = true")
        {
            offences.push(format!("`{line}` has a version of its own"));
        }
    }
    offences
}

#[test]
fn a_version_of_its_own_is_an_offence() {
    let manifest = "[package]\nversion.workspace = true\nedition.workspace = true\nrust-version.workspace = true\n\
                    license.workspace = true\npublish.workspace = true\n\n[lints]\nworkspace = true\n\n\
                    [dependencies]\nserde = { workspace = true, features = [\"rc\"] }\ntar = \"0.4\"\n";
    assert_eq!(offences_of(manifest), ["`tar = \"0.4\"` has a version of its own"]);
}
