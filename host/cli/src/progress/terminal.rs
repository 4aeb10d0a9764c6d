//! A terminal: the phase, one line per buildlet with what it runs, tests done of all, and when it will be over.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::event::role_word;
use super::{BuildState, BuildletLine, Progress, plain};
use crate::text;
use crate::view::{BuildUpdate, BuildletState};

/// Lines for buildlets: more would push everything else off a small terminal. The last line says what was left out.
const MAX_LINES: usize = 16;
/// Characters of what a buildlet runs; the terminal cuts what is still too wide.
const MAX_WHAT: usize = 160;

/// Draws on standard error.
pub struct TerminalProgress {
    bars: MultiProgress,
    head: ProgressBar,
    lines: BTreeMap<String, ProgressBar>,
    more: ProgressBar,
    state: BuildState,
    verbose: u8,
    quiet: bool,
}

impl TerminalProgress {
    /// Draws nothing until the first update.
    pub fn new(verbose: u8, quiet: bool) -> TerminalProgress {
        TerminalProgress::on(ProgressDrawTarget::stderr(), verbose, quiet)
    }

    /// Draws on this target.
    fn on(target: ProgressDrawTarget, verbose: u8, quiet: bool) -> TerminalProgress {
        let bars = MultiProgress::with_draw_target(target);
        let head = bars.add(ProgressBar::new(0));
        head.set_style(style("{spinner:.cyan} {prefix:.bold} {wide_msg}"));
        let more = bars.add(ProgressBar::new(0));
        more.set_style(style("{msg:.dim}"));
        TerminalProgress { bars, head, lines: BTreeMap::new(), more, state: BuildState::default(), verbose, quiet }
    }

    fn draw(&mut self, now: Duration) {
        self.head.set_prefix(if self.state.phase.is_empty() { "muster".to_owned() } else { self.state.phase.clone() });
        self.head.set_message(head_line(&self.state, now));
        let shown: Vec<(String, String)> = self
            .state
            .buildlets
            .iter()
            .take(MAX_LINES)
            .map(|(name, line)| (name.clone(), buildlet_line(line, now)))
            .collect();
        self.lines.retain(|name, bar| {
            let stays = shown.iter().any(|(shown, _)| shown == name);
            if !stays {
                bar.finish_and_clear();
                self.bars.remove(bar);
            }
            stays
        });
        for (name, message) in shown {
            let bar = self.lines.entry(name).or_insert_with_key(|name| {
                let bar = self.bars.insert_before(&self.more, ProgressBar::new(0));
                bar.set_style(style("  {prefix:.cyan} {wide_msg}"));
                bar.set_prefix(format!("{name:<12}"));
                bar
            });
            bar.set_message(message);
        }
        let hidden = self.state.buildlets.len().saturating_sub(MAX_LINES);
        self.more.set_message(if hidden > 0 { format!("  and {hidden} more") } else { String::new() });
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates of this file are well-formed")
}

fn head_line(state: &BuildState, now: Duration) -> String {
    let mut parts = vec![text::duration(now)];
    if let Some(listed) = state.listed {
        parts.push(format!("{} of {} tests", text::number(state.done_so_far()), text::number(listed)));
    }
    if state.failed > 0 {
        parts.push(format!("{} failed", text::number(state.failed)));
    }
    if state.lost > 0 {
        parts.push(format!("{} lost", text::plural(state.lost, "machine")));
    }
    if let Some(remaining) = state.remaining(now).filter(|_| state.phase == "test") {
        parts.push(format!("about {} left", text::duration(remaining)));
    }
    parts.join(", ")
}

fn buildlet_line(line: &BuildletLine, now: Duration) -> String {
    let for_time = text::duration(now.saturating_sub(line.since));
    let role = role_word(line.role);
    match &line.state {
        BuildletState::Running { tests, .. } => {
            let last = line.last_reported.as_ref().or(tests.first());
            let what = last.map_or_else(String::new, |test| text::one_line(test, MAX_WHAT));
            let of = if tests.len() > 1 { format!("{} of {}  ", line.reported, tests.len()) } else { String::new() };
            format!("{role:<6} {for_time:>6}  {of}{what}")
        }
        BuildletState::Starting
        | BuildletState::SettingUp
        | BuildletState::Idle
        | BuildletState::Lost { .. }
        | BuildletState::Released => format!("{role:<6} {for_time:>6}  {}", line.state.word()),
    }
}

impl Progress for TerminalProgress {
    fn update(&mut self, since: Duration, update: &BuildUpdate) {
        self.state.fold(since, update);
        let phase = matches!(update, BuildUpdate::Phase { .. });
        if let Some(line) = plain::line(update, self.verbose, self.quiet).filter(|_| !phase) {
            // The only failure is that the terminal is gone, and then nobody misses the line.
            let _gone = self.bars.println(line);
        }
    }

    fn tick(&mut self, since: Duration) {
        self.head.tick();
        self.draw(since);
    }

    fn finish(&mut self) {
        // As above: without a terminal there is nothing to clear.
        let _gone = self.bars.clear();
    }
}

#[cfg(test)]
mod tests {
    use engine::{Role, Status};
    use indicatif::{InMemoryTerm, TermLike};

    use super::*;
    use crate::view::PhaseEdge;

    #[test]
    fn draws_a_line_for_each_buildlet() {
        let term = InMemoryTerm::new(20, 80);
        let target = ProgressDrawTarget::term_like(Box::new(term.clone()) as Box<dyn TermLike>);
        let mut progress = TerminalProgress::on(target, 0, false);
        let running = BuildletState::Running { tests: vec!["a::b".into(), "a::c".into()], since: Duration::ZERO };
        let buildlet = |name: &str, role, state| BuildUpdate::Buildlet {
            name: name.into(),
            role,
            pool: "local".into(),
            pid: Some(7),
            state,
        };
        for update in [
            BuildUpdate::Phase { name: "test".into(), edge: PhaseEdge::Started },
            BuildUpdate::Listed { tests: 10 },
            BuildUpdate::Estimates { total: Duration::from_secs(60), unknown: 0 },
            buildlet("local-1", Role::Main, running),
            BuildUpdate::TestReported {
                name: "a::b".into(),
                status: Status::Passed,
                duration: Some(Duration::from_secs(30)),
                buildlet: "local-1".into(),
            },
            buildlet("local-2", Role::Helper, BuildletState::SettingUp),
            buildlet("local-3", Role::Helper, BuildletState::Starting),
            buildlet("local-3", Role::Helper, BuildletState::Lost { cause: "killed".into() }),
        ] {
            progress.update(Duration::ZERO, &update);
        }
        progress.tick(Duration::from_secs(2));
        let screen = term.contents();
        assert!(screen.contains("lost local-3: killed"), "{screen}");
        assert!(screen.contains("1 of 10 tests, 1 machine lost, about 18.0s left"), "{screen}");
        assert!(screen.contains("local-1      main    2.00s  1 of 2  a::b"), "{screen}");
        assert!(screen.contains("local-2      helper  2.00s  setting-up"), "{screen}");
        assert!(!screen.contains("local-3      helper"), "{screen}");
        progress.finish();
    }
}
