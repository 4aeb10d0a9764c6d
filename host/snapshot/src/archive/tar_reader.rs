//! Reads tar headers and their extensions (GNU long names, pax records) with every size bounded.
//!
//! The `tar` crate decodes the fixed fields; the sequence of headers is read here because a hostile extension header
//! must not choose how much memory is used, and an archive without its end marker must not pass for whole.

use std::{
    io::{self, Read},
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tar::Header;

use super::options::Limits;
use crate::error::ArchiveError;

const BLOCK: usize = 512;
/// Longest extension header, in bytes: pax records of a file with many attributes, and no more.
const MAX_EXTENSION_BYTES: u64 = 1 << 20;
/// Most zero bytes accepted after the end marker; GNU tar pads to 10 KiB, its largest usual record is 1 MiB.
const MAX_PADDING_BYTES: u64 = 1 << 20;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    Symlink,
    HardLink,
    /// Anything else, by the flag in its header.
    Other(u8),
}

impl Kind {
    fn of(flag: u8, name: &[u8]) -> Self {
        match flag {
            // Archives of before 1988 mark directories by a slash only.
            b'0' | b'\0' if name.ends_with(b"/") => Kind::Directory,
            // A contiguous file is a hint to systems that are gone.
            b'0' | b'\0' | b'7' => Kind::File,
            b'1' => Kind::HardLink,
            b'2' => Kind::Symlink,
            b'5' => Kind::Directory,
            other => Kind::Other(other),
        }
    }
}

/// One entry, extensions applied.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) name: Vec<u8>,
    pub(super) link: Vec<u8>,
    pub(super) kind: Kind,
    pub(super) size: u64,
    pub(super) mode: u32,
    /// `None` where the archive does not say.
    pub(super) modified: Option<SystemTime>,
}

/// What extension headers say about the entry that follows.
#[derive(Default)]
struct Extensions {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    modified: Option<SystemTime>,
}

/// A tar stream.
pub(super) struct TarReader<R> {
    inner: R,
    limits: Limits,
    headers: u64,
    /// Content and padding of the current entry not read yet.
    content: u64,
    padding: u64,
    /// The current entry, for messages.
    current: Vec<u8>,
}

impl<R: Read> TarReader<R> {
    pub(super) fn new(inner: R, limits: Limits) -> Self {
        TarReader { inner, limits, headers: 0, content: 0, padding: 0, current: Vec::new() }
    }

    /// The next entry, or `None` after the end marker, once the rest of the stream was read and found empty.
    pub(super) fn next(&mut self) -> Result<Option<Head>, ArchiveError> {
        self.skip_rest()?;
        let mut extensions = Extensions::default();
        loop {
            let mut block = [0; BLOCK];
            self.read_exact(&mut block, "before its end marker")?;
            if block.iter().all(|&byte| byte == 0) {
                self.read_end()?;
                return Ok(None);
            }
            self.headers += 1;
            if self.headers > self.limits.entries {
                return Err(ArchiveError::LimitExceeded { what: "entries", limit: self.limits.entries });
            }
            let header = Header::from_byte_slice(&block);
            check_sum(header)?;
            let size = header.entry_size().map_err(|error| malformed(&error))?;
            match header.as_old().linkflag[0] {
                b'g' => {
                    self.read_extension(size)?;
                }
                b'x' => {
                    let records = self.read_extension(size)?;
                    extensions.apply_pax(&records)?;
                }
                b'L' => extensions.name = Some(until_nul(self.read_extension(size)?)),
                b'K' => extensions.link = Some(until_nul(self.read_extension(size)?)),
                flag => return self.head(header, flag, size, extensions).map(Some),
            }
        }
    }

    /// Reads content of the current entry; zero only at its end.
    pub(super) fn read_content(&mut self, buffer: &mut [u8]) -> Result<usize, ArchiveError> {
        let wanted = usize::try_from(self.content).map_or(buffer.len(), |left| left.min(buffer.len()));
        let place = "in the middle of";
        self.read_exact(&mut buffer[..wanted], place)?;
        self.content -= wanted as u64;
        Ok(wanted)
    }

