//! A password that does not show itself in logs.

use std::fmt;

/// A password. Its `Debug` form never shows the text, and it has no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a password.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// A fresh random password of 32 hex digits.
    #[must_use]
    pub fn random() -> Self {
        let bytes: [u8; 16] = ring::rand::generate(&ring::rand::SystemRandom::new())
            .expect("the operating system provides randomness")
            .expose();
        Secret(hex::encode(bytes))
    }

    /// The text itself, for the wire or for a person who asked for it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether this is the given text, in a time that does not depend on where they differ.
    #[must_use]
    pub fn matches(&self, text: &[u8]) -> bool {
        let ours = ring::digest::digest(&ring::digest::SHA256, self.0.as_bytes());
        let theirs = ring::digest::digest(&ring::digest::SHA256, text);
        let difference = ours.as_ref().iter().zip(theirs.as_ref()).fold(0, |difference, (a, b)| difference | (a ^ b));
        difference == 0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}
