//! One suite for every kind of blob store, run here against files, and what only files can show.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use futures::TryStreamExt as _;
use snapshot::{
    BlobError, Digest,
    blob::{BlobKey, BlobOptions, BlobStore, Bounds, PART_BYTES, Pruned, PutMode},
};
use tokio::io::AsyncReadExt as _;

use crate::support::chain;

pub(crate) fn key(text: &str) -> Result<BlobKey> {
    Ok(BlobKey::new(text)?)
}

/// A few parts and a bit of bytes that do not repeat.
pub(crate) fn large() -> Bytes {
    let mut bytes = Vec::with_capacity(2 * PART_BYTES + 40_000);
    let mut number = 0_u64;
    while bytes.len() < 2 * PART_BYTES + 12_345 {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.into()
}

fn local() -> Result<(tempfile::TempDir, BlobStore)> {
    let folder = tempfile::tempdir()?;
    let location = folder.path().join("made/when/missing");
    let store = BlobStore::open(&location.to_string_lossy(), &BlobOptions::default())?;
    Ok((folder, store))
}

async fn read(store: &BlobStore, key: &BlobKey) -> Result<Bytes> {
    Ok(store.get(key).await?.into_bytes(u64::MAX).await?)
}

async fn keys(store: &BlobStore, prefix: &str) -> Result<Vec<String>> {
    let mut keys: Vec<String> = store.list(prefix).map_ok(|meta| meta.key.to_string()).try_collect().await?;
    keys.sort();
    Ok(keys)
}

/// What every store has to do.
pub(crate) async fn conformance(store: &BlobStore) -> Result<()> {
    put_get_delete(store).await?;
    large_blobs(store).await?;
    modes(store).await?;
    nothing_half(store).await?;
    listing(store).await?;
    pruning(store).await?;
    crate::objects::conformance(store).await
}

async fn put_get_delete(store: &BlobStore) -> Result<()> {
    let name = key("snapshots/trusted/acme=2Frocket/x.tar.zst")?;
    assert!(store.head(&name).await?.is_none());
    assert!(matches!(store.get(&name).await.err(), Some(BlobError::NotFound { .. })));
    assert!(!store.delete(&name).await?);
    let content = Bytes::from_static(b"a built tree");
    let meta = store.put_bytes(&name, "snapshot", PutMode::Replace, content.clone()).await?;
    assert_eq!((meta.length, meta.sha256, meta.kind.as_str()), (12, Digest::of(&content), "snapshot"));
    assert!(meta.age(SystemTime::now()) < Duration::from_secs(60));
    assert_eq!(store.head(&name).await?.as_ref(), Some(&meta));
    assert_eq!(read(store, &name).await?, content);
    let too_long = store.get(&name).await?.into_bytes(11).await;
    assert!(matches!(too_long, Err(BlobError::TooLarge { limit: 11, .. })));
    let empty = key("empty")?;
    store.put_bytes(&empty, "log", PutMode::Replace, Bytes::new()).await?;
    assert_eq!(read(store, &empty).await?, Bytes::new());
    assert!(store.delete(&empty).await?);
    assert!(store.delete(&name).await?);
    assert!(store.head(&name).await?.is_none());
    assert_eq!(keys(store, "").await?, Vec::<String>::new());
    Ok(())
}

async fn large_blobs(store: &BlobStore) -> Result<()> {
    let name = key("large")?;
    let content = large();
    let mut writer = store.put(&name, "snapshot", PutMode::Replace).await?;
    for chunk in content.chunks(100_001) {
        assert!(store.head(&name).await?.is_none(), "nothing is visible before the end");
        writer.write(Bytes::copy_from_slice(chunk)).await?;
    }
    let meta = writer.finish().await?;
    assert_eq!((meta.length, meta.sha256), (content.len() as u64, Digest::of(&content)));
    let mut found = Vec::new();
    store.get(&name).await?.into_async_read().read_to_end(&mut found).await?;
    assert!(found == content);
    // One chunk of several parts.
    store.put_bytes(&name, "snapshot", PutMode::Replace, content.clone()).await?;
    assert!(read(store, &name).await? == content);
    store.delete(&name).await?;
    Ok(())
}

async fn modes(store: &BlobStore) -> Result<()> {
    let name = key("contested")?;
    let (first, second) = (Bytes::from_static(b"first"), Bytes::from_static(b"second"));
    // Both begin while the key is free; whoever finishes first has it.
    let mut winner = store.put(&name, "x", PutMode::Create).await?;
    let mut loser = store.put(&name, "x", PutMode::Create).await?;
    winner.write(first.clone()).await?;
    loser.write(second.clone()).await?;
    winner.finish().await?;
    assert!(matches!(loser.finish().await.err(), Some(BlobError::AlreadyExists { .. })));
    assert!(matches!(store.put(&name, "x", PutMode::Create).await.err(), Some(BlobError::AlreadyExists { .. })));
    assert_eq!(read(store, &name).await?, first);
    // A reader that began before the blob is replaced gets the old one or an error, never a mixture.
    let reader = store.get(&name).await?;
    store.put_bytes(&name, "x", PutMode::Replace, second.clone()).await?;
    if let Ok(old) = reader.into_bytes(100).await {
        assert_eq!(old, first);
    }
    assert_eq!(read(store, &name).await?, second);
    assert_eq!(store.sweep("", Duration::ZERO).await?, 0, "neither the loser nor the replaced content is left");
    store.delete(&name).await?;
    Ok(())
}

async fn nothing_half(store: &BlobStore) -> Result<()> {
    let name = key("half")?;
    let content = large();
    let cut: Vec<std::io::Result<Bytes>> =
        vec![Ok(content.clone()), Err(std::io::Error::other("the buildlet is gone"))];
    let error = store.put_stream(&name, "x", PutMode::Replace, futures::stream::iter(cut)).await.err();
    let text = chain(&error.context("the stream fails")?);
    assert_eq!(text, "receive what was to become blob `half`: the buildlet is gone");
    let mut writer = store.put(&name, "x", PutMode::Replace).await?;
    writer.write(content.clone()).await?;
    writer.abort().await;
    let mut writer = store.put(&name, "x", PutMode::Replace).await?;
    writer.write(content).await?;
    drop(writer);
    assert!(store.head(&name).await?.is_none());
    assert_eq!(keys(store, "").await?, Vec::<String>::new());
    Ok(())
}

async fn listing(store: &BlobStore) -> Result<()> {
    for name in ["logs/1/a", "logs/1/b", "logs/10/a", "other", "record.record"] {
        store.put_bytes(&key(name)?, "log", PutMode::Replace, Bytes::from(name.to_owned())).await?;
    }
    assert_eq!(keys(store, "logs/1").await?, ["logs/1/a", "logs/1/b"]);
    assert_eq!(keys(store, "").await?, ["logs/1/a", "logs/1/b", "logs/10/a", "other", "record.record"]);
    assert_eq!(store.sweep("", Duration::ZERO).await?, 0);
    for name in keys(store, "").await? {
        assert_eq!(read(store, &key(&name)?).await?, name.as_bytes());
        store.delete(&key(&name)?).await?;
    }
    Ok(())
}

async fn pruning(store: &BlobStore) -> Result<()> {
    for name in ["pruned/a", "pruned/b"] {
        store.put_bytes(&key(name)?, "x", PutMode::Replace, Bytes::from_static(b"12345")).await?;
        store.mark_used(&key(name)?).await?;
    }
    assert_eq!(keys(store, "").await?, ["pruned/a", "pruned/b"], "a note is no blob");
    let bounds = Bounds { bytes: Some(0), age: None, spare: Duration::from_secs(3600) };
    assert_eq!(store.prune(&bounds).await?, Pruned { left: 10, ..Pruned::default() });
    let pruned = store.prune(&Bounds { spare: Duration::ZERO, ..bounds }).await?;
    assert_eq!(pruned, Pruned { blobs: 2, bytes: 10, ..Pruned::default() });
    assert_eq!(store.prune(&Bounds { spare: Duration::ZERO, ..bounds }).await?, Pruned::default(), "nothing is left");
    Ok(())
}

#[tokio::test]
async fn files_conform() -> Result<()> {
    let (_folder, store) = local()?;
    conformance(&store).await
}

#[tokio::test]
async fn damage_on_the_disk_is_found() -> Result<()> {
    let (folder, store) = local()?;
    let name = key("a/b")?;
    let content_file = |folder: &std::path::Path| -> Result<std::path::PathBuf> {
        let mut entries = std::fs::read_dir(folder.join("made/when/missing/a"))?;
        let found = entries.find_map(|e| e.ok().filter(|e| !e.file_name().to_string_lossy().ends_with(".record")));
        Ok(found.context("there is content")?.path())
    };
    for damage in ["flipped", "shorter", "longer", "gone", "record"] {
        store.put_bytes(&name, "x", PutMode::Replace, Bytes::from_static(b"content")).await?;
        let path = content_file(folder.path())?;
        match damage {
            "flipped" => std::fs::write(&path, "cXntent")?,
            "shorter" => std::fs::write(&path, "conten")?,
            "longer" => std::fs::write(&path, "content+")?,
            "gone" => std::fs::remove_file(&path)?,
            _ => std::fs::write(folder.path().join("made/when/missing/a/b.record"), "{}")?,
        }
        let found = read(&store, &name).await;
        let error = found.err().with_context(|| format!("{damage} content was accepted"))?;
        let text = format!("{error:#}");
        assert!(text.contains("`a/b`") && text.contains("made/when/missing"), "{text}");
        std::fs::remove_dir_all(folder.path().join("made/when/missing/a"))?;
    }
    Ok(())
}

#[tokio::test]
async fn what_a_killed_process_left_is_swept() -> Result<()> {
    let (folder, store) = local()?;
    let name = key("a/b")?;
    store.put_bytes(&name, "x", PutMode::Replace, Bytes::from_static(b"content")).await?;
    let root = folder.path().join("made/when/missing/a");
    std::fs::write(root.join("b.0123456789abcdef"), "without a record")?;
    std::fs::write(root.join("c.0123456789abcdef"), "without a record")?;
    std::fs::write(root.join("c.0123456789abcdef#1"), "half")?;
    assert_eq!(keys(&store, "").await?, ["a/b"]);
    assert_eq!(store.sweep("", Duration::from_secs(3600)).await?, 0, "an upload on its way is let be");
    assert_eq!(store.sweep("", Duration::ZERO).await?, 3);
    assert_eq!(read(&store, &name).await?, "content");
    assert_eq!(std::fs::read_dir(&root)?.count(), 2);
    Ok(())
}

#[test]
fn locations_are_understood_or_refused() -> Result<()> {
    let open = |location: &str| BlobStore::open(location, &BlobOptions::default());
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("store");
    assert!(open(&format!("file://{}", path.display())).is_ok() && path.is_dir());
    for bad in ["ftp://x/y", "file://relative", "s3://", "az://x"] {
        let error = open(bad).err().with_context(|| format!("{bad} was accepted"))?;
        assert!(matches!(error, BlobError::Location { .. }), "{bad}: {error:?}");
    }
    std::fs::write(folder.path().join("file"), "x")?;
    let error = open(&folder.path().join("file/store").to_string_lossy()).err();
    assert!(matches!(error, Some(BlobError::Folder { .. })), "{error:?}");
    let unknown = BlobOptions { options: [("aws_regoin".to_owned(), "x".to_owned())].into(), ..BlobOptions::default() };
    let error = BlobStore::open("s3://bucket", &unknown).err().map(|error| error.to_string());
    assert_eq!(
        error.as_deref(),
        Some("open the blob store `s3://bucket`: `aws_regoin` is no option of this kind of store")
    );
    Ok(())
}

#[tokio::test]
async fn files_have_no_urls() -> Result<()> {
    let (_folder, store) = local()?;
    let name = key("x")?;
    store.put_bytes(&name, "x", PutMode::Replace, Bytes::new()).await?;
    assert!(store.signed_url(&name, Duration::from_secs(60)).await?.is_none());
    Ok(())
}

#[tokio::test]
async fn a_store_is_kept_within_its_bounds() -> Result<()> {
    let (folder, store) = local()?;
    let root = folder.path().join("made/when/missing");
    let hour = Duration::from_secs(3600);
    for (name, age) in [("oldest", 9), ("older", 6), ("used", 8), ("new", 0)] {
        store.put_bytes(&key(name)?, "x", PutMode::Replace, Bytes::from(vec![0; 1000])).await?;
        for entry in std::fs::read_dir(&root)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(name) {
                std::fs::File::open(entry.path())?.set_modified(SystemTime::now() - hour * age)?;
            }
        }
    }
    store.mark_used(&key("used")?).await?;
    std::fs::write(root.join("c.0123456789abcdef#1"), "half")?;
    let bounds = Bounds { bytes: None, age: None, spare: Duration::ZERO };
    let nothing = store.prune(&Bounds { spare: hour, ..bounds }).await?;
    assert_eq!(nothing, Pruned { left: 4000, ..Pruned::default() }, "an upload on its way is let be");
    let spared = store.prune(&Bounds { bytes: Some(0), spare: hour * 10, ..bounds }).await?;
    assert_eq!((spared.blobs, spared.left), (0, 4000), "a build may use what was used lately");
    let told = store.prunable(&Bounds { age: Some(hour * 7), ..bounds }).await?;
    assert_eq!(told, Pruned { blobs: 1, bytes: 1000, leftovers: 0, left: 3000 });
    assert_eq!(keys(&store, "").await?.len(), 4, "it was only told");
    let old = store.prune(&Bounds { age: Some(hour * 7), ..bounds }).await?;
    assert_eq!(old, Pruned { blobs: 1, bytes: 1000, leftovers: 1, left: 3000 });
    assert_eq!(keys(&store, "").await?, ["new", "older", "used"], "the time of the last use counts");
    let large = store.prune(&Bounds { bytes: Some(2500), ..bounds }).await?;
    assert_eq!(large, Pruned { blobs: 1, bytes: 1000, leftovers: 0, left: 2000 });
    assert_eq!(keys(&store, "").await?, ["new", "used"], "what was used longest ago goes first");
    store.delete(&key("used")?).await?;
    assert_eq!(std::fs::read_dir(&root)?.count(), 2, "the note of its use goes with a blob");
    Ok(())
}
