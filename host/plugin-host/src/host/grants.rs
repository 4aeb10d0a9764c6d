//! What an operator lets a plugin touch. Empty is nothing; what cannot be read is an error at load, never a wider grant.

use std::path::PathBuf;

/// The grants of one plugin. `log` needs none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// It may read the clock.
    pub clock: bool,
    /// It may keep values, in the store that its settings name.
    pub kv: bool,
    /// Where it may send requests.
    pub http: Vec<HttpGrant>,
}

/// One origin that a plugin may send requests to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpGrant {
    /// `https://api.example.com`, `http://10.0.0.7:2375`, `https://*.example.com` or `unix:/run/docker.sock`.
    /// A port that is not written is the scheme's own.
    pub origin: String,
    /// Names of this origin may resolve to private, link-local and loopback addresses. An address written in
    /// `origin` itself is granted by that.
    pub private: bool,
    /// Added to each request by the host; the plugin never sees it.
    pub credential: Option<Credential>,
    /// PEM file of the authorities that this origin is trusted by, instead of the public ones.
    pub ca_file: Option<PathBuf>,
}

/// What the host adds to requests. Files are read again for each request, so that a renewed one counts at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// `Authorization: Bearer` and the file's trimmed content.
    BearerFile(PathBuf),
    /// `Authorization: Basic` from a file that holds `user:password`.
    BasicFile(PathBuf),
}
