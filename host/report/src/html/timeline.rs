//! The timeline as SVG: one lane per machine, one bar per exec.

use std::fmt::Write as _;
use std::time::Duration;

use coordinator::view::{AttemptKind, AttemptSpan, BuildReport};

use crate::ansi::escape;
use crate::text;

/// Bars in all: beyond it neighbours of one lane are drawn as one, so that the page stays quick.
const MAX_BARS: usize = 4_000;
/// Lanes: beyond it the page says how many machines it leaves out.
pub(super) const MAX_LANES: usize = 64;
/// Test names in one tooltip.
const MAX_NAMES: usize = 12;

const WIDTH: f64 = 1200.0;
const LEFT: f64 = 110.0;
const LANE: f64 = 26.0;
const TOP: f64 = 40.0;

/// The drawing, and what was left out of it.
pub struct Timeline {
    /// SVG markup.
    pub svg: String,
    /// What was left out, in a sentence; empty if nothing was.
    pub cut: String,
}

/// A bar: one exec, or several that were drawn as one.
struct Bar<'a> {
    lane: usize,
    first: &'a AttemptSpan,
    end: Duration,
    execs: usize,
    tests: usize,
    ok: bool,
}

/// Draws a build.
pub fn timeline(report: &BuildReport) -> Timeline {
    let last = report.attempts.iter().map(|span| span.end).chain(report.phases.iter().map(|phase| phase.end)).max();
    let total = report.took.max(last.unwrap_or_default()).max(Duration::from_millis(1));
    let scale = Scale { total };
    let lanes: Vec<&str> = report.buildlets.iter().take(MAX_LANES).map(|buildlet| buildlet.name.as_str()).collect();
    let bars = bars(report, &lanes, total);
    let height = TOP + LANE * lanes.len().max(1) as f64 + 24.0;
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" aria-label=\"timeline of the build\" \
         xmlns=\"http://www.w3.org/2000/svg\">\n"
    );
    axis(&mut svg, &scale, height);
    phases(&mut svg, report, &scale, height);
    for (index, buildlet) in report.buildlets.iter().take(MAX_LANES).enumerate() {
        let y = TOP + LANE * index as f64;
        let (x, width) = scale.span(buildlet.joined, buildlet.left);
        let _infallible = write!(
            svg,
            "<text class=\"lane\" x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n\
             <rect class=\"there\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{:.0}\"/>\n",
            LEFT - 8.0,
            y + 17.0,
            escape(&text::one_line(&buildlet.name, 16)),
            y + 3.0,
            LANE - 6.0
        );
    }
    for bar in &bars {
        draw_bar(&mut svg, bar, &scale);
    }
    for (index, buildlet) in report.buildlets.iter().take(MAX_LANES).enumerate() {
        if let Some(cause) = &buildlet.lost {
            let (x, y) = (scale.x(buildlet.left), TOP + LANE * index as f64);
            let title = escape(&format!("{} lost after {}: {cause}", buildlet.name, text::duration(buildlet.left)));
            let _infallible = writeln!(
                svg,
                "<g class=\"lost\"><title>{title}</title><path d=\"M{:.1} {:.1} l10 10 m0 -10 l-10 10\"/></g>",
                x - 5.0,
                y + 8.0
            );
        }
    }
    svg.push_str("</svg>");
    Timeline { svg, cut: cut(report, &bars) }
}

fn cut(report: &BuildReport, bars: &[Bar<'_>]) -> String {
    let mut said = Vec::new();
    if report.buildlets.len() > MAX_LANES {
        said.push(format!("{} of {} machines are drawn.", MAX_LANES, report.buildlets.len()));
    }
    let merged: usize = bars.iter().map(|bar| bar.execs - 1).sum();
    if merged > 0 {
        said.push(format!("{} are drawn as one with their neighbours.", text::plural(merged as u64, "exec")));
    }
    said.join(" ")
}

fn bars<'a>(report: &'a BuildReport, lanes: &[&str], total: Duration) -> Vec<Bar<'a>> {
    // A bar must be wide enough to be seen: with many execs, neighbours closer than this share one.
    let gap = if report.attempts.len() > MAX_BARS {
        total / u32::try_from(MAX_BARS / 8).unwrap_or(1)
    } else {
        Duration::ZERO
    };
    let mut open: Vec<Option<Bar<'a>>> = lanes.iter().map(|_| None).collect();
    let mut bars = Vec::new();
    for span in &report.attempts {
        let Some(lane) = lanes.iter().position(|name| *name == span.buildlet) else { continue };
        match &mut open[lane] {
            Some(bar)
                if !gap.is_zero()
                    && bar.first.kind == span.kind
                    && bar.ok == span.ok
                    && span.end.saturating_sub(bar.first.start) < gap =>
            {
                bar.end = bar.end.max(span.end);
                bar.execs += 1;
                bar.tests += span.tests.len();
            }
            slot => {
                let bar = Bar { lane, first: span, end: span.end, execs: 1, tests: span.tests.len(), ok: span.ok };
                bars.extend(slot.replace(bar));
            }
        }
    }
    bars.extend(open.into_iter().flatten());
    bars
}

