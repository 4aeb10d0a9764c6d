//! What the tests share: tar entries of any kind, trees as text, commands.

use std::{
    collections::BTreeMap,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{MetadataExt as _, PermissionsExt as _},
    },
    path::Path,
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use snapshot::archive::{ExtractOptions, Extracted, extract};
use tar::{EntryType, Header};

/// Ends an archive.
pub(crate) const END: [u8; 1024] = [0; 1024];

/// One raw entry, nothing checked.
pub(crate) fn entry(kind: EntryType, name: &[u8], link: &[u8], content: &[u8]) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.as_old_mut().linkname[..link.len()].copy_from_slice(link);
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(1_000_000_000);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

pub(crate) fn file(name: &[u8], content: &[u8]) -> Vec<u8> {
    entry(EntryType::Regular, name, b"", content)
}

pub(crate) fn symlink(name: &[u8], target: &[u8]) -> Vec<u8> {
    entry(EntryType::Symlink, name, target, b"")
}

pub(crate) fn pax(records: &[(&str, &[u8])]) -> Vec<u8> {
    let mut content = Vec::new();
    for (key, value) in records {
        let body = [b" ", key.as_bytes(), b"=", value, b"\n"].concat();
        let mut length = body.len();
        while length != body.len() + length.to_string().len() {
            length = body.len() + length.to_string().len();
        }
        content.extend_from_slice(length.to_string().as_bytes());
        content.extend_from_slice(&body);
    }
    entry(EntryType::XHeader, b"pax", b"", &content)
}

/// Joins entries and ends the archive.
pub(crate) fn archive(entries: &[Vec<u8>]) -> Vec<u8> {
    [entries.concat(), END.to_vec()].concat()
}

/// Unpacks with the default options.
pub(crate) fn unpack(bytes: &[u8], dest: &Path) -> Result<Extracted, snapshot::ArchiveError> {
    extract(bytes, dest, &ExtractOptions::default())
}

/// The error and its causes on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text.push_str(": ");
        text.push_str(&error.to_string());
        next = error.source();
    }
    text
}

/// A tree as a map from path to what lies there, times in whole seconds.
pub(crate) fn describe(root: &Path) -> Result<BTreeMap<Vec<u8>, String>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            let meta = path.symlink_metadata()?;
            let mode = meta.permissions().mode() & 0o777;
            let text = if meta.is_symlink() {
                format!("link {:?} {}", std::fs::read_link(&path)?, meta.mtime())
            } else if meta.is_dir() {
                folders.push(path.clone());
                format!("dir {mode:o}")
            } else {
                let content = snapshot::Digest::of(&std::fs::read(&path)?);
                format!("file {mode:o} {} {content} {}", meta.len(), meta.mtime())
            };
            found.insert(path.strip_prefix(root)?.as_os_str().as_bytes().to_vec(), text);
        }
    }
    Ok(found)
}

/// Runs a command that has to succeed and gives its output.
pub(crate) fn run(folder: &Path, command: &str, args: &[&str]) -> Result<String> {
    let output = Command::new(command)
        .args(args)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("GIT_AUTHOR_NAME", "A")
        .env("GIT_AUTHOR_EMAIL", "a@example.org")
        .env("GIT_COMMITTER_NAME", "A")
        .env("GIT_COMMITTER_EMAIL", "a@example.org")
        .output()
        .with_context(|| format!("run {command}"))?;
    ensure!(
        output.status.success(),
        "{command} {args:?} in {}: {}",
        folder.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Git with nobody's settings.
pub(crate) fn git(folder: &Path, args: &[&str]) -> Result<String> {
    let all = [&["-c", "protocol.file.allow=always", "-c", "init.defaultBranch=main"], args].concat();
    run(folder, "git", &all)
}
