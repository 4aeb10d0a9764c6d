//! What is known of the caller's Python environment: its folder, and the distributions in it.

use muster_sdk::builder::{Source, SourceFile};

/// The variable that an active virtual environment sets.
pub(crate) const VARIABLE: &str = "VIRTUAL_ENV";

/// A distribution that an environment has.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Distribution {
    pub(crate) name: String,
    pub(crate) version: String,
}

/// The files that tell what an environment has.
pub(crate) fn globs() -> Vec<String> {
    ["METADATA", "direct_url.json"]
        .iter()
        .map(|name| format!("${VARIABLE}/lib/python*/site-packages/*.dist-info/{name}"))
        .collect()
}

/// The active environment's folder.
pub(crate) fn active(source: &Source) -> Option<&str> {
    let (_, folder) = source.env.iter().find(|(name, _)| name == VARIABLE)?;
    (!folder.is_empty()).then(|| folder.trim_end_matches('/'))
}

/// The distributions of the active environment that a registry would have: not those installed from a folder or a
/// repository (the project itself among them), nor pip, which every environment begins with.
pub(crate) fn distributions(found: &[SourceFile]) -> Vec<Distribution> {
    let direct: Vec<&str> = found.iter().filter_map(|file| file.path.strip_suffix("/direct_url.json")).collect();
    let installed = found.iter().filter_map(|file| file.path.strip_suffix("/METADATA"));
    let mut distributions: Vec<Distribution> = installed
        .filter(|folder| !direct.contains(folder))
        .filter_map(|folder| {
            let stem = folder.rsplit('/').next()?.strip_suffix(".dist-info")?;
            let (name, version) = stem.rsplit_once('-')?;
            Some(Distribution { name: name.into(), version: version.into() })
        })
        .filter(|distribution| distribution.name != "pip")
        .collect();
    distributions.sort_by(|a, b| a.name.cmp(&b.name));
    distributions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_registry_has_is_pinned() {
        let site = "$VIRTUAL_ENV/lib/python3.11/site-packages";
        let found: Vec<SourceFile> = [
            "pytest-9.0.1.dist-info/METADATA",
            "iniconfig-2.0.0.dist-info/METADATA",
            "mine-0.1.dist-info/METADATA",
            "mine-0.1.dist-info/direct_url.json",
            "pip-25.0.dist-info/METADATA",
        ]
        .iter()
        .map(|path| SourceFile { path: format!("{site}/{path}"), content: None })
        .collect();
        let names: Vec<String> = distributions(&found).iter().map(|d| format!("{}=={}", d.name, d.version)).collect();
        assert_eq!(names, ["iniconfig==2.0.0", "pytest==9.0.1"]);
    }
}
