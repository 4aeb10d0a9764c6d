//! Machines that live on, but cannot be reached any more.

use super::slow_tree;
use crate::support::buildlet::Buildlet;
use crate::support::proxy::{Cut, Proxy};
use crate::support::{Live, QUICK, User, is_full};

/// Tests of the tree: 0.3 s each.
const TESTS: usize = 24;

/// Three machines by URL, of which one is cut off while it runs tests.
fn cut_off(role: &str, how: Cut, after: usize) {
    let user = User::new();
    user.configure(QUICK);
    let tree = slow_tree(TESTS);
    let buildlets: Vec<Buildlet> =
        (0..3).map(|number| Buildlet::start(&user, &user.path(&format!("machine-{number}")))).collect();
    // The first URL becomes the main buildlet.
    let victim = usize::from(role == "helper");
    let target = buildlets[victim].port();
    let proxy = Proxy::to(target);
    let mut urls: Vec<String> = buildlets.iter().map(|buildlet| buildlet.url().to_owned()).collect();
    urls[victim] = proxy.url(&urls[victim], target);
    let args: Vec<&str> = urls.iter().flat_map(|url| ["--buildlet", url]).collect();
    let mut live = Live::start(user.build_command(tree.path(), &args));
    let (name, mut ended, mut listed, mut left) = (proxy.name(), 0, false, 0);
    live.wait_for("the machine ran tests", |event| {
        ended += usize::from(event["event"] == "attempt-ended");
        listed |= event["event"] == "listed";
        let begins = event["event"] == "buildlet" && event["state"] == "running" && event["name"] == *name;
        if begins {
            left = event["tests"].as_array().unwrap().len();
        }
        left -= usize::from(event["event"] == "reported" && event["buildlet"] == *name);
        // Not at the end of a group, which may have arrived as the connection is cut.
        listed && ended >= after && (begins || left > 1)
    });
    proxy.cut(how);
    let outcome = live.finish(&user);
    assert_eq!(outcome.code, Some(0), "{how:?} of {role} after {after}: {}", outcome.all());
    assert_eq!(outcome.junit.len(), TESTS);
    assert!(outcome.junit.values().all(|result| result == "passed"), "{:?}", outcome.junit);
    assert_eq!(outcome.named("test").count(), TESTS, "one verdict for each: {}", outcome.all());
    let lost = outcome.named("buildlet").find(|event| event["state"] == "lost" && event["name"] == *name);
    let lost = lost.unwrap_or_else(|| panic!("{name} is not lost: {}", outcome.all()));
    assert!(lost["cause"].as_str().unwrap().starts_with("machine lost: "), "{lost}");
    assert!(outcome.stderr.contains(&name), "{}", outcome.stderr);
}

/// Points of the run, by attempts ended.
fn points() -> std::ops::Range<usize> {
    if is_full() { 0..5 } else { 1..2 }
}

#[test]
fn a_closed_connection_to_a_helper_costs_no_test() {
    points().for_each(|after| cut_off("helper", Cut::Closed, after));
}

#[test]
fn a_silent_helper_costs_no_test() {
    points().for_each(|after| cut_off("helper", Cut::Silent, after));
}

#[test]
fn a_silent_main_buildlet_costs_no_test() {
    points().for_each(|after| cut_off("main", Cut::Silent, after));
}

#[test]
fn a_closed_connection_to_the_main_buildlet_costs_no_test() {
    points().for_each(|after| cut_off("main", Cut::Closed, after));
}
