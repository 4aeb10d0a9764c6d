//! The ordered log: the outputs of the attempts one after the other, and what heads them only where it changes.

use serde::{Deserialize, Serialize};
use snapshot::Digest;

use crate::output::Piece;

/// What was printed last, by its digest: it stands in every mark of the log, however long it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OrderedLog {
    environment: Option<String>,
    banner: Option<String>,
}

impl OrderedLog {
    /// What the next piece adds. A banner is printed when it changes, and so is a note on where tests run; after that
    /// the banner stands again, so that no test is read under a note.
    pub(crate) fn add(&mut self, piece: Piece) -> Option<Vec<u8>> {
        match piece {
            Piece::Text(text) => Some(text),
            Piece::Environment(note) => {
                if !changes(&mut self.environment, &note) {
                    return None;
                }
                self.banner = None;
                Some(format!("\n{note}\n").into_bytes())
            }
            Piece::Banner(banner) => {
                changes(&mut self.banner, &banner).then(|| format!("\n##### {banner}\n").into_bytes())
            }
        }
    }
}

/// Whether this is another text than the last.
fn changes(last: &mut Option<String>, text: &str) -> bool {
    let digest = Digest::of(text.as_bytes()).to_string();
    let changed = last.as_ref() != Some(&digest);
    *last = Some(digest);
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    const CPU: &str = "Intel(R) Xeon(R) W-2135 CPU @ 3.70GHz";
    const PACKAGES: &str = "ok\tarchive/tar\t0.015s\nok\tarchive/zip\t0.406s\nok\tbufio\t0.075s\n";

    fn exec(cpu: &str, banner: &str, text: &str) -> [Piece; 3] {
        let note = format!("##### Test execution environment.\n# GOARCH: amd64\n# CPU: {cpu}");
        [Piece::Environment(note), Piece::Banner(banner.into()), Piece::Text(text.into())]
    }

    fn log(pieces: impl IntoIterator<Item = Piece>) -> String {
        let mut log = OrderedLog::default();
        let bytes: Vec<u8> = pieces.into_iter().filter_map(|piece| log.add(piece)).flatten().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[test]
    fn an_environment_is_printed_once_and_again_when_it_changes() {
        let execs = [
            exec(CPU, "Testing packages.", PACKAGES),
            exec(CPU, "Testing packages.", "ok\tbytes\t0.1s\n"),
            exec(CPU, "sync -cpu=10", "ok\tsync\t0.2s\n"),
            exec("another", "sync -cpu=10", "ok\tsync\t0.3s\n"),
            exec(CPU, "moved GOROOT", "ok\tfmt\t0.4s\n"),
        ];
        let expected = format!(
            "\n##### Test execution environment.\n# GOARCH: amd64\n# CPU: {CPU}\n\
             \n##### Testing packages.\n{PACKAGES}ok\tbytes\t0.1s\n\
             \n##### sync -cpu=10\nok\tsync\t0.2s\n\
             \n##### Test execution environment.\n# GOARCH: amd64\n# CPU: another\n\
             \n##### sync -cpu=10\nok\tsync\t0.3s\n\
             \n##### Test execution environment.\n# GOARCH: amd64\n# CPU: {CPU}\n\
             \n##### moved GOROOT\nok\tfmt\t0.4s\n"
        );
        assert_eq!(log(execs.into_iter().flatten()), expected);
    }

    #[test]
    fn a_banner_without_an_environment_is_printed_when_it_changes() {
        let piece = |banner: &str| [Piece::Banner(banner.into()), Piece::Text("x\n".into())];
        let pieces = [piece("a"), piece("a"), piece("b"), piece("a")];
        let expected = "\n##### a\nx\nx\n\n##### b\nx\n\n##### a\nx\n";
        assert_eq!(log(pieces.into_iter().flatten()), expected);
    }
}
