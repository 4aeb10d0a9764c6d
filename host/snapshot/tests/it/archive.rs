//! Round trips, and real `tar`, `gzip` and `zstd` as the other side.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{Seek as _, SeekFrom, Write as _},
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _, fs::PermissionsExt as _, fs::symlink, net::UnixListener},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use anyhow::Result;
use proptest::prelude::*;
use snapshot::{
    ArchiveError,
    archive::{Compression, PackOptions, ParallelGzip, pack, pack_files},
};

use crate::support::{archive, describe, file, pax, run, unpack};

const ALL: [Compression; 3] = [Compression::None, Compression::Gzip, Compression::Zstd];

/// A tree with one of everything that survives.
fn tree() -> Result<tempfile::TempDir> {
    let root = tempfile::tempdir()?;
    let at = |name: &str| root.path().join(name);
    fs::create_dir_all(at("empty"))?;
    fs::create_dir_all(at("deep/er/est"))?;
    fs::write(at("deep/er/est/file"), "content")?;
    fs::write(at("deep.txt"), "sorts between `deep/` and its neighbours")?;
    fs::write(at("zero"), "")?;
    fs::write(at("script"), "#!/bin/sh\n")?;
    fs::set_permissions(at("script"), fs::Permissions::from_mode(0o755))?;
    fs::write(at("private"), "x")?;
    fs::set_permissions(at("private"), fs::Permissions::from_mode(0o600))?;
    fs::write(at("größe – 大きさ"), "unicode")?;
    fs::write(root.path().join(OsStr::from_bytes(b"not \xff utf-8")), "bytes")?;
    fs::write(at("new\nline"), "x")?;
    fs::write(at("back\\slash"), "x")?;
    fs::write(at(&format!("deep/{}", "n".repeat(99))), "longer than the field with its folder")?;
    fs::write(at(&"n".repeat(255)), "longest part")?;
    fs::write(at("block"), [7; 512])?;
    fs::write(at("several-members"), vec![b'x'; 5 << 20])?;
    symlink("script", at("inside"))?;
    symlink("/usr/bin/python3", at("absolute"))?;
    symlink("../../..", at("up"))?;
    symlink("t".repeat(300), at("long-target"))?;
    symlink("missing", at("dangling"))?;
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_234_567_890);
    File::options().write(true).open(at("script"))?.set_modified(old)?;
    Ok(root)
}

#[test]
fn a_tree_survives_every_compression() -> Result<()> {
    let tree = tree()?;
    let before = describe(tree.path())?;
    for compression in ALL {
        let mut bytes = Vec::new();
        let packed = pack(tree.path(), &mut bytes, &PackOptions::new(compression))?;
        assert_eq!(packed.written, bytes.len() as u64);
        let dest = tempfile::tempdir()?;
        let extracted = unpack(&bytes, dest.path())?;
        assert_eq!(describe(dest.path())?, before, "{compression:?}");
        assert_eq!(
            (extracted.files, extracted.directories, extracted.symlinks, extracted.bytes),
            (packed.files, packed.directories, packed.symlinks, packed.bytes)
        );
        assert_eq!(extracted.symlinks, 5);
    }
    Ok(())
}

#[test]
fn gnu_tar_reads_what_we_write() -> Result<()> {
    let tree = tree()?;
    let before = describe(tree.path())?;
    let work = tempfile::tempdir()?;
    for compression in ALL {
        let output = work.path().join(format!("a.{}", compression.extension()));
        pack(tree.path(), File::create(&output)?, &PackOptions::new(compression))?;
        let dest = tempfile::tempdir()?;
        let output = output.to_string_lossy().into_owned();
        let plain = work.path().join("plain.tar");
        match compression {
            Compression::None => {
                fs::copy(&output, &plain)?;
            }
            Compression::Gzip => {
                fs::write(&plain, std::process::Command::new("gzip").args(["-dc", &output]).output()?.stdout)?;
            }
            Compression::Zstd => fs::write(&plain, zstd::decode_all(File::open(&output)?)?)?,
        }
        run(dest.path(), "tar", &["-xpf", &plain.to_string_lossy()])?;
        assert_eq!(describe(dest.path())?, before, "{compression:?}");
    }
    Ok(())
}

