//! What a component can serve as, and which version of each contract this host has.

use std::fmt;

use semver::Version;

/// What a plugin serves as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// How a tree is built, and its tests are listed and run.
    Builder,
    /// How long things will take.
    Estimator,
    /// Which test goes where next.
    Policy,
    /// What a test command says.
    Parser,
    /// Where machines come from.
    Pool,
}

impl Role {
    /// All roles, in the order a build meets them.
    pub const ALL: [Role; 5] = [Role::Builder, Role::Estimator, Role::Policy, Role::Parser, Role::Pool];

    /// The role's one word, which names its WIT package and interface too.
    pub fn word(self) -> &'static str {
        match self {
            Role::Builder => "builder",
            Role::Estimator => "estimator",
            Role::Policy => "policy",
            Role::Parser => "parser",
            Role::Pool => "pool",
        }
    }

    /// The version of the contract that this host has.
    pub fn version(self) -> Version {
        Version::new(0, 1, 0)
    }

    /// The interface a plugin of this role exports.
    pub fn interface(self) -> String {
        format!("muster:{word}/{word}@{version}", word = self.word(), version = self.version())
    }

    /// The role of this word.
    pub fn from_word(word: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.word() == word)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
