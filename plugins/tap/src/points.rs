//! One verdict for each test point; a point is held until the lines that explain it have come.

use muster_sdk::parser::{ResultOf, Status};
use muster_sdk::types::from_seconds;

use crate::line::{Directive, Point};

/// The longest message that is kept of one point.
const MESSAGE_LIMIT: usize = 64 * 1024;

/// Points so far.
#[derive(Debug, Default)]
pub(crate) struct Points {
    count: u64,
    open: Option<ResultOf>,
}

impl Points {
    /// Takes in a point, and tells the one before.
    pub(crate) fn point(&mut self, point: &Point) -> Option<ResultOf> {
        self.count += 1;
        let name = match point.description.as_str() {
            "" => format!("{}", point.number.unwrap_or(self.count)),
            description => description.to_owned(),
        };
        let (status, message) = match &point.directive {
            Some(Directive::Skip(reason)) => (Status::Skipped, reason.clone()),
            Some(Directive::Todo(reason)) if !point.ok => (Status::Skipped, format!("TODO {reason}")),
            Some(Directive::Todo(_)) | None if point.ok => (Status::Passed, String::new()),
            Some(Directive::Todo(_)) | None => (Status::Failed, String::new()),
        };
        let duration = point.seconds.and_then(from_seconds);
        let result = ResultOf { case: name.clone(), name, suite: String::new(), status, duration, message };
        self.open.replace(result)
    }

    /// A line that explains the open point.
    pub(crate) fn explain(&mut self, line: &str) {
        let Some(open) = &mut self.open else {
            return;
        };
        if let Some(millis) = line.trim().strip_prefix("duration_ms:") {
            open.duration = millis.trim().parse::<f64>().ok().and_then(|millis| from_seconds(millis / 1000.0));
        }
        let room = MESSAGE_LIMIT.saturating_sub(open.message.len() + 1);
        if open.status == Status::Failed && room > 0 {
            if !open.message.is_empty() {
                open.message.push('\n');
            }
            open.message.push_str(&line[..line.floor_char_boundary(room)]);
        }
    }

    /// Tells the last point.
    pub(crate) fn end(&mut self) -> Option<ResultOf> {
        self.open.take()
    }
}
