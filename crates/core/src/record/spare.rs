//! Memory of chunks that were delivered, kept for chunks that are moved to a queue later: an allocator gives it back to the
//! system, and then each 4 KiB of it cost a page fault when they are written again.
//! Filled when a chunk is dropped, used by `Chunk::take`, emptied by a worker without work. Must not know records.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// The most bytes that are kept, for the process.
const MOST: usize = 512 * 1024;
/// Memory of fewer bytes is not kept: it is often on a page that is in use.
const LEAST: usize = 4 * 1024;
/// Memory of more bytes is not kept: chunks are smaller.
const LARGEST: usize = 96 * 1024;

/// The words and the text of a chunk, both empty.
type Memory = (Vec<u64>, String);

/// What is kept, oldest first.
struct Spare {
    list: VecDeque<Memory>,
    bytes: usize,
}

static SPARE: Mutex<Spare> = Mutex::new(Spare::new());

/// Room for so many words and so many bytes of text.
pub(super) fn take(words: usize, text: usize) -> Memory {
    let kept = if size(words, text) < LEAST {
        None
    } else {
        // Never waits: a thread that has the lock may have lost its processor.
        SPARE
            .try_lock()
            .ok()
            .and_then(|mut spare| spare.take(words, text))
    };
    kept.unwrap_or_else(|| (Vec::with_capacity(words), String::with_capacity(text)))
}

/// Keeps the memory of a chunk that is dropped.
pub(super) fn give(words: &mut Vec<u64>, text: &mut String) {
    if (LEAST..=LARGEST).contains(&size(words.capacity(), text.capacity())) {
        give_to_list(std::mem::take(words), std::mem::take(text));
    }
}

#[inline(never)]
fn give_to_list(words: Vec<u64>, text: String) {
    if let Ok(mut spare) = SPARE.try_lock() {
        spare.give((words, text));
    }
}

/// Frees all that is kept.
pub(super) fn free() {
    let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
    let all = std::mem::replace(&mut *spare, Spare::new());
    drop(spare);
    drop(all);
}

fn size(words: usize, text: usize) -> usize {
    words * 8 + text
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
        }
    }

    fn take(&mut self, words: usize, text: usize) -> Option<Memory> {
        let is_fit =
            |kept: &Memory| fits(kept.0.capacity(), words) && fits(kept.1.capacity(), text);
        // What was used last is the most likely to be in a cache.
        let at = self.list.iter().rposition(is_fit)?;
        let memory = self.list.remove(at)?;
        self.bytes -= size(memory.0.capacity(), memory.1.capacity());
        Some(memory)
    }

    /// Keeps memory in the place of the oldest.
    fn give(&mut self, (mut words, mut text): Memory) {
        words.clear();
        text.clear();
        self.bytes += size(words.capacity(), text.capacity());
        self.list.push_back((words, text));
        while self.bytes > MOST
            && let Some((words, text)) = self.list.pop_front()
        {
            self.bytes -= size(words.capacity(), text.capacity());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(words: usize, text: usize) -> Memory {
        (vec![7; words], "x".repeat(text))
    }

    #[test]
    fn memory_that_was_given_is_taken_empty() {
        let mut spare = Spare::new();
        spare.give(memory(1_000, 4_000));
        let (words, text) = spare.take(900, 3_900).unwrap();
        assert!(words.is_empty() && text.is_empty());
        assert!(words.capacity() >= 1_000 && text.capacity() >= 4_000);
        assert!(spare.take(900, 3_900).is_none(), "it is taken once");
        assert_eq!(spare.bytes, 0);
    }

    #[test]
    fn memory_is_not_taken_for_more_or_much_less() {
        let mut spare = Spare::new();
        spare.give(memory(1_000, 4_000));
        for (words, text) in [(1_001, 4_000), (1_000, 4_001), (700, 4_000), (1_000, 3_000)] {
            assert!(spare.take(words, text).is_none(), "{words} {text}");
        }
        assert!(spare.take(800, 3_200).is_some());
    }

    #[test]
    fn no_more_is_kept_than_the_bound() {
        let mut spare = Spare::new();
        for given in 1..=200 {
            spare.give(memory(1_000, 8_000 + given));
            let sizes = spare
                .list
                .iter()
                .map(|(words, text)| size(words.capacity(), text.capacity()));
            let sum: usize = sizes.sum();
            assert_eq!(spare.bytes, sum);
            assert!(sum <= MOST);
        }
        assert!(spare.bytes > MOST - 20_000);
        // The oldest went first.
        assert!(spare.take(1_000, 8_200).is_some());
        assert!(spare.list.iter().all(|(_, text)| text.capacity() > 8_100));
    }

    #[test]
    fn as_much_is_kept_as_the_bound() {
        let mut spare = Spare::new();
        let eighth = || (Vec::new(), String::with_capacity(MOST / 8));
        assert_eq!(eighth().1.capacity(), MOST / 8);
        for kept in [1, 2, 3, 4, 5, 6, 7, 8, 8, 8] {
            spare.give(eighth());
            assert_eq!(spare.list.len(), kept);
        }
        assert_eq!(size(10, 7), 87);
    }

    #[test]
    fn memory_of_a_size_that_chunks_have_is_kept() {
        for (bytes, is_kept) in [
            (LEAST - 1, false),
            (LEAST, true),
            (LARGEST, true),
            (LARGEST + 1, false),
        ] {
            let (mut words, mut text) = (Vec::new(), String::with_capacity(bytes));
            give(&mut words, &mut text);
            assert_eq!(text.capacity() == 0, is_kept, "{bytes}");
        }
    }

    /// Whether memory for so many words and bytes is some that was given. Another thread may have the lock, so it is
    /// tried several times. No chunk of a test has memory of these sizes.
    fn is_used_again(given: (usize, usize), taken: (usize, usize), tries: usize) -> bool {
        (0..tries).any(|_| {
            let (mut words, mut text) =
                (Vec::with_capacity(given.0), String::with_capacity(given.1));
            give(&mut words, &mut text);
            let (words, text) = take(taken.0, taken.1);
            assert!(words.capacity() >= taken.0 && text.capacity() >= taken.1);
            (words.capacity(), text.capacity()) == given
        })
    }

    #[test]
    fn memory_is_used_again_from_a_size_on() {
        let most = 100_000;
        assert!(is_used_again((11_000, 7_001), (10_000, 6_500), most));
        // 101 words of 8 bytes, and the rest of the least size.
        let text = LEAST - 101 * 8;
        assert!(is_used_again((111, text + 5), (101, text), most));
        assert!(!is_used_again((112, text + 6), (101, text - 1), 50));
        // What is freed is not used again.
        give(
            &mut Vec::with_capacity(10_900),
            &mut String::with_capacity(7_003),
        );
        free();
        let (words, _) = take(10_800, 6_999);
        assert_ne!(words.capacity(), 10_900);
    }
}
