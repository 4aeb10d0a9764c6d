//! What a token may do.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One thing that a token may do; each holds those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// See everything.
    Read,
    /// Submit builds; cancel and retry one's own.
    Submit,
    /// Cancel, retry and prioritise any build; reload and roll back plugins.
    Manage,
    /// Make and revoke tokens.
    Admin,
}

impl Scope {
    /// Every scope, the smallest first.
    pub const ALL: [Scope; 4] = [Scope::Read, Scope::Submit, Scope::Manage, Scope::Admin];

    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Submit => "submit",
            Scope::Manage => "manage",
            Scope::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Scope, String> {
        Scope::ALL
            .into_iter()
            .find(|scope| scope.word() == text)
            .ok_or_else(|| format!("`{text}` is not a scope: those are read, submit, manage and admin"))
    }
}

/// The scopes of a token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// These scopes, each once, the smallest first.
    pub fn new(scopes: impl IntoIterator<Item = Scope>) -> Scopes {
        let mut scopes: Vec<Scope> = scopes.into_iter().collect();
        scopes.sort_unstable();
        scopes.dedup();
        Scopes(scopes)
    }

    /// Whether something that needs this scope may be done.
    pub fn allow(&self, needed: Scope) -> bool {
        self.0.iter().any(|scope| *scope >= needed)
    }

    /// One by one.
    pub fn iter(&self) -> impl Iterator<Item = Scope> + '_ {
        self.0.iter().copied()
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.iter().map(Scope::word).collect();
        f.write_str(&words.join(" "))
    }
}

impl FromStr for Scopes {
    type Err = String;

    /// Reads words set apart by spaces or commas.
    fn from_str(text: &str) -> Result<Scopes, String> {
        let words = text.split([' ', ',']).filter(|word| !word.is_empty());
        words.map(str::parse).collect::<Result<Vec<Scope>, String>>().map(Scopes::new)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_scope_holds_those_before_it() {
        let scopes: Scopes = "submit".parse().unwrap();
        assert_eq!(Scope::ALL.map(|needed| scopes.allow(needed)), [true, true, false, false]);
        assert!(!Scopes::default().allow(Scope::Read), "no scope, nothing");
        assert!("admin".parse::<Scopes>().unwrap().allow(Scope::Manage));
    }

    #[test]
    fn they_are_written_as_they_are_read() {
        let scopes: Scopes = "manage,read read".parse().unwrap();
        assert_eq!(scopes.to_string(), "read manage");
        assert_eq!(scopes.to_string().parse::<Scopes>().unwrap(), scopes);
        assert!("root".parse::<Scopes>().unwrap_err().contains("read, submit, manage and admin"));
    }
}
