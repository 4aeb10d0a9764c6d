//! What a request to `/exec` asks for.

use std::{str::FromStr, time::Duration};

use super::super::{http1::Head, refusal::Refusal};
use crate::protocol::{ExecId, Form, Lease, Limits, headers};

/// The parameters of the protocol itself.
#[derive(Debug, Clone)]
pub(crate) struct ExecParams {
    pub(crate) cmd: Vec<u8>,
    pub(crate) args: Vec<Vec<u8>>,
    pub(crate) env: Vec<Vec<u8>>,
    pub(crate) path: Vec<Vec<u8>>,
    pub(crate) dir: Vec<u8>,
    pub(crate) sys: bool,
    pub(crate) debug: bool,
}

impl ExecParams {
    /// Reads the form; lists and the environment come only from the body.
    pub(crate) fn read(body: &Form, query: &Form) -> Result<Self, Refusal> {
        let one = |key| body.get(key).or_else(|| query.get(key)).unwrap_or_default().to_vec();
        let all = |key| body.all(key).map(<[u8]>::to_vec).collect::<Vec<_>>();
        let cmd = one("cmd");
        if cmd.is_empty() {
            return Err(Refusal::bad_request("requires 'cmd' parameter"));
        }
        let params = ExecParams {
            cmd,
            args: all("cmdArg"),
            env: all("env"),
            path: all("path"),
            dir: one("dir"),
            sys: one("mode") == b"sys",
            debug: if body.get("debug").is_some() { body.flag("debug") } else { query.flag("debug") },
        };
        let mut texts = params.args.iter().chain(&params.env).chain(&params.path).chain([&params.cmd, &params.dir]);
        let has_nul = texts.any(|text| text.contains(&0));
        drop(texts);
        if has_nul {
            return Err(Refusal::bad_request("a parameter contains a NUL byte"));
        }
        Ok(params)
    }
}

/// The parameters of Muster's additions.
#[derive(Debug, Clone, Default)]
pub(crate) struct MusterParams {
    /// The client knows the additions.
    pub(crate) aware: bool,
    pub(crate) id: Option<ExecId>,
    pub(crate) attach_only: bool,
    pub(crate) offset: u64,
    pub(crate) lease: Option<Lease>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) limits: Limits,
}

impl MusterParams {
    pub(crate) fn read(head: &Head) -> Result<Self, Refusal> {
        if !head.flag(headers::MUSTER) {
            return Ok(MusterParams::default());
        }
        let id: Option<ExecId> = value(head, headers::EXEC_ID)?;
        let params = MusterParams {
            aware: true,
            attach_only: head.flag(headers::ATTACH),
            offset: value(head, headers::OFFSET)?.unwrap_or(0),
            lease: Self::lease(head)?,
            deadline: value(head, headers::DEADLINE_MS)?.map(Duration::from_millis),
            limits: Limits {
                memory_bytes: value(head, headers::LIMIT_MEMORY)?,
                cpu_millis: value(head, headers::LIMIT_CPU_MILLIS)?,
                pids: value(head, headers::LIMIT_PIDS)?,
            },
            id,
        };
        if params.id.is_none() && (params.attach_only || params.offset > 0) {
            return Err(Refusal::bad_request(format!("{} is needed to attach", headers::EXEC_ID)));
        }
        Ok(params)
    }

    /// The lease a request is made under.
    pub(crate) fn lease(head: &Head) -> Result<Option<Lease>, Refusal> {
        Ok(value(head, headers::LEASE)?.map(Lease))
    }
}

/// A header's value; one that is there and wrong is refused, never ignored.
fn value<T: FromStr>(head: &Head, name: &str) -> Result<Option<T>, Refusal> {
    let Some(raw) = head.header(name) else { return Ok(None) };
    let parsed = std::str::from_utf8(raw).ok().and_then(|text| text.parse().ok());
    parsed.map(Some).ok_or_else(|| Refusal::bad_request(format!("bad {name} header")))
}
