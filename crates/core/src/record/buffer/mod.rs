//! The record of a span that is open: its head, and its attributes in the format of `format`.
//! Written by the span handles; copied into a `chunk` when the span ends, and then used again. Must not know handles.

mod limits;
mod put;
#[cfg(test)]
mod tests;

use std::fmt;

use limits::{Limits, MAX_EVENTS, Seen};

pub(crate) use limits::{MAX_KEYS, MAX_LINKS};

use super::capture::noted::Noted;
use super::exception::Exception;
use super::format::{Attributes, Kind, LARGE, Role};
use super::head::Head;
use super::id::SpanId;
use super::link::Link;
use super::observation::{Level, ObservationType, Status, StatusCode};
use super::reader::{Attribute, Moment, Raw, Reader};
use super::time::Timestamp;
use super::usage::{Cost, Usage};
use super::value::{Value, ValueRef};

/// Key of [`Role::Call`]: the requested model, if the response named another one.
pub(crate) const REQUEST_MODEL: &str = "request_model";
/// Key of [`Role::Call`]: the model that the response names.
pub(crate) const RESPONSE_MODEL: &str = "response_model";
/// Key of [`Role::Call`]: the provider whose response was read, as OpenTelemetry names it.
pub(crate) const PROVIDER: &str = "provider";
/// Key of [`Role::Call`]: how many chunks of a stream came after the first one.
pub(crate) const OUTPUT_CHUNKS: &str = "output_chunks";

#[derive(Clone, Default)]
pub(crate) struct Buffer {
    /// As the chunk gets it, less the sizes.
    pub(crate) head: Head,
    /// Its text begins with the name.
    attributes: Attributes,
    limits: Option<Box<Limits>>,
    state: WriteState,
}

/// The state that is needed while attributes are written.
#[derive(Clone, Copy, Default)]
struct WriteState {
    seen: Seen,
    /// From this size on, values that were replaced are removed while the span is open; zero: from [`COMPACT_AT`] on.
    compact_at: usize,
    /// Limited keys that were written, with repetitions.
    keys: u32,
    events: u32,
    errors: u32,
    links: u32,
    /// An attribute was replaced by a later one of the same key.
    has_replaced: bool,
    /// An error gave it its level, its status message.
    level_of_error: bool,
    message_of_error: bool,
}

impl Buffer {
    /// Begins a span in a buffer that is new or was emptied, capacities kept. Its [name](Self::begin_name) comes next.
    #[inline]
    pub(crate) fn begin(&mut self, id: SpanId, kind: ObservationType) {
        // Spans without attributes leave the state as it was.
        if self.head.has_roles() {
            self.state = WriteState::default();
        }
        self.head = Head::new(id, kind);
    }

    /// Writes the name that the span is started with. Nothing else may be written before. Inlined, so that a name that the
    /// compiler knows is copied without a call.
    #[inline(always)]
    pub(crate) fn begin_name(&mut self, name: &str) {
        if name.len() > usize::from(u16::MAX) {
            self.put(Role::Name, "", ValueRef::Str(name));
        } else {
            self.head.set_name_len(name.len() as u16);
            self.attributes.text.push_str(name);
        }
    }

    /// Whether it is small enough to be kept for the next span.
    #[inline(always)]
    pub(crate) fn is_reusable(&self) -> bool {
        const TEXT: usize = 16 * 1024;
        const WORDS: usize = 1024;
        self.attributes.text.capacity() <= TEXT && self.attributes.words.capacity() <= WORDS
    }

    /// Empties it after the span was [sealed](Self::seal), or was never begun; large texts are given back at once.
    #[inline(always)]
    pub(crate) fn empty(&mut self) {
        self.attributes.clear();
    }

    pub(crate) fn has(&self, role: Role) -> bool {
        self.head.has(role)
    }

