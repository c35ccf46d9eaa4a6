//! The one buffer of a span: its text in one string, its attributes as small fixed-size entries.
//! Written by the handles through `capture`, sealed into a `SpanRecord`, emptied and reused by `pool`.
//!
//! One `String` per value costs 276 ns for four attributes when another thread frees it; text copied
//! into a buffer that comes back costs 48 ns. So nothing here owns small text of its own.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::capture::capture;
use super::exception::Exception;
use super::id::{SpanId, TraceId};
use super::observation::{Level, ObservationType, Status, StatusCode};
use super::resource::TraceAttributes;
use super::time::Timestamp;
use super::usage::{Cost, Usage};
use super::value::{Value, ValueRef};

/// Text from here on is kept apart, so that it is moved and not copied, and buffers stay small.
pub(crate) const LARGE: usize = 64 * 1024;

/// Where a value is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Slot {
    #[default]
    Absent,
    Text(Span32),
    Json(Span32),
    /// Index into `large`.
    LargeText(u32),
    LargeJson(u32),
    Bool(bool),
    I64(i64),
    U64(u64),
    F64(f64),
}

/// A stretch of the buffer's text.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Span32 {
    at: u32,
    len: u32,
}

/// Key of [`Role::Call`]: the model that was asked for, where another one was said to answer.
pub(crate) const REQUEST_MODEL: &str = "request_model";
/// Key of [`Role::Call`]: the model that the response names.
pub(crate) const RESPONSE_MODEL: &str = "response_model";
/// Key of [`Role::Call`]: the provider whose response was read, as OpenTelemetry names it.
pub(crate) const PROVIDER: &str = "provider";

/// What an entry says of its span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Metadata,
    ModelParameter,
    Tag,
    Usage,
    Cost,
    /// A fact about the model call that is no metadata: see the constants `REQUEST_MODEL` and following.
    Call,
    /// Metadata of the event with this index.
    Event(u32),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) role: Role,
    /// Of the key: most comparisons of keys end here.
    hash: u32,
    pub(crate) key: Span32,
    pub(crate) value: Slot,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct EventSlots {
    pub(crate) id: SpanId,
    pub(crate) time: Timestamp,
    pub(crate) level: Level,
    pub(crate) name: Span32,
    pub(crate) input: Slot,
    pub(crate) output: Slot,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct ExceptionSlots {
    pub(crate) id: SpanId,
    pub(crate) time: Timestamp,
    pub(crate) kind: Span32,
    pub(crate) message: Slot,
    pub(crate) sources: Slot,
    pub(crate) stacktrace: Slot,
    /// The same error was recorded before, on this span or on one below it.
    pub(crate) propagated: bool,
}

/// Buffers go back and forth between the processor cores of those who record and of who delivers, so
/// what a new span reads of an old buffer stands in one cache line: each line more is a wait of up to
/// 100 ns. The rest is only written to.
#[derive(Clone, Default)]
#[repr(C, align(64))]
pub(crate) struct Buffer {
    text: String,
    pub(crate) entries: Vec<Entry>,
    /// A bit for every entry key seen, so that most keys need no search for an older value.
    seen: u64,
    pub(crate) trace: Option<Arc<TraceAttributes>>,
    pub(crate) trace_id: Option<TraceId>,
    pub(crate) span_id: Option<SpanId>,
    pub(crate) parent: Option<SpanId>,
    pub(crate) local_root: Option<SpanId>,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) name: Span32,
    pub(crate) prompt_version: u32,
    pub(crate) remote_parent: bool,
    /// Another service has the root of its trace.
    pub(crate) claimed: bool,
    pub(crate) kind: ObservationType,
    pub(crate) level: Option<Level>,
    /// An error gave it its level, its status message.
    level_of_error: bool,
    message_of_error: bool,
    pub(crate) status: StatusCode,
    pub(crate) completion_start: Option<Timestamp>,
    pub(crate) input: Slot,
    pub(crate) output: Slot,
    pub(crate) model: Slot,
    pub(crate) status_message: Slot,
    pub(crate) prompt_name: Slot,
    pub(crate) events: Vec<EventSlots>,
    pub(crate) exceptions: Vec<ExceptionSlots>,
    large: Vec<Arc<String>>,
}

