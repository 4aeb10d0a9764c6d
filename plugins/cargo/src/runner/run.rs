//! Runs some tests: by nextest where it made the tree, and by their binaries otherwise.

use crate::relocate::Moved;
use crate::request::Request;
use crate::{Result, folders, run_binary, run_nextest};

/// Runs the tests of a request; the exit status says whether all passed.
pub(crate) fn run(request: &Request) -> Result<i32> {
    let own = folders::own()?;
    let moved = Moved::find(&own)?;
    if request.parts.iter().any(|part| part.unit.is_empty()) {
        return run_nextest::run(request, &own, &moved);
    }
    let mut passed = true;
    for part in &request.parts {
        passed &= run_binary::run(part, request.threads, &own, &moved)?;
    }
    Ok(if passed { 0 } else { 1 })
}
