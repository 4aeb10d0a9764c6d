//! Packs a listing, and makes sure that what is packed is what was listed.

use std::io::Write;

use sha2::{Digest as _, Sha256};

use super::listing::{FileKind, SourceFile, SourceListing};
use crate::{
    archive::{PackOptions, Packed, Packer, Tree},
    digest::Digest,
    error::{ArchiveError, SourceError},
};

/// Packs the listed files and the git metadata into a tar stream. It blocks.
///
/// # Errors
///
/// [`SourceError::Changed`] where a file is no longer what was listed, so that a `rev` never names other content;
/// otherwise as [`crate::archive::pack_files`]. The output then has no end marker.
pub fn push(listing: &SourceListing, writer: impl Write, options: &PackOptions) -> Result<Packed, SourceError> {
    let failed = |source: ArchiveError| SourceError::Tree { root: listing.root.clone(), source: Box::new(source) };
    let mut tree = Tree::open(&listing.root).map_err(failed)?;
    let mut packer = Packer::new(writer, options).map_err(failed)?;
    for file in &listing.files {
        push_one(&mut packer, &mut tree, file)?.map_err(failed)?;
    }
    if let Some(metadata) = &listing.metadata {
        let mut tree = Tree::open(metadata.folder()).map_err(failed)?;
        for path in &metadata.paths {
            packer.add_file(&mut tree, path, &mut |_| {}).map_err(failed)?;
        }
    }
    packer.finish().map_err(failed)
}

fn push_one<W: Write>(
    packer: &mut Packer<W>,
    tree: &mut Tree,
    file: &SourceFile,
) -> Result<Result<(), ArchiveError>, SourceError> {
    let changed = || SourceError::Changed { path: file.path.clone() };
    let mut hasher = Sha256::new();
    let stat = match packer.add_file(tree, &file.path, &mut |bytes| hasher.update(bytes)) {
        Ok(stat) => stat,
        Err(ArchiveError::Changed { .. }) => return Err(changed()),
        Err(ArchiveError::ReadTree { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            return Err(changed());
        }
        Err(error) => return Ok(Err(error)),
    };
    let same_kind = FileKind::of(&stat) == Some(file.kind);
    if same_kind && Digest::finish(hasher) == file.digest { Ok(Ok(())) } else { Err(changed()) }
}
