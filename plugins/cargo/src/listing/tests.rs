//! What cargo and nextest said of a crate with tests of every kind.

use super::*;

const UNITS: &str = "\
unit 00000
kind libtest
program /m/tree/target/debug/deps/lt-d08e
dir /m/tree
env CARGO_PKG_NAME=lt
test tests::ok
ignored tests::ign
unit 00001
kind libtest
program /m/tree/target/debug/deps/it-a36c
dir /m/tree
env CARGO_PKG_NAME=lt
test dir
unit 00002
kind plain
program /m/tree/target/debug/deps/nohar-f666
dir /m/tree
env CARGO_PKG_NAME=lt
unit 00003
kind doc
program rustdoc
arg --test
arg src/lib.rs
dir /m/tree
env CARGO_PKG_NAME=lt
test src/lib.rs - add (line 6)
";
const ARTIFACTS: &str = r#"{"reason":"compiler-artifact","package_id":"path+file:///m/tree#lt@0.1.0","manifest_path":"/m/tree/Cargo.toml","target":{"kind":["lib"],"crate_types":["lib"],"name":"lt","src_path":"/m/tree/src/lib.rs","edition":"2021","doc":true,"doctest":true,"test":true},"profile":{"opt_level":"0","debuginfo":2,"debug_assertions":true,"overflow_checks":true,"test":false},"features":[],"filenames":["/m/tree/target/debug/deps/liblt-dd14.rlib"],"executable":null,"fresh":false}
{"reason":"compiler-artifact","package_id":"path+file:///m/tree#lt@0.1.0","manifest_path":"/m/tree/Cargo.toml","target":{"kind":["test"],"crate_types":["bin"],"name":"nohar","src_path":"/m/tree/tests/nohar.rs","edition":"2021","doc":false,"doctest":false,"test":true},"profile":{"opt_level":"0","debuginfo":2,"debug_assertions":true,"overflow_checks":true,"test":true},"features":[],"filenames":["/m/tree/target/debug/deps/nohar-f666"],"executable":"/m/tree/target/debug/deps/nohar-f666","fresh":false}
{"reason":"compiler-artifact","package_id":"path+file:///m/tree#lt@0.1.0","manifest_path":"/m/tree/Cargo.toml","target":{"kind":["lib"],"crate_types":["lib"],"name":"lt","src_path":"/m/tree/src/lib.rs","edition":"2021","doc":true,"doctest":true,"test":true},"profile":{"opt_level":"0","debuginfo":2,"debug_assertions":true,"overflow_checks":true,"test":true},"features":[],"filenames":["/m/tree/target/debug/deps/lt-d08e"],"executable":"/m/tree/target/debug/deps/lt-d08e","fresh":false}
{"reason":"compiler-artifact","package_id":"path+file:///m/tree#lt@0.1.0","manifest_path":"/m/tree/Cargo.toml","target":{"kind":["test"],"crate_types":["bin"],"name":"it","src_path":"/m/tree/tests/it.rs","edition":"2021","doc":false,"doctest":false,"test":true},"profile":{"opt_level":"0","debuginfo":2,"debug_assertions":true,"overflow_checks":true,"test":true},"features":[],"filenames":["/m/tree/target/debug/deps/it-a36c"],"executable":"/m/tree/target/debug/deps/it-a36c","fresh":false}
{"reason":"build-finished","success":true}
"#;
const NEXTEST_LIST: &str = r#"{"rust-build-meta":{"target-directory":"/m/tree/target"},"test-count":4,"rust-suites":{"lt":{"package-name":"lt","binary-id":"lt","binary-name":"lt","kind":"lib","binary-path":"/m/tree/target/debug/deps/lt-d08e","cwd":"/m/tree","status":"listed","testcases":{"tests::ign":{"kind":"test","ignored":true,"filter-match":{"status":"mismatch","reason":"ignored"}},"tests::ok":{"kind":"test","ignored":false,"filter-match":{"status":"matches"}}}},"lt::it":{"package-name":"lt","binary-id":"lt::it","binary-name":"it","kind":"test","binary-path":"/m/tree/target/debug/deps/it-a36c","cwd":"/m/tree","status":"listed","testcases":{"dir":{"kind":"test","ignored":false,"filter-match":{"status":"mismatch","reason":"default-filter"}},"x y":{"kind":"test","ignored":false,"filter-match":{"status":"matches"}}}}}}"#;

