//! The `kv` import: a small store of the plugin's own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::{fs, io};

use thiserror::Error;

use crate::bindings::muster::host::kv::Host;
use crate::bindings::muster::types::types::Error as WitError;
use crate::fault::NotAllowed;
use crate::role::Role;
use crate::store::StoreData;

/// Bytes of a key.
const KEY_BYTES: usize = 100;
/// Bytes of a value.
const VALUE_BYTES: usize = 64 << 10;
/// Keys of one plugin. With [`VALUE_BYTES`] the store is at most 64 MiB.
const KEYS: usize = 1024;

/// Why the store did not do it.
#[derive(Debug, Error)]
pub enum KvError {
    /// More than a plugin may keep.
    #[error("keep `{key}`: {reason}")]
    TooMuch {
        /// The key.
        key: String,
        /// Which bound.
        reason: String,
    },
    /// The disk or the service behind it failed.
    #[error("reach the plugin's store")]
    Io(#[from] io::Error),
}

/// Where one plugin's values are kept. Calls are short and may block.
pub trait KeyValueStore: Send + Sync {
    /// The value of this key.
    ///
    /// # Errors
    /// [`KvError::Io`] when it cannot be read.
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError>;
    /// Sets the value of this key, whole or not at all.
    ///
    /// # Errors
    /// [`KvError`] when it cannot be kept.
    fn set(&self, key: &str, value: &[u8]) -> Result<(), KvError>;
    /// Forgets this key, if it is there.
    ///
    /// # Errors
    /// [`KvError::Io`] when it cannot be removed.
    fn delete(&self, key: &str) -> Result<(), KvError>;
    /// The keys that begin with this, in order.
    ///
    /// # Errors
    /// [`KvError::Io`] when they cannot be read.
    fn list(&self, prefix: &str) -> Result<Vec<String>, KvError>;
}

/// Kept in memory: gone with the process.
#[derive(Debug, Default)]
pub struct MemoryStore {
    values: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl MemoryStore {
    fn values(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.values.lock().expect("no code that holds the values panics")
    }
}

impl KeyValueStore for MemoryStore {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        Ok(self.values().get(key).cloned())
    }

    fn set(&self, key: &str, value: &[u8]) -> Result<(), KvError> {
        let mut values = self.values();
        if !values.contains_key(key) && values.len() >= KEYS {
            return Err(too_many(key));
        }
        values.insert(key.to_owned(), value.to_vec());
        Ok(())
    }

    fn delete(&self, key: &str) -> Result<(), KvError> {
        self.values().remove(key);
        Ok(())
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, KvError> {
        Ok(self.values().keys().filter(|key| key.starts_with(prefix)).cloned().collect())
    }
}

/// Kept in a folder of its own, one file a key, named by the key's hex.
#[derive(Debug)]
pub struct FileStore {
    folder: PathBuf,
}

impl FileStore {
    /// Uses this folder, and makes it if need be.
    ///
    /// # Errors
    /// [`KvError::Io`] when it cannot be made.
    pub fn open(folder: &Path) -> Result<FileStore, KvError> {
        fs::create_dir_all(folder)?;
        Ok(FileStore { folder: folder.to_path_buf() })
    }

    fn file(&self, key: &str) -> PathBuf {
        self.folder.join(hex::encode(key))
    }
}

impl KeyValueStore for FileStore {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        match fs::read(self.file(key)) {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn set(&self, key: &str, value: &[u8]) -> Result<(), KvError> {
        let file = self.file(key);
        if !file.exists() && fs::read_dir(&self.folder)?.count() >= KEYS {
            return Err(too_many(key));
        }
        // `.` is no hex digit: a leftover is never taken for a key.
        let part = self.folder.join(format!("{}.part", hex::encode(key)));
        fs::write(&part, value)?;
        fs::rename(part, file)?;
        Ok(())
    }

