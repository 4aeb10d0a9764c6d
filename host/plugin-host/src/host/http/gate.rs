//! Sends a plugin's request if it is granted, with what the host adds to it.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, redirect};

use super::origin::{Origin, Target};
use super::resolver::PublicResolver;
use crate::error::HostError;
use crate::host::grants::{Credential, HttpGrant};

/// Bounds of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// From sending it to the end of its answer; a plugin may ask for less.
    pub time: Duration,
    /// Until a connection stands.
    pub connect: Duration,
    /// Bytes of a request's body.
    pub request_bytes: usize,
    /// Bytes of an answer's body; what is beyond is cut, and the answer says so.
    pub response_bytes: usize,
    /// Headers of a request and of an answer.
    pub headers: usize,
}

impl Default for HttpLimits {
    fn default() -> HttpLimits {
        HttpLimits {
            time: Duration::from_secs(25),
            connect: Duration::from_secs(10),
            request_bytes: 8 << 20,
            response_bytes: 8 << 20,
            headers: 100,
        }
    }
}

/// A request as a plugin states it.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) timeout: Option<Duration>,
}

/// An answer as a plugin gets it.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) truncated: bool,
}

/// Why a request was not sent or has no answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The request is wrong.
    Invalid(String),
    /// It is not granted.
    NotGranted(String),
    /// Nobody answered.
    Unavailable(String),
}

/// All grants of one plugin.
#[derive(Default)]
pub(crate) struct HttpGate {
    doors: Vec<Door>,
    limits: HttpLimits,
}

struct Door {
    origin: Origin,
    client: Client,
    credential: Option<Credential>,
}

/// Headers that the host writes: the guest's would contradict the body or the connection.
const HOST_HEADERS: [&str; 9] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "upgrade",
    "te",
    "trailer",
    "proxy-authorization",
];

impl HttpGate {
    /// Reads the grants and makes a client for each.
    ///
    /// # Errors
    /// [`HostError::HttpGrant`] for the first that cannot be read.
    pub(crate) fn new(grants: &[HttpGrant], limits: HttpLimits) -> Result<HttpGate, HostError> {
        let doors = grants.iter().map(|grant| Door::open(grant, &limits)).collect::<Result<_, _>>()?;
        Ok(HttpGate { doors, limits })
    }

    /// Sends the request, if one of the grants covers it.
    pub(crate) async fn send(&self, plugin: &str, request: Request) -> Result<Response, Refusal> {
        let target = Target::parse(&request.url)
            .map_err(|reason| Refusal::Invalid(format!("`{}` is no URL to send to: {reason}", request.url)))?;
        let door = self.doors.iter().find(|door| door.origin.covers(&target)).ok_or_else(|| {
            Refusal::NotGranted(format!(
                "`{}` is not granted; add its origin to the `http` grants of `{plugin}`",
                request.url
            ))
        })?;
        if request.body.len() > self.limits.request_bytes {
            return Err(Refusal::Invalid(format!(
                "the body has {} bytes, and {} are allowed",
                request.body.len(),
                self.limits.request_bytes
            )));
        }
        let method = Method::from_bytes(request.method.as_bytes())
            .map_err(|_| Refusal::Invalid(format!("`{}` is no method", request.method)))?;
        if method == Method::CONNECT {
            return Err(Refusal::Invalid("CONNECT is not offered".into()));
        }
        let url = match target {
            Target::Net(url) => url.to_string(),
            Target::Socket { path, .. } => format!("http://localhost{path}"),
        };
        let mut headers = self.headers(&request.headers)?;
        if let Some(credential) = &door.credential {
            headers.insert(AUTHORIZATION, credential.header().await?);
        }
        let time = request.timeout.map_or(self.limits.time, |asked| asked.min(self.limits.time));
        let sent = door.client.request(method, url).headers(headers).body(request.body).timeout(time).send().await;
        self.read(sent.map_err(|error| unavailable(&error))?).await
    }

    fn headers(&self, given: &[(String, String)]) -> Result<HeaderMap, Refusal> {
        if given.len() > self.limits.headers {
            return Err(Refusal::Invalid(format!("{} headers, and {} are allowed", given.len(), self.limits.headers)));
        }
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            let wrong = |what: &str| Refusal::Invalid(format!("header `{name}` {what}"));
            let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong("is no header name"))?;
            if HOST_HEADERS.contains(&parsed.as_str()) {
                return Err(wrong("is written by the host"));
            }
            headers.append(parsed, HeaderValue::from_str(value).map_err(|_| wrong("has a value that is none"))?);
        }
        Ok(headers)
    }

    async fn read(&self, mut response: reqwest::Response) -> Result<Response, Refusal> {
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .take(self.limits.headers)
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let mut body = Vec::new();
        let mut truncated = false;
        while let Some(chunk) = response.chunk().await.map_err(|error| unavailable(&error))? {
            let room = self.limits.response_bytes - body.len();
            truncated = chunk.len() > room;
            body.extend_from_slice(&Bytes::slice(&chunk, ..chunk.len().min(room)));
            if truncated {
                break;
            }
        }
        Ok(Response { status, headers, body, truncated })
    }
}

impl Door {
    fn open(grant: &HttpGrant, limits: &HttpLimits) -> Result<Door, HostError> {
        let failed = |reason: String| HostError::HttpGrant { origin: grant.origin.clone(), reason };
        let origin = Origin::parse(&grant.origin).map_err(failed)?;
        // The client brings no cryptography of its own. An error only says that the process has chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(limits.connect);
        if let Origin::Socket(path) = &origin {
            builder = builder.unix_socket(path.as_path());
        }
        if !grant.private {
            builder = builder.dns_resolver(PublicResolver);
        }
        if let Some(file) = &grant.ca_file {
            let pem = std::fs::read(file).map_err(|error| failed(format!("read `{}`: {error}", file.display())))?;
            let authorities = reqwest::Certificate::from_pem_bundle(&pem)
                .map_err(|error| failed(format!("read the certificates of `{}`: {error}", file.display())))?;
            builder = builder.tls_certs_only(authorities);
        }
        let client = builder.build().map_err(|error| failed(chain(&error)))?;
        Ok(Door { origin, client, credential: grant.credential.clone() })
    }
}

impl Credential {
    async fn header(&self) -> Result<HeaderValue, Refusal> {
        let text = match self {
            Credential::BearerFile(path) => format!("Bearer {}", secret(path).await?.trim()),
            Credential::BasicFile(path) => {
                let pair = secret(path).await?;
                format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair.trim()))
            }
        };
        let mut value = HeaderValue::from_str(&text)
            .map_err(|_| Refusal::Unavailable("the host's credential is not one line of text".into()))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// What stands in a file that only its owner can read.
async fn secret(path: &Path) -> Result<String, Refusal> {
    let failed = |error: io::Error| {
        Refusal::Unavailable(format!("the host cannot read the credential `{}`: {error}", path.display()))
    };
    let mode = tokio::fs::metadata(path).await.map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        let path = path.display();
        let what =
            format!("the credential `{path}` can be read by others (mode {:04o}): chmod 600 {path}", mode & 0o7777);
        return Err(Refusal::Unavailable(what));
    }
    tokio::fs::read_to_string(path).await.map_err(failed)
}

fn unavailable(error: &reqwest::Error) -> Refusal {
    Refusal::Unavailable(chain(error))
}

/// The whole chain: reqwest's own message seldom says why.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