fn list(files: &[(&str, &str)], exit: ExitStatus) -> Result<Vec<Test>, Error> {
    let files = files.iter().map(|(name, text)| (format!("listing/{name}"), text.as_bytes().to_vec())).collect();
    let listing = Listing { output: b"why it failed\n".to_vec(), exit, files };
    tests(&CargoSettings::parse(r#"{"timeout": "5s"}"#).unwrap(), &listing)
}

type Seen<'a> = (&'a str, Option<&'a str>, Option<&'a str>, Option<&'a str>, Option<&'a str>);

fn seen(tests: &[Test]) -> Vec<Seen<'_>> {
    let mut seen = Vec::new();
    for Test { name, setup_key, merge_key, unit, skip, .. } in tests {
        seen.push((name.as_str(), setup_key.as_deref(), merge_key.as_deref(), unit.as_deref(), skip.as_deref()));
    }
    seen
}

#[test]
fn binaries_are_named_by_what_cargo_said() {
    let tests = list(&[("units", UNITS), ("artifacts.json", ARTIFACTS)], ExitStatus::Exited(0)).unwrap();
    assert_eq!(
        seen(&tests),
        [
            ("lt tests::ok", Some("lt 00000"), Some("libtest"), None, None),
            ("lt tests::ign", Some("lt 00000"), Some("libtest"), None, Some("ignored")),
            ("lt::it dir", Some("lt::it 00001"), Some("libtest"), None, None),
            ("lt::nohar", Some("lt::nohar 00002"), Some("libtest"), None, None),
            ("lt::doc src/lib.rs - add (line 6)", Some("lt::doc 00003"), Some("doc"), Some("lt::doc src/lib.rs"), None),
        ]
    );
    assert_eq!(tests[0].timeout, Some(5_000_000_000));
    assert_eq!((tests[4].suite.as_str(), tests[4].case.as_str()), ("lt::doc", "src/lib.rs - add (line 6)"));
}

#[test]
fn nextest_says_what_it_does_not_run() {
    let doc = &UNITS[UNITS.find("unit 00003").unwrap()..];
    let tests = list(&[("units", doc), ("nextest.json", NEXTEST_LIST)], ExitStatus::Exited(0)).unwrap();
    let filtered = Some("not in the default filter of nextest's profile");
    assert_eq!(
        seen(&tests),
        [
            ("lt tests::ign", Some("lt debug/deps/lt-d08e"), Some("nextest"), None, Some("ignored")),
            ("lt tests::ok", Some("lt debug/deps/lt-d08e"), Some("nextest"), None, None),
            ("lt::it dir", Some("lt::it debug/deps/it-a36c"), Some("nextest"), None, filtered),
            ("lt::it x y", Some("lt::it debug/deps/it-a36c"), Some("nextest"), None, None),
            ("lt::doc src/lib.rs - add (line 6)", Some("lt::doc 00003"), Some("doc"), Some("lt::doc src/lib.rs"), None),
        ]
    );
}

#[test]
fn documentation_tests_share_an_exec_by_file() {
    let unit = |names: &[&str]| {
        let tests: String = names.iter().map(|name| format!("test {name} - x (line 1)\n")).collect();
        let units = format!("unit 1\nkind doc\nprogram rustdoc\ndir /m\nenv CARGO_PKG_NAME=a\n{tests}");
        let tests = list(&[("units", &units), ("artifacts.json", "")], ExitStatus::Exited(0)).unwrap();
        tests.into_iter().map(|test| test.unit.unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(unit(&["src/a.rs", "src/a.rs", "src/b.rs"]), ["a::doc src/a.rs", "a::doc src/a.rs", "a::doc src/b.rs"]);
    // A filter for one would match the other.
    assert_eq!(unit(&["src/a.rs", "b/src/a.rs", "src/b.rs"]), ["a::doc", "a::doc", "a::doc src/b.rs"]);
    assert_eq!(unit(&["src/a b.rs", "src/c.rs"]), ["a::doc", "a::doc src/c.rs"]);
}

#[test]
fn what_is_missing_is_an_error_that_says_so() {
    let error = |files: &[(&str, &str)], exit| match list(files, exit) {
        Err(Error::Other(text)) => text,
        other => panic!("{other:?}"),
    };
    assert!(error(&[], ExitStatus::Exited(120)).ends_with("why it failed"));
    assert_eq!(error(&[("units", UNITS)], ExitStatus::Exited(0)), "the listing has no `artifacts.json`");
    let unknown = error(&[("units", UNITS), ("artifacts.json", "")], ExitStatus::Exited(0));
    assert!(unknown.contains("`/m/tree/target/debug/deps/lt-d08e`"), "{unknown}");
    assert!(error(&[("units", "unit 1\nkind x\n")], ExitStatus::Exited(0)).contains("no kind `x`"));
}
