//! The parser role: headings, verdicts of packages, and the end of a test that is no package's.

use std::collections::BTreeMap;

use muster_sdk::lines;
use muster_sdk::log;
use muster_sdk::parser::{Event, Parser, ResultOf, Status};
use muster_sdk::settings::Settings;
use muster_sdk::types::{Error, ExitStatus, Test};

use crate::json::JsonEvents;
use crate::names::GO_TEST;
use crate::packages::{Packages, Told};
use crate::sections::{Piece, Sections, Seen, Unended};

/// What a heading begins with where the tool is told: text that no test prints.
pub(crate) const BANNER: &str = "XXXBANNERXXX:";
/// Settings for commands that run listed tests. They are said in full: without any a parser has the settings of its
/// plugin, which are the builder's.
pub(crate) const SHARDED: &str = "{\"banner\": \"XXXBANNERXXX:\"}";
/// Settings for Go's own scripts, whose headings begin as the tool's always do.
pub(crate) const WHOLE: &str = "{\"banner\": \"##### \"}";
/// The key of the note on where tests run.
const ENVIRONMENT: &str = "environment";

/// Reads one exec.
#[derive(Debug)]
pub struct GoDistParser {
    sections: Sections,
    reader: Reader,
}

/// Says what the pieces of the output mean.
#[derive(Debug)]
struct Reader {
    tests: Vec<Test>,
    /// Places of the tests of packages, by the package.
    packages: BTreeMap<String, usize>,
    plain: Packages,
    json: JsonEvents,
    /// The one test of this exec has begun.
    begun: bool,
    done: u32,
}

impl Parser for GoDistParser {
    fn new(settings: &str, tests: Vec<Test>) -> GoDistParser {
        let (mark, unended) = match read(settings) {
            Ok(read) => read,
            Err(error) => {
                log::error(&format!("go-dist: {error}; headings are taken to begin with {BANNER}"));
                (BANNER.to_owned(), Unended::Heading)
            }
        };
        let packages = tests.iter().enumerate().filter_map(|(at, test)| Some((package(test)?.to_owned(), at)));
        let packages = packages.collect();
        let (plain, json) = (Packages::default(), JsonEvents::default());
        let reader = Reader { tests, packages, plain, json, begun: false, done: 0 };
        GoDistParser { sections: Sections::new(&mark, unended), reader }
    }

    fn push(&mut self, chunk: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        self.sections.push(chunk, &mut |piece| self.reader.see(piece, &mut events));
        events
    }

    fn push_file(&mut self, _name: &str, _chunk: &[u8], _last: bool) -> Vec<Event> {
        Vec::new()
    }

    fn finish(&mut self, exit: &ExitStatus) -> Vec<Event> {
        let mut events = Vec::new();
        self.sections.finish(&mut |piece| self.reader.see(piece, &mut events));
        events.extend(self.reader.end_of_the_only_test(exit));
        events
    }
}

impl Reader {
    fn see(&mut self, piece: Piece<'_>, events: &mut Vec<Event>) -> Seen {
        match piece {
            Piece::Line(line) => return self.line(line, events),
            Piece::Text(text) => events.push(Event::Text(text.to_vec())),
            Piece::Environment(note) => events.push(Event::Other((ENVIRONMENT.into(), note))),
            Piece::Heading(heading) => {
                events.push(Event::Banner(heading));
                if let ([only], false) = (self.tests.as_slice(), self.begun) {
                    events.push(Event::Started(only.name.clone()));
                    self.begun = true;
                }
            }
        }
        Seen::Text
    }

    fn line(&mut self, line: &[u8], events: &mut Vec<Event>) -> Seen {
        if let Some(event) = self.json.line(line) {
            if !event.output.is_empty() {
                events.push(Event::Text(event.output.into_bytes()));
            }
            events.extend(event.told.and_then(|told| self.told(told)).into_iter().flatten());
            return Seen::Other;
        }
        events.push(Event::Text(line.to_vec()));
        let text = lines::text(line);
        let told = self.plain.line(&text, |package| self.packages.contains_key(package));
        events.extend(told.and_then(|told| self.told(told)).into_iter().flatten());
        Seen::Text
    }

    /// What is known of a package that is tested here.
    fn told(&mut self, told: Told) -> Option<[Event; 2]> {
        let test = &self.tests[*self.packages.get(&told.package)?];
        let result = ResultOf {
            name: test.name.clone(),
            suite: test.suite.clone(),
            case: test.case.clone(),
            status: told.status,
            duration: told.duration,
            message: told.message,
        };
        self.done += 1;
        let all = u32::try_from(self.tests.len()).unwrap_or(u32::MAX);
        Some([Event::Finished(result), Event::Progress((self.done.min(all), all))])
    }

    /// A test that is no package's has the verdict of its command; a package that was not mentioned has failed with it.
    /// One that was cut off has none here: the host knows why it was.
    fn end_of_the_only_test(&mut self, exit: &ExitStatus) -> Option<Event> {
        let [only] = self.tests.as_slice() else { return None };
        let ExitStatus::Exited(code) = exit else { return None };
        let (status, message) = match (code, package(only)) {
            (_, Some(_)) if self.done > 0 => return None,
            (0, Some(_)) => return None,
            (0, None) => (Status::Passed, String::new()),
            (code, _) => (Status::Failed, format!("exit status {code}\n{}", self.plain.rest())),
        };
        Some(Event::Finished(ResultOf {
            name: only.name.clone(),
            suite: only.suite.clone(),
            case: only.case.clone(),
            status,
            duration: None,
            message,
        }))
    }
}

/// The package that a test is all of.
fn package(test: &Test) -> Option<&str> {
    test.name.strip_prefix(GO_TEST)
}

/// `banner`: what a heading begins with; `unended-banner`: "heading", or "text" as in 2015.
fn read(settings: &str) -> Result<(String, Unended), Error> {
    let mut settings = Settings::parse(settings)?;
    let mark = settings.text("banner")?.unwrap_or_else(|| BANNER.to_owned());
    if mark.is_empty() {
        return Err(settings.invalid("banner", "a text that no test begins a line with"));
    }
    let unended = match settings.text("unended-banner")?.as_deref() {
        None | Some("heading") => Unended::Heading,
        Some("text") => Unended::Text,
        Some(_) => return Err(settings.invalid("unended-banner", "\"heading\" or \"text\"")),
    };
    settings.finish()?;
    Ok((mark, unended))
}

#[cfg(test)]
mod tests;
