//! Reads the spans of a chunk as records, and appends records to a chunk.
//! Called by delivery, which orders and joins chunks, and by processors that take single spans. Must not know queues.

use super::chunk::{Chunk, FinishedSpan};
use super::format::Attributes;
use super::head::HEAD;
use super::shared::SharedChunk;
use super::span::SpanRecord;

impl FinishedSpan<'_> {
    /// The span as a record with its own memory.
    #[must_use]
    pub fn to_record(&self) -> SpanRecord {
        let mut chunk = Chunk::default();
        chunk
            .words
            .reserve_exact(HEAD + self.buffer.attributes().words.len());
        chunk.push(self);
        SpanRecord::first(chunk.into())
    }
}

impl Chunk {
    /// Appends a span of another chunk.
    pub fn push_record(&mut self, span: &SpanRecord) {
        let Some(view) = span.view() else { return };
        let trace = self.trace(span.trace_id(), span.local_root_id(), span.trace());
        let mut head = view.head;
        head.set_trace(trace);
        self.words.extend_from_slice(&head.0);
        let from = self.words.len();
        self.words.extend_from_slice(view.attributes.words);
        self.text.push_str(view.text);
        // The large texts of this span only, in the order of its attributes.
        let mut reader = view.attributes.clone();
        let mut own = Attributes::default();
        while let Some(raw) = reader.next_raw() {
            if raw.large.is_some() {
                own.push_read(&raw);
            }
        }
        if !own.large.is_empty() {
            self.push_large(from, &own.large);
        }
        self.spans += 1;
    }
}

/// A span of more bytes is not copied to leave its chunk.
const MAX_COPIED: usize = 4 * 1024;

/// Reads the spans of a shared chunk, first to last.
#[derive(Clone, Debug)]
pub struct Records {
    chunk: SharedChunk,
    word: usize,
    text: usize,
    left: usize,
}

impl Records {
    /// All spans of a chunk.
    #[must_use]
    pub fn new(chunk: SharedChunk) -> Self {
        Self {
            left: chunk.len(),
            chunk,
            word: 0,
            text: 0,
        }
    }

    /// One span alone. A large one shares its chunk, any other is copied: the rest of its chunk is not kept for it.
    #[must_use]
    pub fn one(span: &SpanRecord) -> Self {
        if span.has_own_trace() || span.size() <= MAX_COPIED {
            let mut chunk = Chunk::default();
            chunk.push_record(span);
            return Self::new(chunk.into());
        }
        let (chunk, word, text) = span.place();
        Self {
            chunk,
            word,
            text,
            left: 1,
        }
    }

    /// Appends a copy of a span and returns by how many bytes the chunk has grown. Appends nothing and returns `None` if
    /// something else refers to the chunk, or if it would have more than `max_bytes`.
    pub fn append(&mut self, span: &SpanRecord, max_bytes: usize) -> Option<usize> {
        let chunk = self.chunk.get_mut()?;
        let before = chunk.size();
        if before + span.size() > max_bytes {
            // It has its last span: the capacity that is left is not used.
            chunk.shrink();
            return None;
        }
        chunk.push_record(span);
        self.left += 1;
        Some(chunk.size() - before)
    }

    /// Bytes of the spans that are left, see [`Chunk::size`].
    #[must_use]
    pub fn size(&self) -> usize {
        if self.left == self.chunk.len() {
            return self.chunk.size();
        }
        let mut rest = self.clone();
        std::iter::from_fn(|| rest.skip_one()).sum()
    }

    /// Passes over the next span and returns its bytes.
    #[inline]
    pub fn skip_one(&mut self) -> Option<usize> {
        let view = self
            .chunk
            .view(self.word, self.text)
            .filter(|_| self.left > 0)?;
        let (words, text) = (HEAD + view.attributes.words.len(), view.text.len());
        let size = view.size();
        self.word += words;
        self.text += text;
        self.left -= 1;
        Some(size)
    }

    /// The next `count` spans; all that are left if they are fewer.
    #[must_use]
    pub fn limited(self, count: usize) -> Self {
        let left = self.left.min(count);
        Self { left, ..self }
    }

    /// The span that comes next, without taking it.
    #[must_use]
    pub fn peek(&self) -> Option<SpanRecord> {
        (self.left > 0).then(|| SpanRecord::at(self.chunk.clone(), self.word, self.text))
    }

    /// The order of the next span among spans of other threads: by its end, and at the same end children before
    /// parents.
    #[must_use]
    pub fn order(&self) -> Option<(u64, bool, std::cmp::Reverse<u64>)> {
        let head = self
            .chunk
            .words
            .get(self.word..)
            .filter(|_| self.left > 0)?;
        let &[_, _, _, parent, start, end] = head.first_chunk::<HEAD>()?;
        Some((end, parent == 0, std::cmp::Reverse(start)))
    }
}

impl Records {
    /// The next span and its bytes, see [`skip_one`](Self::skip_one).
    pub fn next_sized(&mut self) -> Option<(SpanRecord, usize)> {
        let (word, text) = (self.word, self.text);
        let size = self.skip_one()?;
        Some((SpanRecord::at(self.chunk.clone(), word, text), size))
    }
}

impl Iterator for Records {
    type Item = SpanRecord;

    fn next(&mut self) -> Option<SpanRecord> {
        self.next_sized().map(|(record, _)| record)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Records {}
