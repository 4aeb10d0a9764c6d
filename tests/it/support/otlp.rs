//! What takes traces: a receiver of a test's own, and a real collector in front of it.

/// The messages as they are written. A collector in between knows them by itself, and takes and passes on no others.
#[path = "../../../host/report/src/otlp/messages.rs"]
mod messages;

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use prost::Message as _;
use tempfile::TempDir;

use self::messages::{ExportTraceServiceRequest, KeyValue, StatusCode, Value};
use super::{skip, until};

/// A span as it was received; ids in hexadecimal digits.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) service: String,
    pub(crate) trace: String,
    pub(crate) id: String,
    /// Empty where there is none.
    pub(crate) parent: String,
    pub(crate) name: String,
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// Names and values, which are written as text.
    pub(crate) attributes: BTreeMap<String, String>,
    /// What happened in it.
    pub(crate) events: Vec<String>,
    /// Why it did not end well.
    pub(crate) error: Option<String>,
}

impl Received {
    /// A number that is told of it; zero where it is not.
    pub(crate) fn number(&self, name: &str) -> usize {
        self.attributes.get(name).map_or(0, |number| number.parse().unwrap())
    }
}

/// How a receiver takes a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It answers this status, and keeps what it was sent if that says so.
    Answers(u16),
    /// It has no place for now, for anything but a request that says nothing.
    TakesNothing,
    /// It says nothing, and keeps the connection open.
    IsSilent,
}

/// Takes OTLP over HTTP on a port of loopback. Its threads end with the test's process.
pub(crate) struct Receiver {
    port: u16,
    state: Arc<Mutex<State>>,
}

struct State {
    manner: Manner,
    requests: usize,
    spans: Vec<Received>,
    /// The header `authorization` of the last request.
    authorization: String,
}

impl Receiver {
    pub(crate) fn start(manner: Manner) -> Receiver {
        Receiver::at(0, manner)
    }

    /// On this port.
    pub(crate) fn at(port: u16, manner: Manner) -> Receiver {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = State { manner, requests: 0, spans: Vec::new(), authorization: String::new() };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&shared);
                // A client that breaks off has nothing more to be told.
                std::thread::spawn(move || drop(serve(&shared, client)));
            }
        });
        Receiver { port, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Changes how it takes requests from now on.
    pub(crate) fn behave(&self, manner: Manner) {
        self.state.lock().unwrap().manner = manner;
    }

    /// How many requests there were.
    pub(crate) fn requests(&self) -> usize {
        self.state.lock().unwrap().requests
    }

    pub(crate) fn authorization(&self) -> String {
        self.state.lock().unwrap().authorization.clone()
    }

    /// Every span of the build with this number that has come so far.
    pub(crate) fn spans_of(&self, build: u64) -> Vec<Received> {
        let spans = self.state.lock().unwrap().spans.clone();
        let of_build = |span: &Received| span.attributes["cicd.pipeline.run.id"] == build.to_string();
        let traces: Vec<String> = spans
            .iter()
            .filter(|span| span.name.starts_with("BUILD ") && of_build(span))
            .map(|span| span.trace.clone())
            .collect();
        spans.into_iter().filter(|span| traces.contains(&span.trace)).collect()
    }

    /// Waits for the trace of a build.
    pub(crate) fn trace_of(&self, build: u64) -> Vec<Received> {
        until(&format!("the trace of build {build}"), || Some(self.spans_of(build)).filter(|spans| !spans.is_empty()))
    }
}

fn serve(state: &Mutex<State>, client: TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(client);
    loop {
        let mut headers = BTreeMap::new();
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let wanted = line.starts_with("POST /v1/traces ");
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        let length: usize = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let manner = state.lock().unwrap().manner;
        state.lock().unwrap().requests += 1;
        let status = match manner {
            Manner::Answers(status) => status,
            Manner::TakesNothing if body.is_empty() => 200,
            Manner::TakesNothing => 503,
            // To the end of the connection, which is the client's.
            Manner::IsSilent => return reader.read_to_end(&mut body).map(drop),
        };
        if status == 200 && wanted {
            if headers.get("content-encoding").is_some_and(|encoding| encoding == "gzip") {
                let packed = std::mem::take(&mut body);
                flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut body)?;
            }
            let mut state = state.lock().unwrap();
            state.authorization = headers.remove("authorization").unwrap_or_default();
            state.spans.extend(decode(&body));
        }
        let status = if wanted { status } else { 404 };
        write!(reader.get_mut(), "HTTP/1.1 {status} So\r\nContent-Length: 0\r\nRetry-After: 0\r\n\r\n")?;
    }
}

fn decode(body: &[u8]) -> Vec<Received> {
    let request = ExportTraceServiceRequest::decode(body).expect("it is a request of OTLP");
    let mut received = Vec::new();
    for of_resource in request.resource_spans {
        let of_all = texts(&of_resource.resource.unwrap_or_default().attributes);
        for span in of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            let mut attributes = texts(&span.attributes);
            attributes.extend(of_all.clone());
            let status = span.status.filter(|status| status.code == i32::from(StatusCode::Error));
            received.push(Received {
                service: of_all.get("service.name").cloned().unwrap_or_default(),
                trace: hex(&span.trace_id),
                id: hex(&span.span_id),
                parent: hex(&span.parent_span_id),
                name: span.name,
                start: span.start_time_unix_nano,
                end: span.end_time_unix_nano,
                attributes,
                events: span.events.into_iter().map(|event| event.name).collect(),
                error: status.map(|status| status.message),
            });
        }
    }
    received
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |attribute: &KeyValue| {
        let value = attribute.value.as_ref()?.value.as_ref()?;
        let text = match value {
            Value::Text(text) => text.clone(),
            Value::Flag(flag) => flag.to_string(),
            Value::Int(number) => number.to_string(),
            Value::Double(number) => number.to_string(),
            Value::Array(values) => format!("{values:?}"),
        };
        Some((attribute.key.clone(), text))
    };
    attributes.iter().filter_map(text).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A collector that passes on what it takes: rotel, named by `MUSTER_TEST_COLLECTOR`.
pub(crate) struct Collector {
    port: u16,
    process: Child,
    _folder: TempDir,
}

impl Collector {
    /// In front of a receiver. None, with the reason printed, where there is no collector.
    pub(crate) fn before(receiver: &Receiver) -> Option<Collector> {
        let Some(program) = std::env::var_os("MUSTER_TEST_COLLECTOR").map(PathBuf::from) else {
            skip("a collector is missing: set MUSTER_TEST_COLLECTOR to the path of `rotel-agent`");
            return None;
        };
        let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (port, unused) = (free(), free());
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(program);
        command.args(["start", "--exporter", "otlp", "--otlp-exporter-protocol", "http", "--batch-timeout", "50ms"]);
        command.args(["--otlp-http-endpoint", &format!("127.0.0.1:{port}")]);
        command.args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{unused}")]);
        command.args(["--otlp-exporter-endpoint", &receiver.url()]);
        command.arg("--pid-file").arg(folder.path().join("pid")).arg("--log-file").arg(folder.path().join("log"));
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        until("the collector listens", || TcpStream::connect(("127.0.0.1", port)).ok());
        Some(Collector { port, process, _folder: folder })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
