//! The store gets everything; helpers get everything or are told to start again.

use anyhow::{Context as _, Result};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use snapshot::{
    Digest,
    blob::{BlobKey, BlobOptions, BlobStore, PutMode},
    fanout::{Branch, BranchEnd, Fanout},
};
use tokio::sync::mpsc;

struct Scene {
    _folder: tempfile::TempDir,
    store: BlobStore,
    key: BlobKey,
}

fn scene() -> Result<Scene> {
    let folder = tempfile::tempdir()?;
    let store = BlobStore::open(&folder.path().to_string_lossy(), &BlobOptions::default())?;
    Ok(Scene { _folder: folder, store, key: BlobKey::new("snapshot")? })
}

async fn drain(mut branch: Branch) -> (Vec<u8>, BranchEnd) {
    let mut bytes = Vec::new();
    while let Some(chunk) = branch.next().await {
        bytes.extend_from_slice(&chunk);
    }
    (bytes, branch.end().await)
}

/// A stream fed by hand.
fn by_hand() -> (mpsc::Sender<std::io::Result<Bytes>>, impl futures::Stream<Item = std::io::Result<Bytes>>) {
    let (sender, receiver) = mpsc::channel(1);
    (sender, stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) }))
}

#[tokio::test]
async fn a_helper_that_keeps_up_gets_all_of_it() -> Result<()> {
    let scene = scene()?;
    let content: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let (feed, stream) = by_hand();
    let mut fanout = Fanout::new(1 << 20);
    let helper = tokio::spawn(drain(fanout.branch()));
    let other = tokio::spawn(drain(fanout.branch()));
    let writer = scene.store.put(&scene.key, "snapshot", PutMode::Replace).await?;
    let run = tokio::spawn(fanout.run(stream, writer));
    for chunk in content.chunks(10_000) {
        feed.send(Ok(Bytes::copy_from_slice(chunk))).await?;
        // On this one thread the helpers have read before the next chunk.
        tokio::task::yield_now().await;
    }
    drop(feed);
    let meta = run.await??;
    for branch in [helper, other] {
        let (bytes, end) = branch.await?;
        assert!(bytes == content);
        assert_eq!(end, BranchEnd::Complete(meta.clone()));
    }
    assert_eq!((meta.length, meta.sha256), (3_000_000, Digest::of(&content)));
    Ok(())
}

#[tokio::test]
async fn a_helper_that_lags_is_dropped_and_the_store_is_not_slowed() -> Result<()> {
    let scene = scene()?;
    let mut fanout = Fanout::new(25_000);
    let lagging = fanout.branch();
    let gone = fanout.branch();
    drop(gone);
    let writer = scene.store.put(&scene.key, "snapshot", PutMode::Replace).await?;
    let chunks = stream::iter((0..10).map(|_| Ok(Bytes::from_static(&[7; 10_000]))));
    // Nobody reads the branch: this would hang if a branch could hold the stream back.
    let meta = fanout.run(chunks, writer).await?;
    assert_eq!(meta.length, 100_000);
    let (bytes, end) = drain(lagging).await;
    assert_eq!((bytes.len(), end), (20_000, BranchEnd::Lagged));
    let again = scene.store.get(&scene.key).await?.into_bytes(u64::MAX).await?;
    assert_eq!(again.len(), 100_000);
    Ok(())
}

#[tokio::test]
async fn no_branch_is_complete_before_the_blob_is_committed() -> Result<()> {
    let scene = scene()?;
    let (feed, stream) = by_hand();
    let mut fanout = Fanout::default();
    let mut branch = fanout.branch();
    let writer = scene.store.put(&scene.key, "snapshot", PutMode::Replace).await?;
    let run = tokio::spawn(fanout.run(stream, writer));
    feed.send(Ok(Bytes::from_static(b"all of it"))).await?;
    assert_eq!(branch.next().await.context("a chunk")?, "all of it");
    let mut end = std::pin::pin!(branch.end());
    // The helper has every byte and does not know it yet.
    assert!(futures::poll!(&mut end).is_pending());
    assert!(scene.store.head(&scene.key).await?.is_none());
    drop(feed);
    let meta = run.await??;
    assert_eq!(end.await, BranchEnd::Complete(meta));
    Ok(())
}

#[tokio::test]
async fn a_stream_that_fails_fails_everywhere() -> Result<()> {
    let scene = scene()?;
    let mut fanout = Fanout::default();
    let branch = fanout.branch();
    let writer = scene.store.put(&scene.key, "snapshot", PutMode::Replace).await?;
    let chunks = stream::iter([Ok(Bytes::from_static(b"half")), Err(std::io::Error::other("cut"))]);
    assert!(fanout.run(chunks.boxed(), writer).await.is_err());
    let (_, end) = drain(branch).await;
    assert!(matches!(end, BranchEnd::Failed(_)), "{end:?}");
    assert!(scene.store.head(&scene.key).await?.is_none());
    Ok(())
}

#[tokio::test]
async fn a_fan_out_that_is_canceled_fails_its_branches() -> Result<()> {
    let mut fanout = Fanout::default();
    let branch = fanout.branch();
    drop(fanout);
    assert!(matches!(branch.end().await, BranchEnd::Failed(_)));
    Ok(())
}
