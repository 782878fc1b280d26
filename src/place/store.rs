//! Stores by the URIs that name their objects: Amazon S3 and what speaks its protocol, Google Cloud Storage, Azure Blob Storage.
//! Endpoint, region and credentials come from the environment variables that each of them documents.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::client::{HttpError, HttpErrorKind};
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::{BackoffConfig, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig};
use tokio::runtime::Runtime;

use super::Opened;
use super::object::Object;

/// Opens an object: asks for its length and its version, which every part read later has to be of.
pub(super) fn open(scheme: &str, rest: &str) -> io::Result<Opened> {
    let (store, meta) = found(scheme, rest)?;
    let len = Some(meta.size);
    Ok(Opened { octets: Box::new(Object::new(runtime()?, store, meta)), len, file: None })
}

/// Octets of an object.
pub(super) fn len(scheme: &str, rest: &str) -> io::Result<u64> {
    found(scheme, rest).map(|(_, meta)| meta.size)
}

fn found(scheme: &str, rest: &str) -> io::Result<(Arc<dyn ObjectStore>, ObjectMeta)> {
    let nothing = || io::Error::new(ErrorKind::InvalidInput, "names no object: BUCKET/KEY is missing");
    let (bucket, key) = rest.split_once('/').filter(|(_, key)| !key.is_empty()).ok_or_else(nothing)?;
    let key = Path::parse(key).map_err(|error| io::Error::new(ErrorKind::InvalidInput, error))?;
    let runtime = runtime()?;
    let store = store(scheme, bucket).map_err(failure)?;
    let meta = runtime.block_on(store.head(&key)).map_err(failure)?;
    Ok((store, meta))
}

fn store(scheme: &str, bucket: &str) -> object_store::Result<Arc<dyn ObjectStore>> {
    let url = format!("{scheme}://{bucket}");
    Ok(match scheme {
        "gs" => Arc::new(GoogleCloudStorageBuilder::from_env().with_url(url).with_retry(patience()).build()?),
        "az" => Arc::new(MicrosoftAzureBuilder::from_env().with_url(url).with_retry(patience()).build()?),
        _ => Arc::new(AmazonS3Builder::from_env().with_url(url).with_retry(patience()).build()?),
    })
}

/// A store that does not answer for some seconds is somebody else's to wait for: the exit status says so.
fn patience() -> RetryConfig {
    let backoff = BackoffConfig {
        init_backoff: Duration::from_millis(200),
        max_backoff: Duration::from_secs(5),
        base: 2.0,
    };
    RetryConfig { backoff, max_retries: 5, retry_timeout: Duration::from_secs(60) }
}

/// The one that carries all connections of the process.
fn runtime() -> io::Result<&'static Runtime> {
    static RUNTIME: OnceLock<io::Result<Runtime>> = OnceLock::new();
    let made = RUNTIME.get_or_init(|| {
        // Another one installed before is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()
    });
    made.as_ref().map_err(|error| io::Error::new(error.kind(), error.to_string()))
}

/// What a store says, as the system would say it of a file: not there, not allowed, not now.
pub(super) fn failure(error: object_store::Error) -> io::Error {
    use object_store::Error as Store;
    match &error {
        Store::NotFound { .. } => io::Error::new(ErrorKind::NotFound, "no such object or bucket"),
        Store::PermissionDenied { source, .. } | Store::Unauthenticated { source, .. } => io::Error::new(
            ErrorKind::PermissionDenied,
            format!("the store denies access: {}", root(&**source)),
        ),
        Store::Precondition { .. } => {
            io::Error::new(ErrorKind::StaleNetworkFileHandle, "the object was replaced while it was read")
        }
        Store::Generic { source, .. } => {
            let kind = if may_pass(&**source) { ErrorKind::TimedOut } else { ErrorKind::Unsupported };
            let (told, root) = (error.to_string(), root(&**source));
            let more = if told.contains(&root) { String::new() } else { format!(": {root}") };
            io::Error::new(kind, format!("{told}{more}"))
        }
        _ => io::Error::new(ErrorKind::Unsupported, error),
    }
}

/// Whether another try may help: nobody answered, or with a status of the server's own failure. Retries have been made.
fn may_pass(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|cause| match cause.downcast_ref::<HttpError>() {
        Some(http) => http.kind() != HttpErrorKind::Unknown,
        // The crate keeps the type that holds the status to itself.
        None => ["status code: 5", "status code: 429", "status code: 408"]
            .iter()
            .any(|status| cause.to_string().contains(status)),
    })
}

/// An error, and what caused it.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The words of the cause at the bottom.
fn root(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}
