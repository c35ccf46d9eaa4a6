//! A list of finished spans: a thread appends to it, a queue stores it, and a `SpanRecord` is a view into it.
//! Filled by delivery when spans end; read by exporters through `SpanRecord`. Must not know queues or clocks.
//!
//! A span is a head of six words, then its attributes in the format of `format`, and its text. A span without attributes
//! takes 48 bytes and its name. Trace attributes are in the chunk once for all spans in a row that share them.

use std::fmt;
use std::sync::Arc;

use super::buffer::Buffer;
use super::format::number_large;
use super::head::{HEAD, Head};
use super::id::{SpanId, TraceId};
use super::reader::Reader;
use super::resource::TraceAttributes;
use super::trace::SharedTrace;

/// What the spans of a trace have in common.
#[derive(Clone, Debug)]
pub(crate) struct TraceRef {
    pub(crate) id: TraceId,
    pub(crate) local_root: SpanId,
    pub(crate) attributes: Arc<TraceAttributes>,
}

/// A span that has just ended, as the thread that ended it sees it.
pub struct FinishedSpan<'a> {
    pub(crate) buffer: &'a Buffer,
    pub(crate) trace: &'a SharedTrace,
}

impl FinishedSpan<'_> {
    /// Bytes that its record will have.
    #[inline]
    #[must_use]
    pub fn size(&self) -> usize {
        HEAD * 8 + self.buffer.attributes().size()
    }
}

/// Ids only, because a text may be a prompt.
impl fmt::Debug for FinishedSpan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FinishedSpan")
            .field("trace_id", &self.trace.id)
            .field("span_id", &self.buffer.head.span_id())
            .finish_non_exhaustive()
    }
}

/// Finished spans, in the order in which they were pushed: at most 65,536 of them, in at most 4 GiB.
///
/// Cloning copies the spans; share a chunk by an `Arc`.
#[derive(Clone, Default)]
pub struct Chunk {
    pub(super) words: Vec<u64>,
    pub(super) text: String,
    pub(super) large: Vec<Arc<String>>,
    pub(super) traces: Vec<TraceRef>,
    /// State of the last of `traces`, see [`SharedTrace::version`]; zero if it is not known.
    pub(super) version: u64,
    pub(super) spans: usize,
    /// Bytes of `large`, and of the trace attributes that this chunk counts.
    pub(super) shared_bytes: usize,
}

impl Chunk {
    /// Spans in it.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans == 0
    }

    /// Bytes that its spans take in memory. Trace attributes are included if no other chunk has them.
    #[inline]
    #[must_use]
    pub fn size(&self) -> usize {
        self.words.len() * 8 + self.text.len() + self.shared_bytes
    }

    /// Appends a span.
    #[inline(always)]
    pub fn push(&mut self, span: &FinishedSpan<'_>) {
        let trace = self.trace_of(span.trace);
        let buffer = span.buffer;
        let attributes = buffer.attributes();
        // Before the head is read, so that it is copied without a stop in between.
        self.words.reserve(HEAD);
        let head = buffer
            .head
            .placed(attributes.words.len(), attributes.text.len(), trace);
        self.words.extend_from_slice(&head);
        let from = self.words.len();
        if !attributes.words.is_empty() {
            self.words.extend_from_slice(&attributes.words);
        }
        self.text.push_str(&attributes.text);
        if !attributes.large.is_empty() {
            self.push_large(from, &attributes.large);
        }
        self.spans += 1;
    }

    /// The n-th attribute with a large text among `words[from..]` refers to `large[n]` from now on.
    #[cold]
    pub(super) fn push_large(&mut self, from: usize, large: &[Arc<String>]) {
        let by = self.large.len();
        if let Some(words) = self.words.get_mut(from..) {
            number_large(words, by);
        }
        self.shared_bytes += large.iter().map(|text| text.len()).sum::<usize>();
        self.large.extend_from_slice(large);
    }

    /// The index of a trace in the chunk. A span of the same trace, in the same state, needs no lock.
    #[inline(always)]
    fn trace_of(&mut self, trace: &SharedTrace) -> u16 {
        if self.version != trace.version() {
            let (attributes, version) = trace.state();
            self.trace(trace.id, trace.root, &attributes);
            self.version = version;
        }
        (self.traces.len() - 1) as u16
    }

    #[inline(never)]
    pub(super) fn trace(
        &mut self,
        id: TraceId,
        local_root: SpanId,
        attributes: &Arc<TraceAttributes>,
    ) -> u16 {
        self.version = 0;
        let known = self.traces.last().is_some_and(|last| {
            Arc::ptr_eq(&last.attributes, attributes)
                && last.id == id
                && last.local_root == local_root
        });
        if !known {
            // The trace and its caller have a reference each. Any other is of a chunk, which counts the attributes.
            if Arc::strong_count(attributes) <= 2 {
                self.shared_bytes += attributes.size();
            }
            self.shared_bytes += size_of::<TraceRef>();
            self.traces.push(TraceRef {
                id,
                local_root,
                attributes: attributes.clone(),
            });
        }
        (self.traces.len() - 1) as u16
    }

    /// An empty chunk with room for so many words and so many bytes of text.
    pub(super) fn with_capacity(words: usize, text: usize) -> Self {
        Self {
            words: Vec::with_capacity(words),
            text: String::with_capacity(text),
            ..Self::EMPTY
        }
    }

    pub(super) const EMPTY: Self = Self {
        words: Vec::new(),
        text: String::new(),
        large: Vec::new(),
        traces: Vec::new(),
        version: 0,
        spans: 0,
        shared_bytes: 0,
    };

    /// Removes all spans. Keeps the capacity, but not that of lists with room for more than `most`.
    pub(super) fn empty(&mut self, most: usize) {
        self.words.clear();
        self.text.clear();
        clear(&mut self.large, most);
        clear(&mut self.traces, most);
        (self.version, self.spans, self.shared_bytes) = (0, 0, 0);
    }
}

