//! Has nextest run tests of binaries that were compiled before, elsewhere.

use std::path::Path;
use std::process::Command;

use crate::folders::{self, BINARIES, METADATA};
use crate::relocate::Moved;
use crate::request::{Part, Request};
use crate::{Result, facts, make};

/// The longest expression in one argument (the system takes 128 KiB).
const EXPRESSION_LIMIT: usize = 64 * 1024;
/// How it is to report: one line for each end of a test, and the output of those that failed. Only at the very end does
/// it say which tests fail because they are flaky.
const REPORT: [&str; 11] = [
    "--status-level",
    "pass",
    "--final-status-level",
    "fail",
    "--failure-output",
    "immediate",
    "--success-output",
    "never",
    "--color",
    "never",
    "--no-fail-fast",
];
/// The same for what not every version has an argument for.
const ENVIRONMENT: [(&str, &str); 3] =
    [("NEXTEST_USER_CONFIG_FILE", "none"), ("NEXTEST_SHOW_PROGRESS", "none"), ("NEXTEST_NO_INPUT_HANDLER", "1")];

/// The command that lists all tests as JSON.
pub(crate) fn list(request: &Request, own: &Path) -> Result<Command> {
    let mut command = nextest(request, own, "list")?;
    command.args(["--message-format", "json"]);
    Ok(command)
}

/// Runs the tests of a request.
pub(crate) fn run(request: &Request, own: &Path, moved: &Moved) -> Result<i32> {
    let target = folders::tree()?.join("target");
    for part in &request.parts {
        moved.program(&target.join(&part.program))?;
    }
    let mut command = nextest(request, own, "run")?;
    command.args(REPORT);
    command.args(request.threads.iter().flat_map(|threads| ["--test-threads".to_owned(), threads.to_string()]));
    command.envs(ENVIRONMENT);
    for part in &request.parts {
        for expression in expressions(part) {
            command.arg("-E").arg(expression);
        }
    }
    if request.threads == Some(1) {
        facts::serial_nextest();
    }
    make::status(&mut command).map_err(|why| {
        format!("{} (this tree was made with nextest: install it here too, or set `runner = \"libtest\"`)", why)
    })
}

fn nextest(request: &Request, own: &Path, what: &str) -> Result<Command> {
    let tree = folders::tree()?;
    let mut command = Command::new(make::NEXTEST);
    make::forget_outer(&mut command);
    command.args(["nextest", what]).arg("--binaries-metadata").arg(own.join(BINARIES));
    command.arg("--cargo-metadata").arg(own.join(METADATA)).arg("--workspace-remap").arg(&tree);
    command.arg("--target-dir-remap").arg(tree.join("target"));
    command.args(request.nextest_profile.iter().flat_map(|name| ["--profile", name]));
    Ok(command)
}

/// Expressions that together match exactly these tests.
fn expressions(part: &Part) -> Vec<String> {
    let head = format!("binary_id(={}) & (", escape(&part.binary));
    let mut expressions = Vec::new();
    let mut expression = String::new();
    for test in &part.tests {
        let term = format!("test(={})", escape(test));
        if expression.is_empty() {
            expression = format!("{}{}", head, term);
        } else if expression.len() + term.len() < EXPRESSION_LIMIT {
            expression.push_str(" | ");
            expression.push_str(&term);
        } else {
            expressions.push(format!("{})", expression));
            expression = format!("{}{}", head, term);
        }
    }
    if !expression.is_empty() {
        expressions.push(format!("{})", expression));
    }
    expressions
}

/// A name that nextest's expressions take as it is.
fn escape(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_alphanumeric() || "_:-. <>".contains(c) {
            escaped.push(c);
        } else {
            escaped.push_str(&format!("\\u{{{:x}}}", c as u32));
        }
    }
    escaped
}
