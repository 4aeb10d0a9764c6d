//! Buildlets of a killed server that nobody calls.

use std::path::PathBuf;
use std::time::Duration;

use super::stopped::processes_of;
use crate::support::server::SERVE;
use crate::support::{Server, Tree, User, until, within};

/// A make that says where it runs, leaves a process behind, and waits.
const MAKE: &str = r#"echo $$ > HOME/make.pid; pwd > HOME/make.folder
setsid sh -c 'echo $$ > HOME/left.pid; exec sleep 600' &
until [ -e HOME/gate ]; do sleep 0.05; done; echo made"#;

#[test]
fn buildlets_that_nobody_calls_end_by_themselves() {
    let user = User::new();
    let mut server = Server::start(&user, &SERVE.replace("60s", "3s"));
    server.ready();
    let tree = Tree::new(&[("a", "echo 1..1; echo ok 1")]);
    tree.replace("touch made", "sh make.sh");
    let home = user.path("").to_str().unwrap().trim_end_matches('/').to_owned();
    std::fs::write(tree.path().join("make.sh"), MAKE.replace("HOME", &home)).unwrap();
    let build = server.submit(tree.path(), &["--helpers", "0"]);
    let told =
        |name: &str| until(name, || std::fs::read_to_string(user.path(name)).ok().filter(|text| text.ends_with('\n')));
    let processes = ["make.pid", "left.pid"].map(|name| PathBuf::from("/proc").join(told(name).trim()));
    let folder = PathBuf::from(told("make.folder").trim());
    assert!(folder.exists() && processes.iter().all(|process| process.exists()));
    server.kill();
    assert!(!processes_of(&user).is_empty(), "its buildlet outlives it");
    within(Duration::from_secs(40), "the buildlet is gone, and all that was its own", || {
        let gone = processes.iter().all(|process| !process.exists()) && !folder.exists();
        (gone && processes_of(&user).is_empty()).then_some(())
    });
    std::fs::write(user.path("gate"), "").unwrap();
    server.begin();
    server.ready();
    let ended = server.wait(build);
    assert_eq!(ended["outcome"], "passed", "{ended}\n{}", server.said());
    let machines = ended["machines"].as_array().unwrap();
    assert!(machines.len() == 2 && !machines[0]["lost"].is_null() && machines[1]["lost"].is_null(), "{ended}");
    let log = server.log(build);
    assert!(log.contains("##### Coordinator restarted: ") && log.contains("given up"), "{log}");
}
