//! Reads granted origins, and says which of them a request goes to.

use std::net::IpAddr;
use std::path::PathBuf;

use url::{Host, Url};

/// A granted origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// One host, or all below a domain.
    Net { https: bool, host: HostPattern, port: u16 },
    /// A unix socket.
    Socket(PathBuf),
}

/// Which hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HostPattern {
    Name(String),
    /// `*.example.com`: every name below it, not itself.
    Below(String),
    Address(IpAddr),
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Over the network.
    Net(Url),
    /// To a unix socket, with the path of the request.
    Socket { socket: PathBuf, path: String },
}

impl Origin {
    /// Reads a grant.
    ///
    /// # Errors
    /// In words, when it is anything but an origin.
    pub(crate) fn parse(text: &str) -> Result<Origin, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            let clean = !path.contains([':', '*']) && !path.split('/').any(|part| part == "..");
            if !path.starts_with('/') || path.ends_with('/') || !clean {
                return Err("a socket is granted as `unix:/absolute/path`".into());
            }
            return Ok(Origin::Socket(PathBuf::from(path)));
        }
        // A star is no host to the URL parser: it stands behind a name while the rest is read.
        let (below, plain) = match text.split_once("://*.") {
            Some((scheme, rest)) => (true, format!("{scheme}://{rest}")),
            None => (false, text.to_owned()),
        };
        if plain.contains('*') {
            return Err("`*` may only stand for all names below a domain: `https://*.example.com`".into());
        }
        let url =
            Url::parse(&plain).map_err(|error| format!("not an origin like `https://api.example.com`: {error}"))?;
        let https = scheme_is_https(&url).ok_or("the scheme is http, https or unix")?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !bare || text.ends_with('/') || !url.username().is_empty() || url.password().is_some() {
            return Err("an origin has a scheme, a host and a port, nothing else".into());
        }
        let host = match (url.host().ok_or("the host is missing")?, below) {
            (Host::Domain(name), true) if name.contains('.') => HostPattern::Below(name.to_owned()),
            (_, true) => return Err("`*.` needs a domain of at least two parts after it".into()),
            (Host::Domain(name), false) => HostPattern::Name(name.to_owned()),
            (Host::Ipv4(address), false) => HostPattern::Address(address.into()),
            (Host::Ipv6(address), false) => HostPattern::Address(address.into()),
        };
        let port = url.port_or_known_default().expect("http and https have ports");
        Ok(Origin::Net { https, host, port })
    }

    /// Whether a request to this target is granted by this origin.
    pub(crate) fn covers(&self, target: &Target) -> bool {
        match (self, target) {
            (Origin::Socket(granted), Target::Socket { socket, .. }) => granted == socket,
            (Origin::Net { https, host, port }, Target::Net(url)) => {
                scheme_is_https(url) == Some(*https)
                    && url.port_or_known_default() == Some(*port)
                    && url.host().is_some_and(|asked| host.covers(&asked))
            }
            (Origin::Socket(_), Target::Net(_)) | (Origin::Net { .. }, Target::Socket { .. }) => false,
        }
    }
}

impl HostPattern {
    fn covers(&self, asked: &Host<&str>) -> bool {
        match (self, asked) {
            (HostPattern::Name(name), Host::Domain(asked)) => name == asked,
            (HostPattern::Below(domain), Host::Domain(asked)) => {
                asked.strip_suffix(domain.as_str()).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
            }
            (HostPattern::Address(address), Host::Ipv4(asked)) => *address == IpAddr::V4(*asked),
            (HostPattern::Address(address), Host::Ipv6(asked)) => *address == IpAddr::V6(*asked),
            (HostPattern::Name(_) | HostPattern::Below(_), Host::Ipv4(_) | Host::Ipv6(_))
            | (HostPattern::Address(_), Host::Domain(_)) => false,
        }
    }
}

impl Target {
    /// Reads the URL of a request.
    ///
    /// # Errors
    /// In words, when it is no URL of a kind that could be granted.
    pub(crate) fn parse(text: &str) -> Result<Target, String> {
        if let Some(rest) = text.strip_prefix("unix:") {
            let (socket, path) = rest.split_once(':').ok_or("a socket's URL is `unix:/path/of.sock:/request/path`")?;
            if !socket.starts_with('/') || !path.starts_with('/') {
                return Err("a socket's URL is `unix:/path/of.sock:/request/path`, both absolute".into());
            }
            return Ok(Target::Socket { socket: PathBuf::from(socket), path: path.to_owned() });
        }
        let url = Url::parse(text).map_err(|error| error.to_string())?;
        scheme_is_https(&url).ok_or("the scheme is http, https or unix")?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("credentials are added by the host, never written into a URL".into());
        }
        Ok(Target::Net(url))
    }
}

fn scheme_is_https(url: &Url) -> Option<bool> {
    match url.scheme() {
        "https" => Some(true),
        "http" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failure is the test's")]

    use super::*;

    fn granted(grant: &str, url: &str) -> bool {
        Origin::parse(grant).unwrap().covers(&Target::parse(url).unwrap())
    }

    #[test]
    fn an_origin_covers_itself_only() {
        assert!(granted("https://api.example.com", "https://api.example.com/v1/servers?x=1"));
        assert!(granted("https://api.example.com", "https://API.EXAMPLE.COM:443/"));
        assert!(!granted("https://api.example.com", "http://api.example.com/"));
        assert!(!granted("https://api.example.com", "https://api.example.com:8443/"));
        assert!(!granted("https://api.example.com", "https://api.example.com.evil.org/"));
        assert!(!granted("https://api.example.com", "https://evil.org/https://api.example.com"));
        assert!(granted("https://*.example.com", "https://a.b.example.com/"));
        assert!(!granted("https://*.example.com", "https://example.com/"));
        assert!(!granted("https://*.example.com", "https://evilexample.com/"));
        assert!(granted("http://10.0.0.7:2375", "http://10.0.0.7:2375/containers"));
        assert!(granted("http://127.0.0.1:80", "http://0x7f.1/"), "other spellings are the same address");
        assert!(granted("unix:/run/docker.sock", "unix:/run/docker.sock:/containers/json"));
        assert!(!granted("unix:/run/docker.sock", "unix:/run/other.sock:/containers/json"));
        assert!(!granted("unix:/run/docker.sock", "unix:/run/x/../docker.sock:/containers/json"));
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for wrong in [
            "",
            "*",
            "*foo",
            "https://*",
            "https://*.com",
            "https://a*.example.com",
            "api.example.com",
            "https://example.com/path",
            "https://example.com/",
            "https://user@example.com",
            "ftp://example.com",
            "unix:run/x.sock",
            "unix:/run/../x.sock",
            "unix:/run/*.sock",
            "https://",
            "https://*.10.0.0.1",
        ] {
            assert!(Origin::parse(wrong).is_err(), "{wrong}: {:?}", Origin::parse(wrong));
        }
        assert!(Target::parse("https://user:secret@example.com/").is_err());
        assert!(Target::parse("file:///etc/passwd").is_err());
    }
}
