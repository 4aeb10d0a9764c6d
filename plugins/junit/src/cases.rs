//! From the elements of a result file to test cases.

use muster_sdk::parser::Status;
use muster_sdk::types::{Duration, from_seconds};

use crate::xml::Item;

/// The longest message that is kept of one case.
const MESSAGE_LIMIT: usize = 64 * 1024;

/// One `testcase` element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    /// Name of the nearest suite.
    pub(crate) suite: String,
    pub(crate) class: String,
    pub(crate) name: String,
    pub(crate) file: String,
    pub(crate) status: Status,
    pub(crate) duration: Option<Duration>,
    pub(crate) message: String,
}

/// Reads the elements of one file.
#[derive(Debug, Default)]
pub(crate) struct Cases {
    suites: Vec<(String, String)>,
    case: Option<Case>,
    /// The element inside a case whose text is its message.
    inside: Option<String>,
}

impl Cases {
    /// Takes in an item; a case is told when it ends.
    pub(crate) fn item(&mut self, item: Item) -> Option<Case> {
        match item {
            Item::Start { name, attributes } => self.start(&name, &attributes),
            Item::Text(text) => {
                if let (Some(case), Some(_)) = (&mut self.case, &self.inside) {
                    add(&mut case.message, text.trim_matches('\n'));
                }
            }
            Item::End(name) if name == "testcase" => {
                self.inside = None;
                return self.case.take();
            }
            Item::End(name) if name == "testsuite" => {
                self.suites.pop();
            }
            Item::End(name) => {
                if self.inside.as_ref() == Some(&name) {
                    self.inside = None;
                }
            }
        }
        None
    }

    /// Whether an element is still open.
    pub(crate) fn is_cut(&self) -> bool {
        !self.suites.is_empty() || self.case.is_some()
    }

    fn start(&mut self, name: &str, attributes: &[(String, String)]) {
        let value = |key: &str| {
            attributes.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone()).unwrap_or_default()
        };
        match name {
            "testsuite" => self.suites.push((value("name"), value("file"))),
            "testcase" => {
                let (suite, suite_file) = self.suites.last().cloned().unwrap_or_default();
                let file = Some(value("file")).filter(|file| !file.is_empty()).unwrap_or(suite_file);
                // Surefire writes thousands with a comma.
                let duration = value("time").replace(',', "").parse().ok().and_then(from_seconds);
                // Google's framework has an attribute where others have an element.
                let is_left_out = ["notrun", "disabled", "skipped"].contains(&value("status").as_str());
                let status = if is_left_out { Status::Skipped } else { Status::Passed };
                let class = value("classname");
                let name = value("name");
                self.case = Some(Case { suite, class, name, file, status, duration, message: String::new() });
            }
            "failure" | "error" => self.judge(name, Status::Failed, &value("message")),
            "skipped" => self.judge(name, Status::Skipped, &value("message")),
            // A flaky failure and a rerun belong to a test whose last try is what counts.
            _ => {}
        }
    }

    fn judge(&mut self, element: &str, status: Status, message: &str) {
        let Some(case) = &mut self.case else {
            return;
        };
        if case.status != Status::Failed {
            case.status = status;
        }
        add(&mut case.message, message);
        self.inside = Some(element.to_owned());
    }
}

/// Adds a paragraph that is not there yet, up to the limit.
pub(crate) fn add(message: &mut String, more: &str) {
    let more = more.trim_end();
    if more.is_empty() || (!message.is_empty() && more.starts_with(message.as_str()) && message.len() == more.len()) {
        return;
    }
    if !message.is_empty() {
        message.push('\n');
    }
    let room = MESSAGE_LIMIT.saturating_sub(message.len());
    message.push_str(&more[..more.floor_char_boundary(room)]);
}
