//! Reads JUnit XML, whoever wrote it.

use std::collections::BTreeMap;
use std::path::Path;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// `classname` and `name` of each test case to its result.
pub(crate) fn read(path: &Path) -> BTreeMap<(String, String), String> {
    let mut results = BTreeMap::new();
    let Ok(text) = std::fs::read_to_string(path) else { return results };
    let mut reader = Reader::from_str(&text);
    let mut open: Option<(String, String)> = None;
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) if tag.name().as_ref() == b"testcase" => {
                let key = key(&tag);
                results.insert(key.clone(), "passed".to_owned());
                open = Some(key);
            }
            Event::Empty(tag) if tag.name().as_ref() == b"testcase" => {
                results.insert(key(&tag), "passed".to_owned());
            }
            Event::End(tag) if tag.name().as_ref() == b"testcase" => open = None,
            Event::Start(tag) | Event::Empty(tag) => {
                let result = match tag.name().as_ref() {
                    b"failure" => "failed",
                    b"error" => "error",
                    b"skipped" => "skipped",
                    _ => continue,
                };
                if let Some(key) = &open {
                    results.insert(key.clone(), result.to_owned());
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
