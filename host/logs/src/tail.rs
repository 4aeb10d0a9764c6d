//! The bytes of a stream that are gathered and not yet on their way.

use bytes::{Bytes, BytesMut};

/// Gathered bytes. What readers have seen of them is shared with them, not copied for each.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    /// What was read already, in order, and where each piece begins.
    seen: Vec<(usize, Bytes)>,
    seen_bytes: usize,
    unseen: BytesMut,
}

impl Tail {
    pub(crate) fn len(&self) -> usize {
        self.seen_bytes + self.unseen.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.unseen.extend_from_slice(bytes);
    }

    /// What is gathered from `from` on, or a first part of it; empty at the end.
    pub(crate) fn from(&mut self, from: usize) -> Bytes {
        if from >= self.seen_bytes {
            self.see();
        }
        let after = self.seen.partition_point(|(at, _)| *at <= from);
        let Some((at, piece)) = after.checked_sub(1).and_then(|index| self.seen.get(index)) else {
            return Bytes::new();
        };
        piece.slice((from - at).min(piece.len())..)
    }

    /// Takes all of it as one.
    pub(crate) fn take(&mut self) -> Bytes {
        self.see();
        self.seen_bytes = 0;
        let mut pieces = std::mem::take(&mut self.seen);
        // Grown while it was filled, or shared with what went before: the next begins small.
        self.unseen = BytesMut::new();
        if pieces.len() == 1 {
            return pieces.remove(0).1;
        }
        pieces.iter().map(|(_, piece)| &piece[..]).collect::<Vec<_>>().concat().into()
    }

    fn see(&mut self) {
        if !self.unseen.is_empty() {
            let piece = self.unseen.split().freeze();
            let length = piece.len();
            self.seen.push((self.seen_bytes, piece));
            self.seen_bytes += length;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_see_what_is_there_and_the_whole_is_taken() {
        let mut tail = Tail::default();
        assert_eq!(tail.from(0), "");
        tail.push(b"one ");
        assert_eq!(tail.from(0), "one ");
        tail.push(b"two ");
        tail.push(b"three");
        assert_eq!(tail.from(1), "ne ", "a piece at a time");
        assert_eq!(tail.from(4), "two three");
        assert_eq!(tail.from(13), "");
        assert_eq!(tail.from(99), "");
        assert_eq!(tail.len(), 13);
        assert_eq!(tail.take(), "one two three");
        assert!(tail.is_empty());
        assert_eq!(tail.take(), "");
    }
}
