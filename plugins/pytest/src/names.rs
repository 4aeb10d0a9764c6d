//! How JUnit XML calls a node id, as pytest itself computes it in the simple cases.

/// Class name and case name. Where pytest differs (a prefix, characters that XML cannot hold) the runner says so.
pub(crate) fn junit(node_id: &str) -> (String, String) {
    let (path, params) = node_id.split_at(node_id.find('[').unwrap_or(node_id.len()));
    let mut names: Vec<String> = path.split("::").map(str::to_owned).collect();
    let module = names[0].replace('/', ".");
    names[0] = module.strip_suffix(".py").unwrap_or(&module).to_owned();
    let mut case = names.pop().unwrap_or_default();
    case.push_str(params);
    (names.join("."), case)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_pytest_computes_it() {
        for (node_id, suite, case) in [
            ("tests/test_a.py::test_x", "tests.test_a", "test_x"),
            ("tests/test_a.py::TestC::test_x[a/b.py::c[0]]", "tests.test_a.TestC", "test_x[a/b.py::c[0]]"),
            ("tests/test_a.py", "", "tests.test_a"),
            ("a.txt::a.txt", "a.txt", "a.txt"),
        ] {
            assert_eq!(junit(node_id), (suite.to_owned(), case.to_owned()));
        }
    }
}
