//! The finished record of a span: a view into a chunk that exporters and tests read.
//! Made when a span ends; shared, not copied, by everything that delivers it. Changed only by copying it.

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use super::attribute::{SpanAttribute, SpanAttributes, place};
use super::buffer::Buffer;
use super::chunk::{FinishedSpan, TraceRef, View};
use super::format::Role;
use super::head::Head;
use super::id::{SpanId, TraceId};
use super::observation::{Level, ObservationType, StatusCode};
use super::place::Place;
use super::reader::{Attribute, Raw, Reader};
use super::resource::TraceAttributes;
use super::shared::SharedChunk;
use super::time::Timestamp;
use super::trace::SharedTrace;
use super::value::{Value, ValueRef};

/// A finished observation.
///
/// A view into a chunk of finished spans, which it keeps alive. A clone shares the chunk. What changes a record
/// ([`rewrite`](Self::rewrite), [`set_metadata`](Self::set_metadata)) copies it first.
#[derive(Clone)]
pub struct SpanRecord {
    chunk: SharedChunk,
    /// Where its head and its text begin.
    word: u32,
    text: u32,
    /// Trace attributes that replace those that the span ended with.
    trace: Option<Arc<TraceAttributes>>,
}

impl SpanRecord {
    pub(super) fn at(chunk: SharedChunk, word: usize, text: usize) -> Self {
        Self {
            chunk,
            word: word as u32,
            text: text as u32,
            trace: None,
        }
    }

    /// The first span of a chunk.
    pub(super) fn first(chunk: SharedChunk) -> Self {
        Self::at(chunk, 0, 0)
    }

    /// Its chunk, and where in it its words and its text begin.
    pub(super) fn place(&self) -> (SharedChunk, usize, usize) {
        (self.chunk.clone(), self.word as usize, self.text as usize)
    }

    /// Whether its trace's attributes are others than its chunk has.
    pub(super) fn has_own_trace(&self) -> bool {
        self.trace.is_some()
    }

