//! Rules that every answer is held to. A broken rule is said in words that name what broke it.

use std::time::Duration;

use crate::bindings::muster::types::types as wit;

/// The longest time that any answer may name.
pub(crate) const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);
/// Bytes of a name: of a test, a builder, a step. Parametrised tests have long ones.
pub(crate) const NAME_BYTES: usize = 16 << 10;
/// Characters of a value that a message repeats.
const SHOWN: usize = 100;

/// Whether an answer keeps the rules, or which it broke.
pub(crate) type Checked = Result<(), String>;

/// A value as a message shows it.
pub(crate) fn shown(text: &str) -> String {
    let cut: String = text.chars().take(SHOWN).collect();
    if cut.len() < text.len() { format!("`{}...`", cut.escape_debug()) } else { format!("`{}`", cut.escape_debug()) }
}

pub(crate) fn name(what: &str, name: &str) -> Checked {
    if name.is_empty() {
        return Err(format!("{what} has no name"));
    }
    if name.len() > NAME_BYTES || name.contains('\0') {
        return Err(format!("{what} has a name that is none: {}", shown(name)));
    }
    Ok(())
}

pub(crate) fn duration(what: &str, nanos: u64) -> Checked {
    if Duration::from_nanos(nanos) > LONGEST {
        return Err(format!("{what} is {} s, and {} s is the most", nanos / 1_000_000_000, LONGEST.as_secs()));
    }
    Ok(())
}

pub(crate) fn phases(phases: &wit::Phases) -> Checked {
    duration("the time to make", phases.make)?;
    duration("the time to start a machine", phases.machine_start)?;
    duration("the time to set a helper up", phases.setup)?;
    duration("the cost of an exec", phases.exec_overhead)
}

/// A path that stays below where it begins. Both kinds of separator count: a buildlet may run Windows.
pub(crate) fn below(what: &str, path: &str) -> Checked {
    let absolute = path.starts_with(['/', '\\']) || path.as_bytes().get(1) == Some(&b':');
    if absolute || path.contains('\0') || path.split(['/', '\\']).any(|part| part == "..") {
        return Err(format!("{what} {} leaves its directory", shown(path)));
    }
    Ok(())
}

/// As [`below`], and it names something other than the directory itself.
pub(crate) fn inside(what: &str, path: &str) -> Checked {
    below(what, path)?;
    if path.split(['/', '\\']).all(|part| part.is_empty() || part == ".") {
        return Err(format!("{what} {} names nothing", shown(path)));
    }
    Ok(())
}

pub(crate) fn command(command: &wit::Command) -> Checked {
    let Some(program) = command.argv.first() else { return Err("a command has no program".into()) };
    if program.is_empty() {
        return Err("a command has no program".into());
    }
    // A program below the work directory must stay there; an absolute one is the machine's.
    if program.contains(['/', '\\']) && !program.starts_with('/') && program.as_bytes().get(1) != Some(&b':') {
        below("the program", program)?;
    }
    if let Some(argument) = command.argv.iter().find(|argument| argument.contains('\0')) {
        return Err(format!("an argument holds a zero byte: {}", shown(argument)));
    }
    below("the directory", &command.dir)?;
    for (key, value) in &command.env {
        if key.is_empty() || key.contains(['=', '\0']) || value.contains('\0') {
            return Err(format!("variable {} cannot be set", shown(key)));
        }
    }
    if let Some(element) = command.path.iter().find(|element| element.contains('\0')) {
        return Err(format!("an element of the path holds a zero byte: {}", shown(element)));
    }
    for (file, _) in &command.files {
        inside("file", file)?;
    }
    for glob in &command.results {
        inside("result glob", glob)?;
    }
    command.timeout.map_or(Ok(()), |timeout| duration("the time limit of a command", timeout))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below() {
        for good in ["a", "a/b", "..a/b..", "a/./b", "*.xml", "**/*.xml"] {
            assert_eq!(inside("file", good), Ok(()), "{good}");
        }
        for bad in ["", ".", "./", "/a", "../a", "a/..", "a/../../b", "..\\a", "C:\\a", "\\\\host\\a", "a\0b"] {
            assert!(inside("file", bad).is_err(), "{bad}");
        }
        assert_eq!(below("the directory", ""), Ok(()));
    }

    #[test]
    fn commands_stay_in_the_work_directory() {
        let good = wit::Command {
            argv: vec!["bin/run".into()],
            dir: "sub".into(),
            env: vec![("A".into(), "b=c".into())],
            path: vec!["$WORKDIR/bin".into(), "$PATH".into()],
            files: vec![("args.txt".into(), Vec::new())],
            results: vec!["*.xml".into()],
            timeout: Some(1),
        };
        assert_eq!(command(&good), Ok(()));
        let broken: [fn(&mut wit::Command); 9] = [
            |command| command.argv.clear(),
            |command| command.argv[0].clear(),
            |command| command.argv[0] = "../../bin/sh".into(),
            |command| command.argv.push("a\0b".into()),
            |command| command.dir = "/etc".into(),
            |command| command.env[0].0 = "A=B".into(),
            |command| command.files[0].0 = "../../.ssh/authorized_keys".into(),
            |command| command.results[0] = "../*".into(),
            |command| command.timeout = Some(u64::MAX),
        ];
        for (number, breaks) in broken.iter().enumerate() {
            let mut bad = good.clone();
            breaks(&mut bad);
            assert!(command(&bad).is_err(), "{number}: {bad:?}");
        }
    }
}