/// Fixed memory of a record beside its text, an estimate for byte bounds.
const FIXED: usize = 320;

impl Buffer {
    /// Empty again, capacities kept. The trace's attributes stay: most often the next span has the same.
    pub(crate) fn reset(&mut self) {
        let Self {
            text,
            entries,
            seen,
            trace: _,
            trace_id,
            span_id,
            parent,
            start,
            end,
            name,
            prompt_version,
            remote_parent,
            claimed,
            local_root,
            kind,
            level,
            level_of_error,
            message_of_error,
            status,
            completion_start,
            input,
            output,
            model,
            status_message,
            prompt_name,
            events,
            exceptions,
            large,
        } = self;
        text.clear();
        entries.clear();
        *seen = 0;
        *trace_id = None;
        *span_id = None;
        *parent = None;
        *start = Timestamp::default();
        *end = Timestamp::default();
        *name = Span32::default();
        *prompt_version = 0;
        *remote_parent = false;
        *claimed = false;
        *local_root = None;
        *kind = ObservationType::default();
        *level = None;
        *level_of_error = false;
        *message_of_error = false;
        *status = StatusCode::default();
        *completion_start = None;
        for slot in [input, output, model, status_message, prompt_name] {
            *slot = Slot::Absent;
        }
        events.clear();
        exceptions.clear();
        large.clear();
    }

    /// Bytes an empty one holds.
    pub(crate) fn held(&self) -> usize {
        size_of::<Self>() + self.text.capacity() + self.entries.capacity() * size_of::<Entry>()
    }

    /// Gives the memory of what is large back, at once and by whoever dropped the record.
    pub(crate) fn shed(&mut self) {
        if !self.large.is_empty() {
            self.large.clear();
        }
        if self.trace.as_deref().is_some_and(|trace| !trace.is_light()) {
            self.trace = None;
        }
    }

    /// Notes the attributes of its trace. Nothing is counted if it has them from the span before.
    pub(crate) fn set_trace(&mut self, attributes: &Arc<TraceAttributes>) {
        if !self
            .trace
            .as_ref()
            .is_some_and(|known| Arc::ptr_eq(known, attributes))
        {
            self.trace = Some(attributes.clone());
        }
    }

    /// Reads the line that the next span will read, so that it is here by then.
    pub(crate) fn touch(&self) {
        std::hint::black_box(self.seen);
    }

    /// Whether it is small enough to be kept for the next span.
    pub(crate) fn is_reusable(&self) -> bool {
        const TEXT: usize = 16 * 1024;
        const PARTS: usize = 256;
        self.text.capacity() <= TEXT
            && self.entries.capacity() <= PARTS
            && self.events.capacity() <= PARTS
            && self.exceptions.capacity() <= PARTS
            && self.large.capacity() <= PARTS
    }

    pub(crate) fn push_text(&mut self, text: &str) -> Span32 {
        // u32 offsets hold: text of 64 KiB and more is kept apart, so 4 GiB would be 65,000 values.
        let Ok(at) = u32::try_from(self.text.len()) else {
            return Span32::default();
        };
        let Ok(len) = u32::try_from(text.len()) else {
            return Span32::default();
        };
        if at.checked_add(len).is_none() {
            return Span32::default();
        }
        self.text.push_str(text);
        Span32 { at, len }
    }

    fn push_large(&mut self, text: String) -> u32 {
        self.large.push(Arc::new(text));
        (self.large.len() - 1) as u32
    }

    /// Frees large text that nothing refers to any more; small text goes with the buffer.
    pub(crate) fn release(&mut self, slot: Slot) {
        if let Slot::LargeText(index) | Slot::LargeJson(index) = slot
            && let Some(text) = self.large.get_mut(index as usize)
        {
            *text = Arc::default();
        }
    }

