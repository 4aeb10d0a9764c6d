//! `/exec`: runs a command, hands its output on as it comes, and tells its end from not having seen it.

use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use tokio::time::Instant;

use super::{
    Client,
    error::{ExecFailure, FailureKind, chain},
    exec_time::ExecTime,
    exec_types::{ExecEnd, ExecRequest, OutputSink},
    request::Call,
    response::Answer,
};
use crate::protocol::{CommandResult, EndFailure, EndRecord, form_encode, headers, millis};

const NAME: &str = "/exec";

impl Client {
    /// Runs a command and gives its output to `sink` until it ends.
    ///
    /// Dropping the future closes the connection: a command without an id is then killed, one with an id runs on and
    /// can be attached to.
    ///
    /// # Errors
    /// If the command could not be run or its end was not seen; a command that fails is no error.
    pub async fn exec(&self, request: &ExecRequest, sink: &mut dyn OutputSink) -> Result<ExecEnd, ExecFailure> {
        // An agent that knows the deadline ends the command itself, and its last output still arrives.
        let grace = match self.extensions() {
            Some(_) => self.shared.settings.deadline_grace,
            None => Duration::ZERO,
        };
        let mut time = ExecTime::new(request.deadline, grace);
        let mut next_offset = request.offset;
        let muster = self.extensions().is_some();
        if !muster && (request.attach_only || request.offset > 0) {
            return Err(ExecFailure {
                kind: FailureKind::Gone,
                detail: "this buildlet keeps no output to attach to".to_owned(),
                next_offset,
            });
        }
        let call = self.exec_call(request, muster);
        let sent = self.shared.send(call, self.shared.settings.head);
        let mut answer = time.wait(next_offset, sent).await?;
        match answer.status {
            StatusCode::OK => {}
            // A command that is not there is the caller's mistake, not the machine's: a result.
            StatusCode::UNPROCESSABLE_ENTITY => {
                let text = answer.error_text().await;
                return Ok(not_found(text));
            }
            _ => return Err(ExecFailure::at(next_offset)(answer.into_failure().await)),
        }
        loop {
            let Some(chunk) = time.wait(next_offset, answer.chunk()).await? else { break };
            let length = chunk.len() as u64;
            let began = Instant::now();
            sink.push(next_offset, chunk).await.map_err(|error| ExecFailure {
                kind: FailureKind::Local,
                detail: format!("keeping the output: {}", chain(&error)),
                next_offset,
            })?;
            time.kept(began.elapsed());
            next_offset += length;
        }
        read_end(&answer, next_offset)
    }

    fn exec_call(&self, request: &ExecRequest, muster: bool) -> Call {
        let mut pairs = vec![("cmd", request.cmd.as_str()), ("mode", if request.sys { "sys" } else { "" })];
        if let Some(dir) = &request.dir {
            pairs.push(("dir", dir));
        }
        pairs.extend(request.args.iter().map(|arg| ("cmdArg", arg.as_str())));
        pairs.extend(request.env.iter().map(|pair| ("env", pair.as_str())));
        pairs.extend(request.path.iter().map(|element| ("path", element.as_str())));
        pairs.push(("debug", if request.debug { "true" } else { "false" }));
        let mut call = Call::new(NAME, Method::POST, "").form(form_encode(pairs));
        if !muster {
            return call;
        }
        call = call.header(headers::MUSTER, 1).lease(request.lease.or(self.lease()));
        if let Some(id) = &request.id {
            call = call.header(headers::EXEC_ID, id).header(headers::OFFSET, request.offset);
        }
        if request.attach_only {
            call = call.header(headers::ATTACH, 1);
        }
        let numbers = [
            (headers::DEADLINE_MS, request.deadline.map(millis)),
            (headers::LIMIT_MEMORY, request.limits.memory_bytes),
            (headers::LIMIT_CPU_MILLIS, request.limits.cpu_millis),
            (headers::LIMIT_PIDS, request.limits.pids),
        ];
        for (name, number) in numbers {
            if let Some(number) = number {
                call = call.header(name, number);
            }
        }
        call
    }
}

fn not_found(text: String) -> ExecEnd {
    ExecEnd {
        result: CommandResult::StartFailed(text.clone()),
        process_state: text,
        output_bytes: 0,
        usage: None,
        left_behind: None,
        waited: Duration::ZERO,
        limited_by: None,
    }
}

fn read_end(answer: &Answer, next_offset: u64) -> Result<ExecEnd, ExecFailure> {
    let failure = |kind, detail: String| ExecFailure { kind, detail, next_offset };
    let record = end_record(&answer.trailers).map_err(|detail| failure(FailureKind::Broken, detail))?;
    match record.as_ref().and_then(|record| record.failure.as_ref()) {
        None => {}
        Some(EndFailure::Deadline) => {
            return Err(failure(FailureKind::TimedOut, "killed at its time limit".to_owned()));
        }
        Some(EndFailure::DiskFull(text)) => return Err(failure(FailureKind::DiskFull, text.clone())),
        Some(EndFailure::Lease) => {
            let detail = "killed because a newer lease took the machine".to_owned();
            return Err(failure(FailureKind::StaleLease, detail));
        }
        Some(EndFailure::Agent(text)) => {
            return Err(failure(FailureKind::PeerFailed, text.clone()));
        }
    }
    if record.as_ref().is_some_and(|record| record.output_bytes.is_some_and(|told| told != next_offset)) {
        return Err(failure(FailureKind::Broken, "the output that came is not as long as was told".to_owned()));
    }
    let state = answer.trailers.get(headers::PROCESS_STATE).map(|value| value.as_bytes());
    let state = match state {
        Some(state) if !state.is_empty() => String::from_utf8_lossy(state).into_owned(),
        _ => {
            let detail = "the answer ended without saying how the command ended".to_owned();
            return Err(failure(FailureKind::Broken, detail));
        }
    };
    let limited_by = answer.headers.get(headers::LIMITED_BY).and_then(|value| value.to_str().ok());
    Ok(ExecEnd {
        result: CommandResult::parse(&state),
        process_state: state,
        output_bytes: next_offset,
        usage: record.as_ref().map(|record| record.usage),
        waited: Duration::from_millis(record.as_ref().map_or(0, |record| record.waited_ms)),
        left_behind: record.map(|record| record.left_behind),
        limited_by: limited_by.map(str::to_owned),
    })
}

fn end_record(trailers: &HeaderMap) -> Result<Option<EndRecord>, String> {
    let Some(value) = trailers.get(headers::EXEC_END) else { return Ok(None) };
    serde_json::from_slice(value.as_bytes())
        .map(Some)
        .map_err(|error| format!("the end record is not understood: {error}"))
}
