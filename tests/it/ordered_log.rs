//! The ordered log of execs that each say where they run, as `go tool dist test` does.

use crate::support::{Tree, User};

/// What Go 1.19 printed of one test.
const PRINTED: &str = include_str!("../../plugins/go-dist/src/parser/testdata/lone.txt");
const MUSTER: &str = r#"
[command]
list = "ls t/*.t"
run = "cat {test}"
parser = { name = "go-dist", banner = "XXXBANNERXXX:" }
"#;

#[test]
fn where_tests_run_is_said_once_and_again_when_it_changes() {
    let (user, tree) = (User::new(), Tree::with_muster(MUSTER));
    tree.script("a", PRINTED);
    tree.script("b", PRINTED);
    let other = PRINTED.replace("Intel(R) Xeon(R) Processor", "another");
    assert_ne!(other, PRINTED);
    tree.script("c", &other);
    let outcome = user.build(tree.path(), &["--helpers", "0"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.all());
    let note = |cpu: &str| {
        format!(
            "\n##### Test execution environment.\n# GOARCH: amd64\n# CPU: {cpu}\n# GOOS: linux\n\
             # OS Version: Linux 6.1.0-44-amd64 #1 SMP PREEMPT_DYNAMIC x86_64\n\n##### sync -cpu=10\n"
        )
    };
    let line = "ok  \tsync\t0.306s\n";
    let expected = [&note("Intel(R) Xeon(R) Processor"), line, line, &note("another"), line].concat();
    assert_eq!(String::from_utf8_lossy(&outcome.log), expected);
}
