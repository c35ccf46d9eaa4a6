//! A text that is appended to, read, and used again: the names, keys and values of a span.
//! Used by `format` and `chunk`. Must not know attributes.
//!
//! A `String` calls the C library for each piece that is appended. Most pieces have less than 32 bytes, and for these the
//! call takes longer than the copy. Here they are copied without a call, into bytes that are initialized already.

use std::fmt;
use std::ops::Deref;

/// A longer piece is copied by the C library.
const SHORT: usize = 32;
/// Bytes that a text allocates at least.
const LEAST: usize = 64;

/// Text that is UTF-8, since only whole strings are appended to it.
#[derive(Clone, Default)]
pub(crate) struct Text {
    /// The text, and after it bytes that are free.
    bytes: Vec<u8>,
    /// Bytes of the text.
    len: usize,
}

impl Text {
    /// Appends two short texts without a call; `false`, and nothing is appended, if one is not short or there is no room.
    #[inline(always)]
    pub(super) fn push_short(&mut self, first: &str, second: &str) -> bool {
        if first.len() > SHORT || second.len() > SHORT {
            return false;
        }
        let end = self.len + first.len() + second.len();
        let room = self.bytes.get_mut(self.len..end);
        let Some((to_first, to_second)) = room.and_then(|to| to.split_at_mut_checked(first.len()))
        else {
            return false;
        };
        copy(to_first, first.as_bytes());
        copy(to_second, second.as_bytes());
        self.len = end;
        true
    }

    #[inline(always)]
    pub(super) fn push_str(&mut self, text: &str) {
        if !self.push_short(text, "") {
            self.push_long(text);
        }
    }

    #[inline(never)]
    fn push_long(&mut self, text: &str) {
        let end = self.len + text.len();
        if end > self.bytes.len() {
            self.bytes.resize(end.max(self.bytes.len() * 2).max(LEAST), 0);
        }
        if let Some(to) = self.bytes.get_mut(self.len..end) {
            to.copy_from_slice(text.as_bytes());
            self.len = end;
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    /// Bytes that it takes in memory.
    #[inline]
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Gives back the bytes that are free.
    pub(super) fn shrink_to_fit(&mut self) {
        self.bytes.truncate(self.len);
        self.bytes.shrink_to_fit();
    }

    /// The text in memory of its size.
    pub(super) fn to_exact(&self) -> Self {
        let bytes = copied(self.as_bytes());
        let len = bytes.len();
        Self { bytes, len }
    }
}

impl Deref for Text {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        let bytes = self.bytes.get(..self.len).unwrap_or_default();
        // SAFETY: `bytes[..len]` is UTF-8. `len` grows only in `push_short` and `push_long`, by the lengths of strings that
        // were copied, whole, to where the text ended; it shrinks only to zero. Nothing else writes to `bytes[..len]`.
        #[expect(
            unsafe_code,
            reason = "see above: checking it again would take longer than writing it"
        )]
        unsafe {
            std::str::from_utf8_unchecked(bytes)
        }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self {
            bytes: text.as_bytes().to_vec(),
            len: text.len(),
        }
    }
}

/// Shows nothing: a prompt must not reach a log by `{:?}`.
impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Text").finish_non_exhaustive()
    }
}

/// A copy of exact size, made in pieces of 2 KiB: the C library copies more at once by `rep movsb`, which takes up to twice
/// as long for the 12 to 64 KiB of a chunk.
pub(super) fn copied<T: Copy>(from: &[T]) -> Vec<T> {
    let mut copy = Vec::with_capacity(from.len());
    for piece in from.chunks(2048 / size_of::<T>()) {
        copy.extend_from_slice(piece);
    }
    copy
}

/// Copies at most 32 bytes to a place of the same length.
#[inline(always)]
fn copy(to: &mut [u8], from: &[u8]) {
    let _ = ends::<16>(to, from)
        || ends::<8>(to, from)
        || ends::<4>(to, from)
        || ends::<2>(to, from)
        || ends::<1>(to, from);
}

/// Copies the first and the last `N` bytes, which is all of `N` to twice `N`; `false` if there are fewer.
#[inline(always)]
fn ends<const N: usize>(to: &mut [u8], from: &[u8]) -> bool {
    let (Some(first), Some(last)) = (from.first_chunk::<N>(), from.last_chunk::<N>()) else {
        return false;
    };
    if let Some(to) = to.first_chunk_mut::<N>() {
        *to = *first;
    }
    if let Some(to) = to.last_chunk_mut::<N>() {
        *to = *last;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_text_is_what_was_appended(pieces in prop::collection::vec(("\\PC{0,40}", "\\PC{0,20}"), 0..40)) {
            let (mut text, mut expected) = (Text::default(), String::new());
            // The second time it is written over the text of the first.
            for _ in 0..2 {
                text.clear();
                expected.clear();
                for (first, second) in &pieces {
                    if !text.push_short(first, second) {
                        text.push_str(first);
                        text.push_str(second);
                    }
                    expected.push_str(first);
                    expected.push_str(second);
                    prop_assert_eq!(&*text, expected.as_str());
                }
            }
            prop_assert_eq!(&*text.to_exact(), expected.as_str());
            text.shrink_to_fit();
            prop_assert_eq!((text.len(), &*text), (expected.len(), expected.as_str()));
        }
    }

    #[test]
    fn every_short_length_is_copied_whole() {
        for len in 0..=64 {
            let piece = "0123456789abcdef".repeat(4);
            let mut text = Text::default();
            text.push_str("<");
            text.push_str(&piece[..len]);
            text.push_str(">");
            assert_eq!(&*text, format!("<{}>", &piece[..len]));
        }
    }
}
