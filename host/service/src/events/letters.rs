//! Bytes as text, letters that were cut in two put together.

/// Decodes a stream piece by piece.
#[derive(Debug, Default)]
pub struct Letters {
    cut: Vec<u8>,
}

impl Letters {
    /// The text of a piece, and how many bytes of the stream it stands for. The bytes of a letter that was cut wait for
    /// the next piece.
    pub fn push(&mut self, piece: &[u8]) -> (String, usize) {
        let mut bytes = std::mem::take(&mut self.cut);
        bytes.extend_from_slice(piece);
        let whole = match std::str::from_utf8(&bytes) {
            Ok(_) => bytes.len(),
            // No length: the end was cut off, rather than wrong. A wrong byte is replaced below.
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => bytes.len() - open_end(&bytes),
        };
        self.cut = bytes.split_off(whole);
        (String::from_utf8_lossy(&bytes).into_owned(), whole)
    }

    /// What waits when the stream is over.
    pub fn end(&mut self) -> (String, usize) {
        let bytes = std::mem::take(&mut self.cut);
        (String::from_utf8_lossy(&bytes).into_owned(), bytes.len())
    }
}

/// Bytes at the end that may be the beginning of a letter.
fn open_end(bytes: &[u8]) -> usize {
    (1..=3.min(bytes.len()))
        .find(|back| match std::str::from_utf8(&bytes[bytes.len() - back..]) {
            Ok(_) => false,
            Err(error) => error.valid_up_to() == 0 && error.error_len().is_none(),
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_come_whole_and_every_byte_is_counted() {
        let stream = b"a\xc3\xa4\xff\xe2\x82\xac!\xc3";
        for cut in 1..stream.len() {
            let (mut letters, mut text, mut bytes) = (Letters::default(), String::new(), 0);
            for piece in [&stream[..cut], &stream[cut..]] {
                let (more, count) = letters.push(piece);
                text += &more;
                bytes += count;
            }
            let (more, count) = letters.end();
            assert_eq!((text + &more, bytes + count), ("a\u{e4}\u{fffd}\u{20ac}!\u{fffd}".to_owned(), stream.len()));
        }
    }
}
