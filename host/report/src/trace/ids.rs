//! Ids of traces and spans: not drawn, but derived from what they are of.

use engine::BuildFacts;
use sha2::{Digest as _, Sha256};

/// The id of a trace.
pub type TraceId = [u8; 16];
/// The id of a span.
pub type SpanId = [u8; 8];

/// The span that asked for a build, as the header `traceparent` of W3C's Trace Context names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// Its trace.
    pub trace: TraceId,
    /// Itself.
    pub span: SpanId,
    /// Whoever began the trace has it recorded.
    pub sampled: bool,
}

impl Parent {
    /// Reads the header; none of one that the specification calls invalid.
    #[must_use]
    pub fn parse(header: &str) -> Option<Parent> {
        let mut fields = header.trim().split('-');
        let [version] = bytes(fields.next()?)?;
        let trace: TraceId = bytes(fields.next()?)?;
        let span: SpanId = bytes(fields.next()?)?;
        let [flags] = bytes(fields.next()?)?;
        // Later versions may have more fields; this one has none.
        let whole = version != 0xff && (version != 0 || fields.next().is_none());
        let named = trace != [0; 16] && span != [0; 8];
        (whole && named).then_some(Parent { trace, span, sampled: flags & 1 == 1 })
    }
}

/// Exactly so many bytes, in small hexadecimal digits.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let small = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    (small && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(bytes)
}

/// The ids of one build's trace.
pub(super) struct Ids {
    pub(super) trace: TraceId,
    /// Where the build was asked for.
    pub(super) asked_in: Option<SpanId>,
    seed: [u8; 32],
}

impl Ids {
    /// Numbers of builds are counted by each store; with the nanosecond of its submission a build is one of a kind.
    pub(super) fn of(facts: &BuildFacts, parent: Option<Parent>) -> Ids {
        let mut seed = Sha256::new_with_prefix("muster trace\0");
        seed.update(facts.spec.build.0.to_be_bytes());
        seed.update(facts.submitted.as_nanos().to_be_bytes());
        for text in [&facts.spec.project, &facts.spec.builder, &facts.spec.rev] {
            seed.update(text);
            seed.update([0]);
        }
        let seed: [u8; 32] = seed.finalize().into();
        let trace = parent.map_or_else(|| first(&seed), |parent| parent.trace);
        Ids { trace, asked_in: parent.map(|parent| parent.span), seed }
    }

    /// The build's own span.
    pub(super) fn root(&self) -> SpanId {
        self.span("build", 0)
    }

    /// The span of the thing of this kind with this number.
    pub(super) fn span(&self, kind: &str, number: u64) -> SpanId {
        let id = Sha256::new_with_prefix(self.seed).chain_update(kind).chain_update(number.to_be_bytes());
        first(&id.finalize().into())
    }
}

fn first<const N: usize>(digest: &[u8; 32]) -> [u8; N] {
    let mut id = [0; N];
    id.copy_from_slice(&digest[..N]);
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_read_as_the_specification_says() {
        let valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let parent = Parent::parse(valid);
        assert_eq!(parent.map(|parent| (parent.span[0], parent.sampled)), Some((0xb7, true)));
        assert_eq!(Parent::parse(&valid.replace("-01", "-00")).map(|parent| parent.sampled), Some(false));
        assert_eq!(Parent::parse(&format!("cc{}-later", &valid[2..])), parent, "a version to come");
        for invalid in [
            String::new(),
            valid.to_uppercase(),
            format!("{valid}-more"),
            format!("ff{}", &valid[2..]),
            valid.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            valid.replace("b7ad6b7169203331", &"0".repeat(16)),
            valid.replace("-01", ""),
            valid.replace("-01", "-1"),
        ] {
            assert_eq!(Parent::parse(&invalid), None, "{invalid}");
        }
    }
}