    pub(super) fn view(&self) -> Option<View<'_>> {
        self.chunk.view(self.word as usize, self.text as usize)
    }

    fn head(&self) -> Head {
        let words = self.chunk.words.get(self.word as usize..);
        Head(
            words
                .and_then(<[u64]>::first_chunk)
                .copied()
                .unwrap_or_default(),
        )
    }

    pub(super) fn trace_ref(&self) -> TraceRef {
        TraceRef {
            id: self.trace_id(),
            local_root: self.local_root_id(),
            attributes: self.trace().clone(),
        }
    }

    fn known_trace(&self) -> Option<&TraceRef> {
        self.chunk.traces.get(self.head().trace())
    }

    /// All attributes, in the order they were given.
    pub(super) fn read(&self) -> impl Iterator<Item = Attribute<'_>> {
        self.reader()
    }

    pub(super) fn reader(&self) -> Reader<'_> {
        self.view().map_or(Reader::EMPTY, |view| view.attributes)
    }

    /// All attributes in one pass, in the order in which they were given. An exporter that reads many of them
    /// reads them so: each of the accessors below is another pass.
    ///
    /// ```
    /// use tracefuse_core::record::{SpanAttribute, SpanRecord};
    ///
    /// fn keys_of_metadata(record: &SpanRecord) -> Vec<&str> {
    ///     let metadata = record.attributes().filter_map(|attribute| match attribute {
    ///         SpanAttribute::Metadata(key, _) => Some(key),
    ///         _ => None,
    ///     });
    ///     metadata.collect()
    /// }
    /// ```
    pub fn attributes(&self) -> impl Iterator<Item = SpanAttribute<'_>> {
        SpanAttributes(self.reader())
    }

    /// Whether one of its texts, keys and names included, has a NUL, which databases behind many receivers refuse.
    /// Texts of its trace are not looked at.
    #[must_use]
    pub fn contains_nul(&self) -> bool {
        let Some(mut view) = self.view() else {
            return false;
        };
        let has_nul = |text: &str| memchr::memchr(0, text.as_bytes()).is_some();
        if has_nul(view.text) {
            return true;
        }
        if self.chunk.large.is_empty() {
            return false;
        }
        while let Some(raw) = view.attributes.next_raw() {
            if raw.large.is_some_and(|text| has_nul(text)) {
                return true;
            }
        }
        false
    }

    pub(super) fn has(&self, role: Role) -> bool {
        self.head().has(role)
    }

    pub(super) fn of(&self, role: Role) -> impl Iterator<Item = Attribute<'_>> {
        let attributes = self.has(role).then(|| self.read()).into_iter().flatten();
        attributes.filter(move |attribute| attribute.role == role)
    }

    pub(super) fn value(&self, role: Role) -> Option<ValueRef<'_>> {
        self.of(role).next()?.value()
    }

    pub(super) fn text(&self, role: Role) -> Option<&str> {
        self.of(role).next()?.text()
    }

    pub(super) fn pairs(&self, role: Role) -> impl Iterator<Item = (&str, ValueRef<'_>)> {
        self.of(role)
            .filter_map(|attribute| Some((attribute.key, attribute.value()?)))
    }

    pub(super) fn call(&self, key: &str) -> Option<&str> {
        self.of(Role::Call).find(|call| call.key == key)?.text()
    }

    /// The trace it belongs to.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        self.known_trace()
            .map_or(TraceId::PLACEHOLDER, |trace| trace.id)
    }

    /// Its own id.
    #[must_use]
    pub fn span_id(&self) -> SpanId {
        self.head().span_id()
    }

    /// The span it was started under; `None` for the root of a trace.
    #[must_use]
    pub fn parent_span_id(&self) -> Option<SpanId> {
        self.head().parent()
    }

    /// Whether it is the first span of this process's part of the trace: a root, or the child of a
    /// span in another service.
    #[must_use]
    pub fn is_local_root(&self) -> bool {
        self.head().parent().is_none() || self.head().remote_parent()
    }

    /// The first span of this process's part of the trace, which may be this one. A record that was read
    /// back from bytes does not have it, and returns its own id.
    #[must_use]
    pub fn local_root_id(&self) -> SpanId {
        self.known_trace()
            .map_or_else(|| self.span_id(), |trace| trace.local_root)
    }

    /// Whether people see it as the beginning of the trace: a local root, unless the calling service claims the trace's
    /// root.
    #[must_use]
    pub fn is_app_root(&self) -> bool {
        self.is_local_root() && !self.head().claimed()
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        if self.has(Role::Name) {
            return self.text(Role::Name).unwrap_or_default();
        }
        let name = self.head().name_len();
        self.view()
            .and_then(|view| view.text.get(..name))
            .unwrap_or_default()
    }

    /// What kind of work it was.
    #[must_use]
    pub fn observation_type(&self) -> ObservationType {
        self.head().kind()
    }

    /// When it began.
    #[must_use]
    pub fn start_time(&self) -> Timestamp {
        self.head().start()
    }

    /// When it ended; never before it began.
    #[must_use]
    pub fn end_time(&self) -> Timestamp {
        self.head().end()
    }

    /// How long it took.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.end_time().since(self.start_time())
    }

    /// When the first token of the answer arrived.
    #[must_use]
    pub fn completion_start_time(&self) -> Option<Timestamp> {
        match self.value(Role::CompletionStart)? {
            ValueRef::U64(nanos) => Some(Timestamp::from_unix_nanos(nanos)),
            _ => None,
        }
    }

    /// The level that was set, or that an error set; `None` means [`Level::Default`] and is better
    /// left out on the wire.
    #[must_use]
    pub fn level(&self) -> Option<Level> {
        self.head().level()
    }

    /// How it ended.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.head().status()
    }

    /// A short message for people about how it ended.
    #[must_use]
    pub fn status_message(&self) -> Option<&str> {
        self.text(Role::StatusMessage)
    }

    /// What went in.
    #[must_use]
    pub fn input(&self) -> Option<ValueRef<'_>> {
        self.value(Role::Input)
    }

    /// What came out.
    #[must_use]
    pub fn output(&self) -> Option<ValueRef<'_>> {
        self.value(Role::Output)
    }

    /// The trace's attributes as they were when this span ended. Spans that end one after another
    /// share one value, so an exporter may compare pointers to encode it once.
    #[must_use]
    pub fn trace(&self) -> &Arc<TraceAttributes> {
        static NONE: LazyLock<Arc<TraceAttributes>> = LazyLock::new(Arc::default);
        self.trace
            .as_ref()
            .or_else(|| Some(&self.known_trace()?.attributes))
            .unwrap_or(&NONE)
    }

    /// [`size`](Self::size), and the bytes of its trace attributes, which other spans may share.
    #[must_use]
    pub fn size_with_trace(&self) -> usize {
        self.size() + size_of::<TraceRef>() + self.trace().size()
    }

    /// Bytes in memory: its text, 8 bytes for an attribute, 8 more for a number, and 48 for the rest.
    #[must_use]
    pub fn size(&self) -> usize {
        self.view().map_or(0, |view| view.size())
    }
}

