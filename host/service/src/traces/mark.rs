//! How far traces were sent: the end of a build, and its number, in a file of one line.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{BuildId, Time};

/// When a build ended, and which: builds are sent in this order.
pub(super) type Place = (Time, BuildId);

/// Builds that ended longer ago are not sent any more: a service that was away for a month has other things to do.
const OLDEST: Duration = Duration::from_secs(24 * 60 * 60);
/// Where there is no mark: what another coordinator of this store may have left, and not its whole history.
const LOOK_BACK: Duration = Duration::from_secs(60 * 60);

/// Whether a build that ended then is not sent any more.
pub(super) fn is_old(ended: Time, now: Time) -> bool {
    ended < ago(now, OLDEST)
}

fn ago(now: Time, span: Duration) -> Time {
    let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
    Time::from_nanos(now.as_nanos().saturating_sub(nanos))
}

/// A place that is kept.
pub(super) struct Mark {
    place: Place,
    file: PathBuf,
}

impl Mark {
    /// Where the life before stopped, as far as that matters now.
    pub(super) async fn read(file: &Path, now: Time) -> Mark {
        let ago = |span| (ago(now, span), BuildId(0));
        let written = tokio::fs::read_to_string(file).await.ok().and_then(|text| parse(&text));
        Mark { place: written.map_or(ago(LOOK_BACK), |place| place.max(ago(OLDEST))), file: file.to_owned() }
    }

    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// Moves on. Where that cannot be kept, the next start sends again what this one did.
    pub(super) async fn move_to(&mut self, place: Place) {
        self.place = place;
        let new = self.file.with_extension("new");
        let text = format!("{} {}\n", place.0.as_nanos(), place.1.0);
        let written = async {
            tokio::fs::write(&new, text).await?;
            tokio::fs::rename(&new, &self.file).await
        };
        if let Err(error) = written.await {
            tracing::warn!(file = %self.file.display(), %error, "how far traces were sent is not kept");
        }
    }
}

fn parse(text: &str) -> Option<Place> {
    let (ended, build) = text.trim().split_once(' ')?;
    Some((Time::from_nanos(ended.parse().ok()?), BuildId(build.parse().ok()?)))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const DAY: u64 = 86_400_000_000_000;

    #[tokio::test]
    async fn it_goes_on_where_it_stopped_unless_that_is_long_ago() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("traces");
        let at = |nanos: u64| (Time::from_nanos(nanos), BuildId(7));
        let read = async |now: u64| Mark::read(&file, Time::from_nanos(now)).await.place();
        assert_eq!(read(2 * DAY).await, (Time::from_nanos(2 * DAY - DAY / 24), BuildId(0)), "an hour, without a mark");
        let mut mark = Mark::read(&file, Time::from_nanos(DAY)).await;
        mark.move_to(at(2 * DAY)).await;
        assert_eq!((mark.place(), read(2 * DAY + 5).await), (at(2 * DAY), at(2 * DAY)));
        assert_eq!(read(4 * DAY).await, (Time::from_nanos(3 * DAY), BuildId(0)), "a day at most");
        let old = |now: u64| is_old(Time::from_nanos(DAY), Time::from_nanos(now));
        assert_eq!([old(2 * DAY), old(2 * DAY + 1)], [false, true]);
        std::fs::write(&file, "no mark").unwrap();
        assert_eq!(read(DAY).await, (Time::from_nanos(DAY - DAY / 24), BuildId(0)));
    }
}
