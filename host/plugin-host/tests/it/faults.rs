//! Components that misbehave end in the documented way, in bounded time, and disturb nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use engine::PluginFaultKind::{self, BadAnswer, Limit, Quarantined, TimedOut, Trapped};
use plugin_host::{EngineOptions, Generation, Limits, Metering, PluginHost, PluginSettings};

use crate::component::{Text, empty_run, generation, helpers, host};

/// How much longer than its limit anything may take before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Opens a run and asks it once.
async fn ask(generation: &Arc<Generation>) -> Result<(), (PluginFaultKind, String)> {
    let policy = generation.policy(None).expect("it is a policy");
    let asked = async {
        let mut run = policy.open(&empty_run()).await?;
        run.observe(&[]).await?;
        run.decide(Duration::ZERO, &[0]).await.map(drop)
    };
    let answer = tokio::time::timeout(PATIENCE, asked).await.expect("it ends in bounded time");
    answer.map_err(|fault| (fault.kind, fault.detail))
}

async fn check(text: Text<'_>, kind: PluginFaultKind, words: &str) -> Result<()> {
    let host = host()?;
    let well = generation(&host, Text::default().component()?, PluginSettings::default()).await?;
    let ill = generation(&host, text.component()?, PluginSettings::default()).await?;
    let (found, detail) = ask(&ill).await.expect_err("it misbehaves");
    assert_eq!(found, kind, "{detail}");
    assert!(detail.contains(words), "{detail}");
    assert!(detail.contains("plugin `subject` (sha256:"), "{detail}");
    assert_eq!(ask(&well).await, Ok(()), "another plugin is not disturbed");
    Ok(())
}

#[tokio::test]
async fn an_infinite_loop() -> Result<()> {
    check(Text { decide: "(loop $l (br $l))", ..Text::default() }, TimedOut, "no answer within").await
}

#[tokio::test]
async fn a_busy_machine_makes_no_plugin_late() -> Result<()> {
    let host = host()?;
    // Some tenth of a second, of which it gets little at a time.
    let decide = "(local $n i32)
        (loop $l
          (local.set $n (i32.add (local.get $n) (i32.const 1)))
          (br_if $l (i32.lt_u (local.get $n) (i32.const 200000000))))";
    let mut settings = PluginSettings::default();
    settings.limits.policy.time.base = Duration::from_millis(500);
    let plugin = generation(&host, Text { decide, ..Text::default() }.component()?, settings).await?;
    let over = Arc::new(AtomicBool::new(false));
    for _ in 0..8 * std::thread::available_parallelism()?.get() {
        let over = Arc::clone(&over);
        std::thread::spawn(move || while !over.load(Ordering::Relaxed) {});
    }
    let asked = ask(&plugin).await;
    over.store(true, Ordering::Relaxed);
    assert_eq!(asked, Ok(()));
    Ok(())
}

#[tokio::test]
async fn a_loop_in_start() -> Result<()> {
    let items = "(func $start (loop $l (br $l))) (start $start)";
    check(Text { items, ..Text::default() }, TimedOut, "no answer within").await
}

#[tokio::test]
async fn a_memory_bomb() -> Result<()> {
    let open = "(loop $l (drop (memory.grow (i32.const 16))) (br $l))";
    check(Text { open, ..Text::default() }, Limit, "67108864 are allowed").await
}

#[tokio::test]
async fn several_memories() -> Result<()> {
    let items = "(memory $b 1) (memory $c 1)";
    let open = "
        (drop (memory.grow 0 (i32.const 400)))
        (drop (memory.grow $b (i32.const 400)))
        (drop (memory.grow $c (i32.const 400)))";
    check(Text { items, open, ..Text::default() }, Limit, "memories would take").await
}

#[tokio::test]
async fn too_many_memories() -> Result<()> {
    let items = "(memory 0) (memory 0) (memory 0) (memory 0)";
    check(Text { items, ..Text::default() }, Limit, "memory count too high").await
}

