//! Resolves names and drops every address that is not public, so that no name leads into the network behind.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;

use super::address::is_public;

/// A name that leads only to addresses that are not public.
#[derive(Debug, Error)]
#[error("`{name}` leads to private addresses only; add `private = true` to its grant if that is meant")]
pub(crate) struct PrivateOnly {
    name: String,
}

/// The system's resolver, filtered. The addresses it returns are those that are connected to: there is no second
/// look-up that could answer otherwise.
pub(crate) struct PublicResolver;

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let name = name.as_str().to_owned();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let public: Vec<SocketAddr> = found.into_iter().filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(PrivateOnly { name }.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}
