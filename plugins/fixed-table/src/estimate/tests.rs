//! The rule, and Go's table of 2015 as it is shipped.

use muster_sdk::types::{MILLISECOND, SECOND};

use super::*;

/// Ready to be pasted into a coordinator's configuration.
const GO_2015: &str = include_str!("../../go-2015.toml");

/// The settings of that file, as the host hands them over: its lines are `key = value` below the table of the plugin.
fn go_2015() -> TableSettings {
    let mut own = Vec::new();
    let mut seconds = Vec::new();
    let mut table = &mut own;
    for line in GO_2015.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line {
            "[plugins.fixed-table.settings]" => {}
            "[plugins.fixed-table.settings.seconds]" => table = &mut seconds,
            _ => {
                let (key, value) = line.split_once(" = ").unwrap();
                let value = value.split(" #").next().unwrap().trim();
                table.push(format!("\"{}\": {value}", key.trim_matches('"')));
            }
        }
    }
    TableSettings::parse(&format!("{{{}, \"seconds\": {{{}}}}}", own.join(", "), seconds.join(", "))).unwrap()
}

fn history() -> PhaseHistory {
    let observed = vec![99 * SECOND];
    PhaseHistory {
        make: observed.clone(),
        machine_start: observed.clone(),
        setup: observed.clone(),
        exec_overhead: observed,
        exec_overhead_guess: 7 * SECOND,
    }
}

#[test]
fn a_test_of_the_table_is_known_and_another_is_not() {
    let settings = TableSettings::parse(r#"{"seconds": {"a": 3, "b": 0.2}, "overhead": 0.5, "default": 2}"#).unwrap();
    let told = |name| {
        let estimate = one(&settings, name);
        (estimate.expected / MILLISECOND, estimate.deviation / MILLISECOND, estimate.source)
    };
    assert_eq!(told("a"), (2500, 0, EstimateSource::Table));
    assert_eq!(told("b"), (0, 0, EstimateSource::Table));
    assert_eq!(told("c"), (1500, 1500, EstimateSource::Prior));
}

#[test]
fn phases_are_those_of_the_settings() {
    let phases_of = |json: &str| phases(&TableSettings::parse(json).unwrap(), &history());
    let set = phases_of(r#"{"seconds": {"a": 1}, "make": "4m", "machine-start": "1m", "setup": 3, "overhead": 0.5}"#);
    assert_eq!((set.make, set.machine_start, set.setup), (240 * SECOND, 60 * SECOND, 3 * SECOND));
    assert_eq!(set.exec_overhead, SECOND / 2, "what is the exec's in the table");
    let unset = phases_of(r#"{"seconds": {"a": 1}}"#);
    assert_eq!((unset.make, unset.exec_overhead), (60 * SECOND, 7 * SECOND));
}

#[test]
fn the_table_of_2015_is_whole() {
    let settings = go_2015();
    assert_eq!(settings.lengths.len(), 174);
    let sum: Duration = settings.lengths.values().sum();
    assert_eq!((sum + MILLISECOND) / (10 * MILLISECOND), 56_245, "562.45 s");
    assert_eq!(settings.lengths["go_test:runtime"], 21_020 * MILLISECOND);
    assert!(settings.lengths.contains_key("test:errors"), "a slip of 2015, so that `go_test:errors` has the default");
    let smallest = settings.lengths.iter().filter(|(name, _)| name.starts_with("go_test:")).min_by_key(|(_, l)| **l);
    assert_eq!(smallest, Some((&"go_test:hash/crc64".to_owned(), &(550 * MILLISECOND))));
    assert_eq!((settings.default, settings.overhead), (1_100 * MILLISECOND, 550 * MILLISECOND));
    assert_eq!((settings.make, settings.machine_start), (45 * SECOND, 60 * SECOND));
}
