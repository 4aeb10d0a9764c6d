//! The host itself: engine, threads, linkers; it loads components and knows nothing of names or settings.

use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;

use crate::error::{HostError, LoadError};
use crate::load::Contract;
use crate::load::{Linkers, Loaded, MAX_BYTES, Source, load};
use crate::runtime::PluginRuntime;
use crate::wasm::{EngineOptions, MAX_LIVE_STORES, PluginEngine};

/// Everything that plugins run on.
pub struct PluginHost {
    pub(crate) engine: PluginEngine,
    pub(crate) linkers: Linkers,
    pub(crate) contract: Contract,
    pub(crate) runtime: PluginRuntime,
    /// One permit for each store that may live.
    pub(crate) stores: Arc<Semaphore>,
    pub(crate) compiling: Mutex<()>,
}

/// Hits and misses of the folder of compiled plugins since the host was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheStats {
    /// Components found compiled.
    pub hits: usize,
    /// Components that were compiled.
    pub misses: usize,
}

impl PluginHost {
    /// Sets everything up.
    ///
    /// # Errors
    /// [`HostError`] when the cache folder cannot be used, threads cannot be started or wasmtime refuses.
    pub fn new(options: &EngineOptions) -> Result<Arc<PluginHost>, HostError> {
        let engine = PluginEngine::new(options)?;
        let linkers = Linkers::new(&engine.engine)?;
        Ok(Arc::new(PluginHost {
            engine,
            linkers,
            contract: Contract::parse(),
            runtime: PluginRuntime::new()?,
            stores: Arc::new(Semaphore::new(MAX_LIVE_STORES as usize)),
            compiling: Mutex::new(()),
        }))
    }

    /// Loads a component: checked, compiled, inspected and linked, with none of its code run. On a thread for
    /// blocking work, so that it may be awaited anywhere.
    ///
    /// # Errors
    /// [`LoadError`] naming the plugin's file and what to do.
    pub async fn load(
        self: &Arc<PluginHost>,
        name: &str,
        source: Source,
        bytes: impl AsRef<[u8]> + Send + 'static,
    ) -> Result<Loaded, LoadError> {
        let host = Arc::clone(self);
        let name = name.to_owned();
        tokio::task::spawn_blocking(move || load(&host, &name, source, bytes.as_ref()))
            .await
            .expect("loading does not panic and is not canceled")
    }

    /// Reads a component's file and loads it.
    ///
    /// # Errors
    /// [`LoadError`] when it cannot be read or loaded.
    pub async fn load_file(self: &Arc<PluginHost>, name: &str, path: &Path) -> Result<Loaded, LoadError> {
        let failed = |source| LoadError::Read { path: path.to_path_buf(), source };
        let size = tokio::fs::metadata(path).await.map_err(failed)?.len();
        if size > MAX_BYTES {
            return Err(LoadError::TooLarge { file: path.display().to_string(), size, limit: MAX_BYTES });
        }
        let bytes = tokio::fs::read(path).await.map_err(failed)?;
        self.load(name, Source::File(path.to_path_buf()), bytes).await
    }

    /// What the folder of compiled plugins did; none where there is none.
    pub fn cache_stats(&self) -> Option<CacheStats> {
        let cache = self.engine.cache.as_ref()?;
        Some(CacheStats { hits: cache.cache_hits(), misses: cache.cache_misses() })
    }

    /// Whether memories are allocated ahead.
    pub fn is_pooled(&self) -> bool {
        self.engine.is_pooled()
    }
}
