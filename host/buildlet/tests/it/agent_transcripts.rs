//! The agent is asked what a real Go buildlet was asked, and answers alike.

use std::{collections::BTreeMap, io::Read as _, path::Path};

use anyhow::{Context as _, Result};

use crate::support::{TestAgent, raw};

/// The order in which the requests were sent to Go's buildlet; later ones see what earlier ones left.
const ORDER: [&str; 36] = [
    "root",
    "status",
    "status-wrong-password",
    "workdir",
    "writetgz-put",
    "writetgz-symlink",
    "writetgz-escape",
    "writetgz-bad-dir",
    "writetgz-not-gzip",
    "writetgz-post-no-url",
    "write",
    "write-bad-mode",
    "write-wrong-method",
    "exec-ok",
    "exec-exit-3",
    "exec-get",
    "exec-http10",
    "exec-missing",
    "exec-no-cmd",
    "exec-path",
    "exec-path-empty",
    "exec-signal",
    "exec-te-trailers",
    "exec-two-chunks",
    "ls",
    "ls-bad",
    "ls-flat",
    "ls-digest-skip",
    "tgz",
    "tgz-bad",
    "tgz-empty-dir",
    "removeall",
    "removeall-none",
    "removeall-escape",
    "unknown",
    "revdial",
];

/// Where the answer differs in meaning, what it is instead, and why.
const DIFFERENCES: [(&str, &str, &str); 6] = [
    ("status", "200 {\"Version\":29 and an own member", "a later version, and Muster's additions are announced"),
    (
        "writetgz-not-gzip",
        "400 another text",
        "the same refusal, the words after `requires gzip-compressed body` are ours",
    ),
    ("exec-path-empty", "PATH= is set to nothing", "since version 26 `$EMPTY` makes PATH empty instead of removing it"),
    ("tgz-empty-dir", "400 bogus dir", "since version 26 an empty dir is refused"),
    ("ls-flat", "one directory more", "since version 27 there is goplscache, too"),
    ("ls-digest-skip", "one directory more", "as above"),
];

/// Dial-in is not part of this crate yet.
const LEFT_OUT: [&str; 1] = ["revdial"];

/// What of an answer carries meaning.
#[derive(Debug, PartialEq, Eq)]
struct Meaning {
    status_line: String,
    content_type: Option<String>,
    trailer_declared: Option<String>,
    body: String,
    process_state: Option<String>,
}

#[tokio::test]
async fn the_agent_answers_as_gos_buildlet() -> Result<()> {
    let agent = TestAgent::start_with(|config| {
        let base = [("PATH", "/usr/bin:/bin")].map(|(key, value)| (key.into(), value.into()));
        config.base_env = Some(base.to_vec());
    })
    .await?;
    let work_dir = agent.work_dir().to_string_lossy().into_owned();
    for name in ORDER.into_iter().filter(|name| !LEFT_OUT.contains(name)) {
        let file = |ending: &str| {
            let path = transcripts().join(format!("{name}.{ending}"));
            std::fs::read(&path).with_context(|| format!("read {}", path.display()))
        };
        let theirs = meaning(&file("response")?, "/workdir")?;
        let ours = meaning(&raw(&agent.url, &file("request")?).await?, &work_dir)?;
        if DIFFERENCES.iter().any(|(differing, _, _)| *differing == name) {
            assert_ne!(ours, theirs, "{name} no longer differs: drop it from the table");
            check_difference(name, &ours);
        } else {
            assert_eq!(ours, theirs, "{name}");
        }
    }
    assert!(!agent.work_dir().join("evil").exists() && !agent.home.path().join("evil").exists());
    assert!(agent.work_dir().join("sym/VERSION").exists());
    let links = std::fs::read_dir(agent.work_dir().join("sym"))?.flatten();
    assert_eq!(links.count(), 1, "links of a plain client are dropped");
    agent.stop().await?;
    Ok(())
}