    pub(crate) fn push_value(&mut self, value: ValueRef<'_>) -> Slot {
        match value {
            ValueRef::Str(text) if text.len() >= LARGE => {
                Slot::LargeText(self.push_large(text.to_owned()))
            }
            ValueRef::Json(text) if text.len() >= LARGE => {
                Slot::LargeJson(self.push_large(text.to_owned()))
            }
            ValueRef::Str(text) => Slot::Text(self.push_text(text)),
            ValueRef::Json(text) => Slot::Json(self.push_text(text)),
            ValueRef::Bool(v) => Slot::Bool(v),
            ValueRef::I64(v) => Slot::I64(v),
            ValueRef::U64(v) => Slot::U64(v),
            ValueRef::F64(v) => Slot::F64(v),
        }
    }

    /// A large string is taken over without a copy.
    pub(crate) fn push_string(&mut self, text: String) -> Slot {
        if text.len() >= LARGE {
            Slot::LargeText(self.push_large(text))
        } else {
            Slot::Text(self.push_text(&text))
        }
    }

    pub(crate) fn push_owned(&mut self, value: Value) -> Slot {
        match value {
            Value::Str(text) => self.push_string(text),
            other => self.push_value(other.as_ref()),
        }
    }

    pub(crate) fn push_serialize<T: Serialize + ?Sized>(&mut self, value: &T) -> Slot {
        let mut slot = Slot::Absent;
        capture(value, &mut |value| slot = self.push_value(value));
        slot
    }

    pub(crate) fn text(&self, span: Span32) -> &str {
        let (from, len) = (span.at as usize, span.len as usize);
        self.text.get(from..from + len).unwrap_or_default()
    }

