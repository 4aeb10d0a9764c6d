//! Which server, and with which token.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::pointer::pointer_path;
use crate::args::ServerArgs;
use crate::config::find::Folders;
use crate::exit::UsageError;

/// The server that is asked unless another is named: where `muster serve` listens unless told otherwise.
const DEFAULT_SERVER: &str = "http://127.0.0.1:5937";
/// The variable that holds the token.
const TOKEN: &str = "MUSTER_TOKEN";
/// A token's file is no larger.
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

/// Finds server and token.
///
/// # Errors
/// The address is none, or a file that was named cannot be read.
pub fn find(args: &ServerArgs, folders: &Folders) -> anyhow::Result<Server> {
    let given = args.server.as_deref().unwrap_or(DEFAULT_SERVER);
    let url = if given.contains("://") { given.to_owned() } else { format!("http://{given}") };
    let parsed = reqwest::Url::parse(&url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let Some(parsed) = parsed.filter(reqwest::Url::has_host) else {
        return Err(
            UsageError::new(format!("`{given}` is not the address of a server"), "write `http://HOST:PORT`").into()
        );
    };
    let (token, told_by) = token(args, folders, &parsed)?;
    Ok(Server { url: url.trim_end_matches('/').to_owned(), token, told_by })
}

/// The token, and where it comes from: the file that was named, the environment, or a development server's own.
fn token(args: &ServerArgs, folders: &Folders, url: &reqwest::Url) -> anyhow::Result<(Option<String>, String)> {
    if let Some(file) = &args.token_file {
        let token = read(file).with_context(|| format!("failed to read the token in `{}`", file.display()))?;
        return Ok((Some(token), format!("the token is from `{}`", file.display())));
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
            let token = read(&file).with_context(|| {
                format!("failed to read the token in `{}`, which `{}` names", file.display(), pointer.display())
            })?;
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
    Some(format!("{host}:{port}"))
}

fn read(path: &Path) -> std::io::Result<String> {
    if std::fs::metadata(path)?.len() > MAX_FILE {
        return Err(std::io::Error::other(format!("it is larger than the {MAX_FILE} bytes of a token")));
    }
    Ok(std::fs::read_to_string(path)?.trim().to_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_development_servers_token_is_found_by_its_address() {
        let home = tempfile::tempdir().unwrap();
        let folders = Folders { state: Some(home.path().join("state")), ..Folders::default() };
        let args = ServerArgs { server: Some("localhost:8470/".into()), token_file: None };
        let without = find(&args, &folders).unwrap();
        assert_eq!((without.url.as_str(), without.token), ("http://localhost:8470", None));
        assert!(without.told_by.contains("servers/127.0.0.1:8470"), "{}", without.told_by);
        let servers = home.path().join("state/servers");
        std::fs::create_dir_all(&servers).unwrap();
        std::fs::write(servers.join("127.0.0.1:8470"), format!("{}\n", home.path().join("token").display())).unwrap();
        let error = find(&args, &folders).err().unwrap();
        assert!(format!("{error:#}").contains("servers/127.0.0.1:8470"), "{error:#}");
        std::fs::write(home.path().join("token"), "muster_1\n").unwrap();
        assert_eq!(find(&args, &folders).unwrap().token.as_deref(), Some("muster_1"));
    }

    #[test]
    fn what_is_no_address_is_told() {
        for server in ["ftp://host", "http://", "a b"] {
            let args = ServerArgs { server: Some(server.into()), token_file: None };
            assert!(find(&args, &Folders::default()).is_err(), "{server}");
        }
    }
}
