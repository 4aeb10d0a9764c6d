//! Writes tar headers: GNU form, which every reader of the last thirty years knows, owner left out.

use std::io::{self, Write};

use tar::{EntryType, Header};

const BLOCK: u64 = 512;
/// The end marker: two blocks of zeros.
const END: [u8; 1024] = [0; 1024];

/// What goes into one header.
pub(super) struct Entry<'a> {
    /// Directories end in a slash.
    pub(super) name: &'a [u8],
    pub(super) kind: EntryType,
    /// Empty but for symbolic links.
    pub(super) link: &'a [u8],
    pub(super) size: u64,
    pub(super) mode: u32,
    /// Seconds since 1970; earlier is written as 1970.
    pub(super) modified: i64,
}

/// Writes the header, preceded by long-name extensions where the fixed fields are too short.
pub(super) fn write_head(writer: &mut impl Write, entry: &Entry<'_>) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(entry.kind);
    header.set_size(entry.size);
    header.set_mode(entry.mode & 0o777);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(u64::try_from(entry.modified).unwrap_or(0));
    let fields = header.as_old_mut();
    if !fill(&mut fields.linkname, entry.link) {
        write_long(writer, EntryType::GNULongLink, entry.link)?;
    }
    if !fill(&mut fields.name, entry.name) {
        write_long(writer, EntryType::GNULongName, entry.name)?;
    }
    header.set_cksum();
    writer.write_all(header.as_bytes())
}

/// Writes the zeros that fill content of this size up to a whole block.
pub(super) fn write_padding(writer: &mut impl Write, size: u64) -> io::Result<()> {
    let padding = usize::try_from((BLOCK - size % BLOCK) % BLOCK).expect("it is below one block");
    writer.write_all(&END[..padding])
}

/// Writes the end marker.
pub(super) fn write_end(writer: &mut impl Write) -> io::Result<()> {
    writer.write_all(&END)
}

/// Fills a field, and says whether the value fits.
fn fill(field: &mut [u8; 100], value: &[u8]) -> bool {
    let fits = value.len() <= field.len();
    let count = value.len().min(field.len());
    field[..count].copy_from_slice(&value[..count]);
    fits
}

fn write_long(writer: &mut impl Write, kind: EntryType, value: &[u8]) -> io::Result<()> {
    let mut header = Header::new_gnu();
    let name = b"././@LongLink";
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    let size = value.len() as u64 + 1;
    header.set_size(size);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    writer.write_all(header.as_bytes())?;
    writer.write_all(value)?;
    writer.write_all(&[0])?;
    write_padding(writer, size)
}
