//! From observations to an expectation for each test.

use std::collections::BTreeMap;
use std::time::Duration as StdDuration;

use builtin::{PRIOR, median, standard_deviation};
use muster_sdk::estimator::{Subject, TestEstimate};
use muster_sdk::types::{Duration, EstimateSource};

use crate::settings::HistorySettings;

/// Expected length and its deviation.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Expectation {
    expected: Duration,
    deviation: Duration,
}

/// One estimate for each subject, in order.
///
/// A test is first judged by itself. An unknown one is taken for the median of what is known of its set-up key
/// (module, package), else for the prior of the settings, else for the median of all that is known, else for 100 ms.
pub(crate) fn estimate(settings: &HistorySettings, subjects: &[Subject]) -> Vec<TestEstimate> {
    let own: Vec<Option<(Expectation, u32)>> = subjects.iter().map(|subject| own(settings, subject)).collect();
    let known = || subjects.iter().zip(&own).filter_map(|(subject, own)| own.map(|(own, _)| (subject, own.expected)));
    let mut by_key: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    for (subject, expected) in known() {
        if let Some(key) = &subject.setup_key {
            by_key.entry(key).or_default().push(expected);
        }
    }
    let by_key: BTreeMap<&str, Expectation> =
        by_key.into_iter().filter_map(|(key, known)| Some((key, of(&known)?))).collect();
    let rest = prior(settings, &known().map(|(_, expected)| expected).collect::<Vec<_>>());
    subjects
        .iter()
        .zip(own)
        .map(|(subject, own)| {
            let related = subject.setup_key.as_deref().and_then(|key| Some((key, by_key.get(key)?)));
            match (own, related) {
                (Some((own, count)), _) => answer(own, EstimateSource::History(count)),
                (None, Some((key, related))) => answer(*related, EstimateSource::Related(key.to_owned())),
                (None, None) => answer(rest, EstimateSource::Prior),
            }
        })
        .collect()
}

/// What the test itself was seen to take: exact observations where there are any, else apportioned ones.
fn own(settings: &HistorySettings, subject: &Subject) -> Option<(Expectation, u32)> {
    let newest = |exact: bool| {
        let observations = subject.observations.iter().filter(move |observation| observation.exact == exact);
        observations.take(settings.newest).map(|observation| observation.duration).collect::<Vec<_>>()
    };
    let exact = newest(true);
    let durations = if exact.is_empty() { newest(false) } else { exact };
    Some((of(&durations)?, u32::try_from(durations.len()).unwrap_or(u32::MAX)))
}

fn prior(settings: &HistorySettings, known: &[Duration]) -> Expectation {
    let fallback = nanos(PRIOR);
    match (settings.prior, of(known)) {
        (Some(prior), _) => Expectation { expected: prior, deviation: prior },
        (None, Some(known)) => known,
        (None, None) => Expectation { expected: fallback, deviation: fallback },
    }
}

fn of(durations: &[Duration]) -> Option<Expectation> {
    let durations: Vec<StdDuration> = durations.iter().map(|&nanos| StdDuration::from_nanos(nanos)).collect();
    let expected = median(&durations)?;
    Some(Expectation { expected: nanos(expected), deviation: nanos(standard_deviation(&durations)) })
}

fn answer(expectation: Expectation, source: EstimateSource) -> TestEstimate {
    TestEstimate { expected: expectation.expected, deviation: expectation.deviation, source }
}

fn nanos(duration: StdDuration) -> Duration {
    Duration::try_from(duration.as_nanos()).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use muster_sdk::types::{MILLISECOND, Observation};

    use super::*;

    const SETTINGS: HistorySettings = HistorySettings { prior: None, newest: 20 };

    fn subject(name: &str, key: Option<&str>, observed: &[(u64, bool)]) -> Subject {
        let observations = observed.iter().map(|&(ms, exact)| Observation { duration: ms * MILLISECOND, exact, at: 0 });
        Subject { name: name.into(), setup_key: key.map(Into::into), observations: observations.collect() }
    }

    fn check(settings: &HistorySettings, subjects: &[Subject], expected: &[(u64, EstimateSource)]) {
        let got: Vec<(u64, EstimateSource)> =
            estimate(settings, subjects).into_iter().map(|e| (e.expected / MILLISECOND, e.source)).collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn a_known_test_is_judged_by_itself() {
        let exact = subject("a", None, &[(900, false), (10, true), (30, true), (20, true)]);
        let apportioned = subject("b", None, &[(5, false), (7, false), (9, false)]);
        check(&SETTINGS, &[exact, apportioned], &[(20, EstimateSource::History(3)), (7, EstimateSource::History(3))]);
    }

    #[test]
    fn only_the_newest_count() {
        let mut observed = vec![(10, true); 20];
        observed.extend(vec![(99_000, true); 50]);
        check(&SETTINGS, &[subject("a", None, &observed)], &[(10, EstimateSource::History(20))]);
    }

    #[test]
    fn an_unknown_test_is_judged_by_its_neighbours_then_by_all() {
        let subjects = [
            subject("m::a", Some("m"), &[(100, true)]),
            subject("m::b", Some("m"), &[(300, true)]),
            subject("m::new", Some("m"), &[]),
            subject("n::new", Some("n"), &[]),
            subject("free", None, &[]),
        ];
        check(
            &SETTINGS,
            &subjects,
            &[
                (100, EstimateSource::History(1)),
                (300, EstimateSource::History(1)),
                (200, EstimateSource::Related("m".into())),
                (200, EstimateSource::Prior),
                (200, EstimateSource::Prior),
            ],
        );
        let settings = HistorySettings { prior: Some(50 * MILLISECOND), newest: 20 };
        check(&settings, &subjects[4..], &[(50, EstimateSource::Prior)]);
        check(&SETTINGS, &subjects[4..], &[(100, EstimateSource::Prior)]);
    }

    #[test]
    fn a_hundred_thousand_tests_pass() {
        let subjects: Vec<Subject> =
            (0..100_000).map(|i| subject("t", Some("m"), if i % 2 == 0 { &[(10, true)] } else { &[] })).collect();
        assert_eq!(estimate(&SETTINGS, &subjects).len(), 100_000);
    }
}
