//! The toolchain that makes the tree: which one it is, is decided where the command runs, by a script that says so.

use muster_sdk::builder::Place;
use muster_sdk::types::{Command, Error, command};

use crate::spec::Spec;

/// The script that chooses it.
const SCRIPT: &str = include_str!("scripts/toolchain.sh");
/// Its name below the attempt's directory.
const SCRIPT_NAME: &str = "toolchain.sh";
/// Where a fetched one goes, below the work directory: as x/build's buildlets expect it.
const FETCHED: &str = "go1.4";
/// The variable that names it.
pub(crate) const VARIABLE: &str = "GOROOT_BOOTSTRAP";

/// One of the tree's scripts, by its path below the tree, with a toolchain to make it.
pub(crate) fn with_toolchain(spec: &Spec, place: &Place, root: &str, script: &str) -> Result<Command, Error> {
    let (folder, file) = script.rsplit_once('/').unwrap_or(("", script));
    let dir = spec.join(&[root, folder]);
    let args = spec.script_args().iter().map(|arg| (*arg).to_owned());
    let mut command = match spec.machine().os.as_str() {
        "windows" | "plan9" => without_shell(spec, root, script, args)?,
        _ => {
            let words = [
                "/bin/sh".to_owned(),
                format!("{}/{SCRIPT_NAME}", place.attempt_dir),
                spec.bootstrap.clone().unwrap_or_default(),
                spec.bootstrap_url.clone().unwrap_or_default(),
                format!("{}/{FETCHED}", place.work_dir),
                format!("./{file}"),
            ];
            let mut command = command(words.into_iter().chain(args));
            command.files = vec![(SCRIPT_NAME.into(), SCRIPT.into())];
            command
        }
    };
    command.dir = dir;
    Ok(command)
}

/// Where there is no POSIX shell, nothing can be fetched or replaced: the toolchain is the one that is named.
fn without_shell(spec: &Spec, root: &str, script: &str, args: impl Iterator<Item = String>) -> Result<Command, Error> {
    let named = spec.variable(VARIABLE).or(spec.bootstrap.as_deref());
    let Some(named) = named else {
        let system = spec.goos();
        return Err(Error::Unsupported(format!(
            "no toolchain can be fetched on {system}: set `bootstrap` in the [go-dist] section to one on its machines"
        )));
    };
    let parts: Vec<&str> = std::iter::once(root).chain(script.split('/')).collect();
    let mut command = command(std::iter::once(spec.join(&parts)).chain(args));
    command.env = vec![(VARIABLE.into(), named.into())];
    Ok(command)
}

#[cfg(test)]
mod tests;
