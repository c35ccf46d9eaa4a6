//! What the attributes of a span make of its observation: type, model, tokens, input, output, metadata.
//! Fed by a bridge as they are recorded; the last word is said when the span ends.

use std::borrow::Cow;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracefuse_core::bridge::{captures_content, record_exception_at, set_failed, update_trace};
use tracefuse_core::{Cost, Exception, Level, ObservationType, Span, Status, Timestamp, Usage};

use crate::names::{GEN_AI, LANGFUSE};
use crate::usage::Tokens;
use crate::value::Value;
use crate::{gen_ai, langfuse};

/// How sure a field is of what the observation is; the surest wins, whatever the order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Certainty {
    #[default]
    None,
    /// It belongs to an agent.
    Agent,
    /// A model is named.
    Model,
    /// A tool is named.
    Tool,
    /// The operation is named.
    Operation,
    /// The user says so.
    Explicit,
}

/// What must be known together before it can be written.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) kind: Certainty,
    pub(crate) operation: Option<String>,
    pub(crate) agent: Option<String>,
    pub(crate) tool: Option<String>,
    pub(crate) request_model: Option<String>,
    /// The model that answered, or the one the user named, is already set.
    pub(crate) model_is_final: bool,
    pub(crate) renamed: bool,
    pub(crate) system: Option<String>,
    pub(crate) messages: Option<String>,
    pub(crate) input: Rank,
    pub(crate) output: Rank,
    pub(crate) tokens: Tokens,
    /// Buckets the user gave, over the tokens.
    pub(crate) usage: Option<Vec<(String, u64)>>,
    pub(crate) cost: Option<Cost>,
    pub(crate) prompt: (Option<String>, Option<u32>),
    pub(crate) status_message: Option<String>,
    pub(crate) failed: bool,
}

/// Which of several fields an input or output is from; the highest wins, whatever the order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    #[default]
    None,
    Tool,
    Text,
    Messages,
    Explicit,
}

/// The observation that a span of another tracing system becomes, and what is known of it.
#[derive(Debug)]
pub struct Observation {
    pub(crate) span: Span,
    /// Whether it begins its trace.
    pub(crate) is_root: bool,
    /// Whether it was over before it came here, so that nothing of it happens now.
    pub(crate) is_measured: bool,
    name: Cow<'static, str>,
    /// Only there once a field needs it.
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

    /// The same of a span that is over, and was measured elsewhere.
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

    /// Takes an attribute. Its value is formatted already, so no code of the user's runs in here.
    pub fn record(&self, name: &str, value: Value<'_>) {
        if let Some(rest) = name.strip_prefix(GEN_AI) {
            gen_ai::record(self, name, rest, value);
        } else if let Some(rest) = name.strip_prefix(LANGFUSE) {
            langfuse::record(self, name, rest, value);
        } else {
            self.record_other(name, value);
        }
    }

    fn record_other(&self, name: &str, value: Value<'_>) {
        match name {
            "otel.name" => self.rename(&value.text()),
            "otel.kind" => {}
            "otel.status_code" => match &*value.text() {
                text if text.eq_ignore_ascii_case("error") => self.fail(None),
                text if text.eq_ignore_ascii_case("ok") => self.span.set_status(Status::Ok),
                _ => {}
            },
            "otel.status_message" | "otel.status_description" => self.note(value.into_text()),
            "error.type" => {
                self.span.add_metadata(name, &value);
                self.fail(Some(&value.text()));
            }
            "user.id" | "session.id" => langfuse::record(self, name, name, value),
            _ => self.span.add_metadata(name, &value),
        }
    }

    /// Reads and writes what is known. Nothing of the user's runs inside.
    pub(crate) fn with_facts<R>(&self, f: impl FnOnce(&mut Facts) -> R) -> R {
        f(self.lock().get_or_insert_default())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Box<Facts>>> {
        // We never panic while we hold it, so what it guards is whole.
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

    /// Names it by what is known at its start: spans below that end earlier carry the trace's name.
    pub fn started(&self) {
        if self.is_root
            && let Some(facts) = self.lock().as_deref()
        {
            self.name_by(facts);
        }
    }

    fn name_by(&self, facts: &Facts) {
        if !facts.renamed
            && let Some(name) = gen_ai::name(&self.name, facts)
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

    /// Marks it as failed, with a message unless there is one.
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

    /// The message that goes with its status, over the one before.
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

    /// Records an error that happened at this moment, and marks it as failed.
    pub fn record_exception(&self, time: Timestamp, exception: Exception) {
        self.with_facts(|facts| {
            facts.failed = true;
            facts
                .status_message
                .get_or_insert_with(|| exception.to_string());
        });
        record_exception_at(&self.span, time, exception);
    }

    /// Says the last word and ends it. `counted` tells whether a span below had tokens of its own, so
    /// that these would be counted twice; the answer is the same for what is above.
    pub fn finish(&self, counted: bool) -> bool {
        let counted = self.conclude(counted);
        self.span.end();
        counted
    }

    /// [`finish`](Self::finish) at a moment that was measured elsewhere.
    pub fn finish_at(&self, counted: bool, time: Timestamp) -> bool {
        let counted = self.conclude(counted);
        self.span.end_at(time);
        counted
    }

    fn conclude(&self, counted: bool) -> bool {
        let facts = self.lock().take();
        facts.is_some_and(|facts| self.settle(*facts, counted)) || counted
    }

    fn settle(&self, facts: Facts, counted: bool) -> bool {
        self.name_by(&facts);
        let system = match facts.messages {
            Some(messages) => {
                let (input, left) = gen_ai::with_system(messages, facts.system);
                self.span.set_input(input);
                left
            }
            None => facts.system,
        };
        // Instructions are words of the input's, wherever they end up.
        if let Some(system) = system.filter(|_| captures_content(&self.span)) {
            self.span.add_metadata("gen_ai.system_instructions", system);
        }
        if let Some(cost) = facts.cost {
            self.span.set_cost(cost);
        }
        if let (Some(name), version) = &facts.prompt {
            self.span.set_prompt(name, version.unwrap_or(1));
        }
        if let Some(buckets) = facts.usage {
            let usage = Usage::default();
            self.span.set_usage(
                buckets
                    .into_iter()
                    .fold(usage, |usage, (name, units)| usage.bucket(name, units)),
            );
            return true;
        }
        if facts.tokens.is_empty() {
            return false;
        }
        if counted {
            for (name, count) in facts.tokens.buckets().filter(|(_, count)| *count > 0) {
                self.span
                    .add_metadata(&format!("{GEN_AI}usage.{name}"), count);
            }
        } else {
            self.span.set_usage(facts.tokens.to_usage());
        }
        true
    }
}
