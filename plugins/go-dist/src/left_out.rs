//! Tests of `dist` that a builder leaves out: they are slow, and on other builders they show the same.

use muster_sdk::builder::Purpose;

/// Some tests of some builders.
struct Rule {
    builders: Builders,
    /// Of builds for this purpose; none is of all.
    purpose: Option<Purpose>,
    /// By the names from before Go 1.21; what ends with `:` is the beginning of several.
    tests: &'static [&'static str],
    why: &'static str,
}

/// Those that a rule is for.
enum Builders {
    AllBut(&'static str),
    EndWith(&'static str),
    BeginWith(&'static str),
}

/// `ShouldRunDistTest` of Go's build system, and what its builders made of it.
const RULES: [Rule; 4] = [
    Rule {
        builders: Builders::AllBut("linux-amd64"),
        purpose: Some(Purpose::TryBuild),
        tests: &["api"],
        why: "slow and the same everywhere: a try build runs it on linux-amd64 alone",
    },
    Rule {
        builders: Builders::EndWith("-race"),
        purpose: Some(Purpose::TryBuild),
        tests: &["reboot"],
        why: "too slow under the race detector for a try build",
    },
    Rule {
        builders: Builders::BeginWith("darwin-"),
        purpose: None,
        tests: &["test:", "reboot", "api", "doc_progs", "wiki", "bench_go1", "codewalk"],
        why: "the same on systems that have more machines",
    },
    Rule {
        builders: Builders::BeginWith("darwin-"),
        purpose: Some(Purpose::TryBuild),
        tests: &["runtime:cpu124", "race", "moved_goroot"],
        why: "too slow for a try build on a system with few machines",
    },
];

/// Why this builder does not run the test of this name from before Go 1.21; none is that it does.
pub(crate) fn why(builder: &str, purpose: Purpose, test: &str) -> Option<&'static str> {
    let applies = |rule: &&Rule| {
        rule.builders.have(builder)
            && rule.purpose.is_none_or(|only| only == purpose)
            && rule.tests.iter().any(|name| *name == test || (name.ends_with(':') && test.starts_with(name)))
    };
    RULES.iter().find(applies).map(|rule| rule.why)
}

impl Builders {
    fn have(&self, builder: &str) -> bool {
        match self {
            Builders::AllBut(name) => builder != *name,
            Builders::EndWith(end) => builder.ends_with(end),
            Builders::BeginWith(beginning) => builder.starts_with(beginning),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRY: Purpose = Purpose::TryBuild;
    const POST: Purpose = Purpose::PostSubmit;

    /// `TestShouldRunDistTest`.
    #[test]
    fn tests_run_where_gos_build_system_ran_them() {
        for (builder, test, purpose, runs) in [
            ("linux-amd64", "api", POST, true),
            ("linux-amd64", "api", TRY, true),
            ("freebsd-amd64-12_3", "api", POST, true),
            ("freebsd-amd64-12_3", "api", TRY, false),
            ("linux-amd64", "reboot", TRY, true),
            ("linux-amd64-race", "reboot", TRY, false),
            ("darwin-amd64-13", "test:foo", POST, false),
            ("darwin-amd64-13", "reboot", POST, false),
            ("darwin-amd64-13", "api", POST, false),
            ("darwin-amd64-13", "codewalk", POST, false),
            ("darwin-amd64-12_0", "test:foo", POST, false),
            ("darwin-amd64-13", "race", POST, true),
            ("darwin-amd64-13", "race", TRY, false),
            ("darwin-amd64-13", "go_test:testing", TRY, true),
            ("linux-386", "test:0_10", TRY, true),
        ] {
            assert_eq!(why(builder, purpose, test).is_none(), runs, "{test} on {builder}, {purpose:?}");
        }
    }
}
