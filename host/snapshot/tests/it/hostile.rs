//! Each way an archive may try to reach outside, or to be more than it says.

use std::{io::Write as _, os::unix::fs::symlink as make_symlink, path::Path};

use anyhow::Result;
use snapshot::{
    ArchiveError, Fault,
    archive::{Compression, ExtractOptions, Limits, PackOptions, ParallelGzip, Symlinks, extract, pack},
};
use tar::EntryType;

use crate::support::{archive, chain, entry, file, pax, symlink, unpack};

/// A destination beside a sentinel; every test ends with [`Scene::untouched`].
struct Scene {
    folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        std::fs::create_dir(folder.path().join("dest"))?;
        std::fs::create_dir(folder.path().join("outside"))?;
        std::fs::write(folder.path().join("outside/sentinel"), "whole")?;
        Ok(Scene { folder })
    }

    fn dest(&self) -> std::path::PathBuf {
        self.folder.path().join("dest")
    }

    fn refused(&self, entries: &[Vec<u8>]) -> Result<String> {
        let error = match unpack(&archive(entries), &self.dest()) {
            Ok(extracted) => anyhow::bail!("it was accepted: {extracted:?}"),
            Err(error) => error,
        };
        assert_eq!(error.fault(), Fault::Archive, "{error:?}");
        self.untouched()?;
        Ok(chain(error.root_cause()))
    }

    fn untouched(&self) -> Result<()> {
        let names = |path: &Path| -> Result<Vec<_>> {
            let mut names = std::fs::read_dir(path)?.map(|e| Ok(e?.file_name())).collect::<Result<Vec<_>>>()?;
            names.sort();
            Ok(names)
        };
        assert_eq!(names(self.folder.path())?, ["dest", "outside"]);
        assert_eq!(names(&self.folder.path().join("outside"))?, ["sentinel"]);
        assert_eq!(std::fs::read(self.folder.path().join("outside/sentinel"))?, b"whole");
        Ok(())
    }
}

#[test]
fn names_that_leave_are_refused() -> Result<()> {
    let scene = Scene::new()?;
    let absolute = format!("{}/outside/sentinel", scene.folder.path().display());
    let text = scene.refused(&[file(absolute.as_bytes(), b"x")])?;
    assert!(text.ends_with("it is absolute"), "{text}");
    for name in [&b"../outside/sentinel"[..], b"a/../../outside/sentinel", b"a/..", b".."] {
        let text = scene.refused(&[file(name, b"x")])?;
        assert!(text.ends_with("it contains `..`"), "{text}");
        scene.refused(&[entry(EntryType::Directory, name, b"", b"")])?;
        scene.refused(&[symlink(name, b"x")])?;
    }
    let long = [&b"x/"[..], &[b'a'; 120], b"/../../../outside/sentinel"].concat();
    scene.refused(&[pax(&[("path", &long)]), file(b"x", b"x")])?;
    scene.refused(&[entry(EntryType::GNULongName, b"L", b"", &long), file(b"x", b"x")])?;
    scene.refused(&[file(b"", b"x")])?;
    scene.refused(&[file(b"./", b"x")])?;
    scene.refused(&[pax(&[("path", b"a\0b")]), file(b"x", b"x")])?;
    Ok(())
}

#[test]
fn nothing_is_written_through_a_link_of_the_archive() -> Result<()> {
    for target in [&b"../outside"[..], b".", b"dir"] {
        let scene = Scene::new()?;
        let directory = entry(EntryType::Directory, b"dir/", b"", b"");
        let text = scene.refused(&[directory, symlink(b"link", target), file(b"link/sentinel", b"x")])?;
        assert!(text.contains("symbolic link"), "{text}");
    }
    let scene = Scene::new()?;
    scene.refused(&[symlink(b"link", b"../outside"), entry(EntryType::Directory, b"link/", b"", b"")])?;
    Ok(())
}

#[test]
fn nothing_is_written_through_a_link_on_the_disk() -> Result<()> {
    let scene = Scene::new()?;
    make_symlink("../outside", scene.dest().join("link"))?;
    scene.refused(&[file(b"link/sentinel", b"x")])?;
    scene.refused(&[file(b"link/deep/er", b"x")])?;
    scene.refused(&[symlink(b"link/new", b"x")])?;
    scene.refused(&[entry(EntryType::Directory, b"link/new/", b"", b"")])?;
    make_symlink("../outside/sentinel", scene.dest().join("file"))?;
    unpack(&archive(&[file(b"file", b"mine")]), &scene.dest())?;
    scene.untouched()?;
    assert!(!scene.dest().join("file").is_symlink(), "the link is replaced, not followed");
    assert_eq!(std::fs::read(scene.dest().join("file"))?, b"mine");
    Ok(())
}

