//! The contract as this host was built with it, to hold components against.

use wit_parser::{InterfaceId, Resolve, UnresolvedPackageGroup};

use crate::role::Role;

/// The WIT of this host, in the order the packages depend on each other.
const PACKAGES: [(&str, &str); 7] = [
    ("types.wit", include_str!("../../../../wit/types/0.1.0/types.wit")),
    ("host.wit", include_str!("../../../../wit/host/0.1.0/host.wit")),
    ("builder.wit", include_str!("../../../../wit/builder/0.1.0/builder.wit")),
    ("estimator.wit", include_str!("../../../../wit/estimator/0.1.0/estimator.wit")),
    ("policy.wit", include_str!("../../../../wit/policy/0.1.0/policy.wit")),
    ("parser.wit", include_str!("../../../../wit/parser/0.1.0/parser.wit")),
    ("pool.wit", include_str!("../../../../wit/pool/0.1.0/pool.wit")),
];

/// The parsed contract.
pub(crate) struct Contract {
    pub(crate) resolve: Resolve,
}

impl Contract {
    /// Parses what is built in.
    pub(crate) fn parse() -> Contract {
        let mut resolve = Resolve::default();
        for (name, text) in PACKAGES {
            let group = UnresolvedPackageGroup::parse(name, text).expect("the contract parses: bindgen read it too");
            resolve.push_group(group).expect("the contract resolves: bindgen read it too");
        }
        Contract { resolve }
    }

    /// The interface that a plugin of this role exports.
    pub(crate) fn interface(&self, role: Role) -> InterfaceId {
        let wanted = role.interface();
        let found = self.resolve.interfaces.iter().find(|(id, _)| self.resolve.id_of(*id).as_ref() == Some(&wanted));
        found.expect("every role has its interface").0
    }
}
