//! Bearer tokens: random, shown once, kept as a digest.

use ring::rand::{SecureRandom, SystemRandom};
use sha2::{Digest as _, Sha256};
use store::TokenRow;
use subtle::ConstantTimeEq as _;

use super::Scopes;
use crate::problem::{Kind, Problem};

/// How every token begins, so that scanners for leaked secrets know it.
const PREFIX: &str = "muster_";
/// Random bytes of a token.
const TOKEN_BYTES: usize = 32;
/// Random bytes of a token's public name.
const ID_BYTES: usize = 6;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The token's public name.
    pub token: String,
    /// Who it was given to: what builds and events are signed with.
    pub name: String,
    /// What may be done.
    pub scopes: Scopes,
    /// A browser that logged in, rather than a token in the request.
    pub session: bool,
}

/// A new token: its row, and the text that is shown this once.
pub struct Minted {
    /// What the store keeps.
    pub row: TokenRow,
    /// The token itself.
    pub secret: String,
}

/// Makes a token. It is good once its row is in the store.
///
/// # Errors
/// The system has no randomness.
pub fn mint(name: &str, scopes: &Scopes, expires: Option<u64>, by: &str) -> Result<Minted, Problem> {
    let secret = format!("{PREFIX}{}", hex::encode(random::<TOKEN_BYTES>()?));
    let row = TokenRow {
        id: hex::encode(random::<ID_BYTES>()?),
        name: name.to_owned(),
        scopes: scopes.to_string(),
        digest: digest(&secret),
        created: now(),
        expires,
        by: by.to_owned(),
        used: None,
    };
    Ok(Minted { row, secret })
}

pub(super) fn random<const N: usize>() -> Result<[u8; N], Problem> {
    let mut bytes = [0; N];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| Problem::internal("the system gives no random bytes"))?;
    Ok(bytes)
}

/// What the store keeps of a token: a token has 256 random bits, so that one round of SHA-256 is enough.
pub fn digest(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    coordinator::now().as_nanos() / 1_000_000_000
}

/// Who holds this token, if the row is that of the token and still good.
pub(super) fn identify(secret: &str, row: Option<TokenRow>, now: u64) -> Result<Identity, Problem> {
    let known = row.filter(|row| bool::from(row.digest.as_bytes().ct_eq(digest(secret).as_bytes())));
    let Some(row) = known else {
        return Err(Problem::new(
            Kind::TokenUnknown,
            "the server does not know this token: it was mistyped, revoked, or is another server's",
            "`muster tokens create` on the server, or whoever runs it, gives another",
        ));
    };
    if row.expires.is_some_and(|expires| expires <= now) {
        return Err(Problem::new(
            Kind::TokenExpired,
            format!("the token `{}` ({}) has expired", row.name, row.id),
            "ask whoever runs the server for another",
        ));
    }
    let scopes = row.scopes.parse().map_err(|error| Problem::internal(format!("token {}: {error}", row.id)))?;
    Ok(Identity { token: row.id, name: row.name, scopes, session: false })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::identity::Scope;

    #[test]
    fn a_token_is_good_for_its_holder_until_it_expires() {
        let minted = mint("ci", &Scopes::new([Scope::Submit]), Some(100), "admin").unwrap();
        assert_eq!(minted.secret.len(), PREFIX.len() + 2 * TOKEN_BYTES);
        assert!(!format!("{:?}", minted.row).contains(&minted.secret), "only the digest is kept");
        let kind = |secret: &str, row, now| identify(secret, row, now).map_err(|problem| problem.kind());
        let identity = kind(&minted.secret, Some(minted.row.clone()), 99).unwrap();
        assert_eq!((identity.name.as_str(), identity.scopes.to_string().as_str()), ("ci", "submit"));
        assert_eq!(kind(&minted.secret, Some(minted.row.clone()), 100), Err(Kind::TokenExpired));
        assert_eq!(kind("muster_00", Some(minted.row), 99), Err(Kind::TokenUnknown));
        assert_eq!(kind(&minted.secret, None, 99), Err(Kind::TokenUnknown));
    }
}
