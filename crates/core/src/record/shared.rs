//! Chunks that are shared: copied from the chunk of a thread, read by delivery, and kept for later spans.
//! Made by delivery when spans leave their thread; a `SpanRecord` refers to one. Must not know queues.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::chunk::Chunk;
use super::prefix::prefix;
use super::spare;

/// A chunk that is shared and not changed any more. When nothing refers to it, it is kept for the spans that are
/// [taken](Chunk::take) next.
#[derive(Clone)]
pub struct SharedChunk(
    /// Always there; taken out when it is dropped.
    Option<Arc<Chunk>>,
);

impl SharedChunk {
    /// Whether something else refers to it.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.0
            .as_ref()
            .is_some_and(|chunk| Arc::strong_count(chunk) > 1)
    }

    /// The chunk, if nothing else refers to it.
    pub(super) fn get_mut(&mut self) -> Option<&mut Chunk> {
        Arc::get_mut(self.0.as_mut()?)
    }
}

impl From<Chunk> for SharedChunk {
    fn from(chunk: Chunk) -> Self {
        Self(Some(Arc::new(chunk)))
    }
}

impl Deref for SharedChunk {
    type Target = Chunk;

    #[inline]
    fn deref(&self) -> &Chunk {
        static EMPTY: Chunk = Chunk::EMPTY;
        self.0.as_deref().unwrap_or(&EMPTY)
    }
}

impl Drop for SharedChunk {
    #[inline]
    fn drop(&mut self) {
        // If two threads drop the last two at once, it is freed.
        if !self.is_shared()
            && let Some(last) = self.0.take()
        {
            spare::give(last);
        }
    }
}

impl fmt::Debug for SharedChunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl Chunk {
    /// Copies the spans into memory of about their size and empties this chunk, which keeps its capacity.
    ///
    /// It copies so that no other thread reads the memory that this thread writes to: a store to a cache line that
    /// another core has read costs some 60 ns.
    #[must_use]
    pub fn take(&mut self) -> SharedChunk {
        let mut shared = spare::take(self.words.len(), self.text.len());
        // Nothing else refers to it.
        if let Some(taken) = Arc::get_mut(&mut shared) {
            copy(&self.words, &mut taken.words);
            copy_text(&self.text, &mut taken.text);
            std::mem::swap(&mut taken.large, &mut self.large);
            std::mem::swap(&mut taken.traces, &mut self.traces);
            taken.spans = std::mem::take(&mut self.spans);
            taken.shared_bytes = std::mem::take(&mut self.shared_bytes);
            self.version = 0;
            self.words.clear();
            self.text.clear();
        }
        SharedChunk(Some(shared))
    }
}

/// While it exists, chunks that were delivered are kept for the spans that are [taken](Chunk::take) next. Without one, none is kept.
#[derive(Debug)]
pub struct SpareMemory {
    bytes: usize,
    is_on: AtomicBool,
}

impl SpareMemory {
    /// Keeps chunks of up to so many bytes in this process, beside those that other values of this type keep.
    #[must_use]
    pub fn keep(bytes: usize) -> Self {
        let spare = Self {
            bytes,
            is_on: AtomicBool::new(false),
        };
        spare.set(true);
        spare
    }

    /// Switches it on, as it is at first, or off. It frees nothing itself, so that it may be called under a lock: what is too much is
    /// freed when the next chunk is dropped.
    pub fn set(&self, is_on: bool) {
        if self.is_on.swap(is_on, Ordering::Relaxed) != is_on {
            spare::change_most(|most| match is_on {
                true => most.saturating_add(self.bytes),
                false => most.saturating_sub(self.bytes),
            });
        }
    }

    /// Frees all chunks that are kept. Delivery calls it when nothing was recorded for a while.
    pub fn free() {
        spare::free();
    }
}

impl Drop for SpareMemory {
    fn drop(&mut self) {
        self.set(false);
    }
}

/// A chunk is copied in pieces of this many bytes. More at once the C library copies by `rep movsb`, which takes up to twice as
/// long where the memory is in the cache, and as long where it is not.
const PIECE: usize = 2048;
/// As many bytes in words.
const PIECE_WORDS: usize = PIECE / 8;

fn copy(words: &[u64], copy: &mut Vec<u64>) {
    for piece in words.chunks(PIECE_WORDS) {
        copy.extend_from_slice(piece);
    }
}

fn copy_text(text: &str, copy: &mut String) {
    let mut rest = text;
    while !rest.is_empty() {
        let piece = prefix(rest, PIECE);
        copy.push_str(piece);
        rest = rest.get(piece.len()..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_longer_than_a_piece_is_copied_whole() {
        for len in [0, 1, PIECE_WORDS - 1, PIECE_WORDS, PIECE_WORDS + 1, PIECE] {
            let words: Vec<u64> = (1..=len as u64).collect();
            let mut copied = Vec::new();
            copy(&words, &mut copied);
            assert_eq!(copied, words);
        }
        for before in 0..4 {
            // A piece ends within a character.
            let text = "x".repeat(before) + &"🦀".repeat(PIECE);
            let mut copied = String::new();
            copy_text(&text, &mut copied);
            assert_eq!(copied, text);
        }
    }
}