#[test]
fn we_read_what_gnu_tar_writes() -> Result<()> {
    let tree = tree()?;
    fs::hard_link(tree.path().join("script"), tree.path().join("script-too"))?;
    let before = describe(tree.path())?;
    for options in [&["--format=gnu"][..], &["--format=pax"], &["--format=gnu", "-z"]] {
        let output = tempfile::NamedTempFile::new()?;
        let path = output.path().to_string_lossy().into_owned();
        run(tree.path(), "tar", &[options, &["-cf", &path, "."]].concat())?;
        let dest = tempfile::tempdir()?;
        unpack(&fs::read(output.path())?, dest.path())?;
        assert_eq!(describe(dest.path())?, before, "{options:?}");
    }
    Ok(())
}

#[test]
fn names_come_in_byte_order_with_slashes_after_directories() -> Result<()> {
    let root = tempfile::tempdir()?;
    for name in ["b/x", "b.txt", "a/y/z", "B"] {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap_or(root.path()))?;
        fs::write(path, "")?;
    }
    let work = tempfile::tempdir()?;
    let output = work.path().join("a.tar");
    pack(root.path(), File::create(&output)?, &PackOptions::new(Compression::None))?;
    let listed = run(root.path(), "tar", &["-tf", &output.to_string_lossy()])?;
    assert_eq!(listed, "B\na/\na/y/\na/y/z\nb/\nb/x\nb.txt\n");
    Ok(())
}

#[test]
fn times_are_kept_and_never_in_the_future() -> Result<()> {
    let dest = tempfile::tempdir()?;
    let fraction = [pax(&[("mtime", b"1500000000.25")]), file(b"exact", b"")].concat();
    let future = [pax(&[("mtime", b"99999999999")]), file(b"future", b"")].concat();
    unpack(&archive(&[fraction, future, file(b"plain", b"")]), dest.path())?;
    let modified = |name: &str| -> Result<SystemTime> { Ok(fs::metadata(dest.path().join(name))?.modified()?) };
    assert_eq!(modified("exact")?, SystemTime::UNIX_EPOCH + Duration::from_millis(1_500_000_000_250));
    assert_eq!(modified("plain")?, SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000));
    assert!(modified("future")? <= SystemTime::now());
    Ok(())
}

#[test]
fn a_huge_sparse_file_stays_sparse() -> Result<()> {
    let size: u64 = 300 << 20;
    let root = tempfile::tempdir()?;
    let mut sparse = File::create(root.path().join("sparse"))?;
    sparse.write_all(b"start")?;
    sparse.seek(SeekFrom::Start(size / 2))?;
    sparse.write_all(b"middle")?;
    sparse.set_len(size)?;
    let mut bytes = Vec::new();
    pack(root.path(), &mut bytes, &PackOptions::new(Compression::Zstd))?;
    assert!(bytes.len() < 1 << 20);
    let dest = tempfile::tempdir()?;
    unpack(&bytes, dest.path())?;
    let meta = fs::metadata(dest.path().join("sparse"))?;
    assert_eq!(meta.len(), size);
    assert!(meta.blocks() * 512 < 4 << 20, "{} bytes are allocated", meta.blocks() * 512);
    assert_eq!(describe(dest.path())?, describe(root.path())?);
    Ok(())
}

#[test]
fn a_size_beyond_eight_gib_fits_the_header() -> Result<()> {
    // Twelve octal digits end at 8 GiB; only the head is packed, and a reader asked for its limit names the size.
    let root = tempfile::tempdir()?;
    File::create(root.path().join("huge"))?.set_len(9 << 30)?;
    let mut head = Head { bytes: Vec::new() };
    assert!(pack(root.path(), &mut head, &PackOptions::new(Compression::None)).is_err());
    let header = tar::Header::from_byte_slice(&head.bytes[..512]);
    assert_eq!(header.entry_size()?, 9 << 30);
    Ok(())
}

/// An output that breaks after the first blocks.
struct Head {
    bytes: Vec<u8>,
}