    pub(crate) fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    pub(crate) fn read(&self) -> Reader<'_> {
        self.attributes.read(self.head.name_len())
    }

    /// The last attribute of a role that a span has once.
    pub(crate) fn single(&self, role: Role) -> Option<Attribute<'_>> {
        if !self.has(role) {
            return None;
        }
        self.read()
            .filter(|attribute| attribute.role == role)
            .last()
    }

    /// The last value of `key` of a role.
    pub(crate) fn keyed(&self, role: Role, key: &str) -> Option<ValueRef<'_>> {
        if !self.has(role) {
            return None;
        }
        let mine = |attribute: &Attribute<'_>| attribute.role == role && attribute.key == key;
        self.read().filter(mine).last()?.value()
    }

    pub(crate) fn name(&self) -> &str {
        match self.single(Role::Name) {
            Some(name) => name.text().unwrap_or_default(),
            None => {
                let len = self.head.name_len();
                self.attributes.text.get(..len).unwrap_or_default()
            }
        }
    }

    /// Links a generation to the prompt that its input was made from, unless it is linked already.
    #[inline]
    pub(crate) fn link(&mut self, noted: Option<Noted>) {
        if let Some((name, version)) = noted
            && self.head.kind() == ObservationType::Generation
            && !self.has(Role::Prompt)
        {
            self.set_prompt(&name, version);
        }
    }

    /// Appends an attribute of a finished record.
    pub(crate) fn copy_attribute(&mut self, raw: &Raw<'_>) {
        self.head.note(raw.attribute.role);
        self.attributes.push_read(raw);
    }

    /// Appends an attribute of a finished record with another value.
    pub(crate) fn copy_value(&mut self, role: Role, key: &str, value: Value) {
        self.head.note(role);
        match value {
            Value::Str(text) if text.len() >= LARGE => {
                self.attributes.push_large(role, key, text, false);
            }
            Value::Json(text) if text.len() >= LARGE => {
                self.attributes.push_large(role, key, text, true);
            }
            other => self.attributes.push(role, key, other.as_ref()),
        }
    }

    /// Sets a metadata key of a record that is finished, whose keys are no longer counted.
    pub(crate) fn set_metadata_unlimited(&mut self, key: &str, value: ValueRef<'_>) {
        self.note_replaced(Role::Metadata, key);
        self.head.note(Role::Metadata);
        self.attributes.push(Role::Metadata, key, value);
    }

    pub(crate) fn add_tag(&mut self, tag: &str) {
        self.put(Role::Tag, tag, ValueRef::Bool(true));
    }

    /// Sets the buckets that have prices. Counts that are included in them become metadata.
    pub(crate) fn set_usage(&mut self, usage: &Usage) {
        if self.has(Role::Usage) {
            self.remove(Role::Usage);
        }
        if let Some(buckets) = usage.plain() {
            // Three names at most that differ, of a role that no older attribute has: nothing to look for.
            self.head.note(Role::Usage);
            for (name, units) in buckets {
                self.attributes
                    .push_number(Role::Usage, Kind::U64, name, units);
            }
            return;
        }
        let model = self.single(Role::Model).and_then(|model| model.text());
        let settled = usage.settle(model);
        let dropped = usage.dropped();
        for (name, units) in settled.buckets {
            self.put(Role::Usage, name, ValueRef::U64(units));
        }
        for (count, units) in settled.within {
            self.put(Role::Metadata, count.attribute(), ValueRef::U64(units));
        }
        self.note_dropped_keys(dropped);
    }

    pub(crate) fn set_cost(&mut self, cost: &Cost) {
        if self.has(Role::Cost) {
            self.remove(Role::Cost);
        }
        for (name, dollars) in cost.buckets() {
            self.put(Role::Cost, name, ValueRef::F64(dollars));
        }
        self.note_dropped_keys(cost.dropped());
    }

    pub(crate) fn set_model(&mut self, model: &str) {
        self.put(Role::Model, "", ValueRef::Str(model));
    }

    pub(crate) fn set_prompt(&mut self, name: &str, version: u32) {
        self.put(Role::Prompt, name, ValueRef::U64(version.into()));
    }

    /// Sets the model that answered. The model that was set before it is kept as the requested one.
    pub(crate) fn set_response_model(&mut self, model: &str) {
        if self.keyed(Role::Call, RESPONSE_MODEL).is_none()
            && let Some(asked) = self.single(Role::Model).and_then(|asked| asked.text())
        {
            let asked = asked.to_owned();
            self.put(Role::Call, REQUEST_MODEL, ValueRef::Str(&asked));
        }
        self.put(Role::Call, RESPONSE_MODEL, ValueRef::Str(model));
        self.set_model(model);
    }

    /// Sets the model that was asked for, beside the one that is known.
    pub(crate) fn set_request_model(&mut self, model: &str) {
        self.put(Role::Call, REQUEST_MODEL, ValueRef::Str(model));
    }

    pub(crate) fn set_output_chunks(&mut self, chunks: u64) {
        self.put(Role::Call, OUTPUT_CHUNKS, ValueRef::U64(chunks));
    }

    pub(crate) fn set_completion_start(&mut self, time: Timestamp) {
        self.put(
            Role::CompletionStart,
            "",
            ValueRef::U64(time.as_unix_nanos()),
        );
    }

    pub(crate) fn set_level(&mut self, level: Level) {
        self.head.set_level(Some(level));
        self.state.level_of_error = false;
    }

    pub(crate) fn set_status_message(&mut self, message: &str) {
        self.put(Role::StatusMessage, "", ValueRef::Str(message));
        self.state.message_of_error = false;
    }

    /// A status other than an error also takes back the level and the message that an error gave.
    pub(crate) fn set_status(&mut self, status: Status) {
        let code = match status {
            Status::Error(message) => {
                self.set_status_message(&message);
                self.state.message_of_error = true;
                if self.head.level().is_none() {
                    self.head.set_level(Some(Level::Error));
                    self.state.level_of_error = true;
                }
                self.head.set_status(StatusCode::Error);
                return;
            }
            Status::Ok => StatusCode::Ok,
            Status::Unset => StatusCode::Unset,
        };
        self.head.set_status(code);
        if std::mem::take(&mut self.state.level_of_error) {
            self.head.set_level(None);
        }
        if std::mem::take(&mut self.state.message_of_error) {
            self.remove(Role::StatusMessage);
        }
    }

    /// Begins an event, whose input, output and metadata are put next; `false` if the span has too many.
    pub(crate) fn begin_event(
        &mut self,
        name: &str,
        id: SpanId,
        time: Timestamp,
        level: Level,
    ) -> bool {
        if self.state.events >= MAX_EVENTS {
            self.limits().dropped_events += 1;
            return false;
        }
        self.state.events += 1;
        self.head.note(Role::Event);
        let moment = Moment {
            id,
            time,
            level,
            propagated: false,
        };
        self.attributes.push_moment(Role::Event, name, moment);
        true
    }

    /// Adds a link with its metadata, unless the span has too many.
    pub(crate) fn add_link(&mut self, link: Link) {
        if self.state.links >= MAX_LINKS {
            self.note_dropped_links(1);
            return;
        }
        self.state.links += 1;
        self.head.note(Role::Link);
        self.attributes
            .push_link(link.trace_id, link.span_id, link.flags);
        self.note_dropped_keys(link.dropped_keys);
        for (key, value) in link.metadata {
            self.put_owned(Role::LinkMetadata, &key, value);
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
        if !self.has(Role::Exception) || self.head.status() != StatusCode::Error {
            self.head.set_level(Some(Level::Error));
            self.head.set_status(StatusCode::Error);
            self.put_string(Role::StatusMessage, "", exception.to_string());
            self.state.level_of_error = true;
            self.state.message_of_error = true;
        }
        if self.state.errors >= MAX_EVENTS {
            self.limits().dropped_errors += 1;
            return;
        }
        self.state.errors += 1;
        self.head.note(Role::Exception);
        let moment = Moment {
            id,
            time,
            level: Level::Error,
            propagated,
        };
        self.attributes
            .push_moment(Role::Exception, &exception.kind, moment);
        self.put_string(Role::Message, "", exception.message);
        if !exception.sources.is_empty() {
            self.put_string(Role::Sources, "", exception.sources);
        }
        if let Some(stack) = exception.stacktrace {
            self.put_string(Role::Stacktrace, "", stack);
        }
    }
}

/// Shows nothing: a prompt must not reach a log by `{:?}`.
impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer").finish_non_exhaustive()
    }
}
