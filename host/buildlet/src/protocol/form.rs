//! `application/x-www-form-urlencoded`, by bytes: what a command is told need not be UTF-8.

/// Decoded key and value pairs, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form(Vec<(Vec<u8>, Vec<u8>)>);

impl Form {
    /// Decodes a query string or a form body. Pairs that hold `;` are dropped, as Go does.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let pairs = text
            .split(|&byte| byte == b'&')
            .filter(|pair| !pair.is_empty() && !pair.contains(&b';'))
            .map(|pair| {
                let cut = pair.iter().position(|&byte| byte == b'=');
                let (key, value) = match cut {
                    Some(at) => (&pair[..at], &pair[at + 1..]),
                    None => (pair, &b""[..]),
                };
                (plus_decode(key), plus_decode(value))
            })
            .collect();
        Form(pairs)
    }

    /// The first value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&[u8]> {
        let (_, value) = self.0.iter().find(|(name, _)| name == key.as_bytes())?;
        Some(value)
    }

    /// All values of a key, in order.
    pub fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter(move |(name, _)| name == key.as_bytes()).map(|(_, value)| value.as_slice())
    }

    /// The first value of a key by Go's `ParseBool`; anything else is false.
    #[must_use]
    pub fn flag(&self, key: &str) -> bool {
        matches!(self.get(key), Some(b"1" | b"t" | b"T" | b"TRUE" | b"true" | b"True"))
    }
}

/// Encodes pairs for a query or a form body.
#[must_use]
pub fn form_encode<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// Decodes `%XX`; what is not two hex digits stays as it is.
#[must_use]
pub fn percent_decode(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let pair = (byte == b'%').then(|| after.get(..2)).flatten();
        let value = pair
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match value {
            Some(value) => {
                decoded.push(value);
                rest = &after[2..];
            }
            None => {
                decoded.push(byte);
                rest = after;
            }
        }
    }
    decoded
}

fn plus_decode(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
    percent_decode(&spaced)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_decoded_in_order() {
        let form = Form::parse(b"a=1&b=x+y%2Fz&a=%ff&c&=&bad;=1&d=%zz%4");
        assert_eq!(form.all("a").collect::<Vec<_>>(), [b"1".as_slice(), &[0xff]]);
        assert_eq!(form.get("b"), Some(b"x y/z".as_slice()));
        assert_eq!(form.get("c"), Some(b"".as_slice()));
        assert_eq!(form.get("d"), Some(b"%zz%4".as_slice()));
        assert_eq!(form.get("nope"), None);
        assert_eq!(form.get("bad;"), None);
    }

    #[test]
    fn flags_are_gos() {
        for (text, value) in [("1", true), ("t", true), ("True", true), ("yes", false), ("0", false), ("", false)] {
            assert_eq!(Form::parse(format!("x={text}").as_bytes()).flag("x"), value, "{text}");
        }
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let encoded = form_encode([("k", "a b&c=d%\u{e9}\n"), ("k", "")]);
        let form = Form::parse(encoded.as_bytes());
        assert_eq!(form.all("k").collect::<Vec<_>>(), ["a b&c=d%\u{e9}\n".as_bytes(), b""]);
    }
}
