//! The observation that a span of another system becomes, and how what is known about it is written.
//! Written to by `read` for each attribute, finished by `settle` when the span ends. Must not know names of attributes.

use std::borrow::Cow;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value as Json;
use tracefuse_core::bridge::{
    record_exception_at, set_failed, set_request_model, set_response_model, update_trace,
};
use tracefuse_core::{Exception, Level, ObservationType, Span, Status, Timestamp};

use crate::facts::{Certainty, Facts, Rank};
use crate::value::Value;

/// The observation that a span of another tracing system becomes, and what is known about it.
#[derive(Debug)]
pub struct Observation {
    pub(crate) span: Span,
    /// Whether it begins its trace.
    pub(crate) is_root: bool,
    /// Whether it had ended before it came here.
    pub(crate) is_measured: bool,
    name: Cow<'static, str>,
    /// `None` until a field needs it.
    facts: Mutex<Option<Box<Facts>>>,
}

impl Observation {
    /// A span that was started by this name; a root's trace has that name too.
    #[must_use]
    pub fn new(span: Span, is_root: bool, name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            span,
            is_root,
            is_measured: false,
            name: name.into(),
            facts: Mutex::new(None),
        }
    }

    /// The same for a span that has ended and was measured by another system.
    #[must_use]
    pub fn measured(span: Span, is_root: bool, name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            is_measured: true,
            ..Self::new(span, is_root, name)
        }
    }

    /// The span that is written to.
    #[must_use]
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// Reads and writes the facts. No user code runs inside.
    pub(crate) fn with_facts<R>(&self, f: impl FnOnce(&mut Facts) -> R) -> R {
        f(self.lock().get_or_insert_default())
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Option<Box<Facts>>> {
        // Nothing panics while the lock is locked, so the value is consistent.
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_kind(&self, kind: ObservationType, certainty: Certainty) {
        self.with_facts(|facts| {
            if certainty >= facts.kind {
                facts.kind = certainty;
                self.span.set_observation_type(kind);
            }
        });
    }

    pub(crate) fn rename(&self, name: &str) {
        self.with_facts(|facts| facts.renamed = true);
        self.set_name(name);
    }

    fn set_name(&self, name: &str) {
        self.span.set_name(name);
        if self.is_root {
            update_trace(&self.span, |trace| {
                // A name that the user gave the trace stays.
                if trace.name == self.name {
                    name.clone_into(&mut trace.name);
                }
            });
        }
    }

    /// Sets the type that the name of a library's span says, as [`agent_span`](crate::agent_span) has it. An attribute that
    /// is more certain replaces it.
    pub fn begin_as(&self, kind: ObservationType) {
        self.set_kind(kind, Certainty::Agent);
    }

    /// Sets the name by what is known at the start: spans below that end earlier carry the trace's name.
    pub fn started(&self) {
        if self.is_root
            && let Some(facts) = self.lock().as_deref()
        {
            self.name_by(facts);
        }
    }

    pub(crate) fn name_by(&self, facts: &Facts) {
        if !facts.renamed
            && let Some(name) = facts.name_for(&self.name)
        {
            self.set_name(&name);
        }
    }

    pub(crate) fn set_input(&self, rank: Rank, value: Value<'_>) {
        self.with_facts(|facts| {
            if rank >= facts.input {
                facts.input = rank;
                facts.messages = None;
                self.span.set_input(value.into_text());
            }
        });
    }

    pub(crate) fn set_output(&self, rank: Rank, value: Value<'_>) {
        self.with_facts(|facts| {
            if rank >= facts.output {
                facts.output = rank;
                self.span.set_output(value.into_text());
            }
        });
    }

    /// The model that was asked for.
    pub(crate) fn set_request_model(&self, model: String) {
        if model.is_empty() {
            return;
        }
        self.with_facts(|facts| {
            if facts.model_is_final {
                set_request_model(&self.span, &model);
                self.span
                    .add_metadata("gen_ai.request.model", model.as_str());
            } else {
                self.span.set_model(&model);
            }
            facts.request_model = Some(model);
        });
    }

    /// The model that answered. The one that was asked for stays in the metadata, if it is another. An empty name, as of the
    /// last chunk of Azure's streams, says nothing.
    pub(crate) fn set_response_model(&self, model: &str) {
        if model.is_empty() {
            return;
        }
        self.with_facts(|facts| {
            if facts.model_is_final {
                return;
            }
            facts.model_is_final = true;
            set_response_model(&self.span, model);
            if let Some(asked) = facts.request_model.as_deref()
                && asked != model
            {
                self.span.add_metadata("gen_ai.request.model", asked);
            }
        });
    }

    /// Takes a part of the answer: `content`, `reasoning`, `tool_calls`.
    pub(crate) fn set_answer(&self, part: &str, value: &Value<'_>) {
        // Text that is JSON is shown as JSON: calls, objects.
        let json = match value {
            Value::Str(text) if part != "content" && part != "reasoning" => {
                serde_json::from_str(text).unwrap_or_else(|_| value.json())
            }
            value => value.json(),
        };
        let says = !matches!(&json, Json::String(text) if text.is_empty());
        if says && !json.is_null() {
            self.with_facts(|facts| {
                facts.answer.insert(part.to_owned(), json);
            });
        }
    }

    /// Takes a part of the messages; `false` if its place is none.
    pub(crate) fn take_part(&self, is_input: bool, place: &str, skip: &[&str], part: Json) -> bool {
        self.with_facts(|facts| match is_input {
            true => facts.input_parts.take(place, skip, part),
            false => facts.output_parts.take(place, skip, part),
        })
    }

    /// Marks the span as failed, with this message unless it has one.
    pub fn fail(&self, message: Option<&str>) {
        self.with_facts(|facts| {
            facts.failed = true;
            if facts.status_message.is_none() {
                facts.status_message = message.map(str::to_owned);
            }
            match &facts.status_message {
                Some(message) => self.span.set_status(Status::error(message)),
                None => set_failed(&self.span),
            }
        });
    }

    /// Sets the status message, over the one before.
    pub fn note(&self, message: String) {
        self.with_facts(|facts| {
            if facts.failed {
                self.span.set_status(Status::error(message.as_str()));
            } else {
                self.span.set_status_message(&message);
            }
            facts.status_message = Some(message);
        });
    }

    pub(crate) fn set_level(&self, level: Level) {
        self.span.set_level(level);
    }

    /// Records an error that happened at this time, and marks the span as failed.
    pub fn record_exception(&self, time: Timestamp, exception: Exception) {
        self.with_facts(|facts| {
            facts.failed = true;
            facts
                .status_message
                .get_or_insert_with(|| exception.to_string());
        });
        record_exception_at(&self.span, time, exception);
    }
}