    pub(crate) fn value(&self, slot: Slot) -> Option<ValueRef<'_>> {
        let large = |index: u32| {
            self.large
                .get(index as usize)
                .map_or("", |text| text.as_str())
        };
        Some(match slot {
            Slot::Absent => return None,
            Slot::Text(span) => ValueRef::Str(self.text(span)),
            Slot::Json(span) => ValueRef::Json(self.text(span)),
            Slot::LargeText(index) => ValueRef::Str(large(index)),
            Slot::LargeJson(index) => ValueRef::Json(large(index)),
            Slot::Bool(v) => ValueRef::Bool(v),
            Slot::I64(v) => ValueRef::I64(v),
            Slot::U64(v) => ValueRef::U64(v),
            Slot::F64(v) => ValueRef::F64(v),
        })
    }

    pub(crate) fn str(&self, slot: Slot) -> Option<&str> {
        match self.value(slot)? {
            ValueRef::Str(text) | ValueRef::Json(text) => Some(text),
            _ => None,
        }
    }

    /// Takes the text out, with everything that refers to it. Ids, times and marks stay.
    pub(crate) fn take_texts(&mut self) -> Self {
        self.seen = 0;
        Self {
            text: std::mem::take(&mut self.text),
            large: std::mem::take(&mut self.large),
            entries: std::mem::take(&mut self.entries),
            events: std::mem::take(&mut self.events),
            exceptions: std::mem::take(&mut self.exceptions),
            name: std::mem::take(&mut self.name),
            input: std::mem::take(&mut self.input),
            output: std::mem::take(&mut self.output),
            model: std::mem::take(&mut self.model),
            status_message: std::mem::take(&mut self.status_message),
            prompt_name: std::mem::take(&mut self.prompt_name),
            ..Self::default()
        }
    }

    /// Adds an entry whose key is known to be new.
    pub(crate) fn push_entry(&mut self, role: Role, key: &str, value: Slot) {
        if value != Slot::Absent {
            self.push_hashed(role, hash(key), key, value);
        }
    }

    #[inline]
    fn push_hashed(&mut self, role: Role, hash: u32, key: &str, value: Slot) {
        self.seen |= 1u64 << (hash >> 26);
        let key = self.push_text(key);
        self.entries.push(Entry {
            role,
            hash,
            key,
            value,
        });
    }

    /// Sets `key` among the entries of `role`: the last value wins. An absent value changes nothing.
    pub(crate) fn set_entry(&mut self, role: Role, key: &str, value: Slot) {
        if value == Slot::Absent {
            return;
        }
        let hash = hash(key);
        let bit = 1u64 << (hash >> 26);
        if self.seen & bit != 0 {
            let known = self
                .entries
                .iter()
                .position(|e| e.hash == hash && e.role == role && self.text(e.key) == key);
            if let Some(entry) = known.and_then(|at| self.entries.get_mut(at)) {
                entry.value = value;
                return;
            }
        }
        self.push_hashed(role, hash, key, value);
    }

    pub(crate) fn add_tag(&mut self, tag: &str) {
        self.set_entry(Role::Tag, tag, Slot::Bool(true));
    }

    /// Sets the buckets that the model has prices for. What is within them goes to the metadata.
    pub(crate) fn set_usage(&mut self, usage: &Usage) {
        self.entries.retain(|entry| entry.role != Role::Usage);
        if let Some(buckets) = usage.plain() {
            for (name, units) in buckets {
                self.set_entry(Role::Usage, name, Slot::U64(units));
            }
            return;
        }
        let settled = usage.settle(self.str(self.model));
        for (name, units) in settled.buckets {
            self.set_entry(Role::Usage, name, Slot::U64(units));
        }
        for (count, units) in settled.within {
            self.set_entry(Role::Metadata, count.attribute(), Slot::U64(units));
        }
    }

    pub(crate) fn set_cost(&mut self, cost: &Cost) {
        self.entries.retain(|entry| entry.role != Role::Cost);
        for (name, dollars) in cost.buckets() {
            self.set_entry(Role::Cost, name, Slot::F64(dollars));
        }
    }

    /// Sets the model that answered. The model that was set before it is kept as the requested one.
    pub(crate) fn set_response_model(&mut self, model: &str) {
        if self.entry(Role::Call, RESPONSE_MODEL).is_none() {
            self.set_entry(Role::Call, REQUEST_MODEL, self.model);
        }
        let slot = self.push_value(ValueRef::Str(model));
        self.set_entry(Role::Call, RESPONSE_MODEL, slot);
        self.model = slot;
    }

    /// The value of `key` among the entries of `role`.
    pub(crate) fn entry(&self, role: Role, key: &str) -> Option<ValueRef<'_>> {
        let mut entries = self.entries.iter();
        let entry = entries.find(|e| e.role == role && self.text(e.key) == key)?;
        self.value(entry.value)
    }

    pub(crate) fn set_level(&mut self, level: Level) {
        self.level = Some(level);
        self.level_of_error = false;
    }

    pub(crate) fn set_status_message(&mut self, message: &str) {
        self.status_message = self.push_value(ValueRef::Str(message));
        self.message_of_error = false;
    }

    /// A status other than an error also takes back the level and the message that an error gave.
    pub(crate) fn set_status(&mut self, status: Status) {
        let code = match status {
            Status::Error(message) => {
                self.set_status_message(&message);
                self.message_of_error = true;
                if self.level.is_none() {
                    self.level = Some(Level::Error);
                    self.level_of_error = true;
                }
                self.status = StatusCode::Error;
                return;
            }
            Status::Ok => StatusCode::Ok,
            Status::Unset => StatusCode::Unset,
        };
        self.status = code;
        if std::mem::take(&mut self.level_of_error) {
            self.level = None;
        }
        if std::mem::take(&mut self.message_of_error) {
            self.status_message = Slot::Absent;
        }
    }

    /// All errors are kept. The first one, and the first after the status was set to OK, gives the span
    /// its level, status and message.
    pub(crate) fn add_exception(
        &mut self,
        id: SpanId,
        time: Timestamp,
        exception: Exception,
        propagated: bool,
    ) {
        if self.exceptions.is_empty() || self.status != StatusCode::Error {
            self.level = Some(Level::Error);
            self.status = StatusCode::Error;
            self.status_message = self.push_string(exception.to_string());
            self.level_of_error = true;
            self.message_of_error = true;
        }
        let kind = self.push_text(&exception.kind);
        let message = self.push_string(exception.message);
        let sources = if exception.sources.is_empty() {
            Slot::Absent
        } else {
            self.push_string(exception.sources)
        };
        let stacktrace = exception
            .stacktrace
            .map_or(Slot::Absent, |stack| self.push_string(stack));
        self.exceptions.push(ExceptionSlots {
            id,
            time,
            kind,
            message,
            sources,
            stacktrace,
            propagated,
        });
    }

    /// Bytes it holds: text, entries and a constant.
    pub(crate) fn size(&self) -> usize {
        self.text.len()
            + self.large.iter().map(|text| text.len()).sum::<usize>()
            + self.entries.len() * size_of::<Entry>()
            + self.events.len() * size_of::<EventSlots>()
            + self.exceptions.len() * size_of::<ExceptionSlots>()
            + FIXED
    }
}

