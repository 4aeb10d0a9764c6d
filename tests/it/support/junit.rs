//! Reads JUnit XML, whoever wrote it.

use std::collections::BTreeMap;
use std::path::Path;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// What a test case is called: `classname` and `name`.
pub(crate) type Name = (String, String);

/// Each test case to its result; of several with one name, the last.
pub(crate) fn read(path: &Path) -> BTreeMap<Name, String> {
    cases(path).into_iter().collect()
}

/// Each name to the results of all test cases that have it, sorted, as `word` calls them.
pub(crate) fn read_all(path: &Path, word: impl Fn(&str) -> &str) -> BTreeMap<Name, Vec<String>> {
    let mut results: BTreeMap<Name, Vec<String>> = BTreeMap::new();
    for (name, result) in cases(path) {
        results.entry(name).or_default().push(word(&result).to_owned());
    }
    results.values_mut().for_each(|results| results.sort());
    results
}

/// The test cases in order.
fn cases(path: &Path) -> Vec<(Name, String)> {
    let mut results: Vec<(Name, String)> = Vec::new();
    let Ok(text) = std::fs::read_to_string(path) else { return results };
    let mut reader = Reader::from_str(&text);
    let mut is_open = false;
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) if tag.name().as_ref() == b"testcase" => {
                results.push((key(&tag), "passed".to_owned()));
                is_open = true;
            }
            Event::Empty(tag) if tag.name().as_ref() == b"testcase" => {
                results.push((key(&tag), "passed".to_owned()));
            }
            Event::End(tag) if tag.name().as_ref() == b"testcase" => is_open = false,
            Event::Start(tag) | Event::Empty(tag) => {
                let result = match tag.name().as_ref() {
                    b"failure" => "failed",
                    b"error" => "error",
                    b"skipped" => "skipped",
                    _ => continue,
                };
                if let Some((_, last)) = results.last_mut().filter(|_| is_open) {
                    result.clone_into(last);
                }
            }
            Event::Eof => return results,
            Event::End(_)
            | Event::Text(_)
            | Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::DocType(_)
            | Event::GeneralRef(_) => {}
        }
    }
}

fn key(tag: &BytesStart<'_>) -> (String, String) {
    let attribute = |name: &str| {
        let found = tag.try_get_attribute(name).unwrap();
        found.map(|value| value.unescape_value().unwrap().into_owned()).unwrap_or_default()
    };
    (attribute("classname"), attribute("name"))
}
