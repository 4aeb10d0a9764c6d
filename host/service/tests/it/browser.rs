//! Pages in a real browser: the log of half a million lines, what is live, what needs no script, and pictures.

use std::fmt::Write as _;
use std::ops::RangeInclusive;

use anyhow::Context as _;
use engine::{Certificate, Outcome, VerdictKind};
use serde_json::json;
use service::Standing;
use service::identity::Scope;
use service::ports::PlanRefused;
use store::GenerationRow;

use crate::chromium::Chromium;
use crate::recorded::ended;
use crate::scene::{self, HOSTILE};
use crate::server::{Server, settings, start, starting};

/// Lines of the long log.
const LINES: u64 = 500_000;
/// Lines that are red, which is said once before the first and once behind the last.
const RED: RangeInclusive<u64> = 249_990..=250_010;
/// Nodes a page with a long log may have.
const MAX_NODES: u64 = 5_000;
/// All nodes of the page, texts and what is in the head included.
const NODES: &str = "(() => { const all = document.createTreeWalker(document); let count = 1; while (all.nextNode()) \
                     count += 1; return count; })()";

/// Logs the browser in as someone who may submit.
async fn log_in(server: &Server, browser: &mut Chromium) -> anyhow::Result<()> {
    let token = server.token("ada", Scope::Admin).await?;
    let link = server.service.login_link(&token).await.ok().context("no link")?;
    browser.open(&server.url(&link)).await
}

/// A line is in sight, with this text.
fn shows(line: u64, text: &str) -> String {
    format!(
        "(() => {{ const row = document.querySelector('[data-line=\"{line}\"] .text'); const seen = \
         document.querySelector('.lines').getBoundingClientRect(); const box = row.getBoundingClientRect(); return \
         row.textContent.includes({}) && box.top >= seen.top - 1 && box.bottom <= seen.bottom + 1; }})()",
        json!(text)
    )
}

/// Milliseconds from an act in the page until a condition holds, and the next frame is drawn.
async fn timed(browser: &mut Chromium, act: &str, condition: &str) -> anyhow::Result<f64> {
    let expression = format!(
        "new Promise((done, fail) => {{ const from = performance.now(); {act}; const look = () => {{ let is = false; try \
         {{ is = {condition}; }} catch {{}} const now = performance.now(); if (is) requestAnimationFrame(() => \
         done(performance.now() - from)); else if (now - from > 30000) fail(new Error('never')); else \
         setTimeout(look, 1); }}; look(); }})"
    );
    browser.eval(&expression).await?.as_f64().context("no time")
}

/// Half a million lines with colours, two of which have `a needle`.
async fn write_long_log(server: &Server, build: u64) -> anyhow::Result<()> {
    let mut writer = server.logs.writer(build, "log").await?;
    for block in 0..LINES / 1_000 {
        let mut text = String::new();
        for line in block * 1_000 + 1..=block * 1_000 + 1_000 {
            let rare = if line == 490_000 || line == 17 { " a needle" } else { "" };
            let (ok, end) = match line {
                _ if line == *RED.start() => ("\x1b[31mno", ""),
                _ if line == *RED.end() => ("no", "\x1b[0m"),
                _ if RED.contains(&line) => ("no", ""),
                _ => ("\x1b[32mok\x1b[0m", ""),
            };
            writeln!(text, "{ok}   \texample.org/package/number{line}{rare}\t0.{:03}s{end}", line % 1_000)?;
        }
        writer.append(text.as_bytes()).await?;
    }
    writer.finish().await?;
    Ok(())
}

