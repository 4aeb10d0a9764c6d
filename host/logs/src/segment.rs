//! The form of a segment: a head, a mark, and the bytes, compressed where that pays.
//!
//! All numbers are little endian.
//!
//! | bytes | what |
//! |---|---|
//! | 0..8 | `MUSTLOG` and the version, 1 |
//! | 8..12 | flags: 1 compressed with zstd, 2 the stream ends here, 4 the last line is open |
//! | 12..16 | plain bytes |
//! | 16..20 | stored bytes |
//! | 20..24 | CRC-32 of the stored bytes |
//! | 24..32 | offset in the stream |
//! | 32..40 | newlines before this offset |
//! | 40..48 | where the mark stands |
//! | 48..56 | who wrote it: a random number |
//! | 56..60 | newlines in it |
//! | 60..64 | length of the mark; 2^32-1 if there is none |
//! | 64.. | the mark, the CRC-32 of all before (4 bytes), the stored bytes |

use bytes::Bytes;

/// Longest mark, in bytes.
pub const MAX_MARK_BYTES: usize = 64 << 10;
/// Most bytes under one mark: they are in one segment.
pub const MAX_MARKED_BYTES: usize = 4 << 20;
/// What has to be read of a segment to have its head and mark.
pub(crate) const MAX_HEAD_BYTES: u64 = (HEAD_BYTES + MAX_MARK_BYTES + CRC_BYTES) as u64;
/// Longest segment as it is stored.
pub(crate) const MAX_STORED_BYTES: u64 = MAX_HEAD_BYTES + MAX_MARKED_BYTES as u64;

const MAGIC: &[u8; 8] = b"MUSTLOG\x01";
const HEAD_BYTES: usize = 64;
const CRC_BYTES: usize = 4;
const COMPRESSED: u32 = 1;
const LAST: u32 = 2;
const OPEN: u32 = 4;
const NO_MARK: u32 = u32::MAX;
/// Fewer bytes are not worth compressing.
const MIN_COMPRESSED: usize = 256;
/// The quickest: a log is written once, and often while nobody reads it.
const LEVEL: i32 = 1;

/// What a writer must know to go on from where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Behind which byte of the stream it stands.
    pub at: u64,
    /// The writer's own text.
    pub text: String,
}

/// What is known of a segment without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Of its first byte.
    pub(crate) offset: u64,
    /// Its plain bytes.
    pub(crate) bytes: u32,
    /// Newlines of the stream before it.
    pub(crate) lines_before: u64,
    /// Newlines in it.
    pub(crate) lines: u32,
    /// The stream ends with it.
    pub(crate) last: bool,
    /// Its last byte is no newline; or it is empty and the byte before it is none.
    pub(crate) open: bool,
    /// The last mark of the stream so far.
    pub(crate) mark: Option<Mark>,
    /// Who wrote it.
    pub(crate) writer: u64,
}

impl Head {
    /// Where the next segment begins.
    pub(crate) fn end(&self) -> u64 {
        self.offset + u64::from(self.bytes)
    }

    /// Newlines of the stream up to its end.
    pub(crate) fn lines_after(&self) -> u64 {
        self.lines_before + u64::from(self.lines)
    }
}

/// Where the stored bytes are, and what they must be.
struct Body {
    at: usize,
    stored: u32,
    crc: u32,
    compressed: bool,
}

