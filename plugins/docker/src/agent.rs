//! Where the agent and its files are in a container, and how it is started.

use crate::settings::DockerSettings;

/// Where the coordinator's own binary is mounted.
pub(crate) const AGENT: &str = "/muster-agent";
/// The folder of the agent's files, made before the container starts.
pub(crate) const FOLDER: &str = "muster/";
/// The password, in that folder, relative to the root.
pub(crate) const PASSWORD: &str = "muster/password";
/// Where the agent writes its URL.
pub(crate) const ADDRESS: &str = "/muster/address";
/// Where trees and commands live.
const WORK_DIR: &str = "/muster/work";

/// Program and arguments.
pub(crate) fn command(settings: &DockerSettings) -> Vec<String> {
    let agent = settings.agent.as_deref().unwrap_or(AGENT);
    // In a network of its own the container's address is known to the engine alone: `describe` puts it in.
    let listen = if settings.network == "host" { "127.0.0.1:0" } else { "0.0.0.0:0" };
    let password = format!("/{PASSWORD}");
    [agent, "buildlet", "--listen", listen, "--work-dir", WORK_DIR, "--password-file", &password]
        .into_iter()
        .chain(["--address-file", ADDRESS])
        .map(str::to_owned)
        .collect()
}

/// The URL that the agent wrote, without its password, and with this address where it listens on all.
pub(crate) fn url(written: &str, address: Option<&str>) -> Option<String> {
    let (scheme, rest) = written.trim().split_once("://")?;
    let end = rest.find(['/', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    let place = match (place.strip_prefix("0.0.0.0:"), address) {
        (Some(port), Some(address)) => format!("{address}:{port}"),
        _ => place.to_owned(),
    };
    (!place.is_empty()).then(|| format!("{scheme}://{place}{tail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_stays_inside() {
        let written = "https://:p%40w@127.0.0.1:4711/#sha256=ab\n";
        assert_eq!(url(written, None).as_deref(), Some("https://127.0.0.1:4711/#sha256=ab"));
        assert_eq!(url("http://0.0.0.0:1/", Some("10.88.0.2")).as_deref(), Some("http://10.88.0.2:1/"));
        assert_eq!(url("", None), None);
    }
}