#[tokio::test]
async fn a_table_bomb() -> Result<()> {
    let items = "(table $t 1 funcref)";
    let open = "(drop (table.grow $t (ref.null func) (i32.const 10000000)))";
    check(Text { items, open, ..Text::default() }, Limit, "tables would have").await
}

#[tokio::test]
async fn a_trap() -> Result<()> {
    check(Text { decide: "(unreachable)", ..Text::default() }, Trapped, "`unreachable`").await
}

#[tokio::test]
async fn deep_recursion() -> Result<()> {
    let items = "(func $deep (param i32) (result i32) (i32.add (call $deep (local.get 0)) (i32.const 1)))";
    let open = "(drop (call $deep (i32.const 0)))";
    check(Text { items, open, ..Text::default() }, Limit, "call stack exhausted").await
}

#[tokio::test]
async fn a_handle_leak() -> Result<()> {
    let open = "(loop $l (drop (call $new (i32.const 1))) (br $l))";
    check(Text { open, ..Text::default() }, Limit, "handle limit").await
}

#[tokio::test]
async fn a_huge_result() -> Result<()> {
    let host = host()?;
    // A gigabyte of list in a page of memory.
    let plan = "(i32.store (i32.const 68) (i32.const 0x4000000))";
    let plugin = generation(&host, Text { plan, ..Text::default() }.component()?, PluginSettings::default()).await?;
    let fault = plugin.policy(None).expect("a policy").plan_helpers(&helpers()).await.expect_err("it is not there");
    assert_eq!(fault.kind, BadAnswer, "{fault}");
    // A list that is there, and more than an answer may take.
    let plan = "(drop (memory.grow (i32.const 16))) (i32.store (i32.const 68) (i32.const 60000))";
    let mut settings = PluginSettings::default();
    settings.limits.policy.answer_bytes = 64 << 10;
    let plugin = generation(&host, Text { plan, ..Text::default() }.component()?, settings).await?;
    let fault = plugin.policy(None).expect("a policy").plan_helpers(&helpers()).await.expect_err("it is too much");
    assert_eq!(fault.kind, Limit, "{fault}");
    // Within the bytes, and more than the contract allows.
    let plan = "(drop (memory.grow (i32.const 16))) (i32.store (i32.const 68) (i32.const 2000))";
    let plugin = generation(&host, Text { plan, ..Text::default() }.component()?, PluginSettings::default()).await?;
    let fault = plugin.policy(None).expect("a policy").plan_helpers(&helpers()).await.expect_err("it is too often");
    assert_eq!(fault.kind, BadAnswer, "{fault}");
    assert!(fault.detail.contains("2000 times"), "{fault}");
    Ok(())
}

#[tokio::test]
async fn a_log_flood() -> Result<()> {
    let host = host()?;
    let text = Text {
        imports: r#"(import "muster:host/log@0.1.0" "write" (func $log (param i32 i32 i32 i32 i32)))"#,
        open: "
            (loop $l
              (call $log (i32.const 2) (i32.const 0) (i32.const 16) (i32.const 0) (i32.const 0))
              (global.set $count (i32.add (global.get $count) (i32.const 1)))
              (br_if $l (i32.lt_u (global.get $count) (i32.const 2000))))",
        items: "(global $count (mut i32) (i32.const 0))",
        ..Text::default()
    };
    let mut settings = PluginSettings::default();
    settings.limits.policy_open.base = PATIENCE;
    let plugin = generation(&host, text.component()?, settings).await?;
    assert_eq!(ask(&plugin).await, Ok(()), "too many lines are no fault");
    let dropped = plugin.describe().log_lines_dropped;
    assert!(dropped > 0 && dropped <= 1800, "{dropped}");
    Ok(())
}