#[test]
fn hard_links_stay_inside() -> Result<()> {
    let scene = Scene::new()?;
    make_symlink("../outside", scene.dest().join("link"))?;
    make_symlink("../outside/sentinel", scene.dest().join("file"))?;
    let absolute = format!("{}/outside/sentinel", scene.folder.path().display());
    for target in [&b"../outside/sentinel"[..], absolute.as_bytes(), b"link/sentinel", b"file", b"link"] {
        scene.refused(&[entry(EntryType::Link, b"mine", target, b"")])?;
    }
    scene.refused(&[file(b"self", b"x"), entry(EntryType::Link, b"self", b"self", b"")])?;
    let inside = [file(b"a/one", b"content"), entry(EntryType::Link, b"b/two", b"a/one", b""), file(b"a/one", b"new")];
    unpack(&archive(&inside), &scene.dest())?;
    assert_eq!(std::fs::read(scene.dest().join("b/two"))?, b"content", "writing one does not write the other");
    Ok(())
}

#[test]
fn other_types_are_refused_by_name() -> Result<()> {
    let scene = Scene::new()?;
    for (kind, said) in [
        (EntryType::Fifo, "unsupported file type named pipe"),
        (EntryType::Char, "unsupported file type character device"),
        (EntryType::Block, "unsupported file type block device"),
        (EntryType::GNUSparse, "unsupported file type sparse file in old GNU form"),
        (EntryType::new(b'V'), "unsupported file type 'V'"),
    ] {
        let text = scene.refused(&[entry(kind, b"thing", b"", b"")])?;
        assert!(text.ends_with(said), "{text}");
    }
    let sparse = pax(&[("GNU.sparse.major", b"1"), ("GNU.sparse.name", b"x")]);
    let text = scene.refused(&[sparse, file(b"x", b"")])?;
    assert!(text.contains("sparse files in pax form"), "{text}");
    Ok(())
}

#[test]
fn global_headers_are_ignored() -> Result<()> {
    let scene = Scene::new()?;
    let mut global = pax(&[("path", b"../outside/sentinel"), ("comment", b"commit id")]);
    global[156] = b'g';
    let mut header = tar::Header::from_byte_slice(&global[..512]).clone();
    header.set_cksum();
    global[..512].copy_from_slice(header.as_bytes());
    let extracted = unpack(&archive(&[global, file(b"a", b"x")]), &scene.dest())?;
    assert_eq!(extracted.files, 1);
    assert!(scene.dest().join("a").exists());
    scene.untouched()
}

#[test]
fn bounds_hold() -> Result<()> {
    let scene = Scene::new()?;
    let bounded =
        |limits, bytes: &[u8]| extract(bytes, &scene.dest(), &ExtractOptions { limits, ..ExtractOptions::default() });
    let three = archive(&[file(b"a", b"12345"), file(b"b", b"12345"), file(b"c", b"12345")]);
    let cause = |result: Result<_, ArchiveError>| result.err().map(|error| chain(error.root_cause()));
    let default = Limits::default();
    assert_eq!(
        cause(bounded(Limits { entries: 2, ..default }, &three)).as_deref(),
        Some("extract the archive: more than 2 entries")
    );
    assert_eq!(
        cause(bounded(Limits { bytes: 14, ..default }, &three)).as_deref(),
        Some("extract the archive: more than 14 bytes of content")
    );
    assert!(bounded(Limits { entries: 3, bytes: 15, ..default }, &three).is_ok());
    assert!(bounded(Limits { path_bytes: 3, ..default }, &archive(&[file(b"abcd", b"")])).is_err());
    let mut huge = entry(EntryType::GNULongName, b"L", b"", b"");
    let mut header = tar::Header::from_byte_slice(&huge).clone();
    header.set_size(1 << 40);
    header.set_cksum();
    huge.copy_from_slice(header.as_bytes());
    let text = scene.refused(&[huge])?;
    assert!(text.contains("bytes of one extension header"), "{text}");
    Ok(())
}

#[test]
fn a_directory_is_never_replaced_and_a_file_never_entered() -> Result<()> {
    let scene = Scene::new()?;
    scene.refused(&[file(b"a/b", b"x"), file(b"a", b"x")])?;
    scene.refused(&[file(b"c", b"x"), file(b"c/d", b"x")])?;
    scene.refused(&[file(b"e", b"x"), entry(EntryType::Directory, b"e/", b"", b"")])?;
    Ok(())
}

