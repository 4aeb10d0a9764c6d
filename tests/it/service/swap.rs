//! Plugins are replaced while builds run: each build ends under what it began with, and nothing waits for anything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::server::SERVE;
use crate::support::{Server, Tree, User, is_full, until};

/// A policy, a parser and a builder.
const PLUGINS: [&str; 3] = ["in-order", "tap", "command"];

/// The configuration and the components that it names.
struct Shelf<'a> {
    user: &'a User,
    /// The file of each plugin, by its place in the list.
    files: [PathBuf; 3],
    made: usize,
}

impl<'a> Shelf<'a> {
    fn new(user: &'a User) -> Shelf<'a> {
        let mut shelf = Shelf { user, files: Default::default(), made: 0 };
        for place in 0..PLUGINS.len() {
            shelf.files[place] = shelf.generation(place);
        }
        shelf
    }

    /// Another generation of a plugin, in a file of its own: the same code, another digest.
    fn generation(&mut self, place: usize) -> PathBuf {
        self.made += 1;
        let path = self.user.path(&format!("{}-{}.wasm", PLUGINS[place], self.made));
        std::fs::write(&path, self.component(place)).unwrap();
        path
    }

    /// The component with a section that says which generation this is.
    fn component(&self, place: usize) -> Vec<u8> {
        let folder = std::env::var_os("MUSTER_BUNDLE_DIR").map(PathBuf::from);
        let folder = folder.unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/../target/plugins").into());
        let mut component = std::fs::read(folder.join(format!("{}.wasm", PLUGINS[place]))).unwrap();
        let name = b"generation";
        let mut section = vec![u8::try_from(name.len()).unwrap()];
        section.extend_from_slice(name);
        section.extend_from_slice(self.made.to_string().as_bytes());
        // A section of no meaning: its kind, its length, its content.
        component.extend([0, u8::try_from(section.len()).unwrap()]);
        component.extend(section);
        component
    }

    fn configuration(&self) -> String {
        let sections =
            PLUGINS.iter().zip(&self.files).map(|(name, file)| format!("[plugins.{name}]\nsource = {file:?}\n"));
        SERVE.to_owned() + &sections.collect::<String>()
    }

    /// Names another file for one of them, and removes the old one.
    fn rename(&mut self, place: usize) {
        let old = std::mem::take(&mut self.files[place]);
        self.files[place] = self.generation(place);
        let new = self.user.path("serve.toml.new");
        std::fs::write(&new, self.configuration()).unwrap();
        std::fs::rename(new, self.user.path("serve.toml")).unwrap();
        std::fs::remove_file(old).unwrap();
    }

    /// Puts another component where one of them is.
    fn replace(&mut self, place: usize) {
        let new = self.generation(place);
        std::fs::rename(new, &self.files[place]).unwrap();
    }
}

/// The digests that serve now.
fn serving(server: &Server<'_>) -> BTreeMap<String, String> {
    let plugins = server.json("/api/v1/plugins");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let plugins = plugins["plugins"].as_array().unwrap().iter();
    let pairs = plugins.map(|plugin| (text(&plugin["name"]), text(&plugin["digest"])));
    pairs.filter(|(name, _)| PLUGINS.contains(&name.as_str())).collect()
}

fn events(server: &Server<'_>, kind: &str) -> Vec<Value> {
    let events = server.json("/api/v1/events?limit=200");
    events["events"].as_array().unwrap().iter().filter(|event| event["kind"] == kind).cloned().collect()
}

/// By API, by file, or by signal.
fn swap(server: &Server<'_>, shelf: &mut Shelf<'_>, round: usize) {
    let place = round % PLUGINS.len();
    let before = serving(server);
    let name = PLUGINS[place];
    match (round / PLUGINS.len() + round) % 3 {
        0 => {
            shelf.rename(place);
            let (status, report) = server.post("/api/v1/plugins/reload", "");
            assert_eq!(status, 200, "{report}");
        }
        1 => shelf.replace(place),
        _ => {
            shelf.rename(place);
            server.hang_up();
        }
    }
    let after = until(&format!("{name} is swapped"), || {
        let now = serving(server);
        (now[name] != before[name]).then_some(now)
    });
    let others = |digests: &BTreeMap<String, String>| -> Vec<String> {
        digests.iter().filter(|(other, _)| *other != name).map(|(_, digest)| digest.clone()).collect()
    };
    assert_eq!(others(&before), others(&after));
}

/// A component that is none changes nothing, and is told.
fn bad_file(server: &Server<'_>, shelf: &Shelf<'_>) {
    let (before, refused) = (serving(server), events(server, "reload-refused").len());
    let good = std::fs::read(&shelf.files[0]).unwrap();
    std::fs::write(&shelf.files[0], &good[..good.len() / 2]).unwrap();
    let (status, problem) = server.post("/api/v1/plugins/reload", "");
    assert_eq!((status, &problem["type"]), (422, &json!("urn:muster:refused")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("in-order"), "{problem}");
    assert!(events(server, "reload-refused").len() > refused);
    assert_eq!(serving(server), before);
    std::fs::write(&shelf.files[0], good).unwrap();
    let (status, report) = server.post("/api/v1/plugins/reload", "");
    assert_eq!(status, 200, "{report}");
    assert_eq!(serving(server), before);
}

#[test]
fn plugins_are_replaced_under_load() {
    let (builds, swaps) = if is_full() { (20, 50) } else { (6, 10) };
    let user = User::new();
    let mut shelf = Shelf::new(&user);
    let mut server = Server::start(&user, &shelf.configuration());
    server.ready();
    let tree = Tree::new(&[]);
    for number in 0..8 {
        tree.script(&format!("t{number}"), "sleep 0.2; echo 1..1; echo ok 1");
    }
    let mut submitted = Vec::new();
    for round in 0..swaps {
        while submitted.len() * swaps < builds * (round + 1) {
            submitted.push(server.submit(tree.path(), &["--helpers", "1", "--fresh"]));
        }
        swap(&server, &mut shelf, round);
        if round == swaps / 3 {
            bad_file(&server, &shelf);
        }
        if round == swaps / 2 {
            server.restart();
        }
    }
    assert_eq!(submitted.len(), builds);
    let mut used: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for id in submitted {
        let build = server.wait(id);
        assert_eq!(build["outcome"], "passed", "{build}\n{}", server.said());
        assert_eq!(build["faults"], json!([]), "{build}");
        let (report, junit) = server.junit(id);
        assert_eq!(junit.len(), 8, "{junit:?}");
        for plugin in build["plugins"].as_array().unwrap() {
            let (role, digest) = (plugin["role"].as_str().unwrap(), plugin["digest"].as_str().unwrap());
            let named = format!("name=\"muster.plugin.{role}\"");
            let lines: Vec<&str> = report.lines().filter(|line| line.contains(&named)).collect();
            assert!(lines.len() == 1 && lines[0].contains(digest), "one digest for {role}: {lines:?} {digest}");
            used.entry(role.to_owned()).or_default().insert(digest.to_owned());
        }
    }
    for role in ["policy", "parser", "builder"] {
        assert!(used[role].len() > 1, "builds ran under several generations of the {role}: {used:?}");
    }
    let swapped = events(&server, "plugin-swapped");
    assert!(swapped.len() >= swaps, "{} swaps are told", swapped.len());
    for who in ["operator", "a changed file", "SIGHUP"] {
        assert!(swapped.iter().any(|event| event["who"] == who), "{who}: {swapped:?}");
    }
}

#[test]
fn a_rollback_returns_to_the_generation_before() {
    let user = User::new();
    let mut shelf = Shelf::new(&user);
    let mut server = Server::start(&user, &shelf.configuration());
    server.ready();
    let first = serving(&server);
    swap(&server, &mut shelf, 0);
    let second = serving(&server);
    let (status, report) = server.post("/api/v1/plugins/in-order/rollback", "");
    assert_eq!(status, 200, "{report}");
    assert_eq!(
        report["changed"],
        json!([{ "plugin": "in-order", "from": second["in-order"], "to": first["in-order"] }])
    );
    assert_eq!(serving(&server), first, "though its file is gone");
    server.restart();
    assert_eq!(serving(&server), first, "it holds");
    let tree = Tree::new(&[("a", "echo 1..1; echo ok 1")]);
    let build = server.wait(server.submit(tree.path(), &[]));
    let policy = build["plugins"].as_array().unwrap().iter().find(|plugin| plugin["role"] == "policy").unwrap();
    assert_eq!(policy["digest"].as_str(), Some(first["in-order"].as_str()), "{build}");
    // Another component than the one that was given up is taken.
    swap(&server, &mut shelf, 3);
    assert!(serving(&server)["in-order"] != second["in-order"]);
    let (status, problem) = server.post("/api/v1/plugins/no-such/rollback", "");
    assert_eq!(status, 404, "{problem}");
}