    fn delete(&self, key: &str) -> Result<(), KvError> {
        match fs::remove_file(self.file(key)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, KvError> {
        let mut keys = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let key =
                hex::decode(entry?.file_name().as_encoded_bytes()).ok().and_then(|key| String::from_utf8(key).ok());
            keys.extend(key.filter(|key| key.starts_with(prefix)));
        }
        keys.sort();
        Ok(keys)
    }
}

fn too_many(key: &str) -> KvError {
    KvError::TooMuch { key: key.to_owned(), reason: format!("{KEYS} keys are there already") }
}

impl StoreData {
    fn kv(&self) -> wasmtime::Result<Result<&dyn KeyValueStore, WitError>> {
        if self.role != Role::Pool {
            return Err(
                NotAllowed(format!("a {} keeps nothing: only pools may import muster:host/kv", self.role)).into()
            );
        }
        Ok(self.services.kv.as_deref().ok_or_else(|| {
            WitError::Unsupported(format!(
                "kv is not granted; add `kv = true` to the grants of `{}`",
                self.services.plugin
            ))
        }))
    }
}

impl Host for StoreData {
    async fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<Vec<u8>>, WitError>> {
        Ok(self.kv()?.and_then(|kv| kv.get(&key).map_err(wit_error)))
    }

    async fn set(&mut self, key: String, value: Vec<u8>) -> wasmtime::Result<Result<(), WitError>> {
        Ok(self.kv()?.and_then(|kv| {
            if key.is_empty() || key.len() > KEY_BYTES {
                return Err(WitError::Invalid(format!("a key has 1 to {KEY_BYTES} bytes, this one has {}", key.len())));
            }
            if value.len() > VALUE_BYTES {
                return Err(WitError::Invalid(format!(
                    "a value has at most {VALUE_BYTES} bytes, that of `{key}` has {}",
                    value.len()
                )));
            }
            kv.set(&key, &value).map_err(wit_error)
        }))
    }

    async fn delete(&mut self, key: String) -> wasmtime::Result<Result<(), WitError>> {
        Ok(self.kv()?.and_then(|kv| kv.delete(&key).map_err(wit_error)))
    }

    async fn list(&mut self, prefix: String) -> wasmtime::Result<Result<Vec<String>, WitError>> {
        Ok(self.kv()?.and_then(|kv| kv.list(&prefix).map_err(wit_error)))
    }
}

fn wit_error(error: KvError) -> WitError {
    match error {
        KvError::TooMuch { .. } => WitError::Invalid(error.to_string()),
        KvError::Io(source) => WitError::Unavailable(source.to_string()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failure is the test's")]

    use super::*;

    fn conforms(kv: &dyn KeyValueStore) {
        assert_eq!(kv.get("a/1").unwrap(), None);
        kv.set("a/1", b"one").unwrap();
        kv.set("a/2", b"two").unwrap();
        kv.set("../b", b"three").unwrap();
        kv.set("a/1", b"uno").unwrap();
        assert_eq!(kv.get("a/1").unwrap().as_deref(), Some(&b"uno"[..]));
        assert_eq!(kv.list("a/").unwrap(), ["a/1", "a/2"]);
        assert_eq!(kv.list("").unwrap(), ["../b", "a/1", "a/2"]);
        kv.delete("a/1").unwrap();
        kv.delete("a/1").unwrap();
        assert_eq!(kv.list("a/").unwrap(), ["a/2"]);
        for n in 2..KEYS {
            kv.set(&format!("n{n}"), b"").unwrap();
        }
        assert!(matches!(kv.set("one too many", b""), Err(KvError::TooMuch { .. })));
        kv.set("n2", b"still").unwrap();
    }

    #[test]
    fn memory_and_files_keep_alike() {
        conforms(&MemoryStore::default());
        let folder = tempfile::tempdir().unwrap();
        conforms(&FileStore::open(&folder.path().join("kv")).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a key never leaves the folder");
    }
}
