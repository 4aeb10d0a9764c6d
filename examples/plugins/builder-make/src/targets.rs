//! The test targets of a Makefile.

use std::collections::BTreeSet;

/// Targets that begin with `test-`, in order, each once.
pub(crate) fn tests(makefile: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(makefile);
    let mut seen = BTreeSet::new();
    text.lines()
        // A recipe or a comment is no rule, `a:=b` and `a::=b` are no targets.
        .filter(|line| !line.starts_with(['\t', '#', '.']))
        .filter_map(|line| line.split_once(':'))
        .filter(|(_, rest)| !rest.trim_start_matches(':').starts_with('='))
        .flat_map(|(targets, _)| targets.split_whitespace())
        .filter(|target| target.starts_with("test-") && !target.contains(['%', '$']))
        .filter(|target| seen.insert(target.to_string()))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn rules_and_nothing_else() {
        let makefile = b"all: x\n.PHONY: test-z\ntest-a test-b: all\n\techo test-c: no\ntest-v := 1\n\
            # test-d:\ntest-%: x\ntest-a: y\ntest-e:: z\n";
        assert_eq!(super::tests(makefile), ["test-a", "test-b", "test-e"]);
    }
}
