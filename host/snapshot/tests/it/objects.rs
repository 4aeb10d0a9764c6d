//! Plain objects: created once, read whole or in part, listed apart from blobs.

use anyhow::Result;
use bytes::Bytes;
use futures::TryStreamExt as _;
use snapshot::{
    BlobError,
    blob::{BlobOptions, BlobStore, Bounds, PutMode},
};
use tokio::task::JoinSet;

use crate::blob::key;

/// What every store has to do.
pub(crate) async fn conformance(store: &BlobStore) -> Result<()> {
    created_once(store).await?;
    apart_from_blobs(store).await
}

/// Not held against `s3s-fs`: it looks whether there is an object and then writes, where S3 itself does both at once.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_create_a_file_one_succeeds() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let store = BlobStore::open(&folder.path().to_string_lossy(), &BlobOptions::default())?;
    of_many_one_succeeds(&store).await
}

async fn created_once(store: &BlobStore) -> Result<()> {
    let name = key("logs/7/log/00001")?;
    assert!(store.get_object(&name, 100).await?.is_none());
    assert!(store.get_object_part(&name, 0..10).await?.is_none());
    store.put_object(&name, Bytes::from_static(b"0123456789")).await?;
    let again = store.put_object(&name, Bytes::from_static(b"other")).await;
    assert!(matches!(again, Err(BlobError::AlreadyExists { .. })), "{again:?}");
    assert_eq!(store.get_object(&name, 10).await?.as_deref(), Some(&b"0123456789"[..]));
    assert_eq!(store.get_object_part(&name, 2..5).await?.as_deref(), Some(&b"234"[..]));
    assert_eq!(store.get_object_part(&name, 8..5_000).await?.as_deref(), Some(&b"89"[..]), "as much as there is");
    let too_long = store.get_object(&name, 9).await;
    assert!(matches!(too_long, Err(BlobError::TooLarge { limit: 9, .. })), "{too_long:?}");
    store.delete_object(&name).await?;
    store.delete_object(&name).await?;
    assert!(store.get_object(&name, 100).await?.is_none());
    let dotted = store.put_object(&key("logs/7/log.record")?, Bytes::new()).await;
    assert!(matches!(dotted, Err(BlobError::Key(_))), "{dotted:?}");
    Ok(())
}

async fn of_many_one_succeeds(store: &BlobStore) -> Result<()> {
    for round in 0..5 {
        let name = key(&format!("contested/{round}"))?;
        let mut tasks = JoinSet::new();
        for writer in 0..8_u8 {
            let (store, name) = (store.clone(), name.clone());
            let bytes = Bytes::from(vec![writer; 1_000]);
            tasks.spawn(async move { store.put_object(&name, bytes.clone()).await.is_ok().then_some(bytes) });
        }
        let won: Vec<Bytes> = tasks.join_all().await.into_iter().flatten().collect();
        assert_eq!(won.len(), 1);
        assert_eq!(store.get_object(&name, 1_000).await?, won.first().cloned());
        store.delete_object(&name).await?;
    }
    Ok(())
}

async fn apart_from_blobs(store: &BlobStore) -> Result<()> {
    store.put_bytes(&key("logs/blob")?, "x", PutMode::Replace, Bytes::from_static(b"a blob")).await?;
    store.mark_used(&key("logs/blob")?).await?;
    for name in ["logs/1/a", "logs/1/b", "logs/10/a"] {
        store.put_object(&key(name)?, Bytes::from_static(b"12345")).await?;
    }
    let list = async |prefix: &str| -> Result<Vec<String>> {
        let objects: Vec<_> = store.list_objects(prefix).try_collect().await?;
        assert!(objects.iter().all(|object| object.bytes == 5));
        let mut names: Vec<String> = objects.iter().map(|object| object.key.to_string()).collect();
        names.sort();
        Ok(names)
    };
    assert_eq!(list("logs/1").await?, ["logs/1/a", "logs/1/b"]);
    assert_eq!(list("logs").await?, ["logs/1/a", "logs/1/b", "logs/10/a"]);
    let none = std::time::Duration::ZERO;
    store.prune(&Bounds { bytes: Some(0), age: None, spare: none }).await?;
    assert!(store.head(&key("logs/blob")?).await?.is_none());
    assert_eq!(list("").await?, ["logs/1/a", "logs/1/b", "logs/10/a"], "the bounds of blobs are not theirs");
    for name in list("").await? {
        store.delete_object(&key(&name)?).await?;
    }
    Ok(())
}
