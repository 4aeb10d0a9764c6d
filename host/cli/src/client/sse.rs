//! Server-sent events, taken apart.

/// Bytes of one event: more than any that a server sends.
const MAX_EVENT: usize = 16 << 20;

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ServerEvent {
    pub(super) id: Option<String>,
    pub(super) data: String,
}

/// Takes a stream apart, however its bytes are cut.
#[derive(Debug, Default)]
pub(super) struct Parser {
    open: Vec<u8>,
    event: ServerEvent,
    has_data: bool,
}

impl Parser {
    /// The events that this piece completes.
    ///
    /// # Errors
    /// An event that is far too large: this is no event stream.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<Vec<ServerEvent>, String> {
        let mut events = Vec::new();
        for line in piece.split_inclusive(|byte| *byte == b'\n') {
            self.open.extend_from_slice(line);
            if self.open.len() + self.event.data.len() > MAX_EVENT {
                return Err(format!("an event of more than {MAX_EVENT} bytes"));
            }
            if line.ends_with(b"\n") {
                let line = String::from_utf8_lossy(&self.open).trim_end_matches(['\n', '\r']).to_owned();
                self.open.clear();
                events.extend(self.line(&line));
            }
        }
        Ok(events)
    }

    fn line(&mut self, line: &str) -> Option<ServerEvent> {
        if line.is_empty() {
            let (event, has_data) = (std::mem::take(&mut self.event), std::mem::take(&mut self.has_data));
            return has_data.then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.event.id = Some(value.to_owned()),
            "data" => {
                if self.has_data {
                    self.event.data.push('\n');
                }
                self.has_data = true;
                self.event.data.push_str(value);
            }
            // A comment says that the server is there. What happened stands in the data, too; other fields are for browsers.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn events_are_the_same_however_the_bytes_are_cut() {
        let stream = b": here\n\nid: 7\nevent: phase\ndata: {\"a\":\ndata:1}\r\n\nevent: empty\n\ndata: \xc3\xa4\n\n";
        let whole = Parser::default().push(stream).unwrap();
        assert_eq!(whole.len(), 2, "an event without data is none");
        assert_eq!(whole[0], ServerEvent { id: Some("7".into()), data: "{\"a\":\n1}".into() });
        for cut in 1..stream.len() {
            let mut parser = Parser::default();
            let mut events = parser.push(&stream[..cut]).unwrap();
            events.extend(parser.push(&stream[cut..]).unwrap());
            assert_eq!(events, whole, "cut at {cut}");
        }
    }
}
