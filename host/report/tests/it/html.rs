//! The HTML report.

use coordinator::view::BuildReport;
use report::html;

use crate::fixture::eventful;
use crate::large::large;

fn html(build: &BuildReport) -> anyhow::Result<String> {
    let mut out = Vec::new();
    html::write(build, &mut out)?;
    Ok(String::from_utf8(out)?)
}

#[test]
fn one_lane_per_machine_and_nothing_from_elsewhere() -> anyhow::Result<()> {
    let html = html(&eventful())?;
    assert_eq!(html.matches("class=\"lane\"").count(), 2);
    assert_eq!(html.matches("<rect class=\"bar").count(), 5);
    assert!(html.contains("local-2 lost after 8.00s: killed by &lt;signal 9&gt;"));
    for reference in ["src=", "href=", "url(", "@import", "<link", "fetch("] {
        assert!(!html.contains(reference), "{reference} makes it depend on another file");
    }
    Ok(())
}

#[test]
fn what_tests_print_is_text() -> anyhow::Result<()> {
    let html = html(&eventful())?;
    assert_eq!(html.matches("<script>").count(), 1, "only the page's own");
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(html.contains("<span class=\"c1 b\">E   assert</span> 1 == 2"));
    assert!(!html.contains('\u{1b}') && !html.contains('\0'));
    assert!(html.contains("demo &#38; &#60;co&#62;"));
    Ok(())
}

#[test]
fn a_hundred_thousand_tests_make_a_bounded_page() -> anyhow::Result<()> {
    let html = html(&large(100_000))?;
    assert_eq!(html.matches("<tr data-verdict").count(), 5_000);
    assert!(html.contains("5,000 of 100,000 tests are in this table"));
    let bars = html.matches("<rect class=\"bar").count();
    assert!((100..=8_000).contains(&bars), "{bars} bars");
    assert!(html.contains("execs are drawn as one with their neighbours"));
    assert!(html.len() < 8 << 20, "{} bytes", html.len());
    Ok(())
}

/// Writes the pages that a person looks at in a browser.
#[test]
fn pages_for_a_look() -> anyhow::Result<()> {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    for (name, build) in [("report-eventful.html", eventful()), ("report-large.html", large(100_000))] {
        std::fs::write(folder.join(name), html(&build)?)?;
    }
    Ok(())
}
