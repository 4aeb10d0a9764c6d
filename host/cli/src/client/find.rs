//! Which server, and with which token.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::pointer::{called_at, pointer_path};
use crate::args::ServerArgs;
use crate::config::find::Folders;
use crate::config::host::HostFile;
use crate::exit::UsageError;
use crate::secret_file;

/// The variable that holds the token.
const TOKEN: &str = "MUSTER_TOKEN";
/// A file that names a token's is no larger.
const MAX_FILE: u64 = 4 << 10;

/// A server, and how this client shows who it is.
#[derive(Clone)]
pub struct Server {
    /// Its address, without a slash at its end.
    pub url: String,
    /// The token, if one was found.
    pub token: Option<String>,
    /// Where it was found, or was looked for.
    pub told_by: String,
}

/// Finds server and token. `config` is the host's configuration file, where one was named.
///
/// # Errors
/// The address is none, or a file that says what they are cannot be read.
pub fn find(args: &ServerArgs, config: Option<&Path>, folders: &Folders) -> anyhow::Result<Server> {
    let given = match &args.server {
        Some(server) => server.clone(),
        None => here(config, folders).context("failed to find out which server is meant; `--server URL` names it")?,
    };
    let url = if given.contains("://") { given.clone() } else { format!("http://{given}") };
    let parsed = reqwest::Url::parse(&url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let Some(parsed) = parsed.filter(reqwest::Url::has_host) else {
        return Err(
            UsageError::new(format!("`{given}` is not the address of a server"), "write `http://HOST:PORT`").into()
        );
    };
    let (token, told_by) = token(args, folders, &parsed)?;
    Ok(Server { url: url.trim_end_matches('/').to_owned(), token, told_by })
}

/// The server that is asked unless another is named: where `muster serve` listens under this configuration.
fn here(config: Option<&Path>, folders: &Folders) -> anyhow::Result<String> {
    Ok(called(HostFile::find(config, folders)?.config.serve.listen))
}

/// An address as clients on its own machine call it.
fn called(address: String) -> String {
    let called = address.parse().ok().and_then(|listen| called_at(listen).into_iter().next());
    called.map_or(address, |called| called.to_string())
}

/// The token, and where it comes from: the file that was named, the environment, or what a server of this account says.
fn token(args: &ServerArgs, folders: &Folders, url: &reqwest::Url) -> anyhow::Result<(Option<String>, String)> {
    if let Some(file) = &args.token_file {
        return Ok((Some(secret(file)?), format!("the token is from `{}`", file.display())));
    }
    if let Ok(token) = std::env::var(TOKEN)
        && !token.trim().is_empty()
    {
        return Ok((Some(token.trim().to_owned()), format!("the token is from {TOKEN}")));
    }
    let looked = |pointer: Option<&Path>| match pointer {
        Some(pointer) => format!("no token: looked at --token-file, {TOKEN} and `{}`", pointer.display()),
        None => format!("no token: looked at --token-file and {TOKEN}"),
    };
    let Some(pointer) = address(url).and_then(|address| pointer_path(folders, &address)) else {
        return Ok((None, looked(None)));
    };
    match read(&pointer) {
        Ok(file) => {
            let file = PathBuf::from(file);
            let token = secret(&file).with_context(|| format!("failed to do as `{}` says", pointer.display()))?;
            Ok((Some(token), format!("the token is that of the server on this machine, from `{}`", file.display())))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok((None, looked(Some(&pointer)))),
        Err(error) => Err(error).with_context(|| format!("failed to read `{}`", pointer.display())),
    }
}

/// The address as a server on this machine knows it: another machine's token is never on this one.
fn address(url: &reqwest::Url) -> Option<String> {
    let port = url.port_or_known_default()?;
    let host = match url.host_str()? {
        "localhost" => "127.0.0.1",
        host => host,
    };
    Some(called(format!("{host}:{port}")))
}

fn secret(file: &Path) -> anyhow::Result<String> {
    Ok(secret_file::read("token", file)?.trim().to_owned())
}

fn read(path: &Path) -> std::io::Result<String> {
    if std::fs::metadata(path)?.len() > MAX_FILE {
        return Err(std::io::Error::other(format!("it is larger than the {MAX_FILE} bytes of a path")));
    }
    Ok(std::fs::read_to_string(path)?.trim().to_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_development_servers_token_is_found_by_its_address() {
        let home = tempfile::tempdir().unwrap();
        let folders = Folders { state: Some(home.path().join("state")), ..Folders::default() };
        let args = ServerArgs { server: Some("localhost:8470/".into()), token_file: None };
        let find = |args: &ServerArgs| find(args, None, &folders);
        let without = find(&args).unwrap();
        assert_eq!((without.url.as_str(), without.token), ("http://localhost:8470", None));
        assert!(without.told_by.contains("servers/127.0.0.1:8470"), "{}", without.told_by);
        let servers = home.path().join("state/servers");
        std::fs::create_dir_all(&servers).unwrap();
        std::fs::write(servers.join("127.0.0.1:8470"), format!("{}\n", home.path().join("token").display())).unwrap();
        let error = find(&args).err().unwrap();
        assert!(format!("{error:#}").contains("servers/127.0.0.1:8470"), "{error:#}");
        std::fs::write(home.path().join("token"), "muster_1\n").unwrap();
        std::fs::set_permissions(home.path().join("token"), std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(find(&args).err().is_some_and(|error| format!("{error:#}").contains("can be read by others")));
        std::fs::set_permissions(home.path().join("token"), std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(find(&args).unwrap().token.as_deref(), Some("muster_1"));
        let everywhere = ServerArgs { server: Some("http://0.0.0.0:8470".into()), token_file: None };
        assert_eq!(find(&everywhere).unwrap().token.as_deref(), Some("muster_1"));
    }

    #[test]
    fn the_server_of_the_configuration_is_asked_unless_another_is_named() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("coordinator.toml");
        let url = |listen: &str| {
            std::fs::write(&file, format!("[serve]\nlisten = '{listen}'\n")).unwrap();
            find(&ServerArgs::default(), Some(&file), &Folders::default()).unwrap().url
        };
        assert_eq!(url("10.0.0.7:80"), "http://10.0.0.7:80");
        assert_eq!(url("0.0.0.0:6000"), "http://127.0.0.1:6000");
        assert_eq!(url("[::]:6000"), "http://[::1]:6000");
        assert_eq!(url("build.example.org:6000"), "http://build.example.org:6000");
    }

    #[test]
    fn what_is_no_address_is_told() {
        for server in ["ftp://host", "http://", "a b"] {
            let args = ServerArgs { server: Some(server.into()), token_file: None };
            assert!(find(&args, None, &Folders::default()).is_err(), "{server}");
        }
    }
}