/// Changes to a finished record: what delivery does before any exporter sees it.
impl SpanRecord {
    /// Passes every value that may contain a user's text to `rewrite`, with its place. A value that `rewrite` returns
    /// replaces it; `None` keeps it.
    ///
    /// The record is copied when the first value is replaced; otherwise nothing is written.
    pub fn rewrite(&mut self, mut rewrite: impl FnMut(Place<'_>, ValueRef<'_>) -> Option<Value>) {
        let Some(view) = self.view() else { return };
        let mut replaced = Vec::new();
        for (at, attribute) in view.attributes.enumerate() {
            if let Some(place) = place(&attribute)
                && let Some(new) = attribute.value().and_then(|value| rewrite(place, value))
            {
                replaced.push((at, new));
            }
        }
        if replaced.is_empty() {
            return;
        }
        let mut replaced = replaced.into_iter().peekable();
        self.copy_with(
            None,
            |buffer, at, raw| match replaced.next_if(|(of, _)| *of == at) {
                Some((_, new)) => {
                    let Attribute { role, key, .. } = raw.attribute;
                    buffer.copy_value(role, key, new);
                }
                None => buffer.copy_attribute(raw),
            },
            |_| {},
        );
    }

    /// Replaces the attributes of its trace, for example by those that the trace had when it ended.
    pub fn set_trace(&mut self, trace: Arc<TraceAttributes>) {
        self.trace = Some(trace);
    }

    /// Sets a metadata key of a finished span. Delivery does this if it shortened a value.
    pub fn set_metadata(&mut self, key: &str, value: &Value) {
        self.copy_with(
            None,
            |buffer, _, raw| buffer.copy_attribute(raw),
            |buffer| buffer.set_metadata_unlimited(key, value.as_ref()),
        );
    }

    /// Makes the record the only one of a new chunk, with another name if one is given, and with what `each` writes of
    /// its attributes.
    pub(super) fn copy_with(
        &mut self,
        name: Option<&str>,
        mut each: impl FnMut(&mut Buffer, usize, &Raw<'_>),
        end: impl FnOnce(&mut Buffer),
    ) {
        let Some(mut view) = self.view() else { return };
        let head = self.head();
        let own_name = view.text.get(..head.name_len()).unwrap_or_default();
        let name = name.unwrap_or(own_name);
        let mut buffer = Buffer::default();
        buffer.begin(head.span_id(), head.kind());
        buffer.begin_name(name);
        buffer.head.take_over(head);
        let mut at = 0;
        while let Some(raw) = view.attributes.next_raw() {
            each(&mut buffer, at, &raw);
            at += 1;
        }
        end(&mut buffer);
        buffer.seal();
        let trace = self.trace_ref();
        *self = FinishedSpan {
            buffer: &buffer,
            trace: &SharedTrace::new(trace.id, trace.local_root, trace.attributes),
        }
        .to_record();
    }
}

/// Names and ids only: a prompt must not reach a log by way of `{:?}`.
impl fmt::Debug for SpanRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanRecord")
            .field("trace_id", &self.trace_id())
            .field("span_id", &self.span_id())
            .field("name", &self.name())
            .field("type", &self.observation_type())
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}
