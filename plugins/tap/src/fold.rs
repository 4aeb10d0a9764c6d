//! One verdict for a test file, from its points.

use muster_sdk::parser::Status;

use crate::line::{Directive, Point};

/// The longest message that is kept.
const MESSAGE_LIMIT: usize = 64 * 1024;

/// What is known of a file.
#[derive(Debug, Default)]
pub(crate) struct Fold {
    plan: Option<u64>,
    /// Why the plan has no points.
    skip_all: Option<String>,
    points: u64,
    skipped: u64,
    failed: u64,
    bailed_out: bool,
    /// What `prove` says at the end of one that failed.
    told_failed: String,
    message: String,
}

impl Fold {
    pub(crate) fn point(&mut self, point: &Point) {
        // `prove -v` ends a file with a lone `ok`, which is its own.
        let is_proves = point.number.is_none() && point.description.is_empty() && point.directive.is_none();
        if is_proves && point.ok && self.plan.is_some_and(|plan| self.points >= plan) {
            return;
        }
        self.points += 1;
        self.told_failed.clear();
        match &point.directive {
            Some(Directive::Skip(_)) => self.skipped += 1,
            Some(Directive::Todo(_)) => {}
            None if point.ok => {}
            None => {
                self.failed += 1;
                let number = point.number.unwrap_or(self.points);
                self.say(&format!("not ok {number} - {}", point.description));
            }
        }
    }

    pub(crate) fn plan(&mut self, count: u64, skip: Option<String>) {
        self.told_failed.clear();
        self.plan = Some(count);
        self.skip_all = skip;
    }

    /// `prove` says that it failed; where more of the file follows, the file printed it itself.
    pub(crate) fn prove_failed(&mut self, line: &str) {
        say(&mut self.told_failed, line);
    }

    pub(crate) fn bail_out(&mut self, reason: &str) {
        self.bailed_out = true;
        self.say(&format!("Bail out! {reason}"));
    }

    /// A line that explains the last point, if that one failed.
    pub(crate) fn explain(&mut self, line: &str) {
        if self.failed > 0 {
            self.say(line);
        }
    }

    /// Whether the file is known to have ended as it said it would.
    pub(crate) fn is_whole(&self) -> bool {
        self.plan == Some(self.points)
    }

    /// The verdict and its message.
    pub(crate) fn verdict(mut self) -> (Status, String) {
        if !self.bailed_out {
            match self.plan {
                Some(plan) if plan != self.points => {
                    self.failed += 1;
                    self.say(&format!("planned {plan} tests and ran {}", self.points));
                }
                // Without `-v` its points are not shown.
                None if self.points == 0 && !self.told_failed.is_empty() => {}
                None => {
                    self.failed += 1;
                    self.say(if self.points == 0 { "no test and no plan in its output" } else { "no plan" });
                }
                Some(_) => {}
            }
        }
        if !self.told_failed.is_empty() {
            self.failed += 1;
            say(&mut self.message, &self.told_failed);
        }
        if self.failed > 0 || self.bailed_out {
            (Status::Failed, self.message)
        } else if self.plan == Some(0) || (self.points > 0 && self.skipped == self.points) {
            (Status::Skipped, self.skip_all.unwrap_or_default())
        } else {
            (Status::Passed, String::new())
        }
    }

    fn say(&mut self, line: &str) {
        say(&mut self.message, line);
    }
}

fn say(message: &mut String, line: &str) {
    let room = MESSAGE_LIMIT.saturating_sub(message.len() + 1);
    if !message.is_empty() && room > 0 {
        message.push('\n');
    }
    message.push_str(&line[..line.floor_char_boundary(room)]);
}
