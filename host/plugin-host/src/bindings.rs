//! The WIT contract as Rust: one world that imports all that the host offers and exports every role.
//!
//! No component exports all of it. The roles are bound one by one through their `GuestIndices`, so that a component
//! needs only what it serves as, while the types they share exist once.

wasmtime::component::bindgen!({
    path: [
        "../../wit/types/0.1.0",
        "../../wit/host/0.1.0",
        "../../wit/builder/0.1.0",
        "../../wit/estimator/0.1.0",
        "../../wit/policy/0.1.0",
        "../../wit/parser/0.1.0",
        "../../wit/pool/0.1.0",
    ],
    inline: "
        package muster:plugin-host@0.1.0;
        world plugins {
            import muster:host/log@0.1.0;
            import muster:host/clock@0.1.0;
            import muster:host/kv@0.1.0;
            import muster:host/http@0.1.0;
            export muster:builder/builder@0.1.0;
            export muster:estimator/estimator@0.1.0;
            export muster:policy/policy@0.1.0;
            export muster:parser/parser@0.1.0;
            export muster:pool/pool@0.1.0;
        }
    ",
    world: "plugins",
    imports: { default: async | trappable },
    exports: { default: async },
    require_store_data_send: true,
});
