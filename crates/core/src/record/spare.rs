//! Chunks that were delivered, emptied and kept for spans that are moved to a queue later: an allocator gives their memory back to
//! the system, and then each 4 KiB of it cost a page fault when they are written again. Where the thread that records allocates what
//! a worker frees, the two also wait for the lock of an allocator.
//! Filled when nothing refers to a chunk any more, used by `Chunk::take`, emptied by a worker without work. Must not know records.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::chunk::Chunk;

/// Memory of fewer bytes is not kept: it is often on a page that is in use.
const LEAST: usize = 4 * 1024;
/// Memory of more bytes is not kept: chunks are smaller.
const LARGEST: usize = 96 * 1024;

/// A kept chunk has room for at most this many traces and large texts.
const MOST_LISTED: usize = 64;

/// What is kept, oldest first. Nothing else refers to these chunks, and they are empty.
struct Spare {
    list: VecDeque<Arc<Chunk>>,
    bytes: usize,
    /// The most bytes that are kept, for the process.
    most: usize,
}

static SPARE: Mutex<Spare> = Mutex::new(Spare::new());

/// An empty chunk, to which nothing else refers, with room for so many words and so many bytes of text.
pub(super) fn take(words: usize, text: usize) -> Arc<Chunk> {
    let kept = if size(words, text) < LEAST {
        None
    } else {
        // Never waits: a thread that has the lock may have lost its processor.
        SPARE
            .try_lock()
            .ok()
            .and_then(|mut spare| spare.take(words, text))
    };
    // Rounded up, so that it fits the next chunk, whose spans differ a little.
    kept.unwrap_or_else(|| {
        Arc::new(Chunk::with_capacity(
            words.next_multiple_of(16),
            text.next_multiple_of(64),
        ))
    })
}

/// Keeps a chunk to which nothing else refers.
#[inline(never)]
pub(super) fn give(mut shared: Arc<Chunk>) {
    let Some(chunk) = Arc::get_mut(&mut shared) else {
        return;
    };
    if (LEAST..=LARGEST).contains(&capacity(chunk)) {
        chunk.empty(MOST_LISTED);
        let shed = SPARE.try_lock().map(|mut spare| spare.give(shared));
        // Freed without the lock.
        drop(shed);
    }
}

/// Frees all that is kept.
pub(super) fn free() {
    let all = lock().shed(0);
    // Freed without the lock.
    drop(all);
}

/// Changes how many bytes are kept at most. Frees nothing.
pub(super) fn change_most(change: impl FnOnce(usize) -> usize) {
    let mut spare = lock();
    spare.most = change(spare.most);
}

fn lock() -> MutexGuard<'static, Spare> {
    SPARE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn size(words: usize, text: usize) -> usize {
    words * 8 + text
}

fn capacity(chunk: &Chunk) -> usize {
    size(chunk.words.capacity(), chunk.text.capacity())
}

/// Whether memory of this capacity is used for so much: if at most a fifth of it is left over.
fn fits(capacity: usize, wanted: usize) -> bool {
    (wanted..=wanted + wanted / 4).contains(&capacity)
}

impl Spare {
    const fn new() -> Self {
        Self {
            list: VecDeque::new(),
            bytes: 0,
            most: 0,
        }
    }

    fn take(&mut self, words: usize, text: usize) -> Option<Arc<Chunk>> {
        let is_fit = |kept: &Arc<Chunk>| {
            fits(kept.words.capacity(), words) && fits(kept.text.capacity(), text)
        };
        // What was used last is the most likely to be in a cache.
        let at = self.list.iter().rposition(is_fit)?;
        let chunk = self.list.remove(at)?;
        self.bytes -= capacity(&chunk);
        Some(chunk)
    }

    /// Keeps a chunk in the place of the oldest, which are returned.
    #[must_use = "they are to be freed without the lock"]
    fn give(&mut self, chunk: Arc<Chunk>) -> Vec<Arc<Chunk>> {
        self.bytes += capacity(&chunk);
        self.list.push_back(chunk);
        self.shed(self.most)
    }

