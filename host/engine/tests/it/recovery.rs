//! Recovery: at every step the records fold into the engine's own state, and a build goes on from them to its end.

use engine::{BuildFacts, BuildId, BuildSpec, Event, Outcome, Record, Test, VerdictKind};

use crate::drive::{Drive, spec, test};

const BUILD: BuildId = BuildId(1);

fn tests() -> Vec<Test> {
    ["a", "b", "c", "d"].map(|name| Test { merge_key: None, ..test(name) }).to_vec()
}

fn submitted(spec: BuildSpec) -> Drive {
    let mut drive = Drive::new(1, tests());
    drive.tell(Event::BuildSubmitted(Box::new(spec)));
    drive
}

fn passed_once(facts: &BuildFacts) {
    assert!(matches!(&facts.ended, Some((_, Outcome::Passed, _))), "{:?}", facts.ended);
    assert_eq!(facts.tests.len(), tests().len());
    for test in &facts.tests {
        assert_eq!(test.verdict.as_ref().map(|verdict| verdict.kind), Some(VerdictKind::Passed), "{}", test.test.name);
        assert_eq!(test.exec_failures, [], "a restart is held against no test");
    }
}

#[test]
fn after_every_step_the_records_fold_into_the_state() {
    let mut drive = submitted(BuildSpec { max_helpers: 2, ..spec(1) });
    while let Some(facts) = drive.engine.facts(BUILD) {
        assert_eq!(&drive.folded(BUILD), facts);
        if !drive.go_on(|_| false) {
            break;
        }
    }
    passed_once(&drive.folded(BUILD));
}

#[test]
fn a_test_is_recorded_as_it_was_listed_and_read_from_before_it_had_notes() {
    let noted = Test { extra: vec![("module".into(), "sub/a.py".into())], ..test("a") };
    let json = serde_json::to_string(&noted).expect("a record");
    assert_eq!(serde_json::from_str::<Test>(&json).expect("what was written"), noted);
    let old = json.replace(r#","extra":[["module","sub/a.py"]]"#, "");
    assert_ne!(old, json);
    assert_eq!(serde_json::from_str::<Test>(&old).expect("what older ones wrote"), test("a"));
    let plain = serde_json::to_string(&test("a")).expect("a record");
    assert_eq!(plain, old, "and older ones read what has none");
}

#[test]
fn a_build_goes_on_from_any_step_to_the_same_end() {
    let mut drive = submitted(BuildSpec { max_helpers: 2, ..spec(1) });
    let mut lives: Vec<Vec<Record>> = vec![drive.records.clone()];
    while drive.go_on(|_| false) {
        lives.push(drive.records.clone());
    }
    assert!(lives.len() > 15, "{} steps are too few to show anything", lives.len());
    for records in lives {
        let before = BuildFacts::fold(&records).expect("it was submitted");
        let mut second = Drive::recovered(records, tests());
        if before.ended.is_some() {
            assert!(second.engine.is_idle(), "what is over stays over");
            continue;
        }
        assert_eq!(Some(&second.folded(BUILD)), second.engine.facts(BUILD), "what recovery did is recorded too");
        second.run_to_end();
        let after = second.folded(BUILD);
        passed_once(&after);
        for (test, earlier) in after.tests.iter().zip(&before.tests) {
            assert!(earlier.verdict.is_none() || earlier.verdict == test.verdict, "a verdict outlives a restart");
        }
        assert!(second.engine.is_idle());
    }
}

#[test]
fn no_number_is_used_twice_after_a_restart() {
    let mut drive = submitted(spec(1));
    for _ in 0..9 {
        drive.go_on(|_| false);
    }
    let first = drive.folded(BUILD);
    let mut second = Drive::recovered(drive.records.clone(), tests());
    let ids: Vec<_> = second.awaited.keys().copied().collect();
    assert!(ids.iter().all(|op| !drive.awaited.contains_key(op)), "answers of before cannot be taken for new ones");
    second.run_to_end();
    let after = second.folded(BUILD);
    assert!(first.leases.len() < after.leases.len() && first.attempts.len() < after.attempts.len());
}
