//! A plugin of all five roles that does what its settings say, right or wrong.

mod builder;
mod estimator;
mod parser;
mod policy;
mod pool;

wit_bindgen::generate!({
    path: [
        "../../../../../wit/types/0.1.0",
        "../../../../../wit/host/0.1.0",
        "../../../../../wit/builder/0.1.0",
        "../../../../../wit/estimator/0.1.0",
        "../../../../../wit/policy/0.1.0",
        "../../../../../wit/parser/0.1.0",
        "../../../../../wit/pool/0.1.0",
    ],
    inline: "
        package muster:subject@0.1.0;
        world subject {
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
    world: "muster:subject/subject",
    generate_all,
});

struct Subject;

export!(Subject);
