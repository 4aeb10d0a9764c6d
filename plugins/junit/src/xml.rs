//! A small streaming reader of XML: elements, attributes and text, in bounded memory, however the bytes are cut.
//!
//! It does not validate: a result file is written by a program, and what is odd in it is passed over.

/// The longest tag that is held; attributes may carry whole messages.
const TAG_LIMIT: usize = 1024 * 1024;
/// The longest marker of the end of a comment and the like.
const TAIL: usize = 3;

/// What a document is made of.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Start { name: String, attributes: Vec<(String, String)> },
    End(String),
    Text(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Text,
    /// In a tag, and in which quotes.
    Tag(Option<u8>),
    /// In a tag that is too long to hold.
    LongTag(Option<u8>),
    Comment,
    Cdata,
}

/// Holds what is not yet complete.
#[derive(Debug)]
pub(crate) struct Xml {
    state: State,
    held: Vec<u8>,
}

impl Xml {
    pub(crate) fn new() -> Xml {
        Xml { state: State::Text, held: Vec::new() }
    }

    /// Takes in bytes.
    pub(crate) fn push(&mut self, chunk: &[u8], see: &mut impl FnMut(Item)) {
        for &byte in chunk {
            match self.state {
                State::Text => self.text(byte, see),
                State::Tag(quote) => self.tag(byte, quote, see),
                State::LongTag(quote) => self.long_tag(byte, quote),
                State::Comment => self.comment(byte),
                State::Cdata => self.cdata(byte, see),
            }
        }
    }

    fn text(&mut self, byte: u8, see: &mut impl FnMut(Item)) {
        if byte == b'<' {
            self.release_text(see);
            self.state = State::Tag(None);
            return;
        }
        self.held.push(byte);
        // An entity is not cut; text without one is of any length.
        if self.held.len() >= TAG_LIMIT {
            self.release_text(see);
        }
    }

    fn release_text(&mut self, see: &mut impl FnMut(Item)) {
        if !self.held.is_empty() {
            see(Item::Text(unescape(&String::from_utf8_lossy(&self.held))));
            self.held.clear();
        }
    }

    fn tag(&mut self, byte: u8, quote: Option<u8>, see: &mut impl FnMut(Item)) {
        let in_declaration = self.held.first().is_some_and(|&first| first == b'!' || first == b'?');
        match (byte, quote) {
            (b'>', None) => {
                see_tag(&self.held, see);
                self.held.clear();
                self.state = State::Text;
                return;
            }
            (b'"' | b'\'', None) if !in_declaration => self.state = State::Tag(Some(byte)),
            (_, Some(open)) if open == byte => self.state = State::Tag(None),
            _ => {}
        }
        self.held.push(byte);
        if self.held == b"!--" {
            self.held.clear();
            self.state = State::Comment;
        } else if self.held == b"![CDATA[" {
            self.held.clear();
            self.state = State::Cdata;
        } else if self.held.len() >= TAG_LIMIT {
            // What was held of it still says which element it is.
            let name = tag_name(&self.held);
            see(Item::Start { name, attributes: attributes(&String::from_utf8_lossy(&self.held)) });
            let State::Tag(quote) = self.state else { unreachable!("a tag is read") };
            self.held.clear();
            self.state = State::LongTag(quote);
        }
    }

    fn long_tag(&mut self, byte: u8, quote: Option<u8>) {
        self.state = match (byte, quote) {
            (b'>', None) => State::Text,
            (b'"' | b'\'', None) => State::LongTag(Some(byte)),
            (_, Some(open)) if open == byte => State::LongTag(None),
            _ => return,
        };
    }

    fn comment(&mut self, byte: u8) {
        self.held.push(byte);
        if self.held.ends_with(b"-->") {
            self.held.clear();
            self.state = State::Text;
        } else if self.held.len() > TAIL {
            self.held.remove(0);
        }
    }