impl std::io::Write for Head {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.bytes.len() >= 512 {
            return Err(std::io::Error::other("the peer is gone"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_broken_output_is_told_and_ends_the_threads() -> Result<()> {
    let tree = tree()?;
    for compression in ALL {
        let result = pack(tree.path(), Head { bytes: vec![0; 512] }, &PackOptions::new(compression));
        assert!(matches!(result, Err(ArchiveError::Output { .. })), "{compression:?}: {result:?}");
    }
    Ok(())
}

#[test]
fn sockets_are_left_out_and_told() -> Result<()> {
    let root = tempfile::tempdir()?;
    let _listener = UnixListener::bind(root.path().join("socket"))?;
    fs::write(root.path().join("file"), "x")?;
    let packed = pack(root.path(), Vec::new(), &PackOptions::new(Compression::None))?;
    assert_eq!((packed.files, packed.skipped.count), (1, 1));
    assert_eq!(packed.skipped.first, [PathBuf::from("socket")]);
    Ok(())
}

#[test]
fn a_tree_too_deep_is_refused() -> Result<()> {
    let root = tempfile::tempdir()?;
    fs::create_dir_all(root.path().join("d/".repeat(300)))?;
    let result = pack(root.path(), Vec::new(), &PackOptions::new(Compression::None));
    assert!(matches!(result, Err(ArchiveError::TooDeep { .. })), "{result:?}");
    Ok(())
}

#[test]
fn chosen_files_are_packed_and_no_link_is_followed() -> Result<()> {
    let tree = tree()?;
    let options = PackOptions::new(Compression::Gzip);
    let chosen = ["deep/er/est/file", "inside"].map(PathBuf::from);
    let mut bytes = Vec::new();
    pack_files(tree.path(), chosen.into_iter(), &mut bytes, &options)?;
    let dest = tempfile::tempdir()?;
    unpack(&bytes, dest.path())?;
    let names: Vec<Vec<u8>> = describe(dest.path())?.into_keys().collect();
    assert_eq!(names, [&b"deep"[..], b"deep/er", b"deep/er/est", b"deep/er/est/file", b"inside"]);
    symlink("deep", tree.path().join("detour"))?;
    for bad in ["detour/er/est/file", "../x", "/etc/passwd", "missing"] {
        let result = pack_files(tree.path(), [PathBuf::from(bad)].into_iter(), Vec::new(), &options);
        assert!(result.is_err(), "{bad}");
    }
    Ok(())
}

#[test]
fn an_empty_tree_is_an_archive() -> Result<()> {
    let root = tempfile::tempdir()?;
    for compression in ALL {
        let mut bytes = Vec::new();
        pack(root.path(), &mut bytes, &PackOptions::new(compression))?;
        let dest = tempfile::tempdir()?;
        assert_eq!(unpack(&bytes, dest.path())?, snapshot::archive::Extracted::default());
    }
    Ok(())
}

fn gunzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let work = tempfile::tempdir()?;
    fs::write(work.path().join("a.gz"), bytes)?;
    let output = std::process::Command::new("gzip").args(["-dc", "a.gz"]).current_dir(work.path()).output()?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(output.stdout)
}

#[test]
fn gzip_of_nothing_is_gzip() -> Result<()> {
    assert_eq!(gunzip(&ParallelGzip::new(Vec::new(), 2).finish()?)?, b"");
    Ok(())
}

#[test]
fn parallel_gzip_is_nearly_as_small_as_gzip() -> Result<()> {
    let work = tempfile::tempdir()?;
    let plain = work.path().join("plain");
    pack(Path::new("/usr/include/linux"), File::create(&plain)?, &PackOptions::new(Compression::None))?;
    let bytes = fs::read(&plain)?;
    let gzip = std::process::Command::new("gzip").args(["-6c", &plain.to_string_lossy()]).output()?.stdout;
    let mut ours = ParallelGzip::new(Vec::new(), 2);
    ours.write_all(&bytes)?;
    let ours = ours.finish()?;
    let ratio = ours.len() as f64 / gzip.len() as f64;
    assert!(ratio <= 1.05, "{} bytes against {}: {ratio:.3}", ours.len(), gzip.len());
    assert!(gunzip(&ours)? == bytes);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// However writes and flushes are cut, and on however many threads, gzip gives the same bytes back.
    #[test]
    fn gzip_members_are_in_order(pieces in prop::collection::vec(0_usize..900_000, 0..8), threads in 1_usize..5) {
        let mut expected = Vec::new();
        let mut gzip = ParallelGzip::new(Vec::new(), threads);
        for (at, length) in pieces.iter().enumerate() {
            let piece: Vec<u8> = (0..*length).map(|n| (n / 97 + at) as u8).collect();
            gzip.write_all(&piece)?;
            if length % 3 == 0 {
                gzip.flush()?;
            }
            expected.extend_from_slice(&piece);
        }
        let found = gunzip(&gzip.finish()?).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert!(found == expected);
    }
}
