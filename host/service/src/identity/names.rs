//! The names a server goes by. A page of another site can make a browser send requests here; what it cannot do is send
//! them under one of these names (DNS rebinding) or as one of these sites.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, Uri, header};

use crate::problem::{Kind, Problem};

/// What a server may be called.
#[derive(Clone, Debug)]
pub struct Names {
    configured: Vec<String>,
    port: u16,
}

impl Names {
    /// The names of a server that listens here.
    pub fn new(listen: SocketAddr, configured: &[String]) -> Names {
        Names { configured: configured.iter().map(|name| name.to_ascii_lowercase()).collect(), port: listen.port() }
    }

    /// Whether a request came by one of the names, and from no other site.
    ///
    /// # Errors
    /// It did not.
    pub fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
        let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?").to_ascii_lowercase());
        let host = uri.authority().map(|authority| authority.as_str().to_ascii_lowercase());
        let Some(host) = host.or_else(|| text(header::HOST)) else {
            return Err(Problem::new(Kind::BadRequest, "the request names no host", "send a `Host` header"));
        };
        if !self.goes_by(&host) {
            return Err(Problem::new(
                Kind::HostUnknown,
                format!("the request is for `{host}`, and this server does not go by that name"),
                "use the address it listens on, or add the name to `names` in the section `[serve]` of coordinator.toml",
            ));
        }
        let Some(origin) = text(header::ORIGIN) else { return Ok(()) };
        let site = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        if site != Some(host.as_str()) {
            return Err(Problem::new(
                Kind::OriginRefused,
                format!("a page of `{origin}` sent this request to `{host}`"),
                "browsers may use only the server's own pages; programs send no `Origin`",
            ));
        }
        Ok(())
    }

    /// An address is no name: whoever rebinds one needs a name.
    fn goes_by(&self, host: &str) -> bool {
        let (name, port) = split(host);
        if name.parse::<IpAddr>().is_ok() {
            return true;
        }
        let local = name == "localhost" && port.is_none_or(|port| port == self.port);
        local || self.configured.iter().any(|configured| configured == host || configured == name)
    }
}

/// Name and port, brackets of an IPv6 address taken off.
fn split(host: &str) -> (&str, Option<u16>) {
    if let Some((address, rest)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (address, rest.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match host.rsplit_once(':') {
        Some((name, port)) => (name, port.parse().ok()),
        None => (host, None),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_request_comes_by_a_known_name_and_from_no_other_site() {
        let names = Names::new("127.0.0.1:8470".parse().unwrap(), &["Builds.Example.Org".to_owned()]);
        let kind = |host: &str, origin: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            names.check(&Uri::from_static("/x"), &headers).map_err(|problem| problem.kind())
        };
        for host in ["127.0.0.1:8470", "10.0.0.7", "[::1]:8470", "localhost:8470", "builds.example.org:443"] {
            assert_eq!(kind(host, None), Ok(()), "{host}");
        }
        for host in ["evil.example", "localhost:1", "localhost.evil.example:8470", "builds.example.org.evil", ""] {
            assert_eq!(kind(host, None), Err(Kind::HostUnknown), "{host}");
        }
        assert_eq!(kind("localhost:8470", Some("http://localhost:8470")), Ok(()));
        for origin in ["null", "http://evil.example", "http://localhost:1", "file://localhost:8470"] {
            assert_eq!(kind("localhost:8470", Some(origin)), Err(Kind::OriginRefused), "{origin}");
        }
    }
}