/// Encodes a segment of at most [`MAX_MARKED_BYTES`].
pub(crate) fn encode(head: &Head, plain: &[u8]) -> Bytes {
    let compressed = compress(plain);
    let stored = compressed.as_deref().unwrap_or(plain);
    let flag = |is: bool, bit: u32| if is { bit } else { 0 };
    let flags = flag(compressed.is_some(), COMPRESSED) | flag(head.last, LAST) | flag(head.open, OPEN);
    let mark = head.mark.as_ref().map_or("", |mark| &mark.text);
    let mark_bytes = if head.mark.is_some() { length(mark.as_bytes()) } else { NO_MARK };
    let mut out = Vec::with_capacity(HEAD_BYTES + mark.len() + CRC_BYTES + stored.len());
    out.extend_from_slice(MAGIC);
    for number in [flags, length(plain), length(stored), crc32fast::hash(stored)] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    for number in [head.offset, head.lines_before, head.mark.as_ref().map_or(0, |mark| mark.at), head.writer] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    for number in [head.lines, mark_bytes] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(mark.as_bytes());
    let crc = crc32fast::hash(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(stored);
    out.into()
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("segments and marks are bounded")
}

/// The bytes compressed, if that saves at least a sixteenth.
fn compress(plain: &[u8]) -> Option<Vec<u8>> {
    if plain.len() < MIN_COMPRESSED {
        return None;
    }
    let compressed = zstd::bulk::compress(plain, LEVEL).ok()?;
    (compressed.len() <= plain.len() - plain.len() / 16).then_some(compressed)
}

/// Reads a head from the first [`MAX_HEAD_BYTES`] of a segment, or all it has; the error says what is wrong.
pub(crate) fn decode_head(bytes: &[u8]) -> Result<Head, String> {
    head_and_body(bytes).map(|(head, _)| head)
}

/// Reads a whole segment.
pub(crate) fn decode(bytes: &Bytes) -> Result<(Head, Bytes), String> {
    let (head, body) = head_and_body(bytes)?;
    let stored = bytes.slice(body.at..);
    if stored.len() != body.stored as usize {
        return Err(format!("it holds {} bytes, its head says {}", stored.len(), body.stored));
    }
    if crc32fast::hash(&stored) != body.crc {
        return Err("its bytes are not those that were written".to_owned());
    }
    let plain = if body.compressed {
        let plain = zstd::bulk::decompress(&stored, head.bytes as usize);
        Bytes::from(plain.map_err(|error| format!("it cannot be unpacked: {error}"))?)
    } else {
        stored
    };
    if plain.len() != head.bytes as usize {
        return Err(format!("it unpacks to {} bytes, its head says {}", plain.len(), head.bytes));
    }
    Ok((head, plain))
}

fn head_and_body(bytes: &[u8]) -> Result<(Head, Body), String> {
    let short = || format!("it has only {} bytes", bytes.len());
    let mut fixed = bytes.get(..HEAD_BYTES).ok_or_else(short)?;
    if fixed.get(..MAGIC.len()) != Some(MAGIC) {
        return Err("it does not begin as a segment of this version does".to_owned());
    }
    let mut take = |count: usize| {
        let (number, rest) = fixed.split_at(count);
        fixed = rest;
        number.iter().rev().fold(0_u64, |value, byte| value << 8 | u64::from(*byte))
    };
    take(MAGIC.len());
    let [flags, plain, stored, crc] = [(); 4].map(|()| take(4) as u32);
    let [offset, lines_before, mark_at, writer] = [(); 4].map(|()| take(8));
    let [lines, mark_bytes] = [(); 2].map(|()| take(4) as u32);
    let mark_length = if mark_bytes == NO_MARK { 0 } else { mark_bytes as usize };
    if mark_length > MAX_MARK_BYTES || plain as usize > MAX_MARKED_BYTES {
        return Err("its head names impossible lengths".to_owned());
    }
    let mark_end = HEAD_BYTES + mark_length;
    let checked = bytes.get(..mark_end).ok_or_else(short)?;
    let sum = bytes.get(mark_end..mark_end + CRC_BYTES).ok_or_else(short)?;
    if sum != crc32fast::hash(checked).to_le_bytes() {
        return Err("its head is not the one that was written".to_owned());
    }
    let text = String::from_utf8(checked[HEAD_BYTES..].to_vec()).map_err(|_| "its mark is no text".to_owned())?;
    let mark = (mark_bytes != NO_MARK).then_some(Mark { at: mark_at, text });
    let (last, open) = (flags & LAST != 0, flags & OPEN != 0);
    let head = Head { offset, bytes: plain, lines_before, lines, last, open, mark, writer };
    Ok((head, Body { at: mark_end + CRC_BYTES, stored, crc, compressed: flags & COMPRESSED != 0 }))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn head(bytes: usize) -> Head {
        Head {
            offset: 1 << 40,
            bytes: u32::try_from(bytes).unwrap(),
            lines_before: 1 << 33,
            lines: 3,
            last: true,
            open: false,
            mark: Some(Mark { at: 99, text: "{\"é\":1}".to_owned() }),
            writer: u64::MAX,
        }
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let text = b"a line that repeats\n".repeat(1_000);
        for plain in [&text[..], b"", b"x", &(0..=255).collect::<Vec<u8>>()] {
            let mut head = head(plain.len());
            assert_eq!(decode(&encode(&head, plain)).unwrap(), (head.clone(), Bytes::copy_from_slice(plain)));
            head.mark = None;
            head.last = false;
            head.open = true;
            let encoded = encode(&head, plain);
            assert_eq!(decode_head(&encoded).unwrap(), head);
        }
        assert!(encode(&head(text.len()), &text).len() < text.len() / 10, "text is compressed");
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_found() {
        let plain = b"some bytes that do not shrink";
        let encoded = encode(&head(plain.len()), plain);
        for at in 0..encoded.len() {
            for bit in 0..8 {
                let mut damaged = encoded.to_vec();
                damaged[at] ^= 1 << bit;
                assert!(decode(&damaged.into()).is_err(), "bit {bit} of byte {at}");
            }
            assert!(decode(&encoded.slice(..at)).is_err(), "cut at {at}");
        }
        let longer = [&encoded[..], b"x"].concat();
        assert!(decode(&longer.into()).is_err());
    }
}
