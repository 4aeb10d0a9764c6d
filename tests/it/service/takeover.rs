//! Two coordinators over one database and one store of blobs: one drives the builds, the other waits for its end.

use super::gated::{Gated, TESTS};
use crate::support::buildlet::Buildlet;
use crate::support::postgres::Postgres;
use crate::support::server::SERVE;
use crate::support::{Server, User, assert_same, until};

#[test]
fn another_coordinator_takes_over() {
    let Some(postgres) = Postgres::start() else { return };
    let user = User::new();
    let buildlets = [1, 2].map(|number| Buildlet::start(&user, &user.path(&format!("machine-{number}"))));
    let mut urls = Vec::new();
    for (number, buildlet) in buildlets.iter().enumerate() {
        let file = user.path(&format!("{number}.url"));
        std::fs::write(&file, buildlet.url()).unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        urls.push(file);
    }
    let configuration = format!(
        "[build]\npool = \"lab\"\n[pool.lab]\nkind = \"url\"\nurl-files = {urls:?}\n[store]\nurl = {:?}\n\
         [blobs]\nurl = \"file://{}\"\n{}",
        postgres.database("muster"),
        user.path("blobs").display(),
        SERVE.replace("[serve]", "[serve]\ntakeover = \"2s\""),
    );
    let mut first = Server::start(&user, &configuration);
    first.ready();
    let mut second = Server::named(&user, "standby", &configuration);
    second.begin();
    until("the second stands by", || (second.readiness()["standing"] == "standby").then_some(()));
    assert_eq!(second.readiness()["ready"], true, "it can show what there is");

    let tree = Gated::new(&user);
    ["make", "list", "t1"].iter().for_each(|gate| tree.open(gate));
    let build = first.submit(tree.path(), &["--helpers", "1"]);
    first.event(build, |event| event["event"] == "test").unwrap();
    assert_eq!(second.build(build)["id"], build, "the other one shows it too");
    let (status, problem) = second.post("/api/v1/builds/1/cancel", "{}");
    assert_eq!((status, &problem["type"]), (503, &"urn:muster:standby".into()), "{problem}");
    first.kill();
    second.ready();
    tree.open("all");
    let ended = second.wait(build);
    assert_eq!(ended["outcome"], "failed", "{ended}\n{}", second.said());
    assert_eq!(second.junit(build).1.len(), TESTS);
    // The store says which machine had which test, whoever reads it: what ran goes on, and what was over is over.
    tree.assert_each_begun(1);
    let log = second.log(build);
    assert!(log.contains("##### Coordinator restarted: "), "{log}");

    first.begin();
    until("the first stands by", || (first.readiness()["standing"] == "standby").then_some(()));
    assert_same("the log", &first.log(build), &log);
}
