//! Errors of keys and of the blob store.

use std::{fmt, io, path::PathBuf};

/// A key could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A part of it is empty.
    #[error("make a key: the {what} is empty")]
    Empty {
        /// Which part.
        what: &'static str,
    },
    /// It is not a key.
    #[error("use `{key}` as a key: {reason}")]
    Invalid {
        /// The text.
        key: String,
        /// What is wrong.
        reason: &'static str,
    },
}

/// What was tried with a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobAction {
    /// Writing it.
    Write,
    /// Reading it or its record.
    Read,
    /// Deleting it.
    Delete,
    /// Listing what is below it.
    List,
    /// Signing a URL for it.
    Sign,
}

impl fmt::Display for BlobAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BlobAction::Write => "write",
            BlobAction::Read => "read",
            BlobAction::Delete => "delete",
            BlobAction::List => "list",
            BlobAction::Sign => "sign a URL for",
        })
    }
}

/// The blob store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The location of the store is not understood.
    #[error("open the blob store `{location}`: {reason}")]
    Location {
        /// As it was given.
        location: String,
        /// What is wrong, or what to write.
        reason: String,
    },
    /// The store could not be set up.
    #[error("open the blob store `{location}`")]
    Open {
        /// As it was given.
        location: String,
        /// The cause.
        #[source]
        source: Box<object_store::Error>,
    },
    /// The folder of a local store could not be used.
    #[error("use the blob store's folder `{}`", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The key is not one.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// There is no such blob.
    #[error("find blob `{key}` in {store}")]
    NotFound {
        /// The store.
        store: String,
        /// The key.
        key: String,
    },
    /// The key is taken and was not to be replaced.
    #[error("create blob `{key}` in {store}: it exists already")]
    AlreadyExists {
        /// The store.
        store: String,
        /// The key.
        key: String,
    },
    /// The store failed.
    #[error("{action} blob `{key}` in {store}{hint}")]
    Access {
        /// What was tried.
        action: BlobAction,
        /// The store.
        store: String,
        /// The key or prefix.
        key: String,
        /// What to do about it, where that is known.
        hint: &'static str,
        /// The cause.
        #[source]
        source: Box<object_store::Error>,
    },
    /// The writer was used after a failure that undid it.
    #[error("write blob `{key}` in {store}: the upload was undone by an earlier failure")]
    Undone {
        /// The store.
        store: String,
        /// The key.
        key: String,
    },
    /// The stream that was to be stored failed; nothing was committed.
    #[error("receive what was to become blob `{key}`")]
    Input {
        /// The key.
        key: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The blob is larger than allowed.
    #[error("handle blob `{key}` in {store}: it is larger than {limit} bytes")]
    TooLarge {
        /// The store.
        store: String,
        /// The key.
        key: String,
        /// The bound in bytes.
        limit: u64,
    },
    /// The content is not what was committed: delete the blob and make it anew.
    #[error("read blob `{key}` in {store}: {reason}; delete it and make it anew")]
    Corrupt {
        /// The store.
        store: String,
        /// The key.
        key: String,
        /// What differs.
        reason: String,
    },
    /// The record is damaged or from a newer version.
    #[error("read the record of blob `{key}` in {store}: {reason}")]
    BadRecord {
        /// The store.
        store: String,
        /// The key.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl BlobError {
    /// Whether the cause is a full disk.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        is_disk_full(self)
    }

    /// A failure of the store, with advice.
    pub(crate) fn access(action: BlobAction, store: &str, key: &str, source: object_store::Error) -> Self {
        BlobError::Access {
            action,
            store: store.to_owned(),
            key: key.to_owned(),
            hint: hint(action, &source),
            source: Box::new(source),
        }
    }
}

fn hint(action: BlobAction, error: &object_store::Error) -> &'static str {
    use object_store::Error;
    if is_disk_full(error) {
        return "; its disk is full: free space there or move the store";
    }
    if matches!(error, Error::Unauthenticated { .. }) {
        return "; its credentials were refused: check the access key and the secret";
    }
    if matches!(error, Error::PermissionDenied { .. }) {
        return "; it forbids this: check the credentials and what they may do";
    }
    if matches!(error, Error::NotFound { .. }) && action == BlobAction::Write {
        return "; it was not found: check that the bucket or folder exists";
    }
    if matches!(error, Error::Generic { store, .. } if *store != "LocalFileSystem") {
        return "; check its endpoint and that it is running";
    }
    ""
}

fn is_disk_full(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::StorageFull) {
            return true;
        }
        next = error.source();
    }
    false
}
