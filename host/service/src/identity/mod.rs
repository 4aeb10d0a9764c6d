//! Who asks, and whether they may: the server's names, tokens, scopes, sessions of browsers.

mod access;
mod names;
mod scope;
mod session;
mod token;
mod uses;

pub use names::Names;
pub use scope::{Scope, Scopes};
pub use token::{Identity, Minted, digest, mint};

pub(crate) use access::{authorize, check_names, require};
pub(crate) use session::{Links, SESSION_DAYS, cookie_name, follow_link, log_in, log_out, revoke};
pub(crate) use token::now;
pub(crate) use uses::Uses;
