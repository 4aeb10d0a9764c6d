//! What tests are called: the binary as nextest calls it, a space, and the test as its binary calls it.

use muster_sdk::types::{Test, test};

/// What stands for a crate's documentation tests in place of a binary.
pub(crate) const DOC: &str = "doc";

/// The name of a binary: the package, and the target unless that is its library.
pub(crate) fn binary_id(package: &str, kind: &str, target: &str) -> String {
    match kind {
        "lib" | "rlib" | "dylib" | "cdylib" | "staticlib" | "proc-macro" => package.to_owned(),
        "test" => format!("{package}::{target}"),
        other => format!("{package}::{other}/{target}"),
    }
}

/// A listed test; one without a name of its own is its binary's only one. Its set-up key says where its binary is
/// found: the name of its unit, or below `target`.
pub(crate) fn listed(binary: &str, place: &str, name: &str) -> Test {
    let full = if name.is_empty() { binary.to_owned() } else { format!("{binary} {name}") };
    let case = if name.is_empty() { binary } else { name };
    Test { suite: binary.to_owned(), case: case.to_owned(), setup_key: Some(format!("{binary} {place}")), ..test(full) }
}

/// Where the binary of a listed test is found.
pub(crate) fn place(test: &Test) -> Option<&str> {
    Some(test.setup_key.as_deref()?.rsplit_once(' ')?.1)
}

/// How JUnit XML calls a test of this name.
pub(crate) fn junit(name: &str) -> (String, String) {
    let (binary, case) = name.split_once(' ').unwrap_or((name, name));
    (binary.to_owned(), case.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_nextest_calls_them() {
        assert_eq!(binary_id("my-crate", "lib", "my_crate"), "my-crate");
        assert_eq!(binary_id("my-crate", "proc-macro", "my_crate"), "my-crate");
        assert_eq!(binary_id("my-crate", "test", "it"), "my-crate::it");
        assert_eq!(binary_id("my-crate", "bin", "tool"), "my-crate::bin/tool");
        let test = listed("a::it", "00001", "x::y z");
        assert_eq!((test.name.as_str(), place(&test)), ("a::it x::y z", Some("00001")));
        assert_eq!((test.suite, test.case), junit(&test.name));
        assert_eq!(listed("a::it", "00001", "").name, "a::it");
    }
}
