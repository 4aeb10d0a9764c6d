//! How Go's tree is made and its tests are listed.

use muster_sdk::builder::{BuildPlan, Place, Source, Step, TestPlan, to_file};
use muster_sdk::types::{Command, Error, command};

use crate::catalog::ROOT;
use crate::memo::Memo;
use crate::run::dist;
use crate::settings::GoDistSettings;
use crate::spec::Spec;
use crate::{detect, toolchain};

/// Removed before the snapshot is taken: what no test needs.
const CLEAN: [&str; 2] = ["doc/gopher", "pkg/bootstrap"];
/// The file that says what is built, and its name below the attempt's directory.
const VERSION: &str = "VERSION";
/// The file that the list goes to, below the attempt's directory: what else is printed is no test.
pub(crate) const LIST_NAME: &str = "dist-tests";

/// The plan of a tree.
pub(crate) fn plan(settings: &GoDistSettings, spec: &Spec, source: &Source, place: &Place) -> Result<BuildPlan, Error> {
    fits(settings, spec, place)?;
    let mut make = Vec::new();
    if !detect::has(&source.files, VERSION) {
        make.push(Step { name: "version".into(), command: version(spec, source, place) });
    }
    let selection = settings.selection.unwrap_or_else(|| detect::selection(&source.files));
    let memo = Memo { selection, purpose: source.purpose };
    let script = |script| toolchain::with_toolchain(spec, place, ROOT, script);
    let tests = if spec.is_split() {
        make.push(Step { name: spec.make_script().into(), command: script(spec.make_script())? });
        TestPlan::Listed(list(spec, place))
    } else {
        TestPlan::OneCommand(script(spec.all_script())?)
    };
    let clean = CLEAN.map(str::to_owned).to_vec();
    Ok(BuildPlan { make, clean, tests, memo: memo.to_text() })
}

/// A buildlet on the coordinator's own machine can only be what that machine is.
fn fits(settings: &GoDistSettings, spec: &Spec, place: &Place) -> Result<(), Error> {
    let (wanted, local) = (spec.machine(), &settings.local);
    if !place.local || wanted == *local {
        return Ok(());
    }
    Err(Error::Unsupported(format!(
        "its machines of type `{}` are {wanted}, and this machine is {local}: choose a pool that has them with `--pool` \
         or `--buildlet` (if this machine is {wanted}, set `local` in the [go-dist] section)",
        spec.host_type
    )))
}

/// Writes what `git` would have told.
fn version(spec: &Spec, source: &Source, place: &Place) -> Command {
    let from = format!("{}/{VERSION}", place.attempt_dir);
    let mut command = match spec.machine().os.as_str() {
        "windows" => command(["cmd".to_owned(), "/c".into(), "copy".into(), from.replace('/', "\\"), VERSION.into()]),
        _ => command(["/bin/cp", from.as_str(), VERSION]),
    };
    command.files = vec![(VERSION.into(), format!("devel {}", source.rev).into_bytes())];
    command
}

/// Lists what there is to test. Where there is a shell, what else the tool prints does not get into the list.
fn list(spec: &Spec, place: &Place) -> Command {
    let command = dist(spec, place, ["--list"]);
    match spec.machine().os.as_str() {
        "windows" | "plan9" => command,
        _ => to_file(command, place, LIST_NAME),
    }
}

#[cfg(test)]
mod tests {
    use muster_sdk::builder::{self, SourceFile};

    use super::*;
    use crate::catalog;
    use crate::fixture::place;

    fn source(files: &[&str]) -> Source {
        let file = |path: &&str| SourceFile { path: (*path).into(), content: None };
        Source { rev: "79f3fc08".into(), files: files.iter().map(file).collect(), ..builder::source() }
    }

    fn plan_of(settings: &str, builder: &str, files: &[&str], place: &Place) -> Result<BuildPlan, Error> {
        let settings = GoDistSettings::parse(settings)?;
        plan(&settings, &catalog::find(&settings, builder)?, &source(files), place)
    }

