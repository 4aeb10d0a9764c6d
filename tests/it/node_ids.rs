//! pytest's node ids are relative to its root folder, which need not be the tree: the file of a test is what was noted
//! of it when it was listed, not what its id says.

use crate::support::sdist::Sdist;
use crate::support::{Tree, User};

#[test]
fn tests_below_a_root_folder_of_their_own_run() {
    let (user, tree) = (User::new(), Tree::with_muster("[pytest]\nargs = ['--rootdir=part', 'part']\n"));
    let part = tree.path().join("part");
    std::fs::create_dir(&part).unwrap();
    std::fs::write(part.join("test_one.py"), "def test_a():\n    pass\n").unwrap();
    std::fs::write(part.join("test_two.py"), "def test_b():\n    pass\n").unwrap();
    let mut command = user.build_command(tree.path(), &["--builder", "pytest", "--helpers", "1"]);
    command.env("VIRTUAL_ENV", Sdist::fetch().environment());
    let outcome = user.run(command);
    assert_eq!(outcome.code, Some(0), "{}", outcome.all());
    let names: Vec<&str> = outcome.named("test").filter_map(|event| event["name"].as_str()).collect();
    assert_eq!(outcome.junit.len(), 2, "{}", outcome.all());
    assert!(names.iter().all(|name| name.starts_with("test_")), "their ids do not say where they are: {names:?}");
    assert!(outcome.junit.values().all(|result| result == "passed"), "{}", outcome.all());
}
