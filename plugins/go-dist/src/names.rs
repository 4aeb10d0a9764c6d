//! What `dist` calls its tests: since Go 1.21 by package and variant, before that by names of their own. The names from
//! before go on, so that histories, tables and habits do.

/// Tests of packages that have a variant, and what they were before.
const VARIANTS: [(&str, &str); 2] = [("nolibgcc", "nolibgcc:"), ("racebench", "go_test_bench:")];
/// Packages whose tests are named by something else.
const RENAMED: [(&str, &str); 2] = [("cmd/api:check", "api"), ("cmd/internal/bootstrap_test", "reboot")];
/// The package of the tests below `test`, one variant for each part.
const TEST_DIR: &str = "cmd/internal/testdir";
/// What tests of packages begin with.
pub(crate) const GO_TEST: &str = "go_test:";

/// The names that these tests had before Go 1.21, in order. A list from before is left alone.
pub(crate) fn before_1_21(names: &[&str]) -> Vec<String> {
    let is_old = names.iter().any(|name| name.starts_with(GO_TEST));
    names.iter().map(|name| if is_old { (*name).to_owned() } else { one(name) }).collect()
}

fn one(name: &str) -> String {
    if let Some((_, old)) = RENAMED.iter().find(|(new, _)| *new == name) {
        return (*old).to_owned();
    }
    let (package, variant) = name.split_once(':').map_or((name, None), |(package, variant)| (package, Some(variant)));
    match variant {
        None if package == TEST_DIR => "test:0_1".into(),
        None => format!("{GO_TEST}{package}"),
        Some(part) if package == TEST_DIR => format!("test:{part}"),
        Some(variant @ ("moved_goroot" | "race")) => variant.into(),
        Some(variant) => match VARIANTS.iter().find(|(known, _)| *known == variant) {
            Some((_, old)) => format!("{old}{package}"),
            None => name.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `TestGo120DistTestNames`.
    #[test]
    fn names_of_1_21_become_those_from_before() {
        for (new, old) in [
            ("go_test:archive/tar go_test:cmd/go api reboot", "go_test:archive/tar go_test:cmd/go api reboot"),
            (
                "archive/tar cmd/go cmd/api:check cmd/internal/bootstrap_test cmd/internal/testdir:0_2 \
                 cmd/internal/testdir:1_2",
                "go_test:archive/tar go_test:cmd/go api reboot test:0_2 test:1_2",
            ),
            (
                "crypto/x509:nolibgcc fmt:moved_goroot flag:race net:race os:race",
                "nolibgcc:crypto/x509 moved_goroot race race race",
            ),
            ("something:something", "something:something"),
            ("", ""),
            ("cmd/internal/testdir", "test:0_1"),
            ("encoding/json:racebench", "go_test_bench:encoding/json"),
        ] {
            let names: Vec<&str> = new.split_whitespace().collect();
            assert_eq!(before_1_21(&names).join(" "), old);
        }
    }
}
