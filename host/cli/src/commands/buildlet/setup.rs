//! From options and file to the agent's own terms.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use buildlet::Secret;
use buildlet::agent::{AgentConfig, AgentLimits, OrphanConfig};
use buildlet::tls::KeyPair;
use tempfile::TempDir;

use super::secrets;
use crate::args::BuildletArgs;
use crate::config::buildlet::{BuildletConfig, BuildletFile};
use crate::exit::UsageError;

/// An agent's configuration, and the folder that goes away with it.
pub(super) struct Setup {
    pub(super) config: AgentConfig,
    pub(super) folder: Option<TempDir>,
}

/// Gathers it: the command line goes before the file.
pub(super) fn setup(args: &BuildletArgs, file: &BuildletFile) -> anyhow::Result<Setup> {
    let of_file = &file.config;
    let tls = key_pair(args, file)?;
    let (work_dir, state_dir, folder) = folders(args, file)?;
    let mut config = AgentConfig::new(work_dir);
    config.state_dir = state_dir;
    if let Some(listen) = args.listen.as_ref().or(of_file.listen.as_ref()) {
        config.listen = address(listen)?;
    }
    config.advertise = args.advertise.clone().or_else(|| of_file.advertise.clone());
    config.password = Some(password(args, file, tls.as_ref())?);
    config.tls = match tls {
        Some(pair) => Some(pair),
        None if args.no_tls || of_file.no_tls => None,
        None => Some(Arc::new(KeyPair::generate().context("failed to make a certificate")?)),
    };
    config.own_process = true;
    config.die_with_parent = args.die_with_parent;
    config.orphan = orphan(args, file)?;
    config.allow_clone_from = args.allow_clone_from.clone();
    config.allow_clone_from.extend(of_file.allow_clone_from.iter().map(|dir| file.resolve(dir)));
    config.announce_additions = !(args.no_additions || of_file.no_additions);
    config.limits = limits(args, of_file);
    Ok(Setup { config, folder })
}

/// The pair that was given.
fn key_pair(args: &BuildletArgs, file: &BuildletFile) -> anyhow::Result<Option<Arc<KeyPair>>> {
    let of_args = args.tls_cert.clone().zip(args.tls_key.clone());
    let of_file = match (&file.config.tls_cert, &file.config.tls_key) {
        (None, None) => None,
        // Said on the command line, so what the file says of certificates is not meant.
        _ if args.no_tls => None,
        (Some(cert), Some(key)) => Some((file.resolve(cert), file.resolve(key))),
        (Some(_), None) | (None, Some(_)) => {
            return Err(UsageError::new("`tls-cert` and `tls-key` need each other", "write both, or neither").into());
        }
    };
    let Some((cert, key)) = of_args.or(of_file) else { return Ok(None) };
    let pair = KeyPair::load(&cert, &key).with_context(|| {
        format!("failed to use the certificate `{}` with the key `{}`", cert.display(), key.display())
    })?;
    Ok(Some(Arc::new(pair)))
}

fn password(args: &BuildletArgs, file: &BuildletFile, tls: Option<&Arc<KeyPair>>) -> anyhow::Result<Secret> {
    if let Some(descriptor) = args.password_fd {
        return secrets::from_descriptor(descriptor);
    }
    if let Some(path) = &args.password_file {
        return secrets::from_file(path);
    }
    if let Some(path) = &file.config.password_file {
        return secrets::from_file(&file.resolve(path));
    }
    // The key of a pair that was given is a shared secret, and the password with it, as the ancestor has it.
    Ok(tls.map_or_else(Secret::random, |pair| pair.password()))
}

/// The work directory, the state directory where it is not the agent's default, and what goes away at the end.
fn folders(args: &BuildletArgs, file: &BuildletFile) -> anyhow::Result<(PathBuf, Option<PathBuf>, Option<TempDir>)> {
    // Two agents must not share a state directory: that of the file belongs to the work directory of the file.
    if let Some(work_dir) = &args.work_dir {
        return Ok((work_dir.clone(), None, None));
    }
    let state_dir = file.config.state_dir.as_deref().map(|dir| file.resolve(dir));
    if let Some(work_dir) = &file.config.work_dir {
        return Ok((file.resolve(work_dir), state_dir, None));
    }
    let folder =
        tempfile::Builder::new().prefix("muster-buildlet-").tempdir().context("failed to make a work directory")?;
    Ok((folder.path().join("work"), state_dir, Some(folder)))
}

/// When it ends by itself, and what goes then.
fn orphan(args: &BuildletArgs, file: &BuildletFile) -> anyhow::Result<Option<OrphanConfig>> {
    let mut remove = args.orphan_remove.clone();
    // What the file names belongs to the work directory of the file.
    if args.work_dir.is_none() {
        remove.extend(file.config.orphan_remove.iter().map(|dir| file.resolve(dir)));
    }
    match args.orphan_after.or(file.config.orphan_after) {
        Some(after) => Ok(Some(OrphanConfig { after: after.0, remove })),
        None if remove.is_empty() => Ok(None),
        None => Err(UsageError::new("`orphan-remove` needs `orphan-after`", "write both, or neither").into()),
    }
}

fn address(text: &str) -> anyhow::Result<SocketAddr> {
    let mut found = text.to_socket_addrs().map_err(|error| {
        UsageError::new(
            format!("`{text}` is not an address to listen on: {error}"),
            "write it like `127.0.0.1:0`, `0.0.0.0:5936` or `[::]:5936`",
        )
    })?;
    found.next().ok_or_else(|| UsageError::new(format!("`{text}` names no address"), "").into())
}

fn limits(args: &BuildletArgs, file: &BuildletConfig) -> AgentLimits {
    let mut limits = AgentLimits::default();
    let of_file = &file.limits;
    if let Some(size) = args.max_output.or(of_file.output) {
        limits.spool_bytes = size.0;
    }
    if let Some(execs) = args.max_execs.or(of_file.execs) {
        limits.kept_execs = execs.max(1);
    }
    if let Some(connections) = of_file.connections {
        limits.connections = connections.max(1);
    }
    if let Some(stall) = of_file.stall {
        limits.stall = stall.0;
    }
    limits
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::located::SourceText;
    use crate::config::units::Time;

    fn file(text: &str) -> BuildletFile {
        BuildletFile::read(SourceText { path: "/etc/muster/buildlet.toml".into(), text: text.to_owned() }).unwrap()
    }

    #[test]
    fn an_orphan_removes_what_goes_with_its_work_directory() {
        let of_file = file("orphan-after = \"2h\"\norphan-remove = [\"there\"]\n");
        let found = orphan(&BuildletArgs::default(), &of_file).unwrap().unwrap();
        assert_eq!(found.after, Duration::from_secs(7_200));
        assert_eq!(found.remove, [PathBuf::from("/etc/muster/there")]);
        let args = BuildletArgs {
            work_dir: Some("/w/work".into()),
            orphan_after: Some(Time::seconds(1)),
            orphan_remove: vec!["/w".into()],
            ..BuildletArgs::default()
        };
        let found = orphan(&args, &of_file).unwrap().unwrap();
        assert_eq!((found.after, found.remove), (Duration::from_secs(1), vec![PathBuf::from("/w")]));
        let bare = orphan(&BuildletArgs::default(), &file("orphan-remove = [\"there\"]\n"));
        assert!(bare.unwrap_err().to_string().contains("needs `orphan-after`"));
        assert_eq!(orphan(&BuildletArgs::default(), &BuildletFile::default()).unwrap(), None);
    }
}
