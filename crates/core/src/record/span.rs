//! The finished span: a typed view over its buffer, and the only owner of it.
//! Sealed by the handles when a span ends; moved through queues by pointer; read by exporters.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::buffer::{self, Buffer, Entry, Role, Slot};
use super::id::{SpanId, TraceId};
use super::observation::{Level, ObservationType, StatusCode};
use super::parts::{EventRef, ExceptionRef};
use super::pool;
use super::resource::TraceAttributes;
use super::time::Timestamp;
use super::value::{Value, ValueRef};

/// A finished observation.
///
/// It owns one buffer that holds all its text and goes back to a pool when the record is dropped.
/// A clone copies the text, except strings of 64 KiB and more, which clones share.
pub struct SpanRecord {
    /// `None` only while it is being dropped. Nothing stands beside it: one word goes through the queues.
    buffer: Option<Box<Buffer>>,
}

/// The prompt a generation was made from, as Langfuse's prompt management names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PromptRef<'a> {
    /// Name of the prompt.
    pub name: &'a str,
    /// Version of the prompt.
    pub version: u32,
}

impl SpanRecord {
    /// Seals a buffer whose ids are set; `None` if they are not.
    pub(crate) fn seal(buffer: Box<Buffer>) -> Option<Self> {
        let whole = buffer.trace_id.is_some() && buffer.span_id.is_some();
        whole.then_some(Self {
            buffer: Some(buffer),
        })
    }

