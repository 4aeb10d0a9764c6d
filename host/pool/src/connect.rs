//! What every pool does with a machine that should answer: connect, look at its version, number its lease.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use buildlet::BuildletUrl;
use buildlet::client::{Client, ClientSettings, FailureKind};
use buildlet::protocol::Lease;

use crate::PoolError;

/// The oldest version of the protocol that has all that is needed.
const MIN_VERSION: u32 = 1;

/// How far ahead the clock of a machine's last coordinator may have been: a day, in milliseconds.
const MOST_AHEAD: u64 = 24 * 60 * 60 * 1_000;

/// Lease numbers as machines see them: they grow from one coordinator to the next, which the engine's own do not.
#[derive(Debug, Default)]
pub(crate) struct LeaseNumbers {
    last: AtomicU64,
}

impl LeaseNumbers {
    /// The next number: milliseconds since 1970, or one more than the last.
    pub(crate) fn next(&self) -> Lease {
        let now = clock();
        let after = |last: u64| Some(now.max(last + 1));
        let last = self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, after).unwrap_or_default();
        Lease(now.max(last + 1))
    }

    /// Numbers from now on are above this one, whatever the clock says.
    pub(crate) fn above(&self, number: Lease) {
        self.last.fetch_max(number.0, Ordering::Relaxed);
    }

    /// The same for a number that a machine says it serves; whether it can be. One machine must not drive the numbers of
    /// all others out of what a clock can come to.
    fn above_served(&self, served: Lease) -> bool {
        if served.0 > self.last.load(Ordering::Relaxed).max(clock().saturating_add(MOST_AHEAD)) {
            return false;
        }
        self.above(served);
        true
    }
}

/// Milliseconds since 1970.
fn clock() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Connects to a machine that is to be leased under the next number: one above that which it serves, since its last
/// coordinator's clock may have been ahead. It hears of the number with the first thing that is asked of it.
pub(crate) async fn connect(
    name: &str,
    url: &BuildletUrl,
    settings: &ClientSettings,
    numbers: &LeaseNumbers,
) -> Result<(Arc<Client>, Lease), PoolError> {
    let client = usable(name, url, settings).await?;
    if let Some(served) = client.extensions().and_then(|extensions| extensions.lease)
        && !numbers.above_served(served)
    {
        let cause = format!("it serves lease {served}, a number of more than a day ahead: restart its agent");
        return Err(PoolError::Unusable { name: name.to_owned(), cause });
    }
    let number = numbers.next();
    client.set_lease(number);
    Ok((client, number))
}

/// Connects to a machine that is this process's own, under the number that it was started with.
pub(crate) async fn connect_own(
    name: &str,
    url: &BuildletUrl,
    settings: &ClientSettings,
    number: Lease,
) -> Result<Arc<Client>, PoolError> {
    let client = usable(name, url, settings).await?;
    client.set_lease(number);
    Ok(client)
}

/// Connects to a machine, and looks at its version.
async fn usable(name: &str, url: &BuildletUrl, settings: &ClientSettings) -> Result<Arc<Client>, PoolError> {
    let failed = |source| PoolError::Connect { name: name.to_owned(), source };
    let client = Client::connect(url, settings.clone()).await.map_err(failed)?;
    let version = client.peer().version;
    if version < MIN_VERSION {
        let cause = format!("its protocol version is {version}, and {MIN_VERSION} is the oldest that is understood");
        return Err(PoolError::Unusable { name: name.to_owned(), cause });
    }
    Ok(Arc::new(client))
}

/// Connects again to a machine that an earlier life leased under this number.
pub(crate) async fn reconnect(
    name: &str,
    url: &BuildletUrl,
    settings: &ClientSettings,
    number: Lease,
) -> Result<Arc<Client>, PoolError> {
    let client = match usable(name, url, settings).await {
        Ok(client) => client,
        // It does not listen any more, or is just dying.
        Err(PoolError::Connect { name, source })
            if matches!(source.kind, FailureKind::Unreachable | FailureKind::Broken | FailureKind::NoAnswer) =>
        {
            return Err(PoolError::Lost { name, cause: source.to_string() });
        }
        Err(error) => return Err(error),
    };
    let cannot = |cause| PoolError::CannotAdopt { name: name.to_owned(), cause };
    let Some(extensions) = client.extensions() else {
        return Err(cannot("it has none of Muster's additions, so that commands cannot be attached to".to_owned()));
    };
    match extensions.lease {
        Some(served) if served > number => Err(cannot(format!("it serves lease {served} now, not {number}"))),
        // A lower one: nothing was asked of it yet under this one.
        Some(_) | None => {
            client.set_lease(number);
            Ok(client)
        }
    }
}

/// Which machine it runs on: what it says itself, or else the host in its URL.
pub(crate) fn machine_of(client: &Client) -> String {
    match client.extensions() {
        Some(extensions) if !extensions.machine.is_empty() => extensions.machine.clone(),
        Some(_) | None => client.url().host.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_grow_even_within_a_millisecond() {
        let numbers = LeaseNumbers::default();
        let given: Vec<u64> = (0..1_000).map(|_| numbers.next().0).collect();
        assert!(given.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
