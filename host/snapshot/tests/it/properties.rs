//! Whatever a generated archive holds, nothing outside the destination changes.

use proptest::prelude::*;
use snapshot::Fault;
use tar::EntryType;

use crate::support::{archive, describe, entry, pax, unpack};

fn name() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        4 => Just("a"), 4 => Just("b"), 4 => Just("link"), 2 => Just(".."), 1 => Just("."), 1 => Just(""),
        1 => Just("outside"), 1 => Just("sentinel"),
    ];
    (any::<bool>(), prop::collection::vec(part, 1..5)).prop_map(|(absolute, parts)| {
        let joined = parts.join("/");
        if absolute && joined.len() % 3 == 0 { format!("/{joined}") } else { joined }.into_bytes()
    })
}

fn any_entry() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop_oneof![
        4 => Just(EntryType::Regular),
        3 => Just(EntryType::Symlink),
        2 => Just(EntryType::Directory),
        2 => Just(EntryType::Link),
    ];
    (kind, name(), name(), any::<bool>()).prop_map(|(kind, name, link, long)| {
        let content: &[u8] = if kind == EntryType::Regular { b"hostile" } else { b"" };
        if long {
            let records: [(&str, &[u8]); 2] = [("path", &name), ("linkpath", &link)];
            [pax(&records), entry(kind, b"short", b"short", content)].concat()
        } else {
            entry(kind, &name, &link, content)
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn nothing_outside_changes(entries in prop::collection::vec(any_entry(), 1..12)) {
        let scene = tempfile::tempdir()?;
        for folder in ["dest", "outside", "dest/b"] {
            std::fs::create_dir(scene.path().join(folder))?;
        }
        std::fs::write(scene.path().join("outside/sentinel"), "whole")?;
        std::os::unix::fs::symlink("../outside", scene.path().join("dest/link"))?;
        let outside = || describe(scene.path()).map(|mut tree| {
            tree.retain(|path, _| !path.starts_with(b"dest"));
            tree
        });
        let before = outside().map_err(|error| TestCaseError::fail(error.to_string()))?;
        // An archive may be refused, but never because this machine failed.
        if let Err(error) = unpack(&archive(&entries), &scene.path().join("dest")) {
            prop_assert!(error.fault() == Fault::Archive, "{error:?}");
        }
        let after = outside().map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(before, after);
        let linked = std::fs::metadata(scene.path().join("outside/sentinel"))?;
        prop_assert_eq!(std::os::unix::fs::MetadataExt::nlink(&linked), 1);
    }
}
