//! Whether a tree is tested with pytest, by its configuration or its files.

use muster_sdk::builder::SourceFile;

/// Sections of configuration files that only pytest reads.
const SECTIONS: [(&str, &[&str]); 5] = [
    ("pyproject.toml", &["[tool.pytest.ini_options]", "[tool.pytest]"]),
    ("pytest.ini", &[""]),
    (".pytest.ini", &[""]),
    ("tox.ini", &["[pytest]"]),
    ("setup.cfg", &["[tool:pytest]"]),
];

/// Configuration of pytest at the root, a conftest.py anywhere, or test files in a folder of tests.
pub(crate) fn is_pytest(files: &[SourceFile]) -> bool {
    files.iter().any(|file| {
        let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
        let in_tests = folder.split('/').any(|part| part == "tests" || part == "test");
        is_configuration(file) || name == "conftest.py" || (in_tests && is_test_file(name))
    })
}

fn is_configuration(file: &SourceFile) -> bool {
    let Some((_, sections)) = SECTIONS.iter().find(|(name, _)| *name == file.path) else {
        return false;
    };
    let content = String::from_utf8_lossy(file.content.as_deref().unwrap_or_default());
    sections.iter().any(|section| section.is_empty() || content.lines().any(|line| line.trim() == *section))
}

fn is_test_file(name: &str) -> bool {
    name.strip_suffix(".py").is_some_and(|stem| stem.starts_with("test_") || stem.ends_with("_test"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, content: &str, expected: bool) {
        let file = SourceFile { path: path.into(), content: Some(content.into()) };
        assert_eq!(is_pytest(&[file]), expected, "{path}");
    }

    #[test]
    fn configuration_or_test_files() {
        check("pytest.ini", "", true);
        check("pyproject.toml", "[project]\n[tool.pytest.ini_options]\n", true);
        check("pyproject.toml", "[tool.black]\n", false);
        check("sub/pytest.ini", "", false);
        check("tox.ini", "[pytest]\n", true);
        check("setup.cfg", "[tool:pytest]\n", true);
        check("tests/unit/test_a.py", "", true);
        check("src/pkg/tests/a_test.py", "", true);
        check("test_a.py", "", false);
        check("pkg/conftest.py", "", true);
        check("Makefile", "", false);
    }
}
