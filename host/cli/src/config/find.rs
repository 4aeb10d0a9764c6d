//! Where the host's files are looked for. Never inside a tree.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The coordinator's file.
pub const COORDINATOR: &str = "coordinator.toml";
/// The buildlet's file.
pub const BUILDLET: &str = "buildlet.toml";
/// The folder of the whole machine.
pub const SYSTEM_FOLDER: &str = "/etc/muster";

/// The folders of this user and this machine, as the environment names them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folders {
    /// `$XDG_CONFIG_HOME/muster`, if the variable is set to an absolute path.
    pub xdg_config: Option<PathBuf>,
    /// `~/.config/muster`.
    pub home_config: Option<PathBuf>,
    /// `$XDG_STATE_HOME/muster`, else `~/.local/state/muster`.
    pub state: Option<PathBuf>,
    /// `$XDG_CACHE_HOME/muster`, else `~/.cache/muster`.
    pub cache: Option<PathBuf>,
}

/// Where what outlives a command is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// History and snapshots.
    pub state: PathBuf,
    /// Compiled plugins.
    pub compiled: PathBuf,
}

impl Folders {
    /// Reads the environment of this process.
    pub fn of_process() -> Folders {
        Folders::from_lookup(|name| std::env::var_os(name))
    }

    /// Reads an environment. Relative paths are ignored, as the XDG base directory specification says.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>) -> Folders {
        let absolute = |name| lookup(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let home = absolute("HOME");
        let below_home = |folder| home.as_ref().map(|home| home.join(folder));
        Folders {
            xdg_config: absolute("XDG_CONFIG_HOME").map(|folder| folder.join("muster")),
            home_config: below_home(".config/muster"),
            state: absolute("XDG_STATE_HOME").or(below_home(".local/state")).map(|folder| folder.join("muster")),
            cache: absolute("XDG_CACHE_HOME").or(below_home(".cache")).map(|folder| folder.join("muster")),
        }
    }

    /// Where things are kept: all in the folder that was asked for, else where this user's programs keep theirs. `None`
    /// where neither is known.
    pub fn kept(&self, asked: Option<PathBuf>) -> Option<Kept> {
        let cache = if asked.is_some() { None } else { self.cache.as_ref() };
        let state = asked.as_ref().or(self.state.as_ref())?;
        Some(Kept { compiled: cache.unwrap_or(state).join("compiled"), state: state.clone() })
    }

    /// Every place where this file may be, the most particular first.
    pub fn candidates(&self, file_name: &str) -> Vec<PathBuf> {
        let system = Path::new(SYSTEM_FOLDER);
        let mut found: Vec<PathBuf> = Vec::new();
        for folder in [self.xdg_config.as_deref(), self.home_config.as_deref(), Some(system)].into_iter().flatten() {
            let candidate = folder.join(file_name);
            if !found.contains(&candidate) {
                found.push(candidate);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_before_system() {
        let folders = Folders::from_lookup(|name| match name {
            "HOME" => Some("/home/a".into()),
            "XDG_CONFIG_HOME" => Some("/conf".into()),
            _ => None,
        });
        let candidates = folders.candidates(COORDINATOR);
        let names: Vec<_> = candidates.iter().map(|path| path.to_string_lossy()).collect();
        assert_eq!(
            names,
            [
                "/conf/muster/coordinator.toml",
                "/home/a/.config/muster/coordinator.toml",
                "/etc/muster/coordinator.toml"
            ]
        );
        let usual =
            Kept { state: "/home/a/.local/state/muster".into(), compiled: "/home/a/.cache/muster/compiled".into() };
        assert_eq!(folders.kept(None), Some(usual));
        let asked = Kept { state: "/s".into(), compiled: "/s/compiled".into() };
        assert_eq!(folders.kept(Some("/s".into())), Some(asked), "nothing is written elsewhere");
    }

    #[test]
    fn relative_folders_are_ignored() {
        let folders = Folders::from_lookup(|name| (name == "XDG_CONFIG_HOME").then(|| "conf".into()));
        assert_eq!(folders, Folders::default());
        assert_eq!(folders.kept(None), None);
    }
}
