//! Machines as containers of a real engine.

use crate::support::podman::Podman;
use crate::support::sdist::Sdist;
use crate::support::{Live, Tree, User};

/// Main and helpers are containers; one is taken away in the middle.
#[test]
fn a_published_suite_in_containers_one_of_which_is_removed() {
    let Some(podman) = Podman::start() else { return };
    let project = Sdist::fetch();
    let own = project.own_verdicts();
    let user = User::new();
    user.configure(&podman.configuration());
    let mut command = user.build_command(&project.tree(), &["--pool", "docker", "--helpers", "2"]);
    command.env("VIRTUAL_ENV", project.environment());
    let mut live = Live::start(command);
    let event = live.wait_for("a helper ran tests", |event| {
        event["event"] == "buildlet" && event["role"] == "helper" && event["state"] == "running"
    });
    let name = event["name"].as_str().unwrap();
    assert!(podman.containers().contains(&name.to_owned()), "{name} is a container");
    let status = podman.remove(name);
    assert!(matches!(status, 200 | 204), "{status}");
    let outcome = live.finish(&user);
    assert_eq!(outcome.code, Some(0), "{}", outcome.all());
    assert_eq!(outcome.junit, own, "the same tests with the same results");
    let lost: Vec<_> = outcome.named("buildlet").filter(|event| event["state"] == "lost").collect();
    assert!(lost.iter().any(|event| event["name"] == name && event["cause"] != ""), "{}", outcome.all());
    assert!(outcome.stderr.contains(name), "the summary says which machine was lost: {}", outcome.stderr);
    assert_eq!(podman.containers(), [] as [String; 0], "nothing is left behind");
}

/// Needs no engine: what is missing is told before one is asked.
#[test]
fn containers_without_an_image_are_a_mistake_that_says_what_to_write() {
    let user = User::new();
    let tree = Tree::new(&[("a", "echo 1..1; echo ok 1")]);
    let outcome = user.build(tree.path(), &["--pool", "docker"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.all());
    for words in ["`image` is missing", "coordinator.toml", "[pool.docker.settings]", "[plugins.docker.grants]"] {
        assert!(outcome.stderr.contains(words), "no `{words}` in: {}", outcome.stderr);
    }
}
