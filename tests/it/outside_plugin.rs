//! Plugins from outside: an example is copied away, built by its README's commands, used, and broken on purpose.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support::{Outcome, Tree, User, binary};

const MAKEFILE: &str = "\
all:
\ttouch made
test-pass:
\ttest -e made
test-fail:
\t@echo two is three; exit 1
test-also:
\t@echo fine
.PHONY: all test-pass test-fail test-also
";

/// The copied example and a project for it.
struct Outside {
    example: &'static str,
    folder: TempDir,
    user: User,
}

impl Outside {
    fn copy(example: &'static str) -> Outside {
        let outside = Outside { example, folder: tempfile::tempdir().unwrap(), user: User::new() };
        let original = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/plugins").join(example);
        copy(&original, &outside.source());
        outside.share_dependencies();
        fs::create_dir(outside.folder.path().join("project")).unwrap();
        fs::write(outside.folder.path().join("project/Makefile"), MAKEFILE).unwrap();
        outside
    }

    fn source(&self) -> PathBuf {
        self.folder.path().join("my-plugin")
    }

    /// What the copy depends on is compiled once for this repository, with what its own plugins depend on.
    fn share_dependencies(&self) {
        let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/guests");
        fs::create_dir_all(&shared).unwrap();
        symlink(shared.canonicalize().unwrap(), self.source().join("target")).unwrap();
        // What an earlier run left is not taken for what this one builds.
        let _ = fs::remove_file(self.built());
    }

    fn built(&self) -> PathBuf {
        self.source().join(format!("target/components/{}.wasm", self.example))
    }

    /// As messages name it: the target folder is shared by a link.
    fn component(&self) -> PathBuf {
        self.built().canonicalize().unwrap()
    }

    /// A component beside the built one.
    fn broken(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// `muster plugin build .`, in the surroundings that a person's compiler needs.
    fn build_plugin(&self) {
        let mut command = Command::new(binary());
        let output = command.args(["plugin", "build", "."]).current_dir(self.source()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Changes the copied source.
    fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.source().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no `{from}`");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    fn use_it(&self, plugin: &Path, args: &[&str]) -> Outcome {
        let all = ["--plugin", plugin.to_str().unwrap(), "--helpers", "1"];
        self.user.build(&self.folder.path().join("project"), &[&all, args].concat())
    }

    /// A use that is refused with these words.
    fn refused(&self, plugin: &Path, words: &[&str]) {
        let outcome = self.use_it(plugin, &["--builder", "make"]);
        assert_eq!(outcome.code, Some(2), "{}", outcome.all());
        for word in [plugin.to_str().unwrap()].iter().chain(words) {
            assert!(outcome.stderr.contains(word), "no `{word}` in: {}", outcome.stderr);
        }
        let cases: Vec<_> = outcome.junit.iter().map(|((_, name), result)| (name.as_str(), result.as_str())).collect();
        assert_eq!(cases, [("build", "error")], "nothing ran");
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), to.join(name)).unwrap();
        } else if name != "target" {
            copy(&entry.path(), &to.join(name));
        }
    }
}

#[test]
fn an_outside_plugin_works_and_its_faults_are_told_by_file_role_and_version() {
    let outside = Outside::copy("builder-make");
    outside.build_plugin();
    works(&outside);
    what_is_no_component_is_refused(&outside);
    another_role_is_not_there(&outside);
    other_types_are_refused(&outside);
    another_version_is_refused(&outside);
    a_trap_ends_the_build(&outside);
}

fn works(outside: &Outside) {
    let component = outside.component();
    let inspected = outside.user.muster(["plugin", "inspect"]).arg(&component).output().unwrap();
    let inspected = String::from_utf8_lossy(&inspected.stdout).into_owned();
    assert!(inspected.contains("builder") && inspected.contains("0.1.0"), "{inspected}");
    for args in [&["--builder", "make"][..], &[]] {
        let outcome = outside.use_it(&component, args);
        assert_eq!(outcome.code, Some(1), "{}", outcome.all());
        let results = ["test-pass", "test-fail", "test-also"].map(|name| outcome.result(name));
        assert_eq!(results, ["passed", "failed", "passed"], "{}", outcome.all());
    }
}

