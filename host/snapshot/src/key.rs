//! The content key of a snapshot: what it was made from, and who may read and write it.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::{blob::BlobKey, digest::Digest, error::KeyError};

/// Longest escaped part of a path; past it the rest is replaced by a digest. File systems hold 255, less our suffixes.
const MAX_PART_BYTES: usize = 120;
/// What is kept of a part that is too long, in bytes.
const KEPT_PART_BYTES: usize = 80;

/// Everything the built tree depends on.
#[derive(Debug, Clone, Copy)]
pub struct SnapshotInputs<'a> {
    /// The digest of what is pushed.
    pub source: Digest,
    /// The effective builder configuration, serialised the same way each time.
    pub configuration: &'a str,
    /// The environment of the make commands.
    pub environment: &'a BTreeMap<String, String>,
    /// The digest of the builder plugin.
    pub plugin: Digest,
    /// What is run to make it, in a fixed form: the tool chain that is put on the machine first, the commands, and what
    /// is removed when they are through.
    pub steps: &'a str,
}

impl SnapshotInputs<'_> {
    /// The digest of all inputs; each is preceded by its length, so that none can imitate another.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut hasher = Sha256::new();
        let mut add = |part: &[u8]| {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        };
        add(b"muster snapshot 2");
        add(self.source.as_bytes());
        add(self.configuration.as_bytes());
        add(&(self.environment.len() as u64).to_le_bytes());
        for (name, value) in self.environment {
            add(name.as_bytes());
            add(value.as_bytes());
        }
        add(self.plugin.as_bytes());
        add(self.steps.as_bytes());
        Digest::finish(hasher)
    }
}

/// Whose work a snapshot is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TrustDomain {
    /// Merged revisions, and a person's own tree on their own machine.
    Trusted,
    /// One change that is not merged, by its id: nobody else reads what it writes.
    Unmerged(String),
}

/// Names one snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SnapshotKey {
    /// The project.
    pub project: String,
    /// The builder.
    pub builder: String,
    /// The host type of the machine that makes the tree.
    pub host_type: String,
    /// The digest of [`SnapshotInputs`].
    pub digest: Digest,
    /// Who writes it.
    pub domain: TrustDomain,
}

impl SnapshotKey {
    /// Where this build writes its snapshot: `snapshots/<domain>/<project>/<builder>/<host type>/<digest>.<extension>`.
    ///
    /// # Errors
    ///
    /// Where a part is empty.
    pub fn write_key(&self, extension: &str) -> Result<BlobKey, KeyError> {
        self.key_in(&self.domain, extension)
    }

    /// Where this build may find its snapshot, in order: an unmerged change also reads what trusted builds wrote from
    /// the very same inputs; a trusted build reads nothing else.
    ///
    /// # Errors
    ///
    /// Where a part is empty.
    pub fn read_keys(&self, extension: &str) -> Result<Vec<BlobKey>, KeyError> {
        let own = self.write_key(extension)?;
        Ok(match &self.domain {
            TrustDomain::Trusted => vec![own],
            TrustDomain::Unmerged(_) => vec![own, self.key_in(&TrustDomain::Trusted, extension)?],
        })
    }

    fn key_in(&self, domain: &TrustDomain, extension: &str) -> Result<BlobKey, KeyError> {
        let domain = match domain {
            TrustDomain::Trusted => "trusted".to_owned(),
            TrustDomain::Unmerged(id) => format!("unmerged/{}", escape("change", id)?),
        };
        BlobKey::new(format!(
            "snapshots/{domain}/{}/{}/{}/{}.{extension}",
            escape("project", &self.project)?,
            escape("builder", &self.builder)?,
            escape("host type", &self.host_type)?,
            self.digest
        ))
    }
}

/// Makes one readable path part of any text, and no two texts the same.
///
/// Letters, digits, `.`, `_` and `-` stay; all else becomes `=` and two hex digits, and so does a dot in front.
///
/// # Errors
///
/// Where the text is empty; `what` names it.
pub fn escape(what: &'static str, text: &str) -> Result<String, KeyError> {
    if text.is_empty() {
        return Err(KeyError::Empty { what });
    }
    let mut escaped = String::with_capacity(text.len());
    for (at, byte) in text.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if plain || (byte == b'.' && at > 0) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("={byte:02X}"));
        }
    }
    if escaped.len() > MAX_PART_BYTES {
        let digest = Digest::of(text.as_bytes()).to_string();
        escaped.truncate(KEPT_PART_BYTES);
        // No escape is `==`, so a shortened part never equals a whole one.
        escaped.push_str("==");
        escaped.push_str(&digest[..32]);
    }
    Ok(escaped)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn key(domain: TrustDomain) -> SnapshotKey {
        SnapshotKey {
            project: "acme/rocket".to_owned(),
            builder: "linux-amd64-race".to_owned(),
            host_type: "..".to_owned(),
            digest: Digest::of(b"x"),
            domain,
        }
    }

    #[test]
    fn the_path_is_readable_and_stable() {
        assert_eq!(
            key(TrustDomain::Trusted).write_key("tar.zst").unwrap().as_str(),
            "snapshots/trusted/acme=2Frocket/linux-amd64-race/=2E./\
             2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881.tar.zst"
        );
    }

    #[test]
    fn an_unmerged_change_never_writes_what_others_read() {
        let trusted = key(TrustDomain::Trusted);
        let one = key(TrustDomain::Unmerged("1".to_owned()));
        let other = key(TrustDomain::Unmerged("trusted/../1".to_owned()));
        let written = one.write_key("tar").unwrap();
        assert!(!trusted.read_keys("tar").unwrap().contains(&written));
        assert!(!other.read_keys("tar").unwrap().contains(&written));
        assert!(one.read_keys("tar").unwrap().contains(&written));
        assert!(one.read_keys("tar").unwrap().contains(&trusted.write_key("tar").unwrap()));
        assert_eq!(trusted.read_keys("tar").unwrap().len(), 1);
    }

    #[test]
    fn every_input_changes_the_digest() {
        let environment = BTreeMap::from([("A".to_owned(), "1".to_owned())]);
        let moved = BTreeMap::from([("A1".to_owned(), String::new())]);
        let base = SnapshotInputs {
            source: Digest::of(b"source"),
            configuration: "make",
            environment: &environment,
            plugin: Digest::of(b"plugin"),
            steps: "make.bash",
        };
        let variants = [
            base,
            SnapshotInputs { source: Digest::of(b"edited"), ..base },
            SnapshotInputs { configuration: "make -j", ..base },
            SnapshotInputs { environment: &moved, ..base },
            SnapshotInputs { plugin: Digest::of(b"other"), ..base },
            SnapshotInputs { steps: "go1.4 make.bash", ..base },
        ];
        let digests: std::collections::BTreeSet<Digest> = variants.iter().map(SnapshotInputs::digest).collect();
        assert_eq!(digests.len(), variants.len());
        assert_eq!(base.digest(), base.digest());
    }

    #[test]
    fn escaping_keeps_texts_apart() {
        assert_eq!(escape("x", "a.b-c_D").unwrap(), "a.b-c_D");
        assert_eq!(escape("x", ".git").unwrap(), "=2Egit");
        assert_eq!(escape("x", "ä/=").unwrap(), "=C3=A4=2F=3D");
        assert!(escape("x", "").is_err());
        let long = "a".repeat(300);
        let longer = "a".repeat(301);
        let escaped = escape("x", &long).unwrap();
        assert!(escaped.len() <= MAX_PART_BYTES);
        assert_ne!(escaped, escape("x", &longer).unwrap());
    }
}
