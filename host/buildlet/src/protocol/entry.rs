//! The lines of `/ls`: written by the agent, read by the client.

/// What an entry of a listing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A device, pipe or socket.
    Special,
}

/// One line of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListEntry {
    /// What it is.
    pub kind: EntryKind,
    /// Go's mode text, such as `-rw-r--r--`.
    pub mode: String,
    /// Slash-separated path relative to the listed directory, without a slash at its end.
    pub path: String,
    /// Size in bytes; regular files only.
    pub size_bytes: Option<u64>,
    /// Modification time, RFC 3339 in UTC; regular files only.
    pub modified: Option<String>,
    /// SHA-1 in hex; regular files, if digests were asked for.
    pub sha1: Option<String>,
}

impl ListEntry {
    /// Reads one line without its newline; `None` if it is none.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split('\t');
        let mode = fields.next().filter(|mode| mode.len() >= 10)?;
        let name = fields.next().filter(|name| !name.is_empty())?;
        let kind = match mode.as_bytes()[0] {
            b'-' => EntryKind::File,
            b'd' => EntryKind::Directory,
            b'L' => EntryKind::Symlink,
            b'D' | b'p' | b'S' | b'c' => EntryKind::Special,
            // A set-uid, set-gid or sticky bit comes before the letter that says what it is: `u`, `g` and `t`.
            _ if mode[..mode.len() - 9].contains('d') => EntryKind::Directory,
            _ => EntryKind::File,
        };
        let path = if kind == EntryKind::Directory { name.strip_suffix('/').unwrap_or(name) } else { name };
        let size_bytes = match fields.next() {
            Some(size) => Some(size.parse().ok()?),
            None => None,
        };
        Some(ListEntry {
            kind,
            mode: mode.to_owned(),
            path: path.to_owned(),
            size_bytes,
            modified: fields.next().map(str::to_owned),
            sha1: fields.next().map(str::to_owned),
        })
    }
}

/// Go's text of a Unix mode: type letters, then the permission bits.
#[must_use]
pub fn mode_text(mode: u32) -> String {
    let mut text = String::with_capacity(12);
    match mode & 0o170_000 {
        0o040_000 => text.push('d'),
        0o120_000 => text.push('L'),
        0o060_000 => text.push('D'),
        0o020_000 => text.push_str("Dc"),
        0o010_000 => text.push('p'),
        0o140_000 => text.push('S'),
        _ => {}
    }
    // Go prints in the order of `dalTLDpSugct?`: u, g before c before t.
    let character_device = text == "Dc";
    if character_device {
        text.pop();
    }
    if mode & 0o4000 != 0 {
        text.push('u');
    }
    if mode & 0o2000 != 0 {
        text.push('g');
    }
    if character_device {
        text.push('c');
    }
    if mode & 0o1000 != 0 {
        text.push('t');
    }
    if text.is_empty() {
        text.push('-');
    }
    for shift in (0..9).rev() {
        let letter = ['x', 'w', 'r'][shift % 3];
        text.push(if mode >> shift & 1 == 1 { letter } else { '-' });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_gos() {
        for (mode, text) in [
            (0o100_644, "-rw-r--r--"),
            (0o100_755, "-rwxr-xr-x"),
            (0o040_755, "drwxr-xr-x"),
            (0o041_777, "dtrwxrwxrwx"),
            (0o120_777, "Lrwxrwxrwx"),
            (0o104_755, "urwxr-xr-x"),
            (0o020_620, "Dcrw--w----"),
            (0o010_644, "prw-r--r--"),
            (0o140_755, "Srwxr-xr-x"),
        ] {
            assert_eq!(mode_text(mode), text);
        }
    }

    #[test]
    fn lines_are_read() {
        let file = ListEntry::parse("-rw-r--r--\tf/a.txt\t4\t2026-11-23T21:01:39Z\t03cfd7").expect("a line");
        assert_eq!((file.kind, file.path.as_str(), file.size_bytes), (EntryKind::File, "f/a.txt", Some(4)));
        assert_eq!(file.sha1.as_deref(), Some("03cfd7"));
        let directory = ListEntry::parse("dtrwxrwxrwx\ttmp/").expect("a line");
        assert_eq!((directory.kind, directory.path.as_str()), (EntryKind::Directory, "tmp"));
        assert_eq!(ListEntry::parse("nonsense"), None);
        assert_eq!(ListEntry::parse("-rw-r--r--\tx\tmany"), None);
    }
}
