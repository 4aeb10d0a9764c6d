//! A plugin from outside: the example is copied away, built by its README's commands, used, and broken on purpose.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support::{Outcome, User, binary};

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
    folder: TempDir,
    user: User,
}

impl Outside {
    fn copy() -> Outside {
        let folder = tempfile::tempdir().unwrap();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/plugins/builder-make");
        copy(&example, &folder.path().join("my-builder"));
        share_dependencies(&folder.path().join("my-builder/target"));
        fs::create_dir(folder.path().join("project")).unwrap();
        fs::write(folder.path().join("project/Makefile"), MAKEFILE).unwrap();
        Outside { folder, user: User::new() }
    }

    fn source(&self) -> PathBuf {
        self.folder.path().join("my-builder")
    }

    /// As messages name it: the target folder is shared by a link.
    fn component(&self) -> PathBuf {
        self.source().join("target/components/builder-make.wasm").canonicalize().unwrap()
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

/// What the copy depends on is compiled once for this repository, with what its own plugins depend on.
fn share_dependencies(target: &Path) {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/guests");
    fs::create_dir_all(&shared).unwrap();
    symlink(shared.canonicalize().unwrap(), target).unwrap();
    // What an earlier run left is not taken for what this one builds.
    let _ = fs::remove_file(target.join("components/builder-make.wasm"));
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
    let outside = Outside::copy();
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