#[tokio::test]
async fn a_trap_after_some_calls() -> Result<()> {
    let host = host()?;
    let text = Text {
        items: "(global $count (mut i32) (i32.const 0))",
        decide: "
            (global.set $count (i32.add (global.get $count) (i32.const 1)))
            (if (i32.gt_u (global.get $count) (i32.const 3)) (then (unreachable)))",
        ..Text::default()
    };
    let plugin = generation(&host, text.component()?, PluginSettings::default()).await?;
    let policy = plugin.policy(None).expect("a policy");
    let mut run = policy.open(&empty_run()).await.map_err(|fault| anyhow!("{fault}"))?;
    for _ in 0..3 {
        assert!(run.decide(Duration::ZERO, &[0]).await.is_ok());
    }
    assert_eq!(run.decide(Duration::ZERO, &[0]).await.map_err(|fault| fault.kind), Err(Trapped));
    let again = run.decide(Duration::ZERO, &[0]).await.expect_err("its store is gone");
    assert!(again.detail.contains("asked again after a fault"), "{again}");
    let mut fresh = policy.open(&empty_run()).await.map_err(|fault| anyhow!("{fault}"))?;
    assert!(fresh.decide(Duration::ZERO, &[0]).await.is_ok(), "a store of its own begins anew");
    Ok(())
}

#[tokio::test]
async fn three_faults_quarantine_one_generation() -> Result<()> {
    let host = host()?;
    let ill = Text { decide: "(unreachable)", ..Text::default() }.component()?;
    let plugin = generation(&host, ill, PluginSettings::default()).await?;
    let well = generation(&host, Text::default().component()?, PluginSettings::default()).await?;
    for _ in 0..3 {
        assert_eq!(ask(&plugin).await.map_err(|(kind, _)| kind), Err(Trapped));
    }
    let (kind, detail) = ask(&plugin).await.expect_err("it is quarantined");
    assert_eq!(kind, Quarantined);
    assert!(detail.contains("its last fault"), "{detail}");
    let description = plugin.describe();
    assert_eq!(description.faults, 3, "a refused call is no fault");
    assert!(description.quarantined_seconds.is_some());
    assert_eq!(ask(&well).await, Ok(()));
    plugin.reset();
    assert_eq!(ask(&plugin).await.map_err(|(kind, _)| kind), Err(Trapped), "it is asked again");
    Ok(())
}

#[tokio::test]
async fn busy_guests_leave_the_caller_free() -> Result<()> {
    let host = host()?;
    let busy = Text { decide: "(loop $l (br $l))", ..Text::default() }.component()?;
    let mut limits = Limits::default();
    limits.policy.time.base = Duration::from_secs(2);
    let settings = PluginSettings { limits, ..PluginSettings::default() };
    let busy = generation(&host, busy, settings).await?;
    // One thread runs this test: were it held, nothing below would count. Two plugin threads are busy meanwhile.
    let loops: Vec<_> = (0..2)
        .map(|_| {
            let busy = Arc::clone(&busy);
            tokio::spawn(async move { ask(&busy).await })
        })
        .collect();
    let began = Instant::now();
    let mut turns = 0;
    while !loops.iter().all(tokio::task::JoinHandle::is_finished) {
        assert!(began.elapsed() < PATIENCE, "the loops never end");
        tokio::task::yield_now().await;
        turns += 1;
    }
    assert!(turns > 1000, "{turns}");
    for looped in loops {
        assert_eq!(looped.await?.map_err(|(kind, _)| kind), Err(TimedOut));
    }
    Ok(())
}

#[tokio::test]
async fn fuel_bounds_calls_by_what_they_do() -> Result<()> {
    let options = EngineOptions { metering: Metering::Fuel(1_000_000), ..EngineOptions::default() };
    let host = PluginHost::new(&options)?;
    let looping = Text { decide: "(loop $l (br $l))", ..Text::default() }.component()?;
    let plugin = generation(&host, looping, PluginSettings::default()).await?;
    let (kind, detail) = ask(&plugin).await.expect_err("it runs out of fuel");
    assert_eq!(kind, TimedOut, "{detail}");
    assert!(detail.contains("fuel"), "{detail}");
    let well = generation(&host, Text::default().component()?, PluginSettings::default()).await?;
    let policy = well.policy(None).expect("a policy");
    let mut run = policy.open(&empty_run()).await.map_err(|fault| anyhow!("{fault}"))?;
    for _ in 0..1000 {
        assert!(run.decide(Duration::ZERO, &[0]).await.is_ok(), "each call has its own fuel");
    }
    Ok(())
}
