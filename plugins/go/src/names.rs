//! What tests are called.

/// The case name of a package as a whole in JUnit XML, as converters of `go test -json` have it.
pub(crate) const WHOLE: &str = "TestMain";

/// The name of a test of a package.
pub(crate) fn full(package: &str, test: &str) -> String {
    format!("{package}.{test}")
}

/// The function that a subtest belongs to.
pub(crate) fn function(test: &str) -> &str {
    test.split('/').next().unwrap_or(test)
}
