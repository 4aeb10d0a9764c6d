//! Stages of a chore, each with its seconds.

use std::thread;
use std::time::{Duration, Instant};

/// The stages that ended, in order.
#[derive(Default)]
pub(crate) struct Stages {
    ended: Vec<(String, Duration)>,
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
        self.ended.push((name.to_owned(), started.elapsed()));
        result
    }

    /// Runs one stage on a thread of its own while others run, and notes how long it was waited for when these had ended.
    pub(crate) fn run_beside<T: Send, U>(
        &mut self,
        name: &'static str,
        stage: impl FnOnce() -> anyhow::Result<T> + Send,
        others: impl FnOnce(&mut Stages) -> anyhow::Result<U>,
    ) -> anyhow::Result<(T, U)> {
        eprintln!("== {name}, beside what follows");
        thread::scope(|scope| {
            let begun = Instant::now();
            let beside = scope.spawn(move || (stage(), begun.elapsed()));
            let others = others(self);
            let waiting = Instant::now();
            let (result, took) = beside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            self.ended.push((format!("waiting for {name} ({:.1} s)", took.as_secs_f64()), waiting.elapsed()));
            Ok((result?, others?))
        })
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
    use std::sync::mpsc;
    use std::time::Duration;

    use super::Stages;

    #[test]
    fn the_summary_has_each_stage_and_the_sum() {
        let ended =
            vec![("tools".to_owned(), Duration::from_millis(1_500)), ("plugins".to_owned(), Duration::from_secs(60))];
        let stages = Stages { ended };
        assert_eq!(stages.summary(), "tools 1.5 s, plugins 60.0 s (together 61.5 s)");
    }

    #[test]
    fn a_stage_beside_others_runs_while_they_do_and_either_may_fail() {
        let mut stages = Stages::default();
        let (sender, receiver) = mpsc::channel();
        let others = |stages: &mut Stages| stages.run("build", || Ok(sender.send(7)?));
        let both = stages.run_beside("tools", move || Ok(receiver.recv()?), others);
        assert_eq!(both.ok(), Some((7, ())), "each waits for the other");
        let names: Vec<&str> = stages.ended.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names[0], "build");
        assert!(names[1].starts_with("waiting for tools ("), "{names:?}");
        let fails = || -> anyhow::Result<()> { anyhow::bail!("no network") };
        assert!(stages.run_beside("tools", fails, |_| Ok(())).is_err());
        assert!(stages.run_beside("tools", || Ok(()), |_| fails()).is_err());
    }
}
