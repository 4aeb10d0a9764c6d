//! A store that is away for a while: builds wait and go on, and nothing is lost.

use std::time::{Duration, Instant};

use super::gated::{Gated, TESTS};
use crate::support::postgres::Postgres;
use crate::support::s3::S3;
use crate::support::server::SERVE;
use crate::support::{Server, User, assert_same, is_full, until};

/// How long it is away, at least.
fn outage() -> Duration {
    Duration::from_secs(if is_full() { 30 } else { 3 })
}

/// Builds under way in make and in the test phase, and one that is finished.
struct Load {
    making: Gated,
    testing: Gated,
    builds: [u64; 2],
}

impl Load {
    fn begin(server: &Server<'_>, user: &User, other: &User) -> Load {
        let (making, testing) = (Gated::new(user), Gated::new(other));
        ["make", "list", "t1"].iter().for_each(|gate| testing.open(gate));
        let builds = [&making, &testing].map(|tree| server.submit(tree.path(), &["--helpers", "1"]));
        server.event(builds[1], |event| event["event"] == "test").unwrap();
        making.waits_in("make", server);
        Load { making, testing, builds }
    }

    /// What waits goes on while the store is away, which is told as this, and which lasts a while.
    fn go_on(&self, server: &Server<'_>, store: &str) {
        let begun = Instant::now();
        self.making.open("all");
        self.testing.open("all");
        until(&format!("{store} is told to be away"), || {
            let readiness = server.readiness();
            (readiness["ready"] == false && readiness[store] != "ok").then_some(())
        });
        until("the outage has lasted", || (begun.elapsed() >= outage()).then_some(()));
    }

    fn end(&self, server: &Server<'_>) {
        let logs = self.builds.map(|build| {
            let ended = server.wait(build);
            assert_eq!(ended["outcome"], "failed", "{ended}\n{}", server.said());
            assert!(ended["machines"].as_array().unwrap().iter().all(|machine| machine["lost"].is_null()), "{ended}");
            assert_eq!(server.junit(build).1.len(), TESTS);
            server.log(build)
        });
        self.making.assert_each_begun(1);
        self.testing.assert_each_begun(1);
        assert_same("no byte is lost or doubled", &logs[0], &logs[1]);
    }
}

#[test]
fn a_database_that_restarts_is_waited_for() {
    let Some(postgres) = Postgres::start() else { return };
    let (user, other) = (User::new(), User::new());
    let configuration = format!("{SERVE}[store]\nurl = {:?}\n", postgres.database("muster"));
    let server = Server::start(&user, &configuration);
    server.ready();
    let load = Load::begin(&server, &user, &other);
    postgres.crash();
    load.go_on(&server, "store");
    postgres.begin();
    load.end(&server);
}

#[test]
fn a_blob_store_that_is_away_is_waited_for() {
    let Some(mut s3) = S3::start("bucket") else { return };
    let (user, other) = (User::new(), User::new());
    let mut server = Server::named(&user, "serve", &format!("{SERVE}[blobs]\nurl = \"s3://bucket/muster\"\n"));
    s3.introduce(&mut server);
    server.begin();
    server.ready();
    let load = Load::begin(&server, &user, &other);
    s3.crash();
    load.go_on(&server, "blobs");
    s3.begin();
    load.end(&server);
}
