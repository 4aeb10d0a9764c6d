//! Requests that a generator makes from the description of the API, right ones and wrong ones: no answer is a failure of
//! the server's, and none is one that the description does not know.

use std::path::PathBuf;
use std::process::Command;

use crate::support::server::SERVE;
use crate::support::{Server, Tree, User, is_full, skip};

/// Not the stateful phase: it would revoke the token that it uses.
const PHASES: &str = "examples,coverage,fuzzing";

#[test]
fn no_request_is_answered_but_as_described() {
    let Some(schemathesis) = std::env::var_os("MUSTER_TEST_SCHEMATHESIS").map(PathBuf::from) else {
        return skip("schemathesis is missing: set MUSTER_TEST_SCHEMATHESIS to its path");
    };
    let user = User::new();
    let server = Server::start(&user, SERVE);
    server.ready();
    // Numbers that are easily guessed mean something.
    let tree = Tree::new(&[("a", "echo 1..1; echo ok 1"), ("b", "echo 1..1; echo not ok 1")]);
    for _ in 0..2 {
        let id = server.submit(tree.path(), &[]);
        server.wait(id);
    }
    // The service's own tests see to it that docs/openapi.json is the same.
    let document = format!("{}/api/v1/openapi.json", server.url());
    let told = concat!(env!("CARGO_MANIFEST_DIR"), "/it/service/schemathesis");
    let mut command = Command::new(schemathesis);
    command.current_dir(user.path("")).env("SCHEMATHESIS_HOOKS", format!("{told}/hooks.py"));
    command.args(["--config-file", &format!("{told}/schemathesis.toml"), "run", &document, "--no-color"]);
    command.args(["--header", &format!("Authorization: Bearer {}", server.token())]);
    command.args(["--phases", PHASES, "--request-timeout", "20", "--continue-on-failure"]);
    command.args(["--generation-database", "none", "--seed", "4", "--warnings", "off"]);
    let output = command.args(["--max-examples", if is_full() { "200" } else { "5" }]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(server.build(1)["outcome"], "failed");
}
