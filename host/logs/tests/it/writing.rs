//! Appending, marks, crashes and reopening.

use std::time::Duration;

use logs::{LogError, LogSettings};

use crate::support::{Folder, small, whole};

#[tokio::test]
async fn only_what_is_in_a_segment_outlives_a_crash() {
    let folder = Folder::new();
    let logs = folder.open(&small());
    let mut writer = logs.writer(7, "log").await.unwrap();
    writer.append(&[b'a'; 250]).await.unwrap();
    assert_eq!(writer.flush().await.unwrap(), 250);
    writer.append(b"lost").await.unwrap();
    assert_eq!((writer.end(), writer.durable()), (254, 250));
    assert_eq!(whole(&logs, 7, "log").await.len(), 254, "readers of this process see the tail");
    assert_eq!(whole(&folder.open(&small()), 7, "log").await.len(), 250, "others do not");
    drop(writer);
    let mut writer = folder.open(&small()).writer(7, "log").await.unwrap();
    assert_eq!(writer.end(), 250);
    writer.append(b"more").await.unwrap();
    writer.finish().await.unwrap();
    let logs = folder.open(&small());
    let read = whole(&logs, 7, "log").await;
    assert_eq!(read, [&[b'a'; 250][..], b"more"].concat());
    let chunk = logs.read(7, "log", 0, usize::MAX).await.unwrap();
    assert_eq!((chunk.bytes.len(), chunk.end, chunk.finished), (254, 254, true));
}

#[tokio::test]
async fn a_mark_is_never_without_its_bytes() {
    let folder = Folder::new();
    let settings = LogSettings { flush_after: Duration::from_millis(1), ..small() };
    let logs = folder.open(&settings);
    let mut writer = logs.writer(1, "exec/make-1-1").await.unwrap();
    assert_eq!((writer.mark(), writer.marked()), (None, 0));
    for n in 1..200_u64 {
        writer.append_marked(&vec![b'x'; usize::try_from(n).unwrap()], format!("{n}")).await.unwrap();
        if n % 17 == 0 {
            // Whatever is durable at any moment ends with a mark that says how much it is.
            let other = folder.open(&settings).writer(1, "exec/make-1-1").await.unwrap();
            let marked: u64 = other.mark().map_or(0, |mark| mark.parse().unwrap());
            assert_eq!(other.end(), marked * (marked + 1) / 2);
            assert_eq!(other.marked(), other.end());
        }
    }
    writer.flush().await.unwrap();
    assert_eq!(writer.mark(), Some("199"));
    drop(writer);
    let mut writer = logs.writer(1, "exec/make-1-1").await.unwrap();
    assert_eq!((writer.mark(), writer.end()), (Some("199"), 199 * 100));
    writer.append(b"unmarked").await.unwrap();
    writer.flush().await.unwrap();
    drop(writer);
    let writer = logs.writer(1, "exec/make-1-1").await.unwrap();
    assert_eq!((writer.mark(), writer.marked(), writer.end()), (Some("199"), 19_900, 19_908));
}

#[tokio::test]
async fn a_stream_has_one_writer_and_ends_once() {
    let folder = Folder::new();
    let logs = folder.open(&small());
    let mut first = logs.writer(1, "log").await.unwrap();
    assert!(matches!(logs.writer(1, "log").await, Err(LogError::Busy { .. })));
    // Another process opened it at the same place, and is first.
    let mut other = folder.open(&small()).writer(1, "log").await.unwrap();
    other.append(b"theirs").await.unwrap();
    other.flush().await.unwrap();
    first.append(b"ours").await.unwrap();
    let taken = first.flush().await.unwrap_err();
    assert!(matches!(taken, LogError::Taken { offset: 0, .. }), "{taken:?}");
    assert!(taken.to_string().contains("log stream `log` of build 1"), "{taken}");
    assert!(matches!(first.append(b"x").await, Err(LogError::Taken { .. })), "it has failed for good");
    drop(first);
    drop(other);
    let again = logs.writer(1, "log").await.unwrap();
    assert_eq!(again.end(), 6);
    again.finish().await.unwrap();
    assert_eq!(whole(&logs, 1, "log").await, b"theirs");
    for logs in [&logs, &folder.open(&small())] {
        assert!(matches!(logs.writer(1, "log").await, Err(LogError::Finished { .. })));
    }
}