fn draw_bar(svg: &mut String, bar: &Bar<'_>, scale: &Scale) {
    let (x, width) = scale.span(bar.first.start, bar.end);
    let kind = match bar.first.kind {
        AttemptKind::Make => "make",
        AttemptKind::Setup => "setup",
        AttemptKind::Exec => "exec",
    };
    let bad = if bar.ok { "" } else { " bad" };
    let _infallible = writeln!(
        svg,
        "<rect class=\"bar {kind}{bad}\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.0}\" rx=\"1.5\">\
         <title>{}</title></rect>",
        TOP + LANE * bar.lane as f64 + 3.0,
        width.max(1.0),
        LANE - 6.0,
        escape(&tooltip(bar))
    );
}

fn tooltip(bar: &Bar<'_>) -> String {
    let took = bar.end.saturating_sub(bar.first.start);
    let mut tip = format!("{}: {} from {}", bar.first.buildlet, text::duration(took), text::duration(bar.first.start));
    if bar.execs > 1 {
        tip += &format!("\n{} execs, {}", bar.execs, text::plural(bar.tests as u64, "test"));
        return tip;
    }
    tip += &format!("\n{}", text::one_line(&bar.first.text, 200));
    for name in bar.first.tests.iter().take(MAX_NAMES) {
        tip += &format!("\n{}", text::one_line(name, 160));
    }
    if bar.tests > MAX_NAMES {
        tip += &format!("\nand {} more", bar.tests - MAX_NAMES);
    }
    tip
}

fn axis(svg: &mut String, scale: &Scale, height: f64) {
    for tick in scale.ticks() {
        let x = scale.x(tick);
        let _infallible = writeln!(
            svg,
            "<line class=\"tick\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.0}\" y2=\"{:.0}\"/>\
             <text class=\"axis\" x=\"{x:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text>",
            TOP - 4.0,
            height - 20.0,
            height - 6.0,
            text::duration(tick)
        );
    }
}

fn phases(svg: &mut String, report: &BuildReport, scale: &Scale, height: f64) {
    for phase in &report.phases {
        let (x, width) = scale.span(phase.start, phase.end);
        let title = escape(&format!("{}: {}", phase.name, text::duration(phase.end.saturating_sub(phase.start))));
        let _infallible = writeln!(
            svg,
            "<g><title>{title}</title><rect class=\"phase\" x=\"{x:.1}\" y=\"20\" width=\"{:.1}\" height=\"8\"/>\
             <line class=\"edge\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"20\" y2=\"{:.0}\"/></g>",
            (width - 1.0).max(1.0),
            height - 20.0
        );
        // About seven units a letter: the name of a phase that is too short for it is only in the tooltip.
        if width >= 7.0 * phase.name.chars().count() as f64 {
            let _infallible =
                writeln!(svg, "<text class=\"axis\" x=\"{x:.1}\" y=\"14\">{}</text>", escape(&phase.name));
        }
    }
}

/// Time to place.
struct Scale {
    total: Duration,
}

impl Scale {
    fn x(&self, at: Duration) -> f64 {
        LEFT + (WIDTH - LEFT - 24.0) * (at.as_secs_f64() / self.total.as_secs_f64()).min(1.0)
    }

    fn span(&self, start: Duration, end: Duration) -> (f64, f64) {
        let x = self.x(start);
        (x, (self.x(end) - x).max(0.0))
    }

    /// At most ten round times.
    fn ticks(&self) -> Vec<Duration> {
        const STEPS_MS: [u64; 16] = [
            10, 50, 100, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000,
            3_600_000, 21_600_000,
        ];
        let total = u64::try_from(self.total.as_millis()).unwrap_or(u64::MAX);
        let step = STEPS_MS.into_iter().find(|step| total / step <= 10).unwrap_or(total / 10);
        (0..=total / step).map(|index| Duration::from_millis(index * step)).collect()
    }
}
