//! What the benches share: samples of a run, their ratio to the baseline of the same run, and bars.
//!
//! A bench takes one sample of each of its subjects in every round, so that what else the machine does meets all of
//! them alike, and ends with the exit status of its [`Report`]: 1 when a bar was missed.

use std::process::ExitCode;
use std::time::Duration;

/// Fewest samples a median is taken of.
const FEWEST: usize = 5;

/// What one subject took, round by round.
#[derive(Debug, Default)]
pub struct Samples(Vec<Duration>);

impl Samples {
    /// Adds the time of one round.
    pub fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// The time in the middle.
    ///
    /// # Panics
    ///
    /// Of fewer than five samples: that is no figure.
    #[must_use]
    pub fn median(&self) -> Duration {
        self.at(50)
    }

    /// The time that so many percent of the rounds did not reach.
    fn at(&self, percent: usize) -> Duration {
        assert!(self.0.len() >= FEWEST, "{} samples are too few", self.0.len());
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
    }
}

/// What a figure has to reach.
#[derive(Debug, Clone, Copy)]
pub enum Bar {
    /// Less than this.
    Below(f64),
    /// This or less.
    AtMost(f64),
    /// This or more.
    AtLeast(f64),
}

impl Bar {
    fn is_met(self, figure: f64) -> bool {
        match self {
            Bar::Below(bar) => figure < bar,
            Bar::AtMost(bar) => figure <= bar,
            Bar::AtLeast(bar) => figure >= bar,
        }
    }
}

/// The lines of one bench, printed as they come.
#[derive(Debug, Default)]
#[must_use = "its end is the exit status"]
pub struct Report {
    missed: bool,
}

impl Report {
    /// Prints a line that no bar depends on.
    pub fn note(&self, text: &str) {
        #[expect(clippy::print_stdout, reason = "the figures are the result")]
        {
            println!("{text}");
        }
    }

    /// Prints a subject's median and spread, and its ratio to the baseline of the same run.
    pub fn samples(&self, name: &str, samples: &Samples, baseline: &Samples) {
        let median = samples.median();
        let ratio = median.as_secs_f64() / baseline.median().as_secs_f64();
        let (low, high) = (samples.at(10), samples.at(90));
        let rounds = samples.0.len();
        self.note(&format!(
            "{name}: {median:.1?} (p10 {low:.1?}, p90 {high:.1?}, {rounds} rounds), {ratio:.2} of the baseline"
        ));
    }

    /// Prints a figure beside its bar, and remembers when it is missed.
    pub fn bar(&mut self, name: &str, figure: f64, bar: Bar) {
        let met = bar.is_met(figure);
        self.missed |= !met;
        let word = if met { "met" } else { "MISSED" };
        self.note(&format!("{name}: {figure:.2}, bar {bar:?}: {word}"));
    }

    /// The status of the whole bench.
    #[must_use]
    pub fn end(self) -> ExitCode {
        if self.missed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle_whatever_the_order() {
        let samples = Samples([9, 1, 5, 100, 3].map(Duration::from_millis).to_vec());
        assert_eq!(samples.median(), Duration::from_millis(5));
    }

    #[test]
    #[should_panic(expected = "too few")]
    fn four_samples_are_no_figure() {
        let _ = Samples([1, 2, 3, 4].map(Duration::from_millis).to_vec()).median();
    }

    #[test]
    fn one_missed_bar_fails_the_bench() {
        let mut report = Report::default();
        report.bar("met", 2.0, Bar::AtLeast(2.0));
        report.bar("met", 2.0, Bar::AtMost(2.0));
        assert!(!report.missed);
        report.bar("missed", 2.0, Bar::Below(2.0));
        report.bar("met", 1.0, Bar::Below(2.0));
        assert!(report.missed);
    }
}