    /// The trace it belongs to.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        self.buffer().trace_id.unwrap_or(TraceId::NOBODY)
    }

    /// Its own id.
    #[must_use]
    pub fn span_id(&self) -> SpanId {
        self.buffer().span_id.unwrap_or(SpanId::NOBODY)
    }

    /// The span it was started under; `None` for the root of a trace.
    #[must_use]
    pub fn parent_span_id(&self) -> Option<SpanId> {
        self.buffer().parent
    }

    /// Whether it is the first span of this process's part of the trace: a root, or the child of a
    /// span in another service.
    #[must_use]
    pub fn is_local_root(&self) -> bool {
        self.buffer().parent.is_none() || self.buffer().remote_parent
    }

    /// The first span of this process's part of the trace, which may be this one. A record that was read
    /// back from bytes does not know it any more, and gives its own id.
    #[must_use]
    pub fn local_root_id(&self) -> SpanId {
        self.buffer().local_root.unwrap_or_else(|| self.span_id())
    }

    /// Whether it is where the trace begins for people: a local root, unless the service that called says that
    /// it has the trace's root.
    #[must_use]
    pub fn is_app_root(&self) -> bool {
        self.is_local_root() && !self.buffer().claimed
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        self.buffer().text(self.buffer().name)
    }

    /// What kind of work it was.
    #[must_use]
    pub fn observation_type(&self) -> ObservationType {
        self.buffer().kind
    }

    /// When it began.
    #[must_use]
    pub fn start_time(&self) -> Timestamp {
        self.buffer().start
    }

    /// When it ended; never before it began.
    #[must_use]
    pub fn end_time(&self) -> Timestamp {
        self.buffer().end
    }

    /// How long it took.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.end_time().since(self.start_time())
    }

    /// When the first token of the answer arrived.
    #[must_use]
    pub fn completion_start_time(&self) -> Option<Timestamp> {
        self.buffer().completion_start
    }

    /// The level that was set, or that an error set; `None` means [`Level::Default`] and is better
    /// left out on the wire.
    #[must_use]
    pub fn level(&self) -> Option<Level> {
        self.buffer().level
    }

    /// How it ended.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.buffer().status
    }

    /// A short message for people about how it ended.
    #[must_use]
    pub fn status_message(&self) -> Option<&str> {
        self.buffer().str(self.buffer().status_message)
    }

    /// What went in.
    #[must_use]
    pub fn input(&self) -> Option<ValueRef<'_>> {
        self.buffer().value(self.buffer().input)
    }

    /// What came out.
    #[must_use]
    pub fn output(&self) -> Option<ValueRef<'_>> {
        self.buffer().value(self.buffer().output)
    }

    /// The model that was used.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.buffer().str(self.buffer().model)
    }

    /// The model that was asked for: the model that was set, also where a response named another one.
    #[must_use]
    pub fn request_model(&self) -> Option<&str> {
        self.call(buffer::REQUEST_MODEL).or_else(|| {
            let answered = self.call(buffer::RESPONSE_MODEL).is_some();
            if answered { None } else { self.model() }
        })
    }

    /// The model that the provider's response names, if a response was recorded.
    #[must_use]
    pub fn response_model(&self) -> Option<&str> {
        self.call(buffer::RESPONSE_MODEL)
    }

    /// The provider in whose language the recorded response was, by the name that OpenTelemetry gives it
    /// (`openai`, `anthropic`, `gcp.gemini`). Compatible providers answer in OpenAI's language too.
    #[must_use]
    pub fn provider(&self) -> Option<&str> {
        self.call(buffer::PROVIDER)
    }

    /// The managed prompt it was made from.
    #[must_use]
    pub fn prompt(&self) -> Option<PromptRef<'_>> {
        let name = self.buffer().str(self.buffer().prompt_name)?;
        Some(PromptRef {
            name,
            version: self.buffer().prompt_version,
        })
    }

    /// The user's metadata, in the order it was given, each key once.
    pub fn metadata(&self) -> impl Iterator<Item = (&str, ValueRef<'_>)> {
        self.entries(Role::Metadata)
    }

    /// Parameters of the model call, such as `temperature`.
    pub fn model_parameters(&self) -> impl Iterator<Item = (&str, ValueRef<'_>)> {
        self.entries(Role::ModelParameter)
    }

    /// Units used, by bucket; buckets are disjoint but for `total`.
    pub fn usage(&self) -> impl Iterator<Item = (&str, u64)> {
        self.entries(Role::Usage)
            .filter_map(|(name, value)| match value {
                ValueRef::U64(units) => Some((name, units)),
                _ => None,
            })
    }

    /// Cost in US dollars, by bucket.
    pub fn cost(&self) -> impl Iterator<Item = (&str, f64)> {
        self.entries(Role::Cost)
            .filter_map(|(name, value)| match value {
                ValueRef::F64(dollars) => Some((name, dollars)),
                _ => None,
            })
    }

    /// Tags of this span alone; a trace's tags are in [`trace`](Self::trace).
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.entries(Role::Tag).map(|(tag, _)| tag)
    }

    /// Its events, in the order they happened.
    pub fn events(&self) -> impl ExactSizeIterator<Item = EventRef<'_>> {
        let buffer = self.buffer();
        // One pass over the entries for all events: there may be very many of both.
        let mut from = 0;
        buffer.events.iter().enumerate().map(move |(at, slots)| {
            let at = at as u32;
            let rest = buffer.entries.get(from..).unwrap_or_default().iter();
            let before = |entry: &&Entry| !matches!(entry.role, Role::Event(index) if index >= at);
            from += rest.take_while(before).count();
            EventRef {
                buffer,
                slots,
                index: at,
                from,
            }
        })
    }

    /// Its errors, in the order they were recorded. The first gave it level, status and message.
    pub fn exceptions(&self) -> impl ExactSizeIterator<Item = ExceptionRef<'_>> {
        let buffer = self.buffer();
        buffer
            .exceptions
            .iter()
            .map(|slots| ExceptionRef { buffer, slots })
    }

    /// The trace's attributes as they were when this span ended. Spans that end one after another
    /// share one value, so an exporter may compare pointers to encode it once.
    #[must_use]
    pub fn trace(&self) -> &Arc<TraceAttributes> {
        static NONE: std::sync::LazyLock<Arc<TraceAttributes>> =
            std::sync::LazyLock::new(Arc::default);
        self.buffer().trace.as_ref().unwrap_or(&NONE)
    }

    /// Bytes it holds in memory, an estimate for byte bounds.
    #[must_use]
    pub fn size(&self) -> usize {
        self.buffer().size()
    }

    fn call(&self, key: &str) -> Option<&str> {
        match self.buffer().entry(Role::Call, key)? {
            ValueRef::Str(text) => Some(text),
            _ => None,
        }
    }

    fn entries(&self, role: Role) -> impl Iterator<Item = (&str, ValueRef<'_>)> {
        let buffer = self.buffer();
        let entries = buffer
            .entries
            .iter()
            .filter(move |entry| entry.role == role);
        entries.filter_map(|entry| Some((buffer.text(entry.key), buffer.value(entry.value)?)))
    }

    pub(super) fn buffer_mut(&mut self) -> Option<&mut Buffer> {
        self.buffer.as_deref_mut()
    }

    pub(super) fn buffer(&self) -> &Buffer {
        static NONE: std::sync::LazyLock<Buffer> = std::sync::LazyLock::new(Buffer::default);
        match &self.buffer {
            Some(buffer) => buffer,
            None => &NONE,
        }
    }
}

