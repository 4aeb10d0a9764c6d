//! Plain objects: one request each, created once and never replaced.
//!
//! A blob costs two objects, and three requests to create: too much for a piece of log each second. A plain object has
//! no record, so whoever writes it puts its own checks into it; that it was created whole and by one writer only is what
//! the store answers for. No part of a plain object's key may hold a dot: that keeps it apart from the objects of blobs.

use std::{ops::Range, time::SystemTime};

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use object_store::{GetOptions, GetRange, ObjectStore as _, PutMode as ObjectPutMode, PutOptions, PutPayload};

use super::{key::BlobKey, store::BlobStore};
use crate::error::{BlobAction, BlobError, KeyError};

/// A plain object as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Its key.
    pub key: BlobKey,
    /// Its length in bytes.
    pub bytes: u64,
    /// When it was created, by the store's clock.
    pub created: SystemTime,
}

impl BlobStore {
    /// Creates a plain object. Of several that create one key, one succeeds; once this returned, a local folder has it
    /// on its disk.
    ///
    /// # Errors
    ///
    /// [`BlobError::AlreadyExists`] where the key is taken; a lost answer may make that one's own. Or where the key
    /// holds a dot, or the store refuses.
    pub async fn put_object(&self, key: &BlobKey, bytes: Bytes) -> Result<(), BlobError> {
        if !is_plain(key) {
            let reason = "a plain object's key holds no dot";
            return Err(BlobError::Key(KeyError::Invalid { key: key.to_string(), reason }));
        }
        let options = PutOptions::from(ObjectPutMode::Create);
        match self.objects.put_opts(&self.path(key.as_str()), PutPayload::from(bytes), options).await {
            Ok(_) => Ok(()),
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                Err(self.already_exists(key))
            }
            Err(error) => Err(self.failed(BlobAction::Write, key, error)),
        }
    }

    /// A plain object whole, or `None` where there is none.
    ///
    /// # Errors
    ///
    /// [`BlobError::TooLarge`] where it is longer than `limit` bytes, or where the store cannot be asked.
    pub async fn get_object(&self, key: &BlobKey, limit: u64) -> Result<Option<Bytes>, BlobError> {
        self.fetch_object(key, GetOptions::default(), limit).await
    }

    /// A part of a plain object, shorter where the object ends before; `None` where there is none.
    ///
    /// # Errors
    ///
    /// Where the range begins at or behind the object's end, or the store cannot be asked.
    pub async fn get_object_part(&self, key: &BlobKey, range: Range<u64>) -> Result<Option<Bytes>, BlobError> {
        let limit = range.end - range.start;
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        self.fetch_object(key, options, limit).await
    }

    async fn fetch_object(&self, key: &BlobKey, options: GetOptions, limit: u64) -> Result<Option<Bytes>, BlobError> {
        let result = match self.objects.get_opts(&self.path(key.as_str()), options).await {
            Ok(result) => result,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(self.failed(BlobAction::Read, key, error)),
        };
        if result.range.end - result.range.start > limit {
            return Err(BlobError::TooLarge { store: self.name.to_string(), key: key.to_string(), limit });
        }
        result.bytes().await.map(Some).map_err(|error| self.failed(BlobAction::Read, key, error))
    }

    /// All plain objects below `prefix` (whole parts of a key), in no order.
    pub fn list_objects(&self, prefix: &str) -> BoxStream<'static, Result<ObjectInfo, BlobError>> {
        let plain = |(name, object): (String, object_store::ObjectMeta)| {
            let key = BlobKey::new(name).ok().filter(is_plain)?;
            Some(ObjectInfo { key, bytes: object.size, created: object.last_modified.into() })
        };
        self.list_all(prefix).try_filter_map(move |found| async move { Ok(plain(found)) }).boxed()
    }

    /// Deletes a plain object; that it is gone already is fine.
    ///
    /// # Errors
    ///
    /// Where the store refuses.
    pub async fn delete_object(&self, key: &BlobKey) -> Result<(), BlobError> {
        self.delete_at(key, &self.path(key.as_str())).await
    }
}

/// Objects of blobs end in a dot and a word.
fn is_plain(key: &BlobKey) -> bool {
    !key.as_str().contains('.')
}
