//! A tree whose phases last until a test lets them go on, and that counts what of it was run.

use std::path::{Path, PathBuf};

use crate::support::{Server, Tree, User, until};

/// Make, listing and tests wait for their gates, print before and after, and leave a mark when they begin.
const MUSTER: &str = r##"
[command]
make = ["sh make.sh"]
list = "sh list.sh"
run = 'for t in {tests}; do echo "# muster-test: $t"; sh "$t"; done'
parser = "tap"
merge = false
"##;

/// How many tests there are.
pub(super) const TESTS: usize = 6;
/// The one that fails.
pub(super) const FAILING: &str = "t/t4.t";

/// The tree, its gates and its marks.
pub(super) struct Gated {
    tree: Tree,
    folder: PathBuf,
}

impl Gated {
    /// With all gates shut.
    pub(super) fn new(user: &User) -> Gated {
        Gated::sized(user, 0, 0)
    }

    /// The same, with so many MiB of source that the make removes, and so many that it makes.
    pub(super) fn sized(user: &User, source_mib: u64, made_mib: u64) -> Gated {
        let folder = user.path("gated");
        std::fs::create_dir_all(folder.join("marks")).unwrap();
        let gated = Gated { tree: Tree::with_muster(MUSTER), folder };
        let bulk = std::fs::File::create(gated.tree.path().join("bulk")).unwrap();
        bulk.set_len(source_mib << 20).unwrap();
        let made = format!("rm bulk; head -c {made_mib}M /dev/zero > made");
        gated.file("make.sh", &gated.script("make", &format!("seq -f 'making %g' 500; {made}"), "echo made"));
        gated.file("list.sh", &gated.script("list", "", "ls t/*.t"));
        for number in 1..=TESTS {
            let name = format!("t{number}");
            let result = if FAILING == format!("t/{name}.t") { "not ok 1 - two is three" } else { "ok 1" };
            let end = format!("seq -f '# after %g' 300; echo '{result}'");
            gated.file(&format!("t/{name}.t"), &gated.script(&name, "echo 1..1; seq -f '# before %g' 300", &end));
        }
        gated
    }

    /// Leaves a mark, does what is first, waits for its gate (or that of all), and does the rest.
    fn script(&self, name: &str, first: &str, rest: &str) -> String {
        let folder = self.folder.display();
        format!(
            "echo {name} >> '{folder}/marks/{name}'\n{first}\n\
             until [ -e '{folder}/{name}' ] || [ -e '{folder}/all' ]; do sleep 0.05; done\n{rest}\n"
        )
    }

    fn file(&self, name: &str, text: &str) {
        std::fs::write(self.tree.path().join(name), text).unwrap();
    }

    pub(super) fn path(&self) -> &Path {
        self.tree.path()
    }

    /// Opens a gate: `make`, `list`, `t1` and so on, or `all`.
    pub(super) fn open(&self, gate: &str) {
        std::fs::write(self.folder.join(gate), "").unwrap();
    }

    /// How often this was begun.
    pub(super) fn begun(&self, name: &str) -> usize {
        std::fs::read_to_string(self.folder.join("marks").join(name)).map_or(0, |marks| marks.lines().count())
    }

    /// Waits until it was begun for the first time.
    pub(super) fn waits_in(&self, name: &str, server: &Server<'_>) {
        until(&format!("{name} begins; the server said {}", server.said()), || (self.begun(name) > 0).then_some(()));
    }

    /// Make, listing and each test were begun so often.
    pub(super) fn assert_each_begun(&self, times: usize) {
        let tests = (1..=TESTS).map(|number| format!("t{number}"));
        let names = ["make".to_owned(), "list".to_owned()].into_iter().chain(tests);
        let begun: Vec<(String, usize)> = names.map(|name| (name.clone(), self.begun(&name))).collect();
        assert!(begun.iter().all(|(_, count)| *count == times), "each was begun {times} times: {begun:?}");
    }
}
