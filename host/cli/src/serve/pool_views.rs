//! Pools and their machines, as people see them.

use std::time::UNIX_EPOCH;

use pool::{Holder, Pool, Seen, SeenMachine};
use service::ports::{PoolMachine, PoolView};
use service::view::MachineWord;

use crate::config::host::{HostFile, PoolKind};

/// A pool that is open, of which builders may ask these host types.
pub(super) async fn pool_view(name: &str, host: &HostFile, pool: &dyn Pool, host_types: &[String]) -> PoolView {
    let (mut offered, mut refused) = (Vec::new(), String::new());
    for host_type in host_types {
        match pool.can_build(host_type).await {
            Ok(()) => offered.push(host_type.clone()),
            Err(refusal) => refused = format!("{host_type}: {refusal}"),
        }
    }
    let capacity = pool.capacity(offered.first().map_or("", String::as_str)).await;
    let machines = pool.machines().await.into_iter().map(machine).collect();
    PoolView {
        name: name.to_owned(),
        kind: kind(name, host),
        trouble: if offered.is_empty() { refused } else { String::new() },
        host_types: offered,
        unused: false,
        total: capacity.total,
        in_use: capacity.used,
        machines,
    }
}

/// A pool that is configured, and that nothing was asked of yet.
pub(super) fn unused_view(name: &str, host: &HostFile) -> PoolView {
    let total = host.config.pool.get(name).and_then(|section| section.buildlets);
    PoolView { name: name.to_owned(), kind: kind(name, host), unused: true, total, ..PoolView::default() }
}

/// What a pool is. One without a section is the local one, or a plugin's with its defaults.
fn kind(name: &str, host: &HostFile) -> String {
    match host.config.pool.get(name) {
        None => name.to_owned(),
        Some(section) => match section.kind {
            PoolKind::Local => "local".to_owned(),
            PoolKind::Url => "url".to_owned(),
            PoolKind::Plugin => section.plugin.clone().unwrap_or_else(|| name.to_owned()),
        },
    }
}

fn machine(seen: SeenMachine) -> PoolMachine {
    let since = seen.since.duration_since(UNIX_EPOCH).unwrap_or_default();
    let machine = PoolMachine {
        name: seen.name,
        host_type: seen.host_type,
        since_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
        ..PoolMachine::default()
    };
    let held = |state, holder: Holder, machine| PoolMachine {
        state,
        build: Some(holder.build.0),
        lease: Some(holder.lease.0),
        ..machine
    };
    match seen.state {
        Seen::Free => machine,
        Seen::Prepared(holder) => held(MachineWord::BeingMade, holder, machine),
        Seen::Leased { holder, adopted } => PoolMachine { adopted, ..held(MachineWord::Held, holder, machine) },
        Seen::Waits(holder) => held(MachineWord::ToBeAdopted, holder, machine),
        Seen::Leaving { broken } => {
            let state = if broken.is_some() { MachineWord::Lost } else { MachineWord::Leaving };
            PoolMachine { state, cause: broken, ..machine }
        }
        Seen::Down(cause) => PoolMachine { state: MachineWord::Lost, cause: Some(cause), ..machine },
    }
}