fn what_is_no_component_is_refused(outside: &Outside) {
    let component = fs::read(outside.component()).unwrap();
    let cut = outside.broken("cut.wasm", &component[..component.len() / 2]);
    outside.refused(&cut, &["not a WebAssembly component"]);
    let garbage = outside.broken("garbage.wasm", b"#!/bin/sh\necho I am a plugin\n");
    outside.refused(&garbage, &["not a WebAssembly component"]);
    let empty = outside.broken("empty.wasm", b"");
    outside.refused(&empty, &["not a WebAssembly component"]);
    let module = outside.broken("module.wasm", b"\0asm\x01\0\0\0");
    outside.refused(&module, &["core module", "muster plugin build"]);
}

fn another_role_is_not_there(outside: &Outside) {
    let outcome = outside.use_it(&outside.component(), &["--policy", "builder-make"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.all());
    assert!(outcome.stderr.contains("builder-make") && outcome.stderr.contains("policy"), "{}", outcome.stderr);
}

fn other_types_are_refused(outside: &Outside) {
    let field = ("wit/builder/builder.wit", "    host-type: string", "    kind-of-host: string");
    outside.edit(field.0, field.1, field.2);
    outside.build_plugin();
    outside.refused(&outside.component(), &["muster:builder/builder@0.1.0", "host-type", "wit/builder/0.1.0"]);
    outside.edit(field.0, field.2, field.1);
}

fn another_version_is_refused(outside: &Outside) {
    let package = ("wit/builder/builder.wit", "muster:builder@0.1.0", "muster:builder@0.2.0");
    outside.edit(package.0, package.1, package.2);
    outside.build_plugin();
    outside.refused(&outside.component(), &["muster:builder/builder@0.2.0", "0.1.0", "wit/builder/0.1.0"]);
    outside.edit(package.0, package.2, package.1);
}

fn a_trap_ends_the_build(outside: &Outside) {
    outside.edit(
        "src/lib.rs",
        "Ok(targets::tests(&listing.output)",
        "assert!(listing.output.is_empty());\nOk(targets::tests(&listing.output)",
    );
    outside.build_plugin();
    let outcome = outside.use_it(&outside.component(), &["--builder", "make"]);
    assert_eq!(outcome.code, Some(3), "{}", outcome.all());
    let fault = outcome.named("plugin-fault").next().unwrap_or_else(|| panic!("{}", outcome.all()));
    assert_eq!(fault["plugin"], "builder-make");
    assert!(fault["digest"].as_str().unwrap().starts_with("sha256:"), "{fault}");
    assert!(outcome.stderr.contains("builder plugin trapped"), "{}", outcome.stderr);
}

/// One test waits until a copy of its neighbour has failed, which then passes: nobody knows which of the two is right.
const DISAGREEING: &str = r#"
[command]
list = "seq -f t%g 8"
run = """
for t in {tests}; do
    case $t in
    t1) for i in $(seq 600); do [ -e MARK ] && break; sleep 0.1; done ;;
    t2) [ -e MARK ] || { touch MARK; echo "not ok - t2"; exit 0; } ;;
    esac
    echo "ok - $t"
done
"""
parser = { name = "tap", names = "point" }
"#;

#[test]
fn an_outside_policy_starts_copies_and_two_that_disagree_are_flaky() {
    let outside = Outside::copy("policy-backup");
    outside.build_plugin();
    let tree = Tree::with_muster(&DISAGREEING.replace("MARK", outside.user.path("mark").to_str().unwrap()));
    let component = outside.component();
    let policy = ["--plugin", component.to_str().unwrap(), "--policy", "policy-backup", "--helpers", "1"];
    let outcome = outside.user.build(tree.path(), &policy);
    assert_eq!(outcome.code, Some(0), "{}", outcome.all());
    let attempts: Vec<_> = outcome.named("attempt-started").map(|event| event["tests"].clone()).collect();
    assert!(attempts.contains(&serde_json::json!(["t1", "t2"])), "{attempts:?}");
    assert!(attempts.contains(&serde_json::json!(["t2"])), "its copy: {attempts:?}");
    let of =
        |test: &str| outcome.named("test").filter(|event| event["name"] == test).last().unwrap()["verdict"].clone();
    assert_eq!([of("t1"), of("t2"), of("t3")], ["passed", "flaky", "passed"], "{}", outcome.all());
    assert!(outcome.all().contains("two copies disagree"), "{}", outcome.all());
}