fn check_difference(name: &str, ours: &Meaning) {
    match name {
        "status" => assert!(ours.body.starts_with("{\"Version\":29,\"Muster\":{"), "{}", ours.body),
        "writetgz-not-gzip" => {
            assert_eq!(ours.status_line, "HTTP/1.1 400 Bad Request");
            assert!(ours.body.starts_with("requires gzip-compressed body: "), "{}", ours.body);
        }
        "exec-path-empty" => assert_eq!(ours.body, "[]\n"),
        "tgz-empty-dir" => {
            assert_eq!((ours.status_line.as_str(), ours.body.as_str()), ("HTTP/1.1 400 Bad Request", "bogus dir\n"));
        }
        _ => assert!(ours.body.contains("drwxr-xr-x\tgoplscache/\n"), "{}", ours.body),
    }
}

#[test]
fn no_transcript_is_forgotten() -> Result<()> {
    let mut names: Vec<String> = Vec::new();
    for entry in std::fs::read_dir(transcripts())? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if let Some((stem, "request" | "json")) = name.rsplit_once('.') {
            names.push(stem.to_owned());
        }
    }
    names.sort_unstable();
    let mut known = ORDER.to_vec();
    known.sort_unstable();
    assert_eq!(names, known);
    Ok(())
}

fn transcripts() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/transcripts"))
}

fn meaning(answer: &[u8], work_dir: &str) -> Result<Meaning> {
    let end = find(answer, b"\r\n\r\n").context("find the end of the head")?;
    let head = String::from_utf8(answer[..end].to_vec())?;
    let mut lines = head.split("\r\n");
    let status_line = lines.next().context("find the status line")?.to_owned();
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let raw_body = &answer[end + 4..];
    let (body, trailers) = match headers.get("transfer-encoding") {
        Some(_) => dechunk(raw_body)?,
        None => {
            let length: usize = headers.get("content-length").context("find the length")?.parse()?;
            assert_eq!(raw_body.len(), length, "the body is as long as it says");
            (raw_body.to_vec(), String::new())
        }
    };
    let process_state = trailers.lines().find_map(|line| line.strip_prefix("Process-State: ")).map(str::to_owned);
    let gzip = headers.get("content-type").is_some_and(|kind| kind == "application/x-gzip");
    let body = if gzip { tree(&body)? } else { String::from_utf8(body)? };
    // Modification times of files written in the test differ.
    let body = body
        .split('\t')
        .map(|field| match field.strip_prefix("20").is_some_and(|rest| rest.contains("-11-") && rest.contains('Z')) {
            true => "TIME",
            false => field,
        })
        .collect::<Vec<_>>()
        .join("\t");
    // A refusal of `/exec` announces a trailer that never comes: framing, not meaning.
    let trailer_declared = headers.get("trailer").cloned().filter(|_| status_line.contains(" 200 "));
    Ok(Meaning {
        status_line,
        content_type: headers.get("content-type").cloned(),
        trailer_declared,
        body: body.replace(work_dir, "WORKDIR"),
        process_state: process_state.map(|state| state.replace(work_dir, "WORKDIR")),
    })
}

fn dechunk(mut rest: &[u8]) -> Result<(Vec<u8>, String)> {
    let mut body = Vec::new();
    loop {
        let end = find(rest, b"\r\n").context("find a chunk's length")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end])?, 16)?;
        rest = &rest[end + 2..];
        if size == 0 {
            return Ok((body, String::from_utf8(rest.to_vec())?.replace("\r\n", "\n")));
        }
        body.extend_from_slice(&rest[..size]);
        assert_eq!(&rest[size..size + 2], b"\r\n");
        rest = &rest[size + 2..];
    }
}

/// The names, modes and contents in a gzip archive; its bytes are the packer's own.
fn tree(gzip: &[u8]) -> Result<String> {
    let mut tar = Vec::new();
    flate2::read::MultiGzDecoder::new(gzip).read_to_end(&mut tar)?;
    let mut text = String::new();
    for entry in tar::Archive::new(tar.as_slice()).entries()? {
        let mut entry = entry?;
        let mut content = String::new();
        let (mode, path) = (entry.header().mode()? & 0o777, entry.path()?.display().to_string());
        entry.read_to_string(&mut content)?;
        text.push_str(&format!("{mode:o} {path} {content:?}\n"));
    }
    Ok(text)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