#[tokio::test]
async fn little_is_written_by_the_clock_and_much_at_once() {
    let folder = Folder::new();
    let logs = folder.open(&LogSettings { flush_after: Duration::from_millis(20), ..LogSettings::default() });
    let mut writer = logs.writer(1, "log").await.unwrap();
    writer.append(b"a line\n").await.unwrap();
    let other = folder.open(&LogSettings::default());
    let begun = std::time::Instant::now();
    while writer.durable() == 0 {
        assert!(begun.elapsed() < Duration::from_secs(10), "nobody wrote it");
        tokio::task::yield_now().await;
    }
    assert_eq!(other.read(1, "log", 0, 100).await.unwrap().bytes, "a line\n");
    writer.append(&vec![b'\n'; 5 << 20]).await.unwrap();
    writer.finish().await.unwrap();
    // Five of a MiB and what is before them; the end is in the last, or by itself where that was written already.
    assert!(matches!(folder.segments(1, "log").len(), 6 | 7));
}

#[tokio::test]
async fn what_cannot_be_a_segment_is_refused() {
    let folder = Folder::new();
    let logs = folder.open(&small());
    let mut writer = logs.writer(1, "log").await.unwrap();
    let large = vec![0; logs::MAX_MARKED_BYTES + 1];
    let refused = writer.append_marked(&large, String::new()).await;
    assert!(matches!(refused, Err(LogError::TooMuchMarked { .. })), "{refused:?}");
    let refused = writer.append_marked(b"", "x".repeat(logs::MAX_MARK_BYTES + 1)).await;
    assert!(matches!(refused, Err(LogError::LongMark { .. })), "{refused:?}");
    writer.append_marked(&large[1..], "x".repeat(logs::MAX_MARK_BYTES)).await.unwrap();
    writer.flush().await.unwrap();
    assert_eq!(folder.segments(1, "log").len(), 1);
    drop(writer);
    assert_eq!(folder.open(&small()).writer(1, "log").await.unwrap().marked(), logs::MAX_MARKED_BYTES as u64);
    assert!(matches!(logs.writer(1, "").await, Err(LogError::Name { .. })));
}

#[tokio::test]
async fn builds_are_listed_measured_and_removed() {
    let folder = Folder::new();
    let logs = folder.open(&small());
    for (build, stream) in [(1, "log"), (1, "exec/a.b"), (2, "log")] {
        let mut writer = logs.writer(build, stream).await.unwrap();
        writer.append(&[b'x'; 1_000]).await.unwrap();
        writer.finish().await.unwrap();
    }
    let mut open = logs.writer(1, "open").await.unwrap();
    open.append(b"tail").await.unwrap();
    let named = |infos: Vec<logs::StreamInfo>| -> Vec<(String, u64, bool)> {
        infos.into_iter().map(|info| (info.name, info.bytes, info.finished)).collect()
    };
    let stored = [("exec/a.b".to_owned(), 1_000, true), ("log".to_owned(), 1_000, true)];
    let all = [&stored[..], &[("open".to_owned(), 4, false)]].concat();
    assert_eq!(named(logs.streams(1).await.unwrap()), all);
    assert_eq!(named(folder.open(&small()).streams(1).await.unwrap()), stored);
    assert!(logs.bytes(1).await.unwrap() > 2_000);
    let builds = logs.builds().await.unwrap();
    assert_eq!(builds.iter().map(|logs| logs.build).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(builds[0].stored, logs.bytes(1).await.unwrap());
    assert!(matches!(logs.remove(1).await, Err(LogError::Busy { .. })));
    drop(open);
    while matches!(logs.remove(1).await, Err(LogError::Busy { .. })) {
        tokio::task::yield_now().await;
    }
    assert_eq!(logs.streams(1).await.unwrap(), []);
    assert_eq!(logs.bytes(1).await.unwrap(), 0);
    assert_eq!(whole(&logs, 1, "log").await, b"");
    assert_eq!(whole(&logs, 2, "log").await.len(), 1_000);
    let mut ended = logs.writer(3, "log").await.unwrap();
    ended.append(b"one line\n").await.unwrap();
    ended.finish().await.unwrap();
    // What is finished is not being written, whatever its writer's task still does.
    logs.remove(3).await.unwrap();
}
