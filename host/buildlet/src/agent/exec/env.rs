//! The environment of a command: de-duplication and `PATH`, as the ancestor's `envutil` and `pathEnv` do.

/// Splits at the first `=` that is not the first byte.
fn key(pair: &[u8]) -> Option<&[u8]> {
    let at = pair.iter().skip(1).position(|&byte| byte == b'=')? + 1;
    Some(&pair[..at])
}

/// The last value of a key.
pub(super) fn get<'a>(env: &'a [Vec<u8>], name: &[u8]) -> Option<&'a [u8]> {
    env.iter().rev().find(|pair| key(pair) == Some(name)).map(|pair| &pair[name.len() + 1..])
}

/// Drops all but the last entry of each key; entries without a key stay.
pub(super) fn dedup(env: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let mut seen = std::collections::HashSet::new();
    let mut kept: Vec<Vec<u8>> = env
        .into_iter()
        .rev()
        .filter(|pair| match key(pair) {
            Some(key) => seen.insert(key.to_vec()),
            None => true,
        })
        .collect();
    kept.reverse();
    kept
}

/// The value `PATH` gets, if the elements change it.
pub(super) fn path(env: &[Vec<u8>], elements: &[Vec<u8>], work_dir: &[u8]) -> Option<Vec<u8>> {
    if elements.is_empty() {
        return None;
    }
    let original = get(env, b"PATH").unwrap_or_default();
    let expanded: Vec<Vec<u8>> = elements
        .iter()
        .map(|element| {
            let element = replace(element, b"$PATH", original);
            let element = replace(&element, b"$WORKDIR", work_dir);
            replace(&element, b"$EMPTY", b"")
        })
        .filter(|element| !element.is_empty())
        .collect();
    let value = expanded.join(&b':');
    (value != original).then_some(value)
}

fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(&first) = rest.first() {
        if let Some(after) = rest.strip_prefix(from) {
            replaced.extend_from_slice(to);
            rest = after;
        } else {
            replaced.push(first);
            rest = &rest[1..];
        }
    }
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Vec<Vec<u8>> {
        text.split_whitespace().map(|word| word.as_bytes().to_vec()).collect()
    }

    fn shown(env: &[Vec<u8>]) -> String {
        let words: Vec<_> = env.iter().map(|pair| String::from_utf8_lossy(pair)).collect();
        words.join(" ")
    }

    #[test]
    fn path_is_made_as_the_ancestor_does() {
        let with = "A=1 PATH=/bin:/usr/bin B=2";
        let without = "A=1 B=2";
        for (env, elements, expected) in [
            (with, "", None),
            (with, "$PATH", None),
            (with, "$EMPTY", Some("")),
            (without, "$EMPTY", None),
            (with, "/go/bin $WORKDIR/foo", Some("/go/bin:/workdir/foo")),
            (with, "/go/bin $PATH $WORKDIR/foo", Some("/go/bin:/bin:/usr/bin:/workdir/foo")),
            (with, "/go/bin /a/b $PATH", Some("/go/bin:/a/b:/bin:/usr/bin")),
            (with, "$PATH /go/bin /a/b", Some("/bin:/usr/bin:/go/bin:/a/b")),
            (without, "$PATH", None),
            (without, "$PATH $WORKDIR/foo", Some("/workdir/foo")),
            (
                "PATH=/bin:/usr/bin PATH=/bin:/usr/bin:/usr/local/bin",
                "$WORKDIR/foo $PATH",
                Some("/workdir/foo:/bin:/usr/bin:/usr/local/bin"),
            ),
        ] {
            let found = path(&list(env), &list(elements), b"/workdir");
            assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{env} with {elements}");
        }
    }

    #[test]
    fn the_last_of_a_key_stays_where_it_is() {
        assert_eq!(shown(&dedup(list("k1=v1 k2=v2 K1=v3"))), "k1=v1 k2=v2 K1=v3");
        assert_eq!(shown(&dedup(list("k1=v1 K1=V2 k1=v3"))), "K1=V2 k1=v3");
        assert_eq!(shown(&dedup(list("bare =x=1 bare a=1 =x=1 a=2"))), "bare bare =x=1 a=2");
    }

    #[test]
    fn the_last_value_is_found() {
        let env = list("k1=v1 k2=v2 K1=v3");
        assert_eq!(get(&env, b"k1"), Some(b"v1".as_slice()));
        assert_eq!(get(&env, b"K2"), None);
        assert_eq!(get(&list("k1=v1 K1=V2 k1=v3"), b"k1"), Some(b"v3".as_slice()));
    }
}
