//! Following, lines and searching.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{StreamExt as _, TryStreamExt as _};
use logs::{LogSettings, LogStore};

use crate::support::{Folder, small, whole};

async fn followed(logs: LogStore, from: u64) -> Vec<u8> {
    let pieces: Vec<bytes::Bytes> = logs.follow(1, "log", from).try_collect().await.unwrap();
    pieces.concat()
}

/// A megabyte of numbered lines.
fn lines() -> Vec<u8> {
    (0..50_000_u32).flat_map(|n| format!("line {n} of many\n").into_bytes()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_readers_see_every_byte_once_and_a_stalled_one_stops_nobody() {
    let folder = Folder::new();
    let settings = LogSettings { segment_bytes: 64 << 10, cache_bytes: 256 << 10, ..LogSettings::default() };
    let logs = folder.open(&settings);
    let all = Arc::new(lines());
    let mut stalled = Box::pin(logs.follow(1, "log", 0));
    let mut readers = tokio::task::JoinSet::new();
    for n in 0..20_u64 {
        let (logs, from) = (logs.clone(), n * 1_000);
        let all = Arc::clone(&all);
        readers.spawn(async move { assert!(followed(logs, from).await == all[usize::try_from(from).unwrap()..]) });
    }
    let elsewhere = folder.open(&LogSettings { poll: Duration::from_millis(1), ..settings });
    let other = tokio::spawn(followed(elsewhere, 0));
    let mut writer = logs.writer(1, "log").await.unwrap();
    for piece in all.chunks(1_009) {
        writer.append(piece).await.unwrap();
    }
    let first = stalled.next().await.unwrap().unwrap();
    writer.finish().await.unwrap();
    readers.join_all().await;
    assert!(other.await.unwrap() == *all);
    let rest: Vec<bytes::Bytes> = stalled.try_collect().await.unwrap();
    assert!([&first[..], &rest.concat()].concat() == *all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_at_the_end_is_woken_at_once() {
    let folder = Folder::new();
    let logs = folder.open(&LogSettings::default());
    let mut writer = logs.writer(1, "log").await.unwrap();
    let mut follower = Box::pin(logs.follow(1, "log", 0));
    let mut took = Vec::new();
    for n in 0..20 {
        let reading = tokio::spawn(async move {
            let piece = follower.next().await.unwrap().unwrap();
            (piece, Instant::now(), follower)
        });
        let line = format!("line {n}\n");
        let appended = Instant::now();
        writer.append(line.as_bytes()).await.unwrap();
        let (piece, at, back) = reading.await.unwrap();
        follower = back;
        assert_eq!(piece, line);
        took.push(at - appended);
    }
    took.sort();
    println!("from append to reader: median {:?}, longest {:?}", took[10], took[19]);
    assert!(took[10] < Duration::from_millis(20), "{took:?}");
}

#[tokio::test]
async fn a_follower_outlives_a_writer() {
    let folder = Folder::new();
    let logs = folder.open(&small());
    let reading = tokio::spawn(followed(logs.clone(), 0));
    let mut writer = logs.writer(1, "log").await.unwrap();
    writer.append(b"one\n").await.unwrap();
    writer.flush().await.unwrap();
    drop(writer);
    let mut writer = logs.writer(1, "log").await.unwrap();
    writer.append(b"two\n").await.unwrap();
    writer.finish().await.unwrap();
    assert_eq!(reading.await.unwrap(), b"one\ntwo\n");
}

#[tokio::test]
async fn the_end_is_where_another_process_has_written_to() {
    let folder = Folder::new();
    let (here, elsewhere) = (folder.open(&small()), folder.open(&small()));
    let end = async || {
        let chunk = elsewhere.read(1, "log", 0, 0).await.unwrap();
        assert!(chunk.bytes.is_empty());
        (chunk.end, chunk.finished)
    };
    assert_eq!(end().await, (0, false));
    let mut writer = here.writer(1, "log").await.unwrap();
    writer.append(b"one\n").await.unwrap();
    writer.flush().await.unwrap();
    assert_eq!(end().await, (4, false));
    writer.append(b"two\n").await.unwrap();
    writer.finish().await.unwrap();
    assert_eq!(end().await, (8, true));
}

#[tokio::test]
async fn lines_are_found_in_segments_and_in_the_tail() {
    let folder = Folder::new();
    let settings = LogSettings { segment_bytes: 50_000, ..small() };
    let logs = folder.open(&settings);
    let all = lines();
    let mut writer = logs.writer(1, "log").await.unwrap();
    writer.append(&all).await.unwrap();
    writer.append(b"an open line").await.unwrap();
    let starts: Vec<u64> =
        std::iter::once(0).chain((0..all.len()).filter(|at| all[*at] == b'\n').map(|at| at as u64 + 1)).collect();
    assert_eq!(logs.lines(1, "log").await.unwrap(), 50_001);
    let check = async |logs: &LogStore| {
        for line in (1..=50_001_u64).step_by(331).chain([2, 49_999, 50_000]) {
            let start = starts[usize::try_from(line).unwrap() - 1];
            assert_eq!(logs.line(1, "log", line).await.unwrap(), Some(start), "line {line}");
        }
        assert_eq!(logs.line(1, "log", 50_001).await.unwrap(), Some(all.len() as u64));
        assert_eq!(logs.line(1, "log", 50_002).await.unwrap(), None);
        assert_eq!(logs.line(1, "log", 0).await.unwrap(), Some(0));
    };
    check(&logs).await;
    writer.finish().await.unwrap();
    check(&logs).await;
    let logs = folder.open(&settings);
    check(&logs).await;
    assert_eq!(logs.lines(1, "log").await.unwrap(), 50_001);
    assert_eq!(logs.lines(2, "log").await.unwrap(), 0);
}

/// What a search must find: a plain walk over all lines.
fn expected(all: &[u8], needle: &str, from_line: u64) -> Vec<(u64, u64)> {
    let mut found = Vec::new();
    let mut at = 0;
    for (line, text) in (1..).zip(all.split_inclusive(|byte| *byte == b'\n')) {
        if line >= from_line && text.windows(needle.len()).any(|window| window == needle.as_bytes()) {
            found.push((line, at));
        }
        at += text.len() as u64;
    }
    found
}

#[tokio::test]
async fn a_search_finds_each_line_once_wherever_segments_end() {
    let folder = Folder::new();
    let mut all = lines();
    all.extend_from_slice(b"needle in the open line, needle");
    for segment_bytes in [977, 100_000] {
        let build = segment_bytes as u64;
        let logs = folder.open(&LogSettings { segment_bytes, ..small() });
        let mut writer = logs.writer(build, "log").await.unwrap();
        writer.append(&all[..700_000]).await.unwrap();
        writer.flush().await.unwrap();
        writer.append(&all[700_000..]).await.unwrap();
        for (needle, from) in [("line 499", 1), ("of many", 49_000), ("needle", 1), ("9 of", 777), ("nowhere", 1)] {
            let found = logs.search(build, "log", needle, from, usize::MAX).await.unwrap();
            let places: Vec<(u64, u64)> = found.iter().map(|found| (found.line, found.offset)).collect();
            let mut wanted = expected(&all, needle, from);
            wanted.truncate(logs::MAX_MATCHES);
            assert_eq!(places, wanted, "{needle} from {from}");
            assert!(found.iter().all(|found| found.text.contains(needle) && !found.text.contains('\n')));
        }
        let some = logs.search(build, "log", "of many", 10, 3).await.unwrap();
        assert_eq!(some.iter().map(|found| found.line).collect::<Vec<_>>(), [10, 11, 12]);
        assert_eq!(logs.search(build, "log", "of many", 60_000, 3).await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_line_of_megabytes_is_searched_without_being_held() {
    let folder = Folder::new();
    let logs = folder.open(&LogSettings { segment_bytes: 300_000, ..small() });
    let mut writer = logs.writer(1, "log").await.unwrap();
    writer.append(b"first\n").await.unwrap();
    let mut long = vec![b'.'; 5_000_000];
    long[2_999_995..3_000_005].copy_from_slice(b"the needle");
    long[4_000_000..4_000_006].copy_from_slice(b"needle");
    writer.append(&long).await.unwrap();
    writer.append(b"\nlast needle\n").await.unwrap();
    let found = logs.search(1, "log", "needle", 1, 10).await.unwrap();
    let places: Vec<(u64, u64)> = found.iter().map(|found| (found.line, found.offset)).collect();
    assert_eq!(places, [(2, 6), (3, 5_000_007)]);
    assert!(found[0].text.contains("the needle") && found[0].text.len() <= 4 << 10);
    assert_eq!(whole(&logs, 2, "log").await, b"");
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_million_lines_are_searched_in_a_blink() {
    let folder = Folder::new();
    let settings = LogSettings::default();
    let mut writer = folder.open(&settings).writer(1, "log").await.unwrap();
    for n in 0..500_000_u32 {
        let line =
            format!("2026-01-01T00:00:00Z test_module::case_{n} ... ok in {} ms, and some more of it\n", n % 977);
        writer.append(line.as_bytes()).await.unwrap();
    }
    writer.finish().await.unwrap();
    let logs = folder.open(&settings);
    let begun = Instant::now();
    let found = logs.search(1, "log", "case_499999 ", 1, 10).await.unwrap();
    let cold = begun.elapsed();
    assert_eq!(found.iter().map(|found| found.line).collect::<Vec<_>>(), [500_000]);
    let begun = Instant::now();
    let offset = folder.open(&settings).line(1, "log", 250_000).await.unwrap().unwrap();
    let jump = begun.elapsed();
    println!("500,000 lines: searched in {cold:?}, line 250,000 (byte {offset}) found in {jump:?}");
    assert!(cold < Duration::from_millis(300), "{cold:?}");
    assert!(jump < Duration::from_millis(100), "{jump:?}");
}