    #[test]
    fn a_tree_is_versioned_made_and_listed() {
        let plan = plan_of("", "linux-amd64", &["src/make.bash"], &place("/w")).unwrap();
        let steps: Vec<&str> = plan.make.iter().map(|step| step.name.as_str()).collect();
        assert_eq!(steps, ["version", "src/make.bash"]);
        assert_eq!(plan.make[0].command.files, [("VERSION".into(), b"devel 79f3fc08".to_vec())]);
        assert_eq!(plan.make[0].command.argv, ["/bin/cp", "/w/attempt/VERSION", "VERSION"]);
        assert_eq!(plan.make[1].command.dir, "go/src");
        assert!(plan.clean.contains(&"doc/gopher".to_owned()) && plan.clean.contains(&"pkg/bootstrap".to_owned()));
        let TestPlan::Listed(list) = plan.tests else { panic!("listed") };
        let words = ["/w/attempt/dist-tests", "go/bin/go", "tool", "dist", "test", "--no-rebuild", "--list"];
        assert_eq!(list.argv[3..], words);
        assert_eq!(list.path, ["$WORKDIR/go/bin", "$PATH"]);
    }

    #[test]
    fn a_version_that_is_there_stays() {
        let plan = plan_of("", "linux-amd64", &["VERSION", "src/make.bash"], &place("/w")).unwrap();
        assert_eq!(plan.make.len(), 1);
    }

    #[test]
    fn a_tree_that_cannot_be_split_has_one_command() {
        let plan = plan_of("", "linux-amd64-race", &["VERSION"], &place("/w")).unwrap();
        assert!(plan.make.is_empty());
        let TestPlan::OneCommand(all) = plan.tests else { panic!("one command") };
        assert_eq!((all.argv.last().map(String::as_str), all.dir.as_str()), (Some("./race.bash"), "go/src"));
    }

    #[test]
    fn other_machines_are_refused_here_and_taken_elsewhere() {
        let here = place("/w");
        let refused = plan_of("", "freebsd-amd64-gce101", &[], &here).unwrap_err();
        let Error::Unsupported(text) = refused else { panic!("{refused:?}") };
        assert!(text.contains("freebsd-amd64, and this machine is linux-amd64"), "{text}");
        assert!(plan_of("", "linux-arm", &[], &here).is_err());
        assert!(plan_of(r#"{"local": "linux-arm"}"#, "linux-arm", &[], &here).is_ok());
        assert!(plan_of("", "linux-386", &[], &here).is_ok(), "a 386 tree is made and run on amd64");
        let elsewhere = Place { local: false, ..here };
        assert!(plan_of("", "freebsd-amd64-gce101", &[], &elsewhere).is_ok());
    }

    #[test]
    fn windows_and_plan_9_do_without_a_shell() {
        let elsewhere = Place { local: false, ..place("C:\\workdir") };
        let refused = plan_of("", "windows-amd64-gce", &[], &elsewhere).unwrap_err();
        assert!(matches!(&refused, Error::Unsupported(text) if text.contains("`bootstrap`")), "{refused:?}");
        let settings = r#"{"hosts": {"windows-buildlet-v2": {"bootstrap": "C:\\go1.4"}}}"#;
        let plan = plan_of(settings, "windows-amd64-gce", &[], &elsewhere).unwrap();
        assert_eq!(plan.make[0].command.argv[..3], ["cmd", "/c", "copy"]);
        assert_eq!(plan.make[1].command.argv, ["go\\src\\make.bat"]);
        assert_eq!(plan.make[1].command.env, [("GOROOT_BOOTSTRAP".into(), "C:\\go1.4".into())]);
        let TestPlan::Listed(list) = plan.tests else { panic!("listed") };
        assert_eq!(list.argv[0], "go\\bin\\go");
    }
}
