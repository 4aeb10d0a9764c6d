//! What a command is asked to do: a file of lines, each a key and a value.

use std::path::Path;

use crate::unit::lines;
use crate::{Result, folders};

/// The tests of one binary that are to run.
#[derive(Debug, Default)]
pub(crate) struct Part {
    /// The name of the unit's file; empty where nextest knows the binary.
    pub(crate) unit: String,
    /// Names the binary, and with a space begins the names of its tests.
    pub(crate) binary: String,
    /// Where the binary lies, below the tree's `target`.
    pub(crate) program: String,
    pub(crate) tests: Vec<String>,
}

/// A request.
#[derive(Debug, Default)]
pub(crate) struct Request {
    /// `auto`, `nextest` or `libtest`.
    pub(crate) tool: String,
    /// Whether documentation tests are listed.
    pub(crate) doc: bool,
    /// Arguments for cargo and nextest alike.
    pub(crate) args: Vec<String>,
    /// The profile of cargo.
    pub(crate) profile: Option<String>,
    /// The target, where it is not the machine's own.
    pub(crate) target: Option<String>,
    /// The profile of nextest.
    pub(crate) nextest_profile: Option<String>,
    /// Tests that run at once; none is as many as the machine likes.
    pub(crate) threads: Option<usize>,
    /// What is to run.
    pub(crate) parts: Vec<Part>,
}

/// Reads a request.
pub(crate) fn read(path: &str) -> Result<Request> {
    let text = folders::read(Path::new(path))?;
    let mut request = Request::default();
    for (key, value) in lines(&text) {
        match key {
            "tool" => request.tool = value,
            "doc" => request.doc = value == "true",
            "arg" => request.args.push(value),
            "profile" => request.profile = Some(value),
            "target" => request.target = Some(value),
            "nextest-profile" => request.nextest_profile = Some(value),
            "threads" => {
                request.threads = Some(value.parse().map_err(|error| format!("`{}` threads: {}", value, error))?);
            }
            "binary" => request.parts.push(Part { binary: value, ..Part::default() }),
            "unit" => part(&mut request)?.unit = value,
            "program" => part(&mut request)?.program = value,
            "test" => part(&mut request)?.tests.push(value),
            other => return Err(format!("a request has no `{}`", other)),
        }
    }
    Ok(request)
}

fn part(request: &mut Request) -> Result<&mut Part> {
    request.parts.last_mut().ok_or_else(|| "a request names a binary before its tests".to_owned())
}