/// The same archive in each compression, with its content spread over several gzip members.
fn compressed() -> Result<Vec<(Compression, Vec<u8>)>> {
    let tree = tempfile::tempdir()?;
    let mut noise = Vec::new();
    for number in 0..40_000_u64 {
        noise.extend_from_slice(snapshot::Digest::of(&number.to_le_bytes()).as_bytes());
    }
    std::fs::write(tree.path().join("noise"), noise)?;
    std::fs::write(tree.path().join("text"), "text\n".repeat(1000))?;
    let mut all = Vec::new();
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let mut bytes = Vec::new();
        pack(tree.path(), &mut bytes, &PackOptions::new(compression))?;
        all.push((compression, bytes));
    }
    Ok(all)
}

#[test]
fn a_truncated_archive_is_an_error_and_says_so() -> Result<()> {
    for (compression, bytes) in compressed()? {
        let whole = tempfile::tempdir()?;
        assert_eq!(unpack(&bytes, whole.path())?.files, 2);
        let end = if compression == Compression::None { bytes.len() - 1024 } else { bytes.len() - 1 };
        // Everywhere near both ends, and at many places between; the blocks of the end marker may be missing in part.
        let step = bytes.len() / 60;
        let cuts = (0..40).chain((1..60).map(|n| n * step)).chain(end - 40..=end);
        for cut in cuts {
            let dest = tempfile::tempdir()?;
            let Err(error) = unpack(&bytes[..cut], dest.path()) else {
                anyhow::bail!("{compression:?} cut at {cut} of {} was accepted", bytes.len());
            };
            let truncated = matches!(error.root_cause(), ArchiveError::Truncated { .. });
            assert!(truncated, "{compression:?} cut at {cut}: {}", chain(&error));
            let written = std::fs::read_dir(dest.path())?.count() > 0;
            assert_eq!(error.is_partial(), written, "{compression:?} cut at {cut}");
        }
    }
    Ok(())
}

#[test]
fn a_damaged_archive_is_an_error() -> Result<()> {
    for (compression, bytes) in compressed()? {
        if compression == Compression::None {
            continue;
        }
        let step = bytes.len() / 50;
        for at in (20..bytes.len()).step_by(step) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            let dest = tempfile::tempdir()?;
            assert!(unpack(&damaged, dest.path()).is_err(), "{compression:?} damaged at {at}");
        }
    }
    Ok(())
}

#[test]
fn what_is_no_tar_archive_is_refused() -> Result<()> {
    let scene = Scene::new()?;
    let text = |bytes: &[u8]| unpack(bytes, &scene.dest()).err().map(|error| chain(&error)).unwrap_or_default();
    assert!(text(&[b'x'; 2048]).contains("no tar archive"));
    assert!(text(b"").contains("truncated, it ends before its first entry"), "{}", text(b""));
    let trailing = [archive(&[file(b"a", b"")]), file(b"b", b"")].concat();
    assert!(text(&trailing).contains("data after its end marker"));
    let mut flipped = archive(&[file(b"a", b"")]);
    flipped[100] ^= 1;
    assert!(text(&flipped).contains("header of it is damaged"));
    let endless = [archive(&[file(b"a", b"")]), vec![0; 2 << 20]].concat();
    assert!(text(&endless).contains("bytes of padding"));
    Ok(())
}

#[test]
fn only_the_accepted_compression_is_read() -> Result<()> {
    let scene = Scene::new()?;
    let options = ExtractOptions { compression: Some(Compression::Gzip), ..ExtractOptions::default() };
    let plain = archive(&[file(b"a", b"x")]);
    let error = extract(&plain[..], &scene.dest(), &options).err().map(|error| error.to_string());
    assert_eq!(error.as_deref(), Some("read the archive: requires a gzip-compressed body, found tar"));
    let mut gzip = ParallelGzip::new(Vec::new(), 1);
    gzip.write_all(&plain)?;
    assert_eq!(extract(&gzip.finish()?[..], &scene.dest(), &options)?.files, 1);
    Ok(())
}

#[test]
fn links_are_left_out_where_that_is_asked() -> Result<()> {
    let scene = Scene::new()?;
    let options = ExtractOptions { symlinks: Symlinks::Ignore, ..ExtractOptions::default() };
    let bytes = archive(&[symlink(b"link", b"../outside"), file(b"link/sentinel", b"x")]);
    let extracted = extract(&bytes[..], &scene.dest(), &options)?;
    assert_eq!((extracted.symlinks, extracted.symlinks_ignored, extracted.files), (0, 1, 1));
    scene.untouched()
}
