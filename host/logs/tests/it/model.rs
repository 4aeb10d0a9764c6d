//! Any sequence of appends, flushes, crashes and reads against a plain vector of bytes.

use logs::{LogSettings, LogStore, LogWriter};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::{Folder, small, whole};

#[derive(Clone, Debug)]
enum Step {
    Append(usize),
    Marked(usize),
    Flush,
    /// The writer is dropped and another opened, in this process or in a new one.
    Crash {
        elsewhere: bool,
    },
    Read {
        from: usize,
        at_most: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_usize..350).prop_map(Step::Append),
        4 => (1_usize..350).prop_map(Step::Marked),
        2 => Just(Step::Flush),
        2 => any::<bool>().prop_map(|elsewhere| Step::Crash { elsewhere }),
        2 => (0_usize..4_000, 1_usize..500).prop_map(|(from, at_most)| Step::Read { from, at_most }),
    ]
}

/// What the stream must be.
#[derive(Default)]
struct Model {
    bytes: Vec<u8>,
    marks: Vec<(u64, String)>,
    /// What cannot be lost any more.
    durable: u64,
    count: u32,
}

impl Model {
    /// Bytes of which no two pieces are alike, some lines among them.
    fn add(&mut self, length: usize) -> Vec<u8> {
        self.count += 1;
        let text = format!("{}\n", self.count).repeat(length);
        let piece = text.as_bytes()[..length].to_vec();
        self.bytes.extend_from_slice(&piece);
        piece
    }

    fn crashed(&mut self, writer: &LogWriter) {
        let end = writer.end();
        assert!(end >= self.durable && end <= self.bytes.len() as u64, "{} <= {end}", self.durable);
        self.bytes.truncate(usize::try_from(end).unwrap());
        self.marks.retain(|(at, _)| *at <= end);
        let last = self.marks.last();
        assert_eq!(writer.mark(), last.map(|(_, mark)| mark.as_str()));
        assert_eq!(writer.marked(), last.map_or(0, |(at, _)| *at));
        self.durable = end;
    }
}

async fn play(steps: &[Step]) {
    let folder = Folder::new();
    let settings = LogSettings { flush_after: std::time::Duration::from_millis(1), ..small() };
    let mut logs: LogStore = folder.open(&settings);
    let mut writer = logs.writer(5, "log").await.unwrap();
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Append(length) => writer.append(&model.add(*length)).await.unwrap(),
            Step::Marked(length) => {
                let (piece, mark) = (model.add(*length), format!("mark {}", model.count));
                model.marks.push((model.bytes.len() as u64, mark.clone()));
                writer.append_marked(&piece, mark).await.unwrap();
            }
            Step::Flush => {
                model.durable = writer.flush().await.unwrap();
                assert_eq!(model.durable, model.bytes.len() as u64);
            }
            Step::Crash { elsewhere } => {
                drop(writer);
                if *elsewhere {
                    // A process that is gone writes no more: its last segment is there or not.
                    drop(logs.writer(5, "log").await.unwrap());
                    logs = folder.open(&settings);
                }
                writer = logs.writer(5, "log").await.unwrap();
                model.crashed(&writer);
            }
            Step::Read { from, at_most } => {
                let chunk = logs.read(5, "log", *from as u64, *at_most).await.unwrap();
                let expected = model.bytes.get(*from..).unwrap_or_default();
                assert_eq!(chunk.bytes, expected[..expected.len().min(*at_most)]);
                assert_eq!((chunk.end, chunk.finished), (model.bytes.len() as u64, false));
            }
        }
    }
    writer.finish().await.unwrap();
    let logs = folder.open(&settings);
    assert_eq!(whole(&logs, 5, "log").await, model.bytes);
    let lines = model.bytes.split_inclusive(|byte| *byte == b'\n').count();
    assert_eq!(logs.lines(5, "log").await.unwrap(), lines as u64);
}

#[test]
fn any_sequence_is_what_a_vector_of_bytes_is() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    let run = runner.run(&prop::collection::vec(step(), 1..60), |steps| {
        runtime.block_on(play(&steps));
        Ok(())
    });
    run.unwrap();
}
