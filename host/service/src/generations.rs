//! The generations of a plugin that the store has: which served before which.

use store::GenerationRow;

/// The source of a generation that a rollback returned to; behind it stands the digest that was given up.
pub const ROLLBACK: &str = "rollback of ";

/// The digest that served before this one, of those that came from a source. `generations` are newest first.
pub fn before<'a>(generations: &'a [GenerationRow], current: &str) -> Option<&'a str> {
    let of_sources = generations.iter().filter(|row| !row.source.starts_with(ROLLBACK));
    let digests = of_sources.map(|row| row.digest.as_str());
    digests.skip_while(|digest| *digest != current).find(|digest| *digest != current)
}

#[cfg(test)]
mod tests {
    use engine::Time;

    use super::*;

    #[test]
    fn rollbacks_in_a_row_go_further_back() {
        let row = |digest: &str, source: &str| GenerationRow {
            plugin: "tap".into(),
            digest: digest.into(),
            at: Time::from_nanos(0),
            who: "me".into(),
            source: source.into(),
        };
        let mut rows = vec![row("v3", "tap.wasm"), row("v2", "tap.wasm"), row("v1", "bundled")];
        assert_eq!(before(&rows, "v3"), Some("v2"));
        rows.insert(0, row("v2", "rollback of v3"));
        assert_eq!(before(&rows, "v2"), Some("v1"));
        rows.insert(0, row("v1", "rollback of v3"));
        assert_eq!(before(&rows, "v1"), None);
    }
}
