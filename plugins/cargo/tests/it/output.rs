//! Processes whose output ends with them, and such that leave somebody behind who holds it open.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[path = "../../src/runner/output.rs"]
mod of_process;

/// What a script printed, its exit status, and whether its output ended.
fn follow(script: &str, patience: Duration) -> (Vec<u8>, Option<i32>, bool) {
    let mut child = Command::new("/bin/sh").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
    let mut seen = Vec::new();
    let (status, drained) = of_process::follow(&mut child, patience, |piece| seen.extend_from_slice(piece)).unwrap();
    (seen, status.code(), drained)
}

#[test]
fn all_of_it_is_read() {
    let (seen, code, drained) = follow("head -c 3000000 /dev/zero; echo end; exit 3", Duration::from_secs(60));
    assert_eq!((seen.len(), code, drained), (3_000_004, Some(3), true));
}

#[test]
fn who_is_left_behind_is_not_waited_for() {
    let begun = Instant::now();
    assert_eq!(
        follow("sleep 20 2>/dev/null & echo said; exit 3", Duration::from_millis(200)),
        (b"said\n".to_vec(), Some(3), false)
    );
    let (seen, code, drained) = follow("yes 2>/dev/null & exit 0", Duration::from_secs(60));
    assert!(seen.starts_with(b"y\n") && !drained && code == Some(0));
    assert!(begun.elapsed() < Duration::from_secs(20));
}
