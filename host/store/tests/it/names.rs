//! Names that a database cannot hold, or that its indexes cannot, on either database.

use engine::BuildId;
use store::{BuildHeader, Cause, Commit, Series, StoreError};

use crate::suite::{Check, header, observed, of_test, open};

pub(crate) const ALL: &[(&str, Check)] = &[
    ("odd_names", |place| Box::pin(a_name_that_cannot_be_held_is_refused(place))),
    ("long_names", |place| Box::pin(tests_of_long_names_are_remembered(place))),
];

/// Letters of three bytes that no database packs into few.
fn noise(letters: usize, seed: u64) -> String {
    let mut state = seed;
    let mut letter = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from_u32(0x4e00 + u32::try_from((state >> 33) % 0x5000).unwrap()).unwrap()
    };
    (0..letters).map(|_| letter()).collect()
}

async fn a_name_that_cannot_be_held_is_refused(place: String) {
    let store = open(&place).await;
    let epoch = store.claim_epoch("main").await.unwrap();
    let plain = header(BuildId(2));
    let odd = [
        BuildHeader { project: "a\0b".to_owned(), ..plain.clone() },
        BuildHeader { builder: "a\0b".to_owned(), ..plain.clone() },
        BuildHeader { rev: "a\0b".to_owned(), ..plain.clone() },
        BuildHeader { project: noise(334, 1), ..plain.clone() },
        BuildHeader { builder: noise(3_000, 1), ..plain.clone() },
    ];
    for odd in odd {
        let commit = Commit { begun: vec![header(BuildId(1)), odd], ..Commit::default() };
        let error = store.commit(&epoch, &commit).await.unwrap_err();
        assert!(matches!(error, StoreError::Name { .. } | StoreError::LongName { .. }), "{error:?}");
        assert_eq!(error.cause(), Cause::Other);
        assert_eq!(store.unfinished("main").await.unwrap(), [], "nothing of it was committed");
    }
    let longest = BuildHeader { project: noise(333, 1), builder: noise(333, 2), rev: noise(3_000, 3), ..plain };
    store.commit(&epoch, &Commit { begun: vec![longest.clone()], ..Commit::default() }).await.unwrap();
    assert_eq!(store.unfinished("main").await.unwrap(), [longest]);
    store.close().await;
}

async fn tests_of_long_names_are_remembered(place: String) {
    let store = open(&place).await;
    let series = Series { project: "p".to_owned(), builder: "b".to_owned(), host_type: "h".to_owned() };
    let long = noise(3_000, 1);
    // Alike for longer than what an index holds; the longest name that is kept as it is; and one byte more.
    let names = [format!("{long}a"), format!("{long}b"), "x".repeat(1_000), "x".repeat(1_001), "short".to_owned()];
    for build in 1..=2 {
        let tests: Vec<_> = (1..).zip(&names).map(|(n, name)| of_test(name, observed(build, n))).collect();
        store.observe(&series, &tests, &[]).await.unwrap();
    }
    // Looked up one by one, and in ranges with many others.
    let others: Vec<String> = (0..200).map(|n| format!("{long}{n}")).collect();
    for asked in [names.to_vec(), [&names[..], &others[..]].concat()] {
        let found = store.observations(&series, &asked).await.unwrap();
        assert_eq!(found.len(), asked.len());
        for ((n, name), found) in (1..).zip(&names).zip(&found) {
            assert_eq!(*found, [observed(2, n), observed(1, n)], "{name:.40}");
        }
        assert!(found[names.len()..].iter().all(Vec::is_empty));
    }
    store.close().await;
}
