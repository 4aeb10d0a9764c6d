//! Files and the small calls: work directory, write, remove, list, health, halt, and the state of execs.

use bytes::Bytes;
use http::Method;

use super::{
    Client,
    error::{CallFailure, FailureKind, chain},
    request::Call,
};
use crate::protocol::{ExecId, ExecState, ListEntry, form_encode, headers};

/// What a listing shows.
#[derive(Debug, Clone, Default)]
pub struct ListOptions {
    /// Directories are entered.
    pub recursive: bool,
    /// Regular files come with their SHA-1.
    pub digest: bool,
    /// Directories left out, by their path relative to the listed one.
    pub skip: Vec<String>,
}

impl Client {
    /// The absolute path of the work directory.
    ///
    /// # Errors
    /// If there is no good answer.
    pub async fn work_dir(&self) -> Result<String, CallFailure> {
        let answer = self.small(Call::new("/workdir", Method::GET, "")).await?;
        text("/workdir", answer)
    }

    /// Whether the agent answers at all; needs no password.
    ///
    /// # Errors
    /// If it does not say `ok`.
    pub async fn healthz(&self) -> Result<(), CallFailure> {
        let answer = self.small(Call::new("/healthz", Method::GET, "")).await?;
        match text("/healthz", answer)?.trim() {
            "ok" => Ok(()),
            other => Err(CallFailure {
                call: "/healthz",
                kind: FailureKind::PeerFailed,
                detail: format!("it says `{other}`"),
            }),
        }
    }

    /// Writes one file, its parents too.
    ///
    /// # Errors
    /// If it was not written whole.
    pub async fn put_file(&self, content: impl Into<Bytes>, path: &str, mode: u32) -> Result<(), CallFailure> {
        // The mode is decimal in the protocol.
        let query = form_encode([("path", path), ("mode", &(mode & 0o777).to_string())]);
        let call = Call::new("/write", Method::PUT, &query).lease(self.lease());
        self.working(call.bytes(content.into())).await.map(drop)
    }

    /// Removes paths below the work directory with all they hold; none is removed if one is refused.
    ///
    /// # Errors
    /// If a path is refused or not all could be removed.
    pub async fn remove_all(&self, paths: &[&str]) -> Result<(), CallFailure> {
        let form = form_encode(paths.iter().map(|path| ("path", *path)));
        let call = Call::new("/removeall", Method::POST, "").lease(self.lease()).form(form);
        self.working(call).await.map(drop)
    }

    /// Lists the directory `dir` (`.`: the work directory).
    ///
    /// # Errors
    /// If it cannot be listed whole, or a name holds a tab or a line end, which the format cannot carry.
    pub async fn list(&self, dir: &str, options: &ListOptions) -> Result<Vec<ListEntry>, CallFailure> {
        let flag = |value: bool| if value { "true" } else { "false" };
        let fixed = [("dir", dir), ("recursive", flag(options.recursive)), ("digest", flag(options.digest))];
        let skip = options.skip.iter().map(|path| ("skip", path.as_str()));
        let query = form_encode(fixed.into_iter().chain(skip));
        let answer = self.working(Call::new("/ls", Method::GET, &query)).await?;
        let lines = text("/ls", answer)?;
        lines
            .lines()
            .map(|line| {
                ListEntry::parse(line).ok_or_else(|| CallFailure {
                    call: "/ls",
                    kind: FailureKind::Broken,
                    detail: format!("a line that is no entry: {line:?}"),
                })
            })
            .collect()
    }

    /// Tells the agent that output up to `offset` is kept here and may go there; with `end`, that the whole exec may
    /// be forgotten.
    ///
    /// # Errors
    /// If the agent does not know the exec.
    pub async fn acknowledge(&self, id: &ExecId, offset: u64, end: bool) -> Result<(), CallFailure> {
        let offset = offset.to_string();
        let end = if end { "true" } else { "false" };
        let form = form_encode([("id", id.as_str()), ("offset", &offset), ("end", end)]);
        let call = Call::new("/muster/ack", Method::POST, "").lease(self.lease()).header(headers::MUSTER, 1).form(form);
        self.small(call).await.map(drop)
    }

    /// What the agent knows of an exec.
    ///
    /// # Errors
    /// `Gone` if it knows nothing.
    pub async fn exec_state(&self, id: &ExecId) -> Result<ExecState, CallFailure> {
        let query = form_encode([("id", id.as_str())]);
        let call = Call::new("/muster/exec", Method::GET, &query).header(headers::MUSTER, 1);
        let answer = self.small(call).await?;
        serde_json::from_slice(&answer).map_err(|error| CallFailure {
            call: "/muster/exec",
            kind: FailureKind::Broken,
            detail: chain(&error),
        })
    }

    /// Kills an exec and all its processes; those attached see its end.
    ///
    /// # Errors
    /// `Gone` if the agent does not know it.
    pub async fn kill(&self, id: &ExecId) -> Result<(), CallFailure> {
        let form = form_encode([("id", id.as_str())]);
        let call =
            Call::new("/muster/kill", Method::POST, "").lease(self.lease()).header(headers::MUSTER, 1).form(form);
        self.small(call).await.map(drop)
    }

    /// Ends the agent, within the `close` budget. It answers first and ends a second later.
    ///
    /// # Errors
    /// If there is no good answer in time.
    pub async fn halt(&self) -> Result<(), CallFailure> {
        let close = self.shared.settings.close;
        let call = Call::new("/halt", Method::POST, "").lease(self.lease());
        let halting = async {
            let answer = self.shared.send_unwatched(call, close).await?;
            answer.read(self.shared.settings.max_answer_bytes).await.map(drop)
        };
        tokio::time::timeout(close, halting).await.unwrap_or_else(|_| {
            Err(CallFailure {
                call: "/halt",
                kind: FailureKind::NoAnswer,
                detail: format!("no answer within {close:?}"),
            })
        })
    }

    async fn small(&self, call: Call) -> Result<Vec<u8>, CallFailure> {
        let answer = self.shared.send(call, self.shared.settings.head).await?;
        answer.read(self.shared.settings.max_answer_bytes).await
    }

    async fn working(&self, call: Call) -> Result<Vec<u8>, CallFailure> {
        let answer = self.shared.send(call, self.shared.settings.work).await?;
        answer.read(self.shared.settings.max_answer_bytes).await
    }
}

fn text(call: &'static str, answer: Vec<u8>) -> Result<String, CallFailure> {
    String::from_utf8(answer).map_err(|error| CallFailure { call, kind: FailureKind::Broken, detail: chain(&error) })
}
