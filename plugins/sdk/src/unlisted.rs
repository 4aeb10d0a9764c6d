//! Why there is no list of tests.

use crate::lines;
use crate::types::{Error, ExitStatus};

/// How much of what was printed an error carries: the end, where the reason is.
const TEXT_LIMIT: usize = 16 * 1024;

/// The error of a list command that did not end well: what failed, how it ended, and the end of what it printed.
pub fn unlisted(what: &str, exit: &ExitStatus, printed: &[u8]) -> Error {
    let how = match exit {
        ExitStatus::Exited(code) => format!("exit status {code}"),
        ExitStatus::Signaled(signal) => format!("ended by {signal}"),
        ExitStatus::TimedOut => "out of time".into(),
        ExitStatus::Unknown(cause) => cause.clone(),
    };
    let start = printed.len().saturating_sub(TEXT_LIMIT);
    let text = lines::without_ansi(&String::from_utf8_lossy(&printed[start..]));
    Error::Other(format!("{what} ({how})\n{}", text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_what_was_printed_says_why() {
        let printed = [vec![b'a'; TEXT_LIMIT], b"\x1b[31mno such module\x1b[0m\n".to_vec()].concat();
        let Error::Other(text) = unlisted("it cannot be listed", &ExitStatus::Exited(4), &printed) else { panic!() };
        assert!(text.starts_with("it cannot be listed (exit status 4)\na") && text.ends_with("no such module"));
        assert!(text.len() < TEXT_LIMIT + 100);
    }
}
