//! A process for this crate's tests: numbers and commits builds in the SQLite file it is given, and prints the numbers.

use std::path::PathBuf;

use anyhow::Context as _;
use engine::Time;
use store::{BuildHeader, Commit, Settings, Store};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut args = std::env::args_os().skip(1);
    let path = PathBuf::from(args.next().context("name the file")?);
    let count: u32 = args.next().context("say how many")?.to_str().context("a number is text")?.parse()?;
    let store = Store::open_sqlite(&path, &Settings::default()).await?;
    for _ in 0..count {
        let build = store.next_build().await?;
        let epoch = store.claim_epoch(&format!("build-{build}")).await?;
        let header = BuildHeader {
            build,
            project: "p".to_owned(),
            builder: "b".to_owned(),
            rev: "r".to_owned(),
            started: Time::from_nanos(1),
            submission: String::new(),
        };
        store.commit(&epoch, &Commit { begun: vec![header], ..Commit::default() }).await?;
        let records: Vec<(u64, String)> = (0..10).map(|seq| (seq, format!("{{\"build\":{}}}", build.0))).collect();
        store.append(&epoch, build, &records).await?;
        #[expect(clippy::print_stdout, reason = "the numbers are the result")]
        let () = println!("{}", build.0);
    }
    store.close().await;
    Ok(())
}