    /// Takes the oldest out, until so many bytes are left at most.
    fn shed(&mut self, most: usize) -> Vec<Arc<Chunk>> {
        let mut shed = Vec::new();
        while self.bytes > most
            && let Some(oldest) = self.list.pop_front()
        {
            self.bytes -= capacity(&oldest);
            shed.push(oldest);
        }
        shed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 512 * 1024;

    fn spare() -> Spare {
        Spare {
            most: MOST,
            ..Spare::new()
        }
    }

    fn memory(words: usize, text: usize) -> Arc<Chunk> {
        Arc::new(Chunk::with_capacity(words, text))
    }

    #[test]
    fn memory_that_was_given_is_taken() {
        let mut spare = spare();
        drop(spare.give(memory(1_000, 4_000)));
        let chunk = spare.take(900, 3_900).unwrap();
        assert!(chunk.words.capacity() >= 1_000 && chunk.text.capacity() >= 4_000);
        assert!(spare.take(900, 3_900).is_none(), "it is taken once");
        assert_eq!(spare.bytes, 0);
    }

    #[test]
    fn memory_is_not_taken_for_more_or_much_less() {
        let mut spare = spare();
        drop(spare.give(memory(1_000, 4_000)));
        for (words, text) in [(1_001, 4_000), (1_000, 4_001), (700, 4_000), (1_000, 3_000)] {
            assert!(spare.take(words, text).is_none(), "{words} {text}");
        }
        assert!(spare.take(800, 3_200).is_some());
    }

    #[test]
    fn no_more_is_kept_than_the_bound() {
        let mut spare = spare();
        for given in 1..=400 {
            drop(spare.give(memory(1_000, 8_000 + given)));
            let sum: usize = spare.list.iter().map(|chunk| capacity(chunk)).sum();
            assert_eq!(spare.bytes, sum);
            assert!(sum <= MOST);
        }
        assert!(spare.bytes > MOST - 20_000);
        // The oldest went first.
        assert!(spare.take(1_000, 8_400).is_some());
        assert!(spare.list.iter().all(|kept| kept.text.capacity() > 8_200));
    }

    #[test]
    fn as_much_is_kept_as_the_bound() {
        let mut spare = spare();
        let eighth = || memory(0, MOST / 8);
        assert_eq!(capacity(&eighth()), MOST / 8);
        for kept in [1, 2, 3, 4, 5, 6, 7, 8, 8, 8] {
            drop(spare.give(eighth()));
            assert_eq!(spare.list.len(), kept);
        }
        assert_eq!(size(10, 7), 87);
    }

    /// Whether what was given is what is taken next: a new chunk has other capacities. Another thread may have the lock, so it is
    /// tried several times. No chunk of a test has memory of these sizes.
    fn is_used_again(given: (usize, usize), taken: (usize, usize), tries: usize) -> bool {
        (0..tries).any(|_| {
            give(memory(given.0, given.1));
            let chunk = take(taken.0, taken.1);
            assert!(chunk.words.capacity() >= taken.0 && chunk.text.capacity() >= taken.1);
            (chunk.words.capacity(), chunk.text.capacity()) == given
        })
    }

    const TRIES: usize = 100_000;

    #[test]
    fn memory_of_a_size_that_chunks_have_is_kept() {
        change_most(|most| most + MOST);
        for (bytes, is_kept) in [
            (LEAST - 1, false),
            (LEAST, true),
            (LARGEST, true),
            (LARGEST + 1, false),
        ] {
            let tries = if is_kept { TRIES } else { 50 };
            let sizes = (1, bytes - 8);
            let is_used = is_used_again(sizes, sizes, tries);
            assert_eq!(is_used, is_kept, "{bytes}");
        }
    }

    #[test]
    fn memory_is_used_again_from_a_size_on() {
        change_most(|most| most + MOST);
        assert!(is_used_again((11_000, 7_001), (10_000, 6_500), TRIES));
        // 101 words of 8 bytes, and the rest of the least size.
        let text = LEAST - 101 * 8;
        assert!(is_used_again((111, text + 5), (101, text), TRIES));
        assert!(!is_used_again((112, text + 6), (101, text - 1), 50));
        // What is freed is not used again.
        give(memory(10_900, 7_003));
        free();
        assert_ne!(take(10_800, 6_999).words.capacity(), 10_900);
    }

    #[test]
    fn what_something_refers_to_is_not_kept() {
        let chunk = memory(12_000, 7_005);
        let other = chunk.clone();
        give(chunk);
        assert_eq!(Arc::strong_count(&other), 1);
    }

    #[test]
    fn lists_that_have_grown_are_not_kept() {
        let mut chunk = Chunk::with_capacity(12_000, 7_007);
        chunk.large.reserve(MOST_LISTED + 1);
        chunk.empty(MOST_LISTED);
        assert_eq!(chunk.large.capacity(), 0);
        chunk.large.reserve_exact(MOST_LISTED);
        chunk.empty(MOST_LISTED);
        assert_eq!(chunk.large.capacity(), MOST_LISTED);
    }
}