#[tokio::test]
async fn half_a_million_lines_are_a_page_like_any_other() -> anyhow::Result<()> {
    let Some(mut browser) = Chromium::start().await? else { return Ok(()) };
    let server = start().await?;
    let long = ended(&server.store, "ada").await?.0;
    write_long_log(&server, long).await?;
    log_in(&server, &mut browser).await?;
    browser.look(1280, 900, false).await?;
    browser.open(&server.url(&format!("/builds/{long}/log?from=1"))).await?;
    browser.until(&shows(1, "number1")).await?;
    let key = |key: &str| {
        format!("document.body.dispatchEvent(new KeyboardEvent('keydown', {{ key: '{key}', bubbles: true }}))")
    };
    let end = timed(&mut browser, &key("G"), &shows(LINES, "number500000")).await?;
    let top = timed(&mut browser, &key("g"), &shows(1, "number1")).await?;
    let query = "const input = document.querySelector('input[name=q]'); input.value = 'number490000'; \
                 input.form.requestSubmit()";
    let search = timed(&mut browser, query, &shows(490_000, "number490000")).await?;
    let nothing = "const input = document.querySelector('input[name=q]'); input.value = 'nowhere to be found'; \
                   input.form.requestSubmit()";
    let told = "document.querySelector('.count').textContent === 'not found'";
    let absent = timed(&mut browser, nothing, told).await?;
    browser.press("g").await?;
    let needle = "const input = document.querySelector('input[name=q]'); input.value = 'a needle'; \
                  input.form.requestSubmit()";
    timed(&mut browser, needle, &shows(17, "a needle")).await?;
    timed(&mut browser, &key("n"), &shows(490_000, "a needle")).await?;
    timed(&mut browser, &key("N"), &shows(17, "a needle")).await?;
    timed(&mut browser, &key("N"), &shows(490_000, "a needle")).await?;
    browser.eval("location.hash = '#L250000'").await?;
    browser.until(&shows(250_000, "number250000")).await?;
    browser.until("document.querySelector('.row.chosen').dataset.line === '250000'").await?;
    // Lines are asked for in pages of 500: one ends and the next begins within the red.
    for (line, color) in
        [(249_989, "c2"), (249_995, "c1"), (250_000, "c1"), (250_001, "c1"), (250_010, "c1"), (250_011, "c2")]
    {
        browser
            .until(&format!("document.querySelector('[data-line=\"{line}\"] .text span')?.className === '{color}'"))
            .await?;
    }
    let nodes = browser.eval(NODES).await?.as_u64().context("no number")?;
    eprintln!(
        "{LINES} lines: {nodes} nodes; end {end:.0} ms, top {top:.0} ms, search {search:.0} ms, search in vain {absent:.0} ms"
    );
    assert!(nodes < MAX_NODES, "{nodes} nodes");
    assert_eq!(browser.complaints, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn a_page_follows_its_build_and_its_buttons_work() -> anyhow::Result<()> {
    let Some(mut browser) = Chromium::start().await? else { return Ok(()) };
    let server = start().await?;
    log_in(&server, &mut browser).await?;
    browser.eval("window.stayed = true").await?;
    browser.until("document.querySelector('#running').textContent.includes('No build runs')").await?;
    let client = server.client(Scope::Admin).await?;
    let build = client.submit().await?;
    browser.until(&format!("document.querySelector('main').textContent.includes('#{build} demo')")).await?;
    assert_eq!(browser.eval("window.stayed").await?, true, "the page was not loaded again");
    browser.open(&server.url(&format!("/builds/{build}"))).await?;
    browser.eval("window.stayed = true").await?;
    let mut log = server.logs.writer(build, "log").await?;
    for line in 1..=300 {
        log.append(format!("line {line} of a live log\n").as_bytes()).await?;
    }
    browser.until(&shows(300, "line 300 of a live log")).await?;
    log.append(b"and more\n").await?;
    browser.until(&shows(301, "and more")).await?;
    browser.press("g").await?;
    browser.until(&shows(1, "line 1 of")).await?;
    log.append(b"while the reader is elsewhere\n").await?;
    browser.until("document.querySelector('section.log').dataset.total === '302'").await?;
    browser.until(&shows(1, "line 1 of")).await?;
    log.finish().await?;
    assert_eq!(browser.eval("window.stayed").await?, true, "the page was not loaded again");
    browser.eval("window.confirm = () => { window.asked = true; return false; }").await?;
    browser.eval("document.querySelector('button.danger').click()").await?;
    assert_eq!(browser.eval("window.asked").await?, true, "what was replaced meanwhile asks, too");
    browser.eval("window.confirm = () => true; document.querySelector('button.danger').click()").await?;
    browser.until("document.querySelector('.head .chip').textContent === 'canceled'").await?;
    browser.until("document.title.startsWith('canceled') && !document.querySelector('button.danger')").await?;
    browser.until("document.querySelector('link[rel=icon]').href.endsWith('/canceled.svg')").await?;
    assert_eq!(browser.complaints, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn machines_are_seen_in_their_pools_and_by_what_they_printed() -> anyhow::Result<()> {
    let Some(mut browser) = Chromium::start().await? else { return Ok(()) };
    let server = start().await?;
    let failed = scene::failed(&server.store, &server.logs).await?.0;
    let running = scene::running(&server.store, &server.logs).await?.build.0;
    server.planner.have(scene::pools(running));
    log_in(&server, &mut browser).await?;
    browser.until("document.querySelector('#pools').innerText.includes('test, runs a3')").await?;
    let pools = browser.eval("document.querySelector('#pools').innerText").await?;
    let pools = pools.as_str().unwrap_or_default();
    for told in ["3 of 8 in use", "adopted", "is being made", "nothing answers at", "free", "up to 40 machines"] {
        assert!(pools.contains(told), "{told} is not in {pools}");
    }
    // What a pool does is no build's record, and seen all the same.
    let mut pools = scene::pools(running);
    pools[0].machines.pop();
    server.planner.have(pools);
    browser.until("!document.querySelector('#pools').innerText.includes('is being made')").await?;
    browser.open(&server.url(&format!("/builds/{failed}"))).await?;
    browser.eval("document.querySelector('#machines a[href$=\"/machines/1\"]').click()").await?;
    browser.until("document.querySelectorAll('#parts section').length === 4").await?;
    let headings = "Array.from(document.querySelectorAll('#parts h2'), one => one.id).join()";
    assert_eq!(browser.eval(headings).await?, "part-make-l1-0,part-list-l1,part-a1,part-a3");
    let yellow = "document.querySelector('#parts pre .c3').textContent";
    assert_eq!(browser.eval(yellow).await?, "warning: a requirement has no version:\n    flask");
    assert_eq!(browser.complaints, [""; 0]);
    Ok(())
}

/// Presses the button of a form once that is there, and says yes to what is asked.
async fn press(browser: &mut Chromium, form: &str) -> anyhow::Result<()> {
    let button = format!("document.querySelector('form[action=\"{form}\"] button')");
    // The answer to the last form may still be loading.
    browser.until(&format!("{button} !== null")).await?;
    browser.eval(&format!("window.confirm = () => true; {button}.click()")).await?;
    Ok(())
}

#[tokio::test]
async fn plugins_and_tokens_are_changed_by_buttons() -> anyhow::Result<()> {
    let Some(mut browser) = Chromium::start().await? else { return Ok(()) };
    let server = start().await?;
    for (digest, hours) in [("sha256:00", 30), ("sha256:01", 2)] {
        let at = engine::Time::from_nanos((scene::now_ms()? - hours * 3_600_000) * 1_000_000);
        let (plugin, who, source) = ("pytest".to_owned(), "ada".to_owned(), "/etc/muster/pytest.wasm".to_owned());
        server.store.record_generation(&GenerationRow { plugin, digest: digest.to_owned(), at, who, source }).await?;
    }
    server.token("a job of before", Scope::Submit).await?;
    log_in(&server, &mut browser).await?;
    browser.open(&server.url("/plugins")).await?;
    press(&mut browser, "/plugins/reload").await?;
    browser.until("document.querySelector('.note').innerText.includes('no plugin changed')").await?;
    browser.look(1280, 900, false).await?;
    browser.picture("plugins-told", true).await?;
    let (what, hint) = ("pytest.wasm cannot be read: no such file".to_owned(), "put it back".to_owned());
    server.planner.refuse(Some(PlanRefused { what, hint }));
    press(&mut browser, "/plugins/pytest/rollback").await?;
    browser.until("document.querySelector('.note.bad').innerText.includes('pytest.wasm cannot be read')").await?;
    browser.until("document.querySelector('main').innerText.includes('put it back')").await?;
    browser.picture("refused", true).await?;
    server.planner.refuse(None);
    browser.open(&server.url("/plugins")).await?;
    press(&mut browser, "/plugins/pytest/rollback").await?;
    browser.until("document.querySelector('.note').innerText.includes('`pytest` serves with')").await?;
    assert_eq!(server.planner.changes(), ["ada reloads", "ada rolls pytest back"]);
    let tokens = server.store.tokens().await?;
    let other = tokens.iter().find(|token| token.name == "a job of before").context("no token")?;
    browser.open(&server.url("/tokens")).await?;
    browser.picture("tokens-buttons", true).await?;
    press(&mut browser, &format!("/tokens/{}/revoke", other.id)).await?;
    browser.until("!document.querySelector('main').innerText.includes('a job of before')").await?;
    assert!(server.store.tokens().await?.iter().all(|token| token.id != other.id));
    assert_eq!(browser.complaints, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn what_builds_print_does_nothing_in_a_browser() -> anyhow::Result<()> {
    let Some(mut browser) = Chromium::start().await? else { return Ok(()) };
    let server = start().await?;
    let build = scene::failed(&server.store, &server.logs).await?.0;
    log_in(&server, &mut browser).await?;
    browser.open(&server.url(&format!("/builds/{build}"))).await?;
    browser.until("document.querySelectorAll('.windowed .row .text').length > 20").await?;
    browser.open(&server.url(&format!("/builds/{build}/log?q=onerror"))).await?;
    browser.until(&shows(302, HOSTILE)).await?;
    assert_eq!(browser.eval("typeof window.pwned").await?, "undefined");
    assert_eq!(browser.complaints, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn everything_is_there_without_a_script() -> anyhow::Result<()> {
    let Some(mut browser) = Chromium::start().await? else { return Ok(()) };
    let server = start().await?;
    let build = scene::failed(&server.store, &server.logs).await?.0;
    log_in(&server, &mut browser).await?;
    browser.call("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await?;
    browser.open(&server.url(&format!("/builds/{build}/log"))).await?;
    let text = browser.eval("document.querySelector('.lines').innerText").await?;
    assert!(text.as_str().is_some_and(|text| text.contains("test_case_299") && text.contains("2 failed")), "{text}");
    browser.open(&server.url(&format!("/builds/{build}/log?q=AssertionError"))).await?;
    let link = browser.eval("document.querySelector('section.plain a').getAttribute('href')").await?;
    assert_eq!(link, format!("/builds/{build}/log?from=179#L304"));
    browser.open(&server.url(link.as_str().unwrap_or_default())).await?;
    assert_eq!(browser.eval("document.querySelector(':target .no').textContent").await?, "304");
    Ok(())
}

#[tokio::test]
async fn pages_fit_where_they_are_read() -> anyhow::Result<()> {
    let Some(mut browser) = Chromium::start().await? else { return Ok(()) };
    let server = starting(settings()).await?;
    let failed = scene::failed(&server.store, &server.logs).await?.0;
    for (project, seconds) in [("shop", 4_000), ("shop", 90_000)] {
        let mut passed = scene::Scene::begin(&server.store, project, seconds).await?;
        passed.reach_tests(&["one".to_owned(), "two".to_owned()]).await?;
        passed.group(1, 1, (12.0, 20.0), &[(0, VerdictKind::Passed, ""), (1, VerdictKind::Passed, "")]).await?;
        passed.end(21.0, Outcome::Passed, Certificate::default()).await?;
    }
    let running = scene::running(&server.store, &server.logs).await?.build.0;
    server.planner.have(scene::pools(running));
    server.service.stand(Standing::Standby);
    log_in(&server, &mut browser).await?;
    let pages = [
        ("overview", "/".to_owned()),
        ("failed", format!("/builds/{failed}")),
        ("running", format!("/builds/{running}")),
        ("log", format!("/builds/{failed}/log")),
        ("builds", "/builds".to_owned()),
        ("plugins", "/plugins".to_owned()),
        ("tokens", "/tokens".to_owned()),
        ("machine", format!("/builds/{failed}/machines/1")),
        ("output", format!("/builds/{failed}/logs/a3")),
        ("login", "/login".to_owned()),
    ];
    for (width, height) in [(1280, 900), (400, 860)] {
        for dark in [false, true] {
            browser.look(width, height, dark).await?;
            for (name, path) in &pages {
                browser.open(&server.url(path)).await?;
                browser.until("!document.querySelector('.log') || document.querySelector('.windowed .row .text')?.textContent").await?;
                let wide = browser.eval("document.documentElement.scrollWidth").await?.as_u64().unwrap_or(u64::MAX);
                let mode = if dark { "dark" } else { "light" };
                browser.picture(&format!("{name}-{width}-{mode}"), *name != "log").await?;
                assert!(wide <= u64::from(width), "{path} is {wide} pixels wide in a window of {width}");
            }
        }
    }
    assert_eq!(browser.complaints, [""; 0]);
    Ok(())
}