    fn head(&mut self, header: &Header, flag: u8, size: u64, extensions: Extensions) -> Result<Head, ArchiveError> {
        let size = extensions.size.unwrap_or(size);
        let mut name = extensions.name.unwrap_or_else(|| header.path_bytes().into_owned());
        let kind = Kind::of(flag, &name);
        self.current.clone_from(&name);
        // Only these types have content; in others the field has other meanings.
        self.content = match kind {
            Kind::Directory | Kind::HardLink | Kind::Symlink => 0,
            Kind::File | Kind::Other(_) => size,
        };
        self.padding = (BLOCK as u64 - self.content % BLOCK as u64) % BLOCK as u64;
        name.truncate(self.limits.path_bytes.saturating_add(1));
        let modified = extensions.modified.or_else(|| {
            let seconds = header.mtime().ok().filter(|&seconds| seconds > 0)?;
            UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
        });
        Ok(Head {
            name,
            link: extensions
                .link
                .or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned))
                .unwrap_or_default(),
            kind,
            size: self.content,
            mode: header.mode().unwrap_or(0o644),
            modified,
        })
    }

    fn skip_rest(&mut self) -> Result<(), ArchiveError> {
        let mut buffer = [0; 4096];
        while self.read_content(&mut buffer)? > 0 {}
        let padding = usize::try_from(self.padding).expect("the padding is below one block");
        self.read_exact(&mut buffer[..padding], "in the padding after")?;
        self.padding = 0;
        Ok(())
    }

    fn read_extension(&mut self, size: u64) -> Result<Vec<u8>, ArchiveError> {
        if size > MAX_EXTENSION_BYTES {
            return Err(ArchiveError::LimitExceeded {
                what: "bytes of one extension header",
                limit: MAX_EXTENSION_BYTES,
            });
        }
        let size = usize::try_from(size).expect("the bound fits");
        let mut bytes = vec![0; size.next_multiple_of(BLOCK)];
        self.read_exact(&mut bytes, "in an extension header after")?;
        bytes.truncate(size);
        Ok(bytes)
    }

    /// Reads what follows the end marker: zero padding, then the end, so that check sums of the compression are seen.
    fn read_end(&mut self) -> Result<(), ArchiveError> {
        let mut buffer = [0; 4096];
        let mut padding = 0;
        loop {
            let count = match self.inner.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(read_failed(error, "after its end marker")),
            };
            padding += count as u64;
            if buffer[..count].iter().any(|&byte| byte != 0) {
                return Err(ArchiveError::Malformed { reason: "there is data after its end marker".to_owned() });
            }
            if padding > MAX_PADDING_BYTES {
                return Err(ArchiveError::LimitExceeded {
                    what: "bytes of padding at the end",
                    limit: MAX_PADDING_BYTES,
                });
            }
        }
    }

    fn read_exact(&mut self, buffer: &mut [u8], place: &str) -> Result<(), ArchiveError> {
        self.inner.read_exact(buffer).map_err(|error| {
            let current = PathBuf::from(String::from_utf8_lossy(&self.current).into_owned());
            let place = match (self.current.is_empty(), place.starts_with("before")) {
                (true, true) => "before its first entry".to_owned(),
                (false, true) => format!("{place}, after `{}`", current.display()),
                _ => format!("{place} `{}`", current.display()),
            };
            read_failed(error, &place)
        })
    }
}

impl Extensions {
    fn apply_pax(&mut self, records: &[u8]) -> Result<(), ArchiveError> {
        let mut rest = records;
        while !rest.is_empty() {
            let (key, value, after) = split_record(rest)
                .ok_or_else(|| ArchiveError::Malformed { reason: "a pax extension header is malformed".to_owned() })?;
            rest = after;
            // An empty value withdraws the record.
            match key {
                b"path" if !value.is_empty() => self.name = Some(value.to_vec()),
                b"linkpath" if !value.is_empty() => self.link = Some(value.to_vec()),
                b"size" if !value.is_empty() => self.size = Some(parse(value)?),
                b"mtime" => self.modified = modified(value),
                _ if key.starts_with(b"GNU.sparse.") => {
                    return Err(ArchiveError::Malformed {
                        reason: "sparse files in pax form are not supported".to_owned(),
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Splits `"<length> <key>=<value>\n"` off, where the length counts the whole record.
fn split_record(records: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = records.iter().take(20).position(|&byte| byte == b' ')?;
    let length: usize = std::str::from_utf8(&records[..space]).ok()?.parse().ok()?;
    let record = records.get(space + 1..length)?;
    let (b'\n', record) = record.split_last()? else {
        return None;
    };
    let equals = record.iter().position(|&byte| byte == b'=')?;
    Some((&record[..equals], &record[equals + 1..], &records[length..]))
}

fn parse(value: &[u8]) -> Result<u64, ArchiveError> {
    std::str::from_utf8(value)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| ArchiveError::Malformed { reason: "a pax size is not a number".to_owned() })
}

/// Seconds with an optional fraction; a time before 1970 or no number counts as unsaid.
fn modified(value: &[u8]) -> Option<SystemTime> {
    let text = std::str::from_utf8(value).ok()?;
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = fraction.get(..9).unwrap_or(fraction);
    let nanos: u32 = if digits.is_empty() { 0 } else { format!("{digits:0<9}").parse().ok()? };
    let since = Duration::new(seconds.parse().ok()?, nanos);
    UNIX_EPOCH.checked_add(since).filter(|&time| time > UNIX_EPOCH)
}

fn check_sum(header: &Header) -> Result<(), ArchiveError> {
    let bytes = header.as_bytes();
    let field = 148..156;
    let sum: u32 =
        bytes.iter().enumerate().map(|(at, &byte)| u32::from(if field.contains(&at) { b' ' } else { byte })).sum();
    match header.cksum() {
        Ok(expected) if expected == sum => Ok(()),
        Ok(_) | Err(_) => {
            Err(ArchiveError::Malformed { reason: "it is no tar archive, or a header of it is damaged".to_owned() })
        }
    }
}

fn until_nul(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Some(end) = bytes.iter().position(|&byte| byte == 0) {
        bytes.truncate(end);
    }
    bytes
}

fn malformed(error: &io::Error) -> ArchiveError {
    ArchiveError::Malformed { reason: error.to_string() }
}

fn read_failed(source: io::Error, place: &str) -> ArchiveError {
    let kind = source.kind();
    if kind == io::ErrorKind::UnexpectedEof {
        ArchiveError::Truncated { place: place.to_owned() }
    } else if matches!(kind, io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) {
        ArchiveError::Malformed { reason: format!("{source}, {place}") }
    } else {
        ArchiveError::Read { source }
    }
}
