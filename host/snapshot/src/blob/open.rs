//! Opens a store by path or URL.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use object_store::{
    BackoffConfig, ClientConfigKey, ObjectStore, RetryConfig,
    aws::{AmazonS3Builder, AmazonS3ConfigKey},
    gcp::{GoogleCloudStorageBuilder, GoogleConfigKey},
    local::LocalFileSystem,
    signer::Signer,
};
use url::Url;

use crate::error::BlobError;

/// Retries of one request to a remote store; each is told to the log by the client library.
const DEFAULT_MAX_RETRIES: usize = 4;
/// Longest time one request and its retries may take.
const DEFAULT_RETRY_TIMEOUT: Duration = Duration::from_secs(60);
/// A transfer is given up when nothing arrives for this long.
const READ_TIMEOUT: &str = "30 seconds";
/// Longest time of one whole request: a part of 8 MiB at 30 KiB/s.
const REQUEST_TIMEOUT: &str = "300 seconds";

/// How to open a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobOptions {
    /// Options of the remote store by name (`aws_endpoint`, `aws_region`, `aws_virtual_hosted_style_request`, ...);
    /// they go before the `AWS_*` and `GOOGLE_*` environment variables, which are read too.
    pub options: BTreeMap<String, String>,
    /// Retries of one request.
    pub max_retries: usize,
    /// Longest time one request and its retries may take.
    pub retry_timeout: Duration,
}

impl Default for BlobOptions {
    fn default() -> Self {
        BlobOptions { options: BTreeMap::new(), max_retries: DEFAULT_MAX_RETRIES, retry_timeout: DEFAULT_RETRY_TIMEOUT }
    }
}

/// An opened store.
pub(super) struct Opened {
    pub(super) store: Arc<dyn ObjectStore>,
    /// Remote stores sign URLs.
    pub(super) signer: Option<Arc<dyn Signer>>,
    /// The folder of a local store.
    pub(super) folder: Option<PathBuf>,
    /// What goes before every key, without slashes at its ends.
    pub(super) prefix: String,
    /// The store's name in messages.
    pub(super) name: String,
}

pub(super) fn open(location: &str, options: &BlobOptions) -> Result<Opened, BlobError> {
    match location.split_once("://") {
        None => open_local(PathBuf::from(location), location),
        Some(("file", path)) if path.starts_with('/') => open_local(PathBuf::from(path), location),
        Some(("s3" | "gs", _)) => open_remote(location, options),
        Some(_) => Err(BlobError::Location {
            location: location.to_owned(),
            reason: "use a path, `file:///path`, `s3://bucket/prefix` or `gs://bucket/prefix`".to_owned(),
        }),
    }
}

fn open_local(folder: PathBuf, location: &str) -> Result<Opened, BlobError> {
    std::fs::create_dir_all(&folder).map_err(|source| BlobError::Folder { folder: folder.clone(), source })?;
    // Flushed to the disk, or a record could outlive its content in a power failure.
    let store = LocalFileSystem::new_with_prefix(&folder)
        .map_err(|source| open_failed(location, source))?
        .with_automatic_cleanup(true)
        .with_fsync(true);
    Ok(Opened {
        store: Arc::new(store),
        signer: None,
        name: format!("`{}`", folder.display()),
        folder: Some(folder),
        prefix: String::new(),
    })
}

fn open_remote(location: &str, options: &BlobOptions) -> Result<Opened, BlobError> {
    // The HTTP client brings no cryptography of its own. An error only says that the process has chosen already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let invalid = |reason: String| BlobError::Location { location: location.to_owned(), reason };
    let url = Url::parse(location).map_err(|error| invalid(error.to_string()))?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err(invalid("the bucket is missing".to_owned()));
    }
    let prefix = url.path().trim_matches('/').to_owned();
    let retry = RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: options.max_retries,
        retry_timeout: options.retry_timeout,
    };
    let opened =
        |store, signer| Opened { store, signer: Some(signer), folder: None, prefix, name: format!("`{location}`") };
    if url.scheme() == "gs" {
        let mut builder = GoogleCloudStorageBuilder::from_env()
            .with_url(location)
            .with_config(GoogleConfigKey::Client(ClientConfigKey::Timeout), REQUEST_TIMEOUT)
            .with_config(GoogleConfigKey::Client(ClientConfigKey::ReadTimeout), READ_TIMEOUT)
            .with_retry(retry);
        for (name, value) in &options.options {
            let key: GoogleConfigKey = name.parse().map_err(|_| invalid(unknown_option(name)))?;
            builder = builder.with_config(key, value);
        }
        let store = builder.build().map_err(|source| open_failed(location, source))?;
        let store = Arc::new(store);
        return Ok(opened(Arc::clone(&store) as Arc<dyn ObjectStore>, store));
    }
    let mut builder = AmazonS3Builder::from_env()
        .with_url(location)
        .with_config(AmazonS3ConfigKey::Client(ClientConfigKey::Timeout), REQUEST_TIMEOUT)
        .with_config(AmazonS3ConfigKey::Client(ClientConfigKey::ReadTimeout), READ_TIMEOUT)
        .with_retry(retry);
    for (name, value) in &options.options {
        let key: AmazonS3ConfigKey = name.parse().map_err(|_| invalid(unknown_option(name)))?;
        builder = builder.with_config(key, value);
    }
    // Whoever writes `http://` into the endpoint has decided.
    let plain = [AmazonS3ConfigKey::Endpoint, AmazonS3ConfigKey::S3Endpoint]
        .iter()
        .filter_map(|key| builder.get_config_value(key))
        .any(|endpoint| endpoint.starts_with("http://"));
    if plain {
        builder = builder.with_allow_http(true);
    }
    let store = builder.build().map_err(|source| open_failed(location, source))?;
    let store = Arc::new(store);
    Ok(opened(Arc::clone(&store) as Arc<dyn ObjectStore>, store))
}

fn unknown_option(name: &str) -> String {
    format!("`{name}` is no option of this kind of store")
}

fn open_failed(location: &str, source: object_store::Error) -> BlobError {
    BlobError::Open { location: location.to_owned(), source: Box::new(source) }
}
