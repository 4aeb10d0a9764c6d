//! What one line of TAP says.

/// A point's directive, with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Directive {
    Skip(String),
    Todo(String),
}

/// A test point.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) ok: bool,
    pub(crate) number: Option<u64>,
    pub(crate) description: String,
    pub(crate) directive: Option<Directive>,
    /// Seconds, from a `time=12.5ms` comment.
    pub(crate) seconds: Option<f64>,
}

/// A line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Line {
    Point(Point),
    /// The number of points, and why there are none.
    Plan(u64, Option<String>),
    BailOut(String),
    /// A comment, without its `#`.
    Diagnostic(String),
    /// The next test file begins: this is its name.
    File(String),
    /// `prove` has summed up a test file.
    Summed {
        file: String,
        word: String,
    },
    /// `prove` says of the file whose output came before that it failed.
    Failed(String),
    /// The version, a pragma, an indented or an unknown line.
    Other,
}

/// The comment that says which test file's output follows.
const FILE_COMMENT: &str = "muster-test:";

/// Reads a line without its end.
pub(crate) fn read(line: &str) -> Line {
    if let Some(reason) = line.strip_prefix("Bail out!") {
        return Line::BailOut(reason.trim().to_owned());
    }
    if let Some(comment) = line.strip_prefix('#') {
        let comment = comment.trim();
        return match comment.strip_prefix(FILE_COMMENT) {
            Some(name) => Line::File(name.trim().to_owned()),
            None => Line::Diagnostic(comment.to_owned()),
        };
    }
    if is_time(line) {
        return Line::Other;
    }
    point(line)
        .map(Line::Point)
        .or_else(|| plan(line))
        .or_else(|| failed(line))
        .or_else(|| prove(line))
        .unwrap_or(Line::Other)
}

/// `ok      172 ms ( 0.00 usr ...`: how long a file took, by which `prove -v --timer` ends one that passed.
fn is_time(line: &str) -> bool {
    let rest = line.strip_prefix("ok ").map(str::trim_start).unwrap_or_default();
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    digits > 0 && rest[digits..].starts_with(" ms (")
}

fn point(line: &str) -> Option<Point> {
    let (ok, rest) = match (line.strip_prefix("not ok"), line.strip_prefix("ok")) {
        (Some(rest), _) => (false, rest),
        (None, Some(rest)) => (true, rest),
        (None, None) => return None,
    };
    if !rest.is_empty() && !rest.starts_with(char::is_whitespace) {
        return None;
    }
    let rest = rest.trim();
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let number = rest[..digits].parse().ok();
    let rest = if number.is_some() { rest[digits..].trim_start() } else { rest };
    let (text, comment) = split_comment(rest);
    let word = comment.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    let reason = comment.split_once(char::is_whitespace).map_or("", |(_, reason)| reason).trim().to_owned();
    let directive = if word.starts_with("skip") {
        Some(Directive::Skip(reason))
    } else if word.starts_with("todo") {
        Some(Directive::Todo(reason))
    } else {
        None
    };
    let is_comment = directive.is_some() || comment.is_empty() || seconds(comment).is_some();
    let description = if is_comment { text } else { rest };
    let description = description.strip_prefix("- ").unwrap_or(description).trim();
    let description = description.replace("\\#", "#").replace("\\\\", "\\");
    Some(Point { ok, number, description, directive, seconds: seconds(comment) })
}

/// Splits at the first `#` that follows a space and is not escaped.
fn split_comment(text: &str) -> (&str, &str) {
    let starts = text.match_indices('#').map(|(at, _)| at);
    let mut starts = starts.filter(|&at| at == 0 || text[..at].ends_with(char::is_whitespace));
    starts.next().map_or((text, ""), |at| (text[..at].trim_end(), text[at + 1..].trim()))
}

/// `time=12.5ms` or `duration_ms=12.5`.
fn seconds(comment: &str) -> Option<f64> {
    let word = comment.split_whitespace().find(|word| word.starts_with("time=") || word.starts_with("duration_ms="))?;
    let (key, value) = word.split_once('=')?;
    let (value, scale) = match value.strip_suffix("ms") {
        Some(value) => (value, 0.001),
        None if key == "duration_ms" => (value, 0.001),
        None => (value.strip_suffix('s').unwrap_or(value), 1.0),
    };
    value.parse::<f64>().ok().map(|number| number * scale)
}