fn clear<T>(list: &mut Vec<T>, most: usize) {
    list.clear();
    if list.capacity() > most {
        *list = Vec::new();
    }
}

impl Chunk {
    /// Gives back capacity that is not used.
    pub(super) fn shrink(&mut self) {
        self.words.shrink_to_fit();
        self.text.shrink_to_fit();
        self.large.shrink_to_fit();
        self.traces.shrink_to_fit();
    }
}

/// Sizes only, because a text may be a prompt.
impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunk")
            .field("spans", &self.spans)
            .field("bytes", &self.size())
            .finish_non_exhaustive()
    }
}

/// The parts of a record in its chunk.
pub(super) struct View<'a> {
    pub(super) head: Head,
    /// Name first.
    pub(super) text: &'a str,
    pub(super) attributes: Reader<'a>,
}

impl View<'_> {
    /// Bytes of the span without its trace's attributes.
    pub(super) fn size(&self) -> usize {
        let own = (HEAD + self.attributes.words.len()) * 8 + self.text.len();
        if self.attributes.large.is_empty() {
            return own;
        }
        let mut reader = self.attributes.clone();
        let mut large = 0;
        while let Some(raw) = reader.next_raw() {
            large += raw.large.map_or(0, |text| text.len());
        }
        own + large
    }
}

impl Chunk {
    pub(super) fn view(&self, word: usize, text: usize) -> Option<View<'_>> {
        let (head, rest) = self.words.get(word..)?.split_first_chunk::<HEAD>()?;
        let head = Head(*head);
        let (len, text_len) = head.lengths()?;
        let text = self.text.get(text..)?.get(..text_len)?;
        Some(View {
            head,
            text,
            attributes: Reader {
                words: rest.get(..len)?,
                text: text.get(head.name_len()..)?,
                large: &self.large,
            },
        })
    }
}

impl Chunk {
    /// A chunk of one span, from parts that were read from bytes; `None` if they are not a record.
    pub(super) fn from_parts(
        trace_id: TraceId,
        mut head: Head,
        attributes: &[u64],
        text: &str,
        large: Vec<Arc<String>>,
        trace: Arc<TraceAttributes>,
    ) -> Option<Self> {
        if !head.is_known() {
            return None;
        }
        let mut reader = Reader {
            words: attributes,
            text: text.get(head.name_len()..)?,
            large: &large,
        };
        let mut roles = 0;
        for attribute in reader.by_ref() {
            roles |= attribute.role.bit();
        }
        if !reader.is_at_end() {
            return None;
        }
        head.set_trace(0);
        head.set_roles(roles);
        let mut words = Vec::with_capacity(HEAD + attributes.len());
        words.extend_from_slice(&head.0);
        words.extend_from_slice(attributes);
        Some(Self {
            words,
            text: text.to_owned(),
            shared_bytes: large.iter().map(|text| text.len()).sum::<usize>()
                + size_of::<TraceRef>()
                + trace.size(),
            large,
            version: 0,
            traces: vec![TraceRef {
                id: trace_id,
                local_root: head.span_id(),
                attributes: trace,
            }],
            spans: 1,
        })
    }
}
