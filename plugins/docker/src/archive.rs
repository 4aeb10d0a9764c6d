//! Just enough of tar to bring a few small files into a container and to read one out of it.

/// A tar block.
const BLOCK: usize = 512;

/// An entry to write.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Entry<'a> {
    Folder { name: &'a str, mode: u32 },
    File { name: &'a str, mode: u32, content: &'a [u8] },
}

/// The archive of these entries, owned by root.
pub(crate) fn write(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut archive = Vec::new();
    for entry in entries {
        let (name, mode, content, kind) = match entry {
            Entry::Folder { name, mode } => (name, mode, &[][..], b'5'),
            Entry::File { name, mode, content } => (name, mode, *content, b'0'),
        };
        archive.extend_from_slice(&header(name, *mode, content.len(), kind));
        archive.extend_from_slice(content);
        archive.resize(archive.len().next_multiple_of(BLOCK), 0);
    }
    archive.resize(archive.len() + 2 * BLOCK, 0);
    archive
}

fn header(name: &str, mode: u32, size: usize, kind: u8) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, &format!("{mode:07o}"));
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{size:011o}"));
    put(136, "00000000000");
    put(148, "        ");
    put(257, "ustar");
    put(263, "00");
    header[156] = kind;
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

/// The content of the first regular file of an archive.
pub(crate) fn first_file(archive: &[u8]) -> Option<&[u8]> {
    let mut rest = archive;
    loop {
        let header = rest.get(..BLOCK)?;
        let size = octal(header.get(124..136)?)?;
        let content = rest.get(BLOCK..BLOCK.checked_add(size)?)?;
        match header[156] {
            b'0' | 0 if header[0] != 0 => return Some(content),
            _ => rest = rest.get(BLOCK + size.next_multiple_of(BLOCK)..)?,
        }
    }
}

fn octal(field: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(field).ok()?;
    let digits = text.trim_matches(['\0', ' ']);
    if digits.is_empty() { Some(0) } else { usize::from_str_radix(digits, 8).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    #[test]
    fn the_file_is_found_behind_the_folder() {
        let entries =
            [Entry::Folder { name: "m/", mode: 0o700 }, Entry::File { name: "m/f", mode: 0o600, content: b"abc" }];
        assert_eq!(first_file(&write(&entries)), Some(&b"abc"[..]));
        assert_eq!(first_file(&write(&entries[..1])), None);
        assert_eq!(first_file(b"short"), None);
        assert_eq!(first_file(&[b'9'; 2 * BLOCK]), None);
    }

    #[test]
    fn tar_reads_it() {
        let entries =
            [Entry::Folder { name: "m/", mode: 0o700 }, Entry::File { name: "m/f", mode: 0o600, content: b"abc" }];
        let mut tar = Command::new("tar").arg("-tv").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        tar.stdin.take().unwrap().write_all(&write(&entries)).unwrap();
        let listed = String::from_utf8(tar.wait_with_output().unwrap().stdout).unwrap();
        let modes: Vec<&str> = listed.lines().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(modes, ["drwx------", "-rw-------"], "{listed}");
    }
}
