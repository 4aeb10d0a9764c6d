//! With how much patience a request is sent.

use std::time::Duration;

use coordinator::now;
use engine::Time;

use super::collector::Refusal;
use super::mark::is_old;
use super::{Sender, Told};

/// Between the first tries to send one trace. After them the collector is asked whether it takes anything at all.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(5)];
/// Between two tries while a collector is away.
const AWAY: Duration = Duration::from_secs(5);
/// The shortest and the longest that a collector may ask to wait.
const ASKED: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

/// Why a trace is not sent any more.
pub(super) const TOO_OLD: &str = "it has waited for a day";

impl Sender {
    /// Sends one request of a build that ended then, with patience.
    pub(super) async fn post(&self, body: bytes::Bytes, ended: Time) -> Told {
        let mut pauses = PAUSES.into_iter();
        let (mut is_away, mut takes_others) = (false, false);
        loop {
            let (why, asked) = match self.collector.post(body.clone()).await {
                Ok(()) => {
                    if is_away {
                        tracing::info!("the collector of traces takes them again");
                    }
                    return Told::Done;
                }
                Err(Refusal::Final(why)) => return Told::GivenUp(why),
                Err(Refusal::ForNow { why, wait }) => (why, wait),
            };
            if self.stopping.is_cancelled() {
                return Told::Later;
            }
            self.service.metrics().trace_refused();
            if takes_others {
                return Told::GivenUp(why);
            }
            if is_old(ended, now()) {
                return Told::GivenUp(format!("{TOO_OLD}: {why}"));
            }
            let pause = match pauses.next() {
                Some(pause) => pause,
                // It may have come back just now: the next try tells.
                None if self.collector.probe().await.is_ok() => {
                    takes_others = true;
                    PAUSES[0]
                }
                None => {
                    if !is_away {
                        tracing::warn!("the collector of traces takes nothing; they wait in the store: {why}");
                    }
                    is_away = true;
                    AWAY
                }
            };
            let pause = asked.map_or(pause, |asked| asked.clamp(ASKED[0], ASKED[1]));
            tracing::debug!("the collector of traces does not take one, trying again in {pause:?}: {why}");
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.stopping.cancelled() => {}
            }
        }
    }
}
