//! A command as the settings write it, and its placeholders filled in.

use muster_sdk::Error;
use muster_sdk::types::{Command, command};
use serde_json::Value;

/// The longest text that is given to `sh -c` as an argument (the system takes 128 KiB); longer ones go into a file.
const SHELL_ARGUMENT_LIMIT: usize = 64 * 1024;
/// The most bytes of arguments of a command without a shell (the system takes 2 MiB with the environment).
const ARGUMENTS_LIMIT: usize = 1024 * 1024;
/// The file that a long text goes into, below the attempt's directory.
const SCRIPT_NAME: &str = "muster-command.sh";

/// A command before its placeholders are filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Template {
    /// For the shell; what is filled in is quoted.
    Shell(String),
    /// Program and arguments; a word `{tests}` becomes as many words as there are tests.
    Words(Vec<String>),
}

/// What placeholders stand for.
#[derive(Debug, Default)]
pub(crate) struct Filling<'a> {
    /// Absolute.
    pub(crate) tree: &'a str,
    /// Absolute.
    pub(crate) attempt: &'a str,
    /// Absolute, where there are tests.
    pub(crate) tests_file: &'a str,
    pub(crate) tests: Vec<&'a str>,
}

impl Template {
    /// What a setting may be.
    pub(crate) const MEANT: &'static str = "a text for the shell or a list of words";

    pub(crate) fn read(value: &Value) -> Option<Template> {
        match value {
            Value::String(text) if !text.trim().is_empty() => Some(Template::Shell(text.clone())),
            Value::Array(words) if !words.is_empty() => muster_sdk::settings::texts(value).map(Template::Words),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
                None
            }
        }
    }

    /// Whether a placeholder occurs, by its name.
    pub(crate) fn uses(&self, name: &str) -> bool {
        let placeholder = format!("{{{name}}}");
        match self {
            Template::Shell(text) => text.contains(&placeholder),
            Template::Words(words) => words.iter().any(|word| word.contains(&placeholder)),
        }
    }

    /// The command with everything filled in.
    pub(crate) fn fill(&self, filling: &Filling<'_>) -> Result<Command, Error> {
        match self {
            Template::Shell(text) => Ok(shell(replace(text, |name| filling.shell(name)), filling)),
            Template::Words(words) => {
                let mut argv = Vec::with_capacity(words.len());
                for word in words {
                    if word == "{tests}" {
                        argv.extend(filling.tests.iter().map(|&test| test.to_owned()));
                    } else {
                        argv.push(replace(word, |name| filling.plain(name)));
                    }
                }
                if argv.iter().map(String::len).sum::<usize>() > ARGUMENTS_LIMIT {
                    let text = "the names of these tests are too long for arguments: use `{tests_file}` in `run`";
                    return Err(Error::Unsupported(text.into()));
                }
                Ok(command(argv))
            }
        }
    }
}

impl Filling<'_> {
    fn plain(&self, name: &str) -> Option<String> {
        match name {
            "tree" => Some(self.tree.to_owned()),
            "attempt" => Some(self.attempt.to_owned()),
            "tests_file" => Some(self.tests_file.to_owned()),
            "tests" => Some(self.tests.join(" ")),
            "test" => Some(self.tests.first().copied().unwrap_or_default().to_owned()),
            _ => None,
        }
    }

    fn shell(&self, name: &str) -> Option<String> {
        match name {
            "tests" => Some(self.tests.iter().map(|test| quote(test)).collect::<Vec<_>>().join(" ")),
            _ => self.plain(name).map(|text| quote(&text)),
        }
    }
}

fn shell(text: String, filling: &Filling<'_>) -> Command {
    if text.len() <= SHELL_ARGUMENT_LIMIT {
        return command(["/bin/sh".to_owned(), "-c".to_owned(), text]);
    }
    let script = format!("{}/{SCRIPT_NAME}", filling.attempt);
    let mut command = command(["/bin/sh".to_owned(), script]);
    command.files = vec![(SCRIPT_NAME.into(), text.into_bytes())];
    command
}

/// Replaces `{name}` where the name is known; other braces are the command's own.
fn replace(text: &str, known: impl Fn(&str) -> Option<String>) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        filled.push_str(&rest[..start]);
        let value = rest[start..].find('}').and_then(|end| Some((end, known(&rest[start + 1..start + end])?)));
        match value {
            // `${tree}` is a variable of the shell.
            Some((end, value)) if !rest[..start].ends_with('$') => {
                filled.push_str(&value);
                rest = &rest[start + end + 1..];
            }
            Some(_) | None => {
                filled.push('{');
                rest = &rest[start + 1..];
            }
        }
    }
    filled.push_str(rest);
    filled
}

/// A word that the shell takes as it is.
fn quote(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(template: &Template, tests: &[&str]) -> Result<Command, Error> {
        let filling = Filling { tree: "/w/my tree", attempt: "/w/a", tests_file: "/w/a/t", tests: tests.to_vec() };
        template.fill(&filling)
    }

    #[test]
    fn the_shell_gets_quoted_words() {
        let template = Template::Shell("cd {tree} && run ${tests} {other} {tests} </dev/null {".into());
        let command = fill(&template, &["a/b.t", "it's; rm -rf", "$(x)"]).unwrap();
        let expected = r"cd '/w/my tree' && run ${tests} {other} a/b.t 'it'\''s; rm -rf' '$(x)' </dev/null {";
        assert_eq!(command.argv, ["/bin/sh", "-c", expected]);
    }

    #[test]
    fn words_go_through_no_shell() {
        let template = Template::Words(["run", "--dir={tree}", "{tests}", "-f", "{tests_file}"].map(Into::into).into());
        let command = fill(&template, &["a b", "$c"]).unwrap();
        assert_eq!(command.argv, ["run", "--dir=/w/my tree", "a b", "$c", "-f", "/w/a/t"]);
    }

    #[test]
    fn long_texts_go_into_a_file() {
        let names: Vec<String> = (0..20_000).map(|i| format!("test-number-{i}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let command = fill(&Template::Shell("run {tests}".into()), &names).unwrap();
        assert_eq!(command.argv, ["/bin/sh", "/w/a/muster-command.sh"]);
        assert!(command.files[0].1.starts_with(b"run test-number-0 test-number-1 "));
        let long = "x".repeat(1000);
        let error = fill(&Template::Words(vec!["run".into(), "{tests}".into()]), &vec![long.as_str(); 2000]);
        assert!(matches!(error, Err(Error::Unsupported(_))));
    }
}
