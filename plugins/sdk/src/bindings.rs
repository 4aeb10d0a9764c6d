//! What wit-bindgen makes of the contract: the shared interfaces once, and each role in terms of them.

/// The interfaces that every role shares, and what the host offers.
pub mod shared {
    wit_bindgen::generate!({
        inline: "
            package muster:sdk@0.1.0;
            world shared {
                import muster:types/types@0.1.0;
                import muster:host/log@0.1.0;
                import muster:host/clock@0.1.0;
                import muster:host/kv@0.1.0;
                import muster:host/http@0.1.0;
            }
        ",
        path: ["../../wit/types/0.1.0", "../../wit/host/0.1.0"],
        world: "muster:sdk/shared",
        generate_all,
        generate_unused_types: true,
        additional_derives: [PartialEq],
    });
}

macro_rules! role {
    ($role:ident, $folder:literal, $world:literal, $export:literal, [$($import:literal: $module:path,)*]) => {
        pub mod $role {
            wit_bindgen::generate!({
                path: ["../../wit/types/0.1.0", "../../wit/host/0.1.0", $folder],
                world: $world,
                with: {
                    "muster:types/types@0.1.0": crate::bindings::shared::muster::types::types,
                    "muster:host/log@0.1.0": crate::bindings::shared::muster::host::log,
                    $($import: $module,)*
                },
                additional_derives: [PartialEq],
                pub_export_macro: true,
                export_macro_name: $export,
            });
        }
    };
}

role!(builder, "../../wit/builder/0.1.0", "muster:builder/builder-plugin", "export_builder", []);
role!(estimator, "../../wit/estimator/0.1.0", "muster:estimator/estimator-plugin", "export_estimator", []);
role!(parser, "../../wit/parser/0.1.0", "muster:parser/parser-plugin", "export_parser", []);
role!(policy, "../../wit/policy/0.1.0", "muster:policy/policy-plugin", "export_policy", []);
role!(pool, "../../wit/pool/0.1.0", "muster:pool/pool-plugin", "export_pool", [
    "muster:host/clock@0.1.0": crate::bindings::shared::muster::host::clock,
    "muster:host/kv@0.1.0": crate::bindings::shared::muster::host::kv,
    "muster:host/http@0.1.0": crate::bindings::shared::muster::host::http,
]);
