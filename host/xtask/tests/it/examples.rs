//! What stands in `examples/` to be copied.

use std::fs;

use anyhow::Context as _;

use crate::repository::{assert_none, root, tracked};

/// An example is copied without the rest of the repository: its contract is a copy, and must be the one that holds.
#[test]
fn examples_carry_the_contract_as_it_is() -> anyhow::Result<()> {
    let contract = |path: &std::path::Path| -> anyhow::Result<String> {
        fs::read_to_string(root().join(path)).with_context(|| path.display().to_string())
    };
    let mut offences = Vec::new();
    let mut count = 0;
    for path in
        tracked()?.into_iter().filter(|path| path.starts_with("examples") && path.extension() == Some("wit".as_ref()))
    {
        let package = path.file_stem().context("a file has a name")?.to_string_lossy().into_owned();
        let original = format!("wit/{package}/0.1.0/{package}.wit");
        count += 1;
        if contract(&path)? != contract(original.as_ref())? {
            offences.push(format!("{}: differs from {original}", path.display()));
        }
    }
    assert!(count >= 6, "{count} contracts of examples");
    assert_none("an example's contract is a copy", &offences);
    Ok(())
}
