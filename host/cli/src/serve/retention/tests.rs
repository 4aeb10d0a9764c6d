//! Rounds over a real store and real blobs.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::{Duration, SystemTime};

use ::logs::{LogSettings, LogStore};
use bytes::Bytes;
use coordinator::now;
use engine::{BuildId, BuildSpec, Fact, PluginRef, Record, Time};
use service::Submission;
use snapshot::blob::{BlobKey, BlobOptions, BlobStore, PutMode};
use store::{BuildHeader, Commit, Epoch, FinishedBuild, GenerationRow, ServiceEvent, Settings, Store};

use super::stale::Kind;
use super::{Ground, Outcome, round};
use crate::config::host::{HostFile, PluginSection};
use crate::config::units;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A service's folder.
struct Place {
    folder: tempfile::TempDir,
    store: Store,
    epoch: Epoch,
    blobs: BlobStore,
    logs: LogStore,
    host: HostFile,
}

fn moment(age: Duration) -> Time {
    now().minus(age)
}

fn hex(digit: char) -> String {
    String::from(digit).repeat(64)
}

impl Place {
    async fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_sqlite(&folder.path().join("muster.sqlite"), &Settings::default()).await.unwrap();
        let epoch = store.claim_epoch("coordinator").await.unwrap();
        let location = folder.path().join("blobs").to_string_lossy().into_owned();
        let blobs = BlobStore::open(&location, &BlobOptions::default()).unwrap();
        let logs = LogStore::new(blobs.clone(), LogSettings::default());
        let mut host = HostFile::default();
        host.config.plugins.insert("mine".into(), PluginSection::default());
        host.config.retention.trees = units::Time(Duration::ZERO);
        Place { folder, store, epoch, blobs, logs, host }
    }

    /// A build with a log; `ended` so long ago, or unfinished.
    async fn build(&self, build: u64, ended: Option<Duration>, tree: char) {
        let submission = Submission { tree: format!("sha256:{}", hex(tree)), ..Submission::default() };
        let kept = service::Kept::new(submission, coordinator::ports::LogFormat::Plain, serde_json::Value::Null);
        let header = BuildHeader {
            build: BuildId(build),
            project: "app".into(),
            builder: "b".into(),
            rev: "r".into(),
            started: moment(DAY * 200),
            submission: serde_json::to_string(&kept).unwrap(),
        };
        let finished = ended.map(|age| FinishedBuild {
            build: BuildId(build),
            ended: moment(age),
            outcome: "passed".into(),
            summary_json: "{}".into(),
        });
        let commit = Commit { begun: vec![header], finished: finished.into_iter().collect(), ..Commit::default() };
        self.store.commit(&self.epoch, &commit).await.unwrap();
        let mut writer = self.logs.writer(build, "log").await.unwrap();
        writer.append(b"a line\n").await.unwrap();
        writer.finish().await.unwrap();
    }

    /// What a build began with: a policy of this component.
    async fn began_with(&self, build: u64, digit: char) {
        let policy = PluginRef { name: "mine".into(), digest: format!("sha256:{}", hex(digit)) };
        let spec = BuildSpec {
            plugins: vec![("policy".into(), policy)],
            ..BuildSpec::plain(BuildId(build), "app", "b", "local")
        };
        let record = Record { build: spec.build, at: moment(DAY), fact: Fact::Submitted(Box::new(spec)) };
        let json = serde_json::to_string(&record).unwrap();
        self.store.append(&self.epoch, BuildId(build), &[(1, json)]).await.unwrap();
    }

    async fn tree(&self, digit: char) {
        let key = BlobKey::new(format!("trees/{}", hex(digit))).unwrap();
        self.blobs.put_bytes(&key, "tree", PutMode::Replace, Bytes::from_static(b"tree")).await.unwrap();
    }

    async fn component(&self, digit: char, age: Duration) {
        let key = BlobKey::new(format!("plugins/{}", hex(digit))).unwrap();
        self.blobs.put_object(&key, Bytes::from_static(b"wasm")).await.unwrap();
        let file = std::fs::File::open(self.folder.path().join("blobs/plugins").join(hex(digit))).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    }

    async fn round(&self, dry_run: bool) -> anyhow::Result<Outcome> {
        let Place { store, blobs, logs, host, .. } = self;
        round(Ground { store, blobs, logs, host, dry_run }).await
    }
}

