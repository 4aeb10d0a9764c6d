//! Traces as collectors take them: OTLP, the protocol of OpenTelemetry, in protobuf.

mod answer;
mod messages;

use prost::Message as _;

use self::answer::ExportTraceServiceResponse;
use self::messages::{
    AnyValue, ArrayValue, ExportTraceServiceRequest, InstrumentationScope, KeyValue, Resource, ResourceSpans,
    ScopeSpans, SpanKind, Status, StatusCode,
};
use crate::trace::{Attributes, Event, Span, Trace, TraceId, Value};

/// The media type of what is posted and answered.
pub const PROTOBUF: &str = "application/x-protobuf";

/// Bytes of the spans of one request, unless one alone has more: collectors refuse a request of more than 4 MiB.
const MAX_BYTES: usize = 2 << 20;

/// The conventions that the names of attributes are from.
const SCHEMA: &str = "https://opentelemetry.io/schemas/1.37.0";

/// Flags of each span: its trace is recorded, and it is known whether its parent is elsewhere.
const FLAGS: u32 = 0x101;
/// The parent is elsewhere.
const REMOTE: u32 = 0x200;

/// The bodies of the requests that tell a collector of a trace, which is that of the service with this name.
#[must_use]
pub fn requests(trace: &Trace, service: &str) -> Vec<Vec<u8>> {
    let version = env!("CARGO_PKG_VERSION");
    let mut attributes = vec![text("service.name", service), text("service.version", version)];
    attributes.extend(key_values(&trace.about));
    let scope = InstrumentationScope { name: "muster".to_owned(), version: version.to_owned() };
    let body = |spans: Vec<messages::Span>| {
        let of_scope = ScopeSpans { scope: Some(scope.clone()), spans, schema_url: SCHEMA.to_owned() };
        let of_resource = ResourceSpans {
            resource: Some(Resource { attributes: attributes.clone() }),
            scope_spans: vec![of_scope],
            schema_url: SCHEMA.to_owned(),
        };
        ExportTraceServiceRequest { resource_spans: vec![of_resource] }.encode_to_vec()
    };
    parts(trace).into_iter().map(body).collect()
}

/// The spans of each request.
fn parts(trace: &Trace) -> Vec<Vec<messages::Span>> {
    let (mut parts, mut part, mut bytes) = (Vec::new(), Vec::new(), 0);
    for (place, span) in trace.spans.iter().enumerate() {
        // The build's own span is the first.
        let message = message(trace.id, span, place == 0);
        let length = message.encoded_len();
        if bytes + length > MAX_BYTES && !part.is_empty() {
            parts.push(std::mem::take(&mut part));
            bytes = 0;
        }
        bytes += length;
        part.push(message);
    }
    parts.push(part);
    parts
}

/// What a collector that took a request says of spans in it that it did not take: how many, and why. An answer that
/// cannot be read says nothing.
#[must_use]
pub fn rejected(answer: &[u8]) -> Option<(i64, String)> {
    let partial = ExportTraceServiceResponse::decode(answer).ok()?.partial_success?;
    (partial.rejected_spans > 0).then_some((partial.rejected_spans, partial.error_message))
}

fn message(trace: TraceId, span: &Span, is_build: bool) -> messages::Span {
    let kind = if is_build { SpanKind::Server } else { SpanKind::Internal };
    let remote = if is_build && span.parent.is_some() { REMOTE } else { 0 };
    messages::Span {
        trace_id: trace.to_vec(),
        span_id: span.id.to_vec(),
        parent_span_id: span.parent.map(|id| id.to_vec()).unwrap_or_default(),
        name: span.name.clone(),
        kind: kind.into(),
        start_time_unix_nano: span.start.as_nanos(),
        end_time_unix_nano: span.end.as_nanos(),
        attributes: key_values(&span.attributes).collect(),
        events: span.events.iter().map(event).collect(),
        dropped_events_count: span.events_left_out,
        status: span.error.clone().map(|message| Status { message, code: StatusCode::Error.into() }),
        flags: FLAGS | remote,
    }
}

fn event(event: &Event) -> messages::Event {
    messages::Event {
        time_unix_nano: event.at.as_nanos(),
        name: event.name.clone(),
        attributes: key_values(&event.attributes).collect(),
    }
}

fn key_values(attributes: &Attributes) -> impl Iterator<Item = KeyValue> {
    attributes.iter().map(|(key, value)| KeyValue { key: (*key).to_owned(), value: Some(any(value)) })
}

fn text(key: &str, text: &str) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(any(&Value::Text(text.to_owned()))) }
}

fn any(value: &Value) -> AnyValue {
    let value = match value {
        Value::Text(text) => messages::Value::Text(text.clone()),
        Value::Texts(texts) => {
            let values = texts.iter().map(|text| AnyValue { value: Some(messages::Value::Text(text.clone())) });
            messages::Value::Array(ArrayValue { values: values.collect() })
        }
        Value::Number(number) => messages::Value::Int(*number),
        Value::Seconds(seconds) => messages::Value::Double(*seconds),
        Value::Flag(flag) => messages::Value::Flag(*flag),
    };
    AnyValue { value: Some(value) }
}