fn plan(line: &str) -> Option<Line> {
    let rest = line.strip_prefix("1..")?;
    let (count, comment) = split_comment(rest.trim());
    let count = count.trim().parse().ok()?;
    let skip = comment.to_ascii_lowercase().starts_with("skip");
    let reason = comment.split_once(char::is_whitespace).map_or("", |(_, reason)| reason).trim();
    Some(Line::Plan(count, (skip || count == 0).then(|| reason.to_owned())))
}

/// `Dubious, test returned 3 (wstat 768, 0x300)` and the count after it, which `prove` prints of no file that passed.
fn failed(line: &str) -> Option<Line> {
    let told = line.trim_end();
    let is_counted = |before: &str, after: &str| {
        let count = told.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
        count.is_some_and(|count| count.chars().all(|c| c.is_ascii_digit() || c == '/'))
    };
    let is_failed = told.starts_with("Dubious, test returned ")
        || is_counted("Failed ", " subtests")
        || is_counted("All ", " subtests passed")
        || told == "No subtests run";
    is_failed.then(|| Line::Failed(told.to_owned()))
}

/// `t/name.t ...... ok`: a name, a space, two or more dots, and nothing or what became of it. With `--timer` the time
/// of the day comes first.
fn prove(line: &str) -> Option<Line> {
    let timed = line.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    let is_clock = |time: &str| time.chars().all(|c| c.is_ascii_digit() || c == ':');
    let line = timed.filter(|(time, _)| is_clock(time)).map_or(line, |(_, line)| line);
    let (name, rest) = line.split_once(" ..")?;
    let word = rest.trim_start_matches('.').trim();
    if name.is_empty() || name.starts_with(char::is_whitespace) {
        return None;
    }
    let file = name.trim_end().to_owned();
    Some(if word.is_empty() { Line::File(file) } else { Line::Summed { file, word: word.to_owned() } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(line: &str) -> (bool, Option<u64>, String, Option<Directive>) {
        let Line::Point(point) = read(line) else { panic!("a point") };
        (point.ok, point.number, point.description, point.directive)
    }

    #[test]
    fn points() {
        assert_eq!(described("ok"), (true, None, String::new(), None));
        assert_eq!(described("ok 1 - a # b"), (true, Some(1), "a # b".into(), None));
        assert_eq!(described("not ok 2 x \\# y"), (false, Some(2), "x # y".into(), None));
        let skipped = Some(Directive::Skip("no net".into()));
        assert_eq!(described("ok 3 - a # SKIP no net"), (true, Some(3), "a".into(), skipped));
        let todo = Some(Directive::Todo("later".into()));
        assert_eq!(described("not ok 4 # todo later"), (false, Some(4), String::new(), todo));
        assert_eq!(read("okay"), Line::Other);
        let Line::Point(timed) = read("ok 5 - a # time=12.5ms") else { panic!("a point") };
        assert_eq!((timed.seconds, timed.description.as_str()), (Some(0.0125), "a"));
    }

    #[test]
    fn the_rest() {
        assert_eq!(read("1..4"), Line::Plan(4, None));
        assert_eq!(read("1..0 # SKIP not here"), Line::Plan(0, Some("not here".into())));
        assert_eq!(read("Bail out! no disk"), Line::BailOut("no disk".into()));
        assert_eq!(read("# muster-test: t/a b.t"), Line::File("t/a b.t".into()));
        assert_eq!(read("t/a.t .. "), Line::File("t/a.t".into()));
        assert_eq!(read("t/a.t ....... ok"), Line::Summed { file: "t/a.t".into(), word: "ok".into() });
        assert_eq!(read("[18:35:12] t/a.t .. "), Line::File("t/a.t".into()));
        assert_eq!(read("ok      172 ms ( 0.00 usr  0.00 sys +  0.04 cusr  0.01 csys =  0.05 CPU)"), Line::Other);
        for failed in ["Dubious, test returned 3 (wstat 768, 0x300)", "Failed 1/2 subtests", "No subtests run"] {
            assert_eq!(read(failed), Line::Failed(failed.into()));
        }
        assert_eq!(read("All 1 subtests passed "), Line::Failed("All 1 subtests passed".into()));
        assert_eq!(read("Failed to open 1 subtests"), Line::Other);
        assert_eq!(read("    ok 1 - inner"), Line::Other);
        assert_eq!(read("TAP version 14"), Line::Other);
    }
}