fn generation(digit: char, age: Duration) -> GenerationRow {
    let (plugin, digest) = ("mine".to_owned(), format!("sha256:{}", hex(digit)));
    GenerationRow { plugin, digest, at: moment(age), who: "me".into(), source: "file".into() }
}

fn names(outcome: &Outcome) -> Vec<(Kind, String)> {
    assert_eq!(outcome.failures, Vec::<String>::new());
    outcome.stale.iter().map(|stale| (stale.kind, stale.name.clone())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_needs_goes_and_nothing_else() {
    let place = Place::new().await;
    place.build(1, Some(DAY * 100), '1').await;
    place.build(2, Some(DAY), '2').await;
    place.build(3, None, '3').await;
    for digit in ['1', '3'] {
        place.tree(digit).await;
    }
    for (digit, age) in [('a', DAY * 2), ('b', DAY * 2), ('c', DAY / 2)] {
        place.component(digit, age).await;
    }
    place.store.record_generation(&generation('b', DAY)).await.unwrap();
    let expected = [
        (Kind::Build, "1".to_owned()),
        (Kind::Logs, "1".to_owned()),
        (Kind::Tree, format!("sha256:{}", hex('1'))),
        (Kind::Component, format!("sha256:{}", hex('a'))),
    ];
    for dry_run in [true, true, false] {
        let outcome = place.round(dry_run).await.unwrap();
        assert_eq!(names(&outcome), expected);
        assert!(outcome.bytes() > 8, "the log has bytes, too");
    }
    assert!(names(&place.round(false).await.unwrap()).is_empty());
    let left: Vec<u64> = place.logs.builds().await.unwrap().into_iter().map(|logs| logs.build).collect();
    assert_eq!(left, [2, 3]);
    assert!(place.store.build(BuildId(1)).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_that_are_too_many_go_oldest_first() {
    let mut place = Place::new().await;
    place.build(1, None, '1').await;
    place.build(2, Some(DAY * 3), '2').await;
    place.build(3, Some(DAY * 2), '3').await;
    let each = place.logs.bytes(3).await.unwrap();
    place.host.config.retention.logs_size = Some(units::Size(each * 2 + 1));
    assert_eq!(names(&place.round(false).await.unwrap()), [(Kind::Logs, "2".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_another_service_removes_nothing() {
    let mut place = Place::new().await;
    place.build(1, Some(DAY * 100), '1').await;
    let other = place.folder.path().join("other.sqlite");
    place.store = Store::open_sqlite(&other, &Settings::default()).await.unwrap();
    let refused = place.round(false).await.unwrap_err().to_string();
    assert!(refused.contains("the store knows no build, but there are logs of 1"), "{refused}");
    assert_eq!(place.logs.builds().await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_plugins_were_and_what_was_done_goes_when_it_is_old() {
    let place = Place::new().await;
    place.build(1, None, '1').await;
    place.began_with(1, '1').await;
    // A component a day, of which the last ten are those from `2` on; `0` was returned to long ago.
    for (days, digit) in (200..=212).rev().zip("00123456789ab".chars()) {
        place.store.record_generation(&generation(digit, DAY * days)).await.unwrap();
    }
    for days in [400, 366, 364] {
        let (who, kind, subject) = ("me".into(), "reload".into(), String::new());
        let event = ServiceEvent { at: moment(DAY * days), who, kind, subject, detail_json: "{}".into() };
        place.store.add_event(&event).await.unwrap();
    }
    let gone = format!("mine {}", plugin_host::short(&format!("sha256:{}", hex('0'))));
    let expected = [(Kind::Generation, gone.clone()), (Kind::Generation, gone), (Kind::Events, "2".to_owned())];
    for dry_run in [true, true, false] {
        assert_eq!(names(&place.round(dry_run).await.unwrap()), expected);
    }
    assert!(names(&place.round(false).await.unwrap()).is_empty());
    assert_eq!(place.store.generations("mine").await.unwrap().len(), 11);
    assert_eq!(place.store.events(None, 9).await.unwrap().len(), 1);
}
