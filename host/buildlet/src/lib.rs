//! The buildlet wire protocol, both ends: the [`agent`] on a machine, and the [`client`] that drives it.
//!
//! The protocol is that of golang.org/x/build's buildlet (status version 29), so a Go buildlet can serve a Muster
//! coordinator and a Go client can drive a Muster agent. What Muster adds is announced in `/status`, written down in
//! `docs/buildlet-extensions.md`, and used only where both sides have it.
//!
//! Not here: dial-in (reverse) connections, and `/connect-ssh`.

pub mod client;
pub mod protocol;
pub mod tls;

#[cfg(target_os = "linux")]
pub mod agent;

mod secret;
mod url;

pub use secret::Secret;
pub use url::{BuildletUrl, DEFAULT_PORT, Trust, UrlError};
