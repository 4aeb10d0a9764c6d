//! Identifiers. All are counters of the engine or given from outside; none is random.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $inner:ty, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}

id!(
    /// A build, unique in its coordinator's store.
    BuildId,
    u64,
    "b"
);
id!(
    /// A lease: a numbered claim on one buildlet. A later lease of the same buildlet has a higher number.
    LeaseId,
    u64,
    "l"
);
id!(
    /// An effect that will be answered.
    OpId,
    u64,
    "op"
);
id!(
    /// One try of a group on one buildlet.
    AttemptId,
    u64,
    "a"
);
id!(
    /// A test's place in the listed order of its build; added tests follow the listed ones.
    TestIndex,
    u32,
    "t"
);
