//! The URL of a buildlet: everything a client needs to reach it, in one line that can be pasted.

use std::{fmt, str::FromStr, sync::Arc};

use base64::Engine as _;
use thiserror::Error;
use url::Url;

use crate::{
    Secret,
    tls::{Fingerprint, KeyPair},
};

/// The ancestor's default port.
pub const DEFAULT_PORT: u16 = 5936;

/// How a client knows that it talks to the right machine.
#[derive(Debug, Clone)]
pub enum Trust {
    /// Plain HTTP: nothing is checked.
    Plain,
    /// TLS; the peer's certificate has this SHA-256 fingerprint.
    Fingerprint(Fingerprint),
    /// TLS as the ancestor's: the peer's certificate carries the RSA modulus of this key pair.
    KeyPair(Arc<KeyPair>),
}

/// Where a buildlet is and how to be let in.
///
/// Written `https://:PASSWORD@host:port/#sha256=FINGERPRINT`, or `http://:PASSWORD@host:port/` without TLS; the
/// password is percent-encoded and may be missing. `Display` hides the password; [`BuildletUrl::reveal`] shows it.
#[derive(Debug, Clone)]
pub struct BuildletUrl {
    /// Host name or address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The password of HTTP Basic, if one is needed.
    pub password: Option<Secret>,
    /// How the peer is recognised.
    pub trust: Trust,
}

impl BuildletUrl {
    /// A buildlet reached by plain HTTP.
    #[must_use]
    pub fn plain(host: impl Into<String>, port: u16, password: Option<Secret>) -> Self {
        BuildletUrl { host: host.into(), port, password, trust: Trust::Plain }
    }

    /// A buildlet of the ancestor's kind: TLS with one shared key pair, whose key is also the password.
    #[must_use]
    pub fn with_key_pair(host: impl Into<String>, port: u16, key_pair: Arc<KeyPair>) -> Self {
        BuildletUrl { host: host.into(), port, password: Some(key_pair.password()), trust: Trust::KeyPair(key_pair) }
    }

    /// The whole URL, password included.
    #[must_use]
    pub fn reveal(&self) -> String {
        self.write(self.password.as_ref().map(|password| encode(password.reveal())).as_deref())
    }

    /// `host:port`, with brackets around an IPv6 address.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The value of the `Authorization` header, if there is a password.
    pub(crate) fn authorization(&self) -> Option<String> {
        let password = self.password.as_ref()?;
        let pair = format!("gomote:{}", password.reveal());
        let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
        Some(format!("Basic {encoded}"))
    }

    fn write(&self, password: Option<&str>) -> String {
        let user = password.map(|password| format!(":{password}@")).unwrap_or_default();
        let authority = self.authority();
        match &self.trust {
            Trust::Plain => format!("http://{user}{authority}/"),
            Trust::Fingerprint(print) => format!("https://{user}{authority}/#sha256={print}"),
            Trust::KeyPair(_) => format!("https://{user}{authority}/"),
        }
    }
}

impl fmt::Display for BuildletUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.write(self.password.as_ref().map(|_| "***")))
    }
}

impl FromStr for BuildletUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let url = Url::parse(text).map_err(UrlError::Parse)?;
        let tls = match url.scheme() {
            "http" => false,
            "https" => true,
            other => return Err(UrlError::Scheme(other.to_owned())),
        };
        if !matches!(url.path(), "" | "/") || url.query().is_some() {
            return Err(UrlError::Extra);
        }
        let host = url.host_str().ok_or(UrlError::NoHost)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = url.port_or_known_default().unwrap_or(DEFAULT_PORT);
        let password = url.password().map(decode).transpose()?.filter(|text| !text.is_empty());
        let trust = match (tls, url.fragment()) {
            (false, None | Some("")) => Trust::Plain,
            (false, Some(_)) => return Err(UrlError::FingerprintWithoutTls),
            (true, Some(fragment)) => {
                let digits = fragment.strip_prefix("sha256=").ok_or(UrlError::BadFingerprint)?;
                Trust::Fingerprint(digits.parse().map_err(|_| UrlError::BadFingerprint)?)
            }
            (true, None) => return Err(UrlError::NoFingerprint),
        };
        Ok(BuildletUrl { host, port, password: password.map(Secret::new), trust })
    }
}

/// Why a text is not a buildlet's URL.
#[derive(Debug, Error)]
pub enum UrlError {
    /// It is not a URL at all.
    #[error("read it as a URL")]
    Parse(#[source] url::ParseError),
    /// Neither `http` nor `https`.
    #[error("use scheme `{0}`: only `http` and `https` are known")]
    Scheme(String),
    /// There is no host.
    #[error("find a host in it")]
    NoHost,
    /// A path or a query, which a buildlet does not have.
    #[error("accept a path or a query: a buildlet is named by host and port alone")]
    Extra,
    /// The password is not UTF-8 once decoded.
    #[error("decode its password")]
    BadPassword,
    /// The fragment is not `sha256=` and 64 hex digits.
    #[error("read its fingerprint: `#sha256=` and 64 hex digits are needed")]
    BadFingerprint,
    /// TLS without anything to recognise the peer by.
    #[error("trust it: an `https` buildlet is recognised by `#sha256=FINGERPRINT` at the end of its URL")]
    NoFingerprint,
    /// A fingerprint where there is no TLS.
    #[error("use a fingerprint without TLS: write `https`")]
    FingerprintWithoutTls,
}

fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn decode(text: &str) -> Result<String, UrlError> {
    let bytes = crate::protocol::percent_decode(text.as_bytes());
    String::from_utf8(bytes).map_err(|_| UrlError::BadPassword)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINT: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    #[test]
    fn what_is_printed_can_be_pasted() {
        for text in [
            "http://127.0.0.1:5936/".to_owned(),
            "http://:s3cret@localhost:80/".to_owned(),
            format!("https://:p%40ss%2F%3A@[::1]:443/#sha256={PRINT}"),
        ] {
            let url: BuildletUrl = text.parse().expect("it is a URL");
            assert_eq!(url.reveal(), text);
        }
    }

    #[test]
    fn the_password_is_hidden_unless_asked_for() {
        let url: BuildletUrl = "http://:s3cret@h:1/".parse().expect("it is a URL");
        assert_eq!(url.to_string(), "http://:***@h:1/");
        assert!(!format!("{url:?}").contains("s3cret"));
    }

    #[test]
    fn others_are_refused_with_the_reason() {
        let message = |text: &str| text.parse::<BuildletUrl>().expect_err("it is refused").to_string();
        assert!(message("ftp://h/").contains("scheme `ftp`"));
        assert!(message("https://h:1/").contains("#sha256="));
        assert!(message("http://h:1/#sha256=00").contains("write `https`"));
        assert!(message("https://h:1/#sha256=00").contains("64 hex"));
        assert!(message("http://h:1/x").contains("path"));
        assert!(message("nonsense").contains("URL"));
    }
}