    fn cdata(&mut self, byte: u8, see: &mut impl FnMut(Item)) {
        self.held.push(byte);
        let ended = self.held.ends_with(b"]]>");
        if !ended && self.held.len() < TAG_LIMIT {
            return;
        }
        let kept = if ended { TAIL } else { 0 };
        let text = String::from_utf8_lossy(&self.held[..self.held.len() - kept]).into_owned();
        see(Item::Text(text));
        self.held.clear();
        if ended {
            self.state = State::Text;
        }
    }
}

fn see_tag(tag: &[u8], see: &mut impl FnMut(Item)) {
    match tag.first() {
        None | Some(b'!' | b'?') => {}
        Some(b'/') => see(Item::End(tag_name(&tag[1..]))),
        Some(_) => {
            let name = tag_name(tag);
            let is_empty = tag.ends_with(b"/");
            see(Item::Start { name: name.clone(), attributes: attributes(&String::from_utf8_lossy(tag)) });
            if is_empty {
                see(Item::End(name));
            }
        }
    }
}

/// The name without a namespace.
fn tag_name(tag: &[u8]) -> String {
    let end = tag.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'/').unwrap_or(tag.len());
    let name = String::from_utf8_lossy(&tag[..end]).into_owned();
    name.rsplit(':').next().unwrap_or_default().to_owned()
}

fn attributes(tag: &str) -> Vec<(String, String)> {
    let mut attributes = Vec::new();
    let mut rest = tag.find(char::is_whitespace).map_or("", |start| &tag[start..]);
    while let Some((name, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let Some(quote) = after.chars().next().filter(|c| *c == '"' || *c == '\'') else { break };
        let value = &after[1..];
        let end = value.find(quote).unwrap_or(value.len());
        attributes.push((name.trim().to_owned(), unescape(&value[..end])));
        rest = value.get(end + 1..).unwrap_or_default();
    }
    attributes
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        plain.push_str(&rest[..start]);
        rest = &rest[start..];
        let entity = rest.find(';').and_then(|end| Some((end, entity(&rest[1..end])?)));
        match entity {
            Some((end, c)) => {
                plain.push(c);
                rest = &rest[end + 1..];
            }
            None => {
                plain.push('&');
                rest = &rest[1..];
            }
        }
    }
    plain.push_str(rest);
    plain
}

fn entity(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(document: &[u8]) -> Vec<Item> {
        let mut items = Vec::new();
        Xml::new().push(document, &mut |item| items.push(item));
        items
    }

    #[test]
    fn elements_attributes_and_text() {
        let start = |name: &str, attributes: &[(&str, &str)]| Item::Start {
            name: name.into(),
            attributes: attributes.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect(),
        };
        let document =
            b"<?xml version=\"1.0\"?><!DOCTYPE x><!-- <a> -- > --><a b='1 > 0' c = \"&lt;&#x41;&#10;&nope;\">\
            t&amp;u<![CDATA[<raw>]]]></a><x:e/>";
        assert_eq!(
            read(document),
            [
                start("a", &[("b", "1 > 0"), ("c", "<A\n&nope;")]),
                Item::Text("t&u".into()),
                Item::Text("<raw>]".into()),
                Item::End("a".into()),
                start("e", &[]),
                Item::End("e".into()),
            ]
        );
    }

    #[test]
    fn what_is_too_long_is_not_held() {
        let mut xml = Xml::new();
        let mut texts = 0;
        for start in [&b"<a b=\""[..], b"\"/><!--", b"--><![CDATA[", b"]]>"] {
            xml.push(start, &mut |_| {});
            for _ in 0..160 {
                xml.push(&[b'x'; 64 * 1024], &mut |item| texts += usize::from(matches!(item, Item::Text(_))));
                assert!(xml.held.len() <= TAG_LIMIT);
            }
        }
        assert_eq!(texts, 20, "ten of the section and ten of plain text");
    }
}
