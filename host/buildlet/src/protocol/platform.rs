//! What a machine is, in Go's words, as builders name it.

use serde::{Deserialize, Serialize};

/// An operating system and an architecture; empty where nobody says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Platform {
    /// `linux`, `darwin`, `windows`.
    pub os: String,
    /// `amd64`, `arm64`, `386`.
    pub arch: String,
}

/// Rust's words for systems that are not Go's.
const SYSTEMS: [(&str, &str); 1] = [("macos", "darwin")];
/// Rust's words for architectures that are not Go's.
const ARCHITECTURES: [(&str, &str); 6] = [
    ("x86_64", "amd64"),
    ("x86", "386"),
    ("aarch64", "arm64"),
    ("loongarch64", "loong64"),
    ("powerpc64", if cfg!(target_endian = "little") { "ppc64le" } else { "ppc64" }),
    ("mips64", if cfg!(target_endian = "little") { "mips64le" } else { "mips64" }),
];

impl Platform {
    /// What this program was made for: so is what it runs.
    pub fn own() -> Platform {
        let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
        Platform { os: word(&SYSTEMS, os), arch: word(&ARCHITECTURES, arch) }
    }
}

fn word(words: &[(&str, &str)], rusts: &str) -> String {
    words.iter().find(|(rust, _)| *rust == rusts).map_or(rusts, |(_, go)| go).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_gos() {
        assert_eq!((word(&SYSTEMS, "macos"), word(&SYSTEMS, "linux")), ("darwin".into(), "linux".into()));
        assert_eq!(
            (word(&ARCHITECTURES, "x86_64"), word(&ARCHITECTURES, "riscv64")),
            ("amd64".into(), "riscv64".into())
        );
    }
}
