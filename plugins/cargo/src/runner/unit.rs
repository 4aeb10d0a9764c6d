//! What is known of one test binary, or of the documentation tests of one crate: how cargo runs it, and its tests.

/// What kind of tests it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A binary with the standard harness.
    Libtest,
    /// A binary with a harness of its own: one test, by its exit status.
    Plain,
    /// Documentation tests, which `rustdoc` compiles and runs.
    Doc,
}

/// One test of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) ignored: bool,
}

/// A unit, with paths as they were where the tree was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    pub(crate) kind: Kind,
    pub(crate) program: String,
    pub(crate) args: Vec<String>,
    pub(crate) dir: String,
    /// What cargo adds to the environment.
    pub(crate) env: Vec<(String, String)>,
    pub(crate) tests: Vec<Listed>,
}

impl Unit {
    /// Reads one line for each thing; what it does not understand, otherwise.
    pub(crate) fn from_text(text: &str) -> Result<Unit, String> {
        let mut unit = Unit {
            kind: Kind::Libtest,
            program: String::new(),
            args: Vec::new(),
            dir: String::new(),
            env: Vec::new(),
            tests: Vec::new(),
        };
        for (key, value) in lines(text) {
            match key {
                "kind" => unit.kind = kind(&value)?,
                "program" => unit.program = value,
                "arg" => unit.args.push(value),
                "dir" => unit.dir = value,
                "env" => {
                    let (name, value) = value.split_once('=').ok_or_else(|| format!("`{}` is no variable", value))?;
                    unit.env.push((name.to_owned(), value.to_owned()));
                }
                "test" | "ignored" => unit.tests.push(Listed { name: value, ignored: key == "ignored" }),
                other => return Err(format!("a unit has no `{}`", other)),
            }
        }
        Ok(unit)
    }
}

fn kind(word: &str) -> Result<Kind, String> {
    match word {
        "libtest" => Ok(Kind::Libtest),
        "plain" => Ok(Kind::Plain),
        "doc" => Ok(Kind::Doc),
        other => Err(format!("there is no kind `{}`", other)),
    }
}

/// The file that a documentation test stands in: `src/lib.rs - module::item (line 7)`.
pub(crate) fn doc_file(name: &str) -> &str {
    name.split(" - ").next().unwrap_or(name)
}

/// The lines of a text as key and value.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (&str, String)> {
    text.lines().filter(|line| !line.is_empty()).map(|line| {
        let (key, value) = line.split_once(' ').unwrap_or((line, ""));
        (key, unescape(value))
    })
}

/// A value that fits in a line.
pub(crate) fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r")
}

fn unescape(value: &str) -> String {
    let mut plain = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match if c == '\\' { chars.next() } else { Some(c) } {
            Some('n') if c == '\\' => plain.push('\n'),
            Some('r') if c == '\\' => plain.push('\r'),
            Some(other) => plain.push(other),
            None => {}
        }
    }
    plain
}