/// Changes to a finished record: what delivery does before any exporter sees it.
impl SpanRecord {
    /// Shows every value that may hold a user's words to `rewrite`, with its place; what that
    /// returns takes the value's place, `None` leaves it.
    pub fn rewrite(&mut self, mut rewrite: impl FnMut(Place<'_>, ValueRef<'_>) -> Option<Value>) {
        let Some(buffer) = self.buffer.as_deref_mut() else {
            return;
        };
        let mut new = |buffer: &mut Buffer, slot: Slot, place: Place<'_>| {
            let Some(value) = buffer.value(slot).and_then(|value| rewrite(place, value)) else {
                return slot;
            };
            buffer.release(slot);
            buffer.push_owned(value)
        };
        buffer.input = new(buffer, buffer.input, Place::Input);
        buffer.output = new(buffer, buffer.output, Place::Output);
        buffer.status_message = new(buffer, buffer.status_message, Place::StatusMessage);
        let mut exceptions = std::mem::take(&mut buffer.exceptions);
        for exception in &mut exceptions {
            exception.message = new(buffer, exception.message, Place::ExceptionMessage);
            exception.sources = new(buffer, exception.sources, Place::ExceptionMessage);
            exception.stacktrace = new(buffer, exception.stacktrace, Place::Stacktrace);
        }
        buffer.exceptions = exceptions;
        let mut events = std::mem::take(&mut buffer.events);
        for event in &mut events {
            event.input = new(buffer, event.input, Place::EventInput);
            event.output = new(buffer, event.output, Place::EventOutput);
        }
        buffer.events = events;
        let mut entries = std::mem::take(&mut buffer.entries);
        for entry in &mut entries {
            let key = buffer.text(entry.key).to_owned();
            entry.value = match entry.role {
                Role::Metadata => new(buffer, entry.value, Place::Metadata(&key)),
                Role::ModelParameter => new(buffer, entry.value, Place::ModelParameter(&key)),
                Role::Event(_) => new(buffer, entry.value, Place::EventMetadata(&key)),
                _ => entry.value,
            };
        }
        buffer.entries = entries;
    }

    /// Gives the span other attributes of its trace, such as those the trace had when it ended.
    pub fn set_trace(&mut self, trace: Arc<TraceAttributes>) {
        if let Some(buffer) = self.buffer.as_deref_mut() {
            buffer.trace = Some(trace);
        }
    }

    /// Sets a metadata key of a finished span, as delivery does to say that it shortened a value.
    pub fn set_metadata(&mut self, key: &str, value: &Value) {
        if let Some(buffer) = self.buffer.as_deref_mut() {
            let slot = buffer.push_value(value.as_ref());
            buffer.set_entry(Role::Metadata, key, slot);
        }
    }
}

/// Where in a span a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place<'a> {
    /// The span's input.
    Input,
    /// The span's output.
    Output,
    /// The message about how it ended.
    StatusMessage,
    /// Metadata of the span, by key.
    Metadata(&'a str),
    /// A parameter of the model call, by name.
    ModelParameter(&'a str),
    /// Metadata of the trace, by key. Spans share it, so `SpanRecord::rewrite` does not show it.
    TraceMetadata(&'a str),
    /// Input of an event.
    EventInput,
    /// Output of an event.
    EventOutput,
    /// Metadata of an event, by key.
    EventMetadata(&'a str),
    /// The message of an error or of its sources.
    ExceptionMessage,
    /// The stack trace of an error.
    Stacktrace,
    /// The words of a text score.
    ScoreValue,
    /// The comment of a score.
    ScoreComment,
    /// Metadata of a score, by key.
    ScoreMetadata(&'a str),
}

impl Clone for SpanRecord {
    fn clone(&self) -> Self {
        Self {
            buffer: self.buffer.clone(),
        }
    }
}

impl Drop for SpanRecord {
    fn drop(&mut self) {
        if let Some(buffer) = self.buffer.take() {
            pool::give(buffer);
        }
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
