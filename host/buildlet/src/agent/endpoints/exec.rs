//! `/exec`: plain as Go's, or with an id.

use std::{io, sync::Arc};

use super::super::{
    exec::{Command, Exec, ExecParams, MusterParams, Opened, Output, RunningPermit, Spool, attach, finish},
    http1::Exchange,
    refusal::{Fail, Refusal},
    state::AgentState,
};
use crate::protocol::{ExecId, headers};

pub(crate) async fn exec(state: &Arc<AgentState>, exchange: &mut Exchange<'_>) -> Result<(), Fail> {
    if exchange.head.method != "POST" {
        return Err(Refusal::bad_request("requires POST method").into());
    }
    if !exchange.head.is_11 {
        return Err(Refusal::bad_request("HTTP/1.1 or higher required").into());
    }
    let form = exchange.form().await?.ok_or_else(|| Refusal::bad_request("http: POST too large"))?;
    let muster = MusterParams::read(&exchange.head)?;
    if let Some(id) = muster.id.clone() {
        if let Some(spool) = known(state, &id, &muster)? {
            return attach_to(state, exchange, &spool, muster.offset).await;
        }
        let params = ExecParams::read(&form, &exchange.head.query)?;
        let command = resolve(state, &params, &muster)?;
        let kept_exec = KeptExec { command, muster, debug: params.debug };
        return kept(state, exchange, kept_exec, &id).await;
    }
    let params = ExecParams::read(&form, &exchange.head.query)?;
    let command = resolve(state, &params, &muster)?;
    direct(state, exchange, &params, &command, &muster).await
}

/// The exec of an id, if there is one; what can only be attached to and is not there is gone.
fn known(state: &AgentState, id: &ExecId, muster: &MusterParams) -> Result<Option<Arc<Spool>>, Refusal> {
    let found = state.execs.find(id)?;
    if found.is_none() && (muster.attach_only || muster.offset > 0) {
        return Err(Refusal::gone(format!("exec {id} is gone: this agent never started it")));
    }
    Ok(found)
}

fn resolve(state: &AgentState, params: &ExecParams, muster: &MusterParams) -> Result<Command, Refusal> {
    state.ensure_exec_dirs().map_err(|error| Refusal::io("making the work directory", &error))?;
    Command::resolve(&state.config, &state.work_dir, params, muster.aware)
}

/// Runs a command with its output going straight to the client, and kills it when the client goes away.
async fn direct(
    state: &Arc<AgentState>,
    exchange: &mut Exchange<'_>,
    params: &ExecParams,
    command: &Command,
    muster: &MusterParams,
) -> Result<(), Fail> {
    let permit = state.execs.permit(None, muster.lease)?;
    let trailer = if muster.aware { "Process-State, X-Muster-End" } else { headers::PROCESS_STATE };
    let mut fields = vec![("Trailer", trailer)];
    if muster.aware {
        fields.push((headers::LIMITED_BY, state.cgroups.kind()));
    }
    // The head goes out before the command is started: that is how a client knows that it was.
    let (mut writer, reader) = exchange.stream(&fields).await?;
    if params.debug {
        writer.chunk(command.debug_line().as_bytes()).await?;
    }
    let exec = Exec { state, command, muster, permit: &permit };
    let mut output = Output::Client(writer);
    let watched = exec.run(&mut output, reader.closed()).await;
    if watched.client_gone {
        return Err(io::Error::from(io::ErrorKind::ConnectionAborted).into());
    }
    let Some(writer) = output.into_client() else {
        return Err(io::Error::other("the output went elsewhere").into());
    };
    if muster.aware {
        Ok(finish(writer, &watched.record).await?)
    } else {
        Ok(writer.finish(&[(headers::PROCESS_STATE, &watched.record.process_state)]).await?)
    }
}

/// A command whose output is kept.
struct KeptExec {
    command: Command,
    muster: MusterParams,
    debug: bool,
}

/// Starts a command whose output is kept, and attaches to it.
async fn kept(
    state: &Arc<AgentState>,
    exchange: &mut Exchange<'_>,
    kept_exec: KeptExec,
    id: &ExecId,
) -> Result<(), Fail> {
    let offset = kept_exec.muster.offset;
    let spool = match state.execs.open(id, kept_exec.muster.lease)? {
        Opened::Existing(spool) => spool,
        Opened::New(spool, permit) => {
            state.tasks.spawn(run_kept(Arc::clone(state), kept_exec, permit, Arc::clone(&spool)));
            spool
        }
    };
    attach_to(state, exchange, &spool, offset).await
}

async fn run_kept(state: Arc<AgentState>, kept_exec: KeptExec, permit: RunningPermit, spool: Arc<Spool>) {
    let KeptExec { command, muster, debug } = &kept_exec;
    let exec = Exec { state: &state, command, muster, permit: &permit };
    let mut writer = spool.writer();
    if *debug && let Err(error) = writer.write(command.debug_line().as_bytes()).await {
        tracing::warn!(%error, "what runs could not be written into its output");
    }
    let mut output = Output::Spool(writer);
    let watched = exec.run(&mut output, std::future::pending()).await;
    spool.finish(watched.record);
}

async fn attach_to(state: &AgentState, exchange: &mut Exchange<'_>, spool: &Spool, offset: u64) -> Result<(), Fail> {
    let first = spool.first_kept();
    if offset < first {
        let text = format!("output before byte {first} was acknowledged and is no longer kept");
        return Err(Refusal::new(416, text).into());
    }
    Ok(attach(exchange, spool, offset, state.cgroups.kind()).await?)
}