/// Nothing: a prompt must not reach a log by way of `{:?}` on one of the views.
impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer").finish_non_exhaustive()
    }
}

/// FxHash over length, first and last bytes: most keys of one span differ there, and keys that do not
/// only cost a comparison.
#[inline]
fn hash(key: &str) -> u32 {
    const FACTOR: u64 = 0x517c_c1b7_2722_0a95;
    let bytes = key.as_bytes();
    let (first, last) = if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk())
    {
        (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        (
            u32::from_le_bytes(*first).into(),
            u32::from_le_bytes(*last).into(),
        )
    } else {
        let word = |word: u64, byte: &u8| word << 8 | u64::from(*byte);
        (bytes.iter().fold(0, word), 0)
    };
    let hash = (first ^ (bytes.len() as u64).rotate_left(32)).wrapping_mul(FACTOR);
    ((hash.rotate_left(5) ^ last).wrapping_mul(FACTOR) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_of_a_key_wins_within_its_role() {
        let mut buffer = Buffer::default();
        for round in 0..2u64 {
            for key in 0..100 {
                buffer.set_entry(Role::Metadata, &format!("key{key}"), Slot::U64(round));
            }
        }
        buffer.set_entry(Role::ModelParameter, "key1", Slot::Bool(true));
        buffer.set_entry(Role::Metadata, "key2", Slot::Absent);
        assert_eq!(buffer.entries.len(), 101);
        assert!(
            buffer
                .entries
                .iter()
                .take(100)
                .all(|e| e.value == Slot::U64(1))
        );
    }

    #[test]
    fn a_large_string_is_moved_and_shared_by_clones() {
        let text = "x".repeat(LARGE);
        let address = text.as_ptr();
        let mut buffer = Buffer::default();
        buffer.input = buffer.push_string(text);
        let clone = buffer.clone();
        for copy in [&buffer, &clone] {
            assert_eq!(copy.str(copy.input).unwrap().as_ptr(), address);
        }
    }

    #[test]
    fn a_reset_buffer_shows_nothing_of_the_span_before() {
        let mut buffer = Buffer::default();
        buffer.name = buffer.push_text("secret");
        buffer.set_entry(Role::Metadata, "k", Slot::I64(1));
        buffer.add_exception(
            SpanId::random(),
            Timestamp::default(),
            Exception::new("E", "m"),
            false,
        );
        buffer.reset();
        assert_eq!(buffer.text(buffer.name), "");
        assert!(
            buffer.entries.is_empty() && buffer.exceptions.is_empty() && buffer.level.is_none()
        );
        assert_eq!(buffer.size(), FIXED);
    }
}
