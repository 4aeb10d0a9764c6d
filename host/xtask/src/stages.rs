//! Stages of a chore, each with its seconds.

use std::time::{Duration, Instant};

/// The stages that ended, in order.
#[derive(Default)]
pub(crate) struct Stages {
    ended: Vec<(&'static str, Duration)>,
}

impl Stages {
    /// Runs one stage and notes its time, failed or not.
    pub(crate) fn run<T>(
        &mut self,
        name: &'static str,
        stage: impl FnOnce() -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        eprintln!("== {name}");
        let started = Instant::now();
        let result = stage();
        self.ended.push((name, started.elapsed()));
        result
    }

    /// One line: seconds by stage and their sum.
    pub(crate) fn summary(&self) -> String {
        let total: Duration = self.ended.iter().map(|(_, took)| took).sum();
        let stages: Vec<String> =
            self.ended.iter().map(|(name, took)| format!("{name} {:.1} s", took.as_secs_f64())).collect();
        format!("{} (together {:.1} s)", stages.join(", "), total.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Stages;

    #[test]
    fn the_summary_has_each_stage_and_the_sum() {
        let ended = vec![("tools", Duration::from_millis(1_500)), ("plugins", Duration::from_secs(60))];
        let stages = Stages { ended };
        assert_eq!(stages.summary(), "tools 1.5 s, plugins 60.0 s (together 61.5 s)");
    }
}
