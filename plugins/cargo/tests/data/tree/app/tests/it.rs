//! Paths that are compiled in, and tests that end their process.

use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn data_beside_the_manifest() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/data/data.txt");
    assert_eq!(fs::read_to_string(path).unwrap(), "data\n");
    assert_eq!(app::data(), "data\n");
}

#[test]
fn the_folder_is_the_package() {
    let compiled = fs::canonicalize(env!("CARGO_MANIFEST_DIR")).unwrap();
    assert_eq!(std::env::current_dir().unwrap(), compiled);
    assert_eq!(Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()), compiled);
    assert_eq!(std::env::var("CARGO_PKG_NAME").unwrap(), "app");
}

#[test]
fn the_program_is_of_this_tree() {
    let output = Command::new(env!("CARGO_BIN_EXE_app")).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(fs::canonicalize(said.trim()).unwrap(), std::env::current_dir().unwrap());
}

#[test]
fn what_the_build_script_made() {
    assert_eq!(fs::read_to_string(concat!(env!("OUT_DIR"), "/made.txt")).unwrap(), "made");
    assert_eq!(fs::read_to_string(Path::new(env!("MADE_IN")).join("made.txt")).unwrap(), "made");
}

#[test]
fn temporary_files_are_kept_in_the_tree() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::write(folder.join("file"), "x").unwrap();
    assert!(fs::canonicalize(folder).unwrap().starts_with(std::env::current_dir().unwrap().parent().unwrap()));
}

#[test]
fn aborts() {
    std::process::abort();
}

#[test]
fn derived() {
    assert_eq!(derive::seven!(), 7);
}

#[test]
fn as_many_at_once_as_somebody_says() {
    if let Ok(threads) = std::env::var("NEXTEST_TEST_THREADS") {
        assert!(threads == "1" || threads == "7", "neither Muster says {threads} nor the project");
    }
}

#[test]
fn passes_the_second_time() {
    assert_ne!(std::env::var("NEXTEST_ATTEMPT").as_deref(), Ok("1"));
}
