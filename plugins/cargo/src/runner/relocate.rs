//! Makes a tree that was compiled elsewhere right for where it stands.
//!
//! Binaries hold the tree's path as it was: `env!("CARGO_MANIFEST_DIR")`, `CARGO_BIN_EXE_*`, `OUT_DIR`, whatever a
//! build script put in. It is replaced by one that leads to this tree and is exactly as long: a shorter path is
//! filled up with slashes, which change nothing; in place of a longer one stands a symbolic link in the folder for
//! temporary files. What is not found: a path that is compressed, or that an optimising compiler took apart.

use std::convert::TryFrom as _;
use std::env;
use std::fs::{self, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::folders::{self, AT, TREE};
use crate::{Result, prune};

/// Linux's error for writing to a program that runs.
const TEXT_BUSY: i32 = 26;

/// What the name of a link begins with.
const LINK: &str = "muster-";

/// From where the tree was made to where it stands.
pub(crate) struct Moved {
    from: String,
    to: String,
    own: PathBuf,
    /// What stands in binaries: as long as `from`.
    baked: Option<String>,
}

impl Moved {
    /// Looks where this tree was made.
    pub(crate) fn find(own: &Path) -> Result<Moved> {
        let from = folders::read(&own.join(TREE))?;
        let tree = folders::tree()?;
        let to = tree.to_str().ok_or_else(|| format!("the path `{}` is not UTF-8", tree.display()))?.to_owned();
        let baked = if from == to { None } else { Some(fitting(&from, &to)?) };
        Ok(Moved { from, to, own: own.to_owned(), baked })
    }

    /// A text that cargo gave, with paths of this tree.
    pub(crate) fn text(&self, text: &str) -> String {
        text.replace(&self.from, &self.to)
    }

    /// Makes a binary right, and whatever it may load or start: libraries, and programs of the tree.
    pub(crate) fn program(&self, program: &Path) -> Result<()> {
        let profile = program.parent().and_then(Path::parent);
        for companion in profile.map_or(Ok(Vec::new()), prune::companions)? {
            self.file(&companion)?;
        }
        self.file(program)
    }

    fn file(&self, file: &Path) -> Result<()> {
        let name = file.to_string_lossy().replace(&self.to, "").replace('/', "+");
        let note = self.own.join(AT).join(name);
        let held = fs::read_to_string(&note).unwrap_or_else(|_| self.from.clone());
        let wanted = self.baked.as_ref().unwrap_or(&self.to);
        if held == *wanted {
            return Ok(());
        }
        let replaced = replace(file, held.as_bytes(), wanted.as_bytes());
        replaced.map_err(|error| format!("write this tree's path into `{}`: {}", file.display(), error))?;
        folders::write(&note, wanted.as_bytes())
    }
}

/// Makes every program right.
pub(crate) fn all(own: &Path) -> Result<()> {
    let moved = Moved::find(own)?;
    if moved.baked.is_none() {
        return Ok(());
    }
    for program in prune::programs(&folders::tree()?.join("target"))? {
        moved.program(&program)?;
    }
    Ok(())
}

/// A path that leads to `to` and is as long as `from`.
fn fitting(from: &str, to: &str) -> Result<String> {
    if let Some(path) = filled(to, from.len()) {
        return Ok(path);
    }
    // The same for one tree, and another for each.
    let hash = to
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let link = env::temp_dir().join(format!("{}{:016x}", LINK, hash));
    let path = filled(&link.to_string_lossy(), from.len()).ok_or_else(|| {
        format!(
            "the tree was made in `{}`, and its binaries hold that path: none that is as short leads to `{}` (give \
             the machines work directories of one length)",
            from, to
        )
    })?;
    if fs::read_link(&link).ok().as_deref() != Some(Path::new(to)) {
        sweep(&env::temp_dir());
        symlink(to, &link).map_err(|error| format!("make the link `{}`: {}", link.display(), error))?;
    }
    Ok(path)
}

/// Removes links to trees that are no more. What cannot be removed is left: it does no harm.
fn sweep(folder: &Path) {
    for link in folders::files(folder).unwrap_or_default() {
        let name = link.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let hash = name.strip_prefix(LINK).unwrap_or_default();
        let is_ours = hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_ours && fs::read_link(&link).is_ok() && !link.exists() {
            let _ = fs::remove_file(&link);
        }
    }
}

/// A path, with more slashes before its last part.
fn filled(path: &str, length: usize) -> Option<String> {
    let missing = length.checked_sub(path.len())?;
    let at = path.rfind('/')?;
    Some(format!("{}{}{}", &path[..at], "/".repeat(missing), &path[at..]))
}

fn replace(file: &Path, from: &[u8], to: &[u8]) -> io::Result<()> {
    let places = find(&fs::read(file)?, from);
    if places.is_empty() {
        return Ok(());
    }
    match overwrite(file, &places, to) {
        // It still runs: a copy takes its place.
        Err(error) if error.raw_os_error() == Some(TEXT_BUSY) => {
            let copy = file.with_extension("muster-copy");
            fs::copy(file, &copy)?;
            overwrite(&copy, &places, to)?;
            fs::rename(&copy, file)
        }
        other => other,
    }
}

fn overwrite(file: &Path, places: &[usize], bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(file)?;
    for place in places {
        file.seek(SeekFrom::Start(u64::try_from(*place).unwrap_or(u64::MAX)))?;
        file.write_all(bytes)?;
    }
    Ok(())
}

/// Where a text stands in a file: by its last byte, so that most of the file is passed over.
fn find(content: &[u8], text: &[u8]) -> Vec<usize> {
    let mut places = Vec::new();
    let length = text.len();
    let mut skip = [length; 256];
    for (at, &byte) in text.iter().enumerate().take(length.saturating_sub(1)) {
        skip[usize::from(byte)] = length - 1 - at;
    }
    let mut at = 0;
    while length > 0 && at + length <= content.len() {
        if content[at..at + length] == *text {
            places.push(at);
            at += length;
        } else {
            at += skip[usize::from(content[at + length - 1])];
        }
    }
    places
}
