//! The arguments.

/// What is printed for `help` and after a wrong argument.
pub(crate) const USAGE: &str = "\
usage: cargo xtask COMMAND

  demo [--kill]   build and test a published project over three local buildlets;
                  with --kill, kill one helper and stop another meanwhile
  test [--full]   prove every behaviour once; with --full, add repetition and more published
                  projects: toml, golang.org/x/text, the loss of a machine in num
  build           leave a release binary with its plugins at target/release/muster
  plugins         leave the first-party plugins as components in target/plugins
  dogfood [ARG]   run this repository's own suite by `muster build`, which gets the arguments,
                  over three local buildlets
  projects        fetch the published projects that tests and benches build, and say where they lie
  bench [NAME]    measure what has a bar, each as a ratio in one run";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Chore {
    /// Print the usage.
    Help,
    /// Build the plugins.
    Plugins,
    /// Fetch published projects.
    Projects,
    /// Build the release binary.
    Build,
    /// Run the tests.
    Test(Extent),
    /// Build this repository by its own binary.
    Dogfood {
        /// Arguments for `muster build`.
        args: Vec<String>,
    },
    /// Show a real build.
    Demo(Show),
    /// Measure.
    Bench {
        /// Only the package of this name.
        only: Option<String>,
    },
}

/// How much is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Every behaviour once.
    Once,
    /// With repetition: every kill point, long seeds, all published projects.
    Full,
}

/// What the demo shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Show {
    /// An undisturbed build.
    Build,
    /// The loss of two machines.
    Kill,
}

/// Reads the arguments after the program's name; the error is a whole message.
pub(crate) fn parse(args: impl Iterator<Item = String>) -> Result<Chore, String> {
    let args: Vec<String> = args.collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        [] | ["help" | "--help" | "-h"] => Ok(Chore::Help),
        ["plugins"] => Ok(Chore::Plugins),
        ["projects"] => Ok(Chore::Projects),
        ["build"] => Ok(Chore::Build),
        ["test"] => Ok(Chore::Test(Extent::Once)),
        ["test", "--full"] => Ok(Chore::Test(Extent::Full)),
        ["dogfood", rest @ ..] => Ok(Chore::Dogfood { args: rest.iter().map(|arg| (*arg).to_owned()).collect() }),
        ["demo"] => Ok(Chore::Demo(Show::Build)),
        ["demo", "--kill"] => Ok(Chore::Demo(Show::Kill)),
        ["bench"] => Ok(Chore::Bench { only: None }),
        ["bench", name] if !name.starts_with('-') => Ok(Chore::Bench { only: Some((*name).to_owned()) }),
        ["plugins" | "projects" | "build" | "test" | "demo" | "bench", rest @ ..] => {
            Err(format!("`{}` does not take `{}`", args[0], rest.join(" ")))
        }
        [other, ..] => Err(format!("there is no chore `{other}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Chore, Extent, Show, parse};

    fn parsed(line: &str) -> Result<Chore, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn each_chore_is_read() {
        assert_eq!(parsed(""), Ok(Chore::Help));
        assert_eq!(parsed("test"), Ok(Chore::Test(Extent::Once)));
        assert_eq!(parsed("test --full"), Ok(Chore::Test(Extent::Full)));
        let args = vec!["--run".to_owned(), "snapshot".to_owned()];
        assert_eq!(parsed("dogfood --run snapshot"), Ok(Chore::Dogfood { args }));
        assert_eq!(parsed("demo --kill"), Ok(Chore::Demo(Show::Kill)));
        assert_eq!(parsed("bench snapshot"), Ok(Chore::Bench { only: Some("snapshot".to_owned()) }));
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(parsed("build --fast"), Err("`build` does not take `--fast`".to_owned()));
        assert_eq!(parsed("deploy"), Err("there is no chore `deploy`".to_owned()));
    }
}
