//! What metrics need of a finished span, read in one pass over its attributes, without an allocation.
//! Called by `processor` on the thread that ended the span. Knows neither series nor instruments.

use tracefuse_core::record::{
    FinishedSpan, Level, ObservationType, SpanAttribute, SpanRecord, StatusCode, Timestamp,
    ValueRef,
};

/// What a span measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Operation {
    /// A call that lets a model answer.
    Inference,
    Embeddings,
    Retrieval,
    Tool,
    Agent,
}

impl Operation {
    pub(crate) const COUNT: usize = 5;

    /// Its name in `gen_ai.operation.name`, where the span does not say another one.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Inference => "chat",
            Self::Embeddings => "embeddings",
            Self::Retrieval => "retrieval",
            Self::Tool => "execute_tool",
            Self::Agent => "invoke_agent",
        }
    }

    fn of(kind: ObservationType) -> Option<Self> {
        Some(match kind {
            ObservationType::Generation => Self::Inference,
            ObservationType::Embedding => Self::Embeddings,
            ObservationType::Retriever => Self::Retrieval,
            ObservationType::Tool => Self::Tool,
            ObservationType::Agent => Self::Agent,
            _ => return None,
        })
    }
}

/// Which texts tell one series from another, as they are in the span. Never a user, a session or a text of a conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Key<'a> {
    /// What a framework gave as `gen_ai.operation.name`.
    pub(crate) operation: &'a str,
    /// What a framework gave as `gen_ai.provider.name`.
    pub(crate) provider: &'a str,
    /// `gen_ai.system`, the older name.
    pub(crate) system: &'a str,
    /// In whose language the response was.
    pub(crate) language: &'a str,
    /// The model that was set.
    pub(crate) model: &'a str,
    pub(crate) request_model: &'a str,
    pub(crate) response_model: &'a str,
    /// Of a tool or an agent.
    pub(crate) name: &'a str,
    pub(crate) error: &'a str,
}

/// A text longer than this is cut: the memory of a series has a bound.
const MAX_TEXT: usize = 128;

/// Input, output and their parts.
pub(crate) const TOKEN_KINDS: usize = 5;
pub(crate) const INPUT: usize = 0;
pub(crate) const OUTPUT: usize = 1;
pub(crate) const CACHE_READ: usize = 2;
pub(crate) const CACHE_WRITE: usize = 3;
pub(crate) const REASONING: usize = 4;

/// Modalities, and `unknown`, by their names in `gen_ai.token.modality`.
pub(crate) const MODALITIES: [&str; 5] = ["unknown", "text", "audio", "image", "video"];
const UNKNOWN: usize = 0;
const TEXT: usize = 1;
const AUDIO: usize = 2;
const IMAGE: usize = 3;
const VIDEO: usize = 4;

/// Tokens by kind and modality.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tokens {
    /// Whether the span says anything about tokens.
    pub(crate) known: bool,
    pub(crate) units: [[u64; MODALITIES.len()]; TOKEN_KINDS],
}

/// What is counted of one call is less than this, so that sums do not wrap.
const MAX_UNITS: u64 = 1 << 48;

impl Tokens {
    fn add(&mut self, kind: usize, modality: usize, units: u64) {
        let place = self
            .units
            .get_mut(kind)
            .and_then(|row| row.get_mut(modality));
        if let Some(place) = place {
            *place = place.saturating_add(units).min(MAX_UNITS);
        }
    }

    /// All tokens of a kind.
    pub(crate) fn of(&self, kind: usize) -> u64 {
        self.units.get(kind).into_iter().flatten().sum()
    }

    /// Adds a bucket of usage. Buckets are disjoint; the counts of the conventions include their parts.
    fn bucket(&mut self, bucket: &str, units: u64) {
        let (kind, part, modality) = match bucket {
            "input" => (INPUT, None, UNKNOWN),
            "output" => (OUTPUT, None, UNKNOWN),
            "total" => return,
            "input_cached_tokens" | "cache_read_input_tokens" | "input_cache_read" => {
                (INPUT, Some(CACHE_READ), UNKNOWN)
            }
            "input_cache_creation"
            | "input_cache_creation_tokens"
            | "cache_creation_input_tokens"
            | "cache_write_tokens"
            | "input_cache_creation_5m"
            | "input_cache_creation_1h" => (INPUT, Some(CACHE_WRITE), UNKNOWN),
            "input_text_tokens" => (INPUT, None, TEXT),
            "input_audio_tokens" => (INPUT, None, AUDIO),
            "input_image_tokens" => (INPUT, None, IMAGE),
            "input_video_tokens" => (INPUT, None, VIDEO),
            "input_cached_text_tokens" => (INPUT, Some(CACHE_READ), TEXT),
            "input_cached_audio_tokens" => (INPUT, Some(CACHE_READ), AUDIO),
            "input_cached_image_tokens" => (INPUT, Some(CACHE_READ), IMAGE),
            "output_reasoning_tokens" => (OUTPUT, Some(REASONING), UNKNOWN),
            "output_text_tokens" => (OUTPUT, None, TEXT),
            "output_audio_tokens" => (OUTPUT, None, AUDIO),
            "output_image_tokens" => (OUTPUT, None, IMAGE),
            _ if bucket.starts_with("input") || bucket.starts_with("cache_") => {
                (INPUT, None, UNKNOWN)
            }
            _ if bucket.starts_with("output") => (OUTPUT, None, UNKNOWN),
            _ => return,
        };
        self.known = true;
        self.add(kind, modality, units);
        if let Some(part) = part {
            self.add(part, modality, units);
        }
    }

    /// Adds a part that is within a bucket, since its model has no price for it: such parts are metadata.
    fn within(&mut self, key: &str, units: u64) {
        let (kind, modality) = match key {
            "gen_ai.usage.cache_read.input_tokens" => return self.add(CACHE_READ, UNKNOWN, units),
            "gen_ai.usage.cache_write.input_tokens" => {
                return self.add(CACHE_WRITE, UNKNOWN, units);
            }
            "gen_ai.usage.reasoning.output_tokens" => return self.add(REASONING, UNKNOWN, units),
            "gen_ai.usage.text.input_tokens" => (INPUT, TEXT),
            "gen_ai.usage.audio.input_tokens" => (INPUT, AUDIO),
            "gen_ai.usage.image.input_tokens" => (INPUT, IMAGE),
            "gen_ai.usage.text.output_tokens" => (OUTPUT, TEXT),
            "gen_ai.usage.audio.output_tokens" => (OUTPUT, AUDIO),
            "gen_ai.usage.image.output_tokens" => (OUTPUT, IMAGE),
            _ => return,
        };
        // Never more than is there: the sum over the modalities stays what the provider reported.
        let row = self.units.get_mut(kind);
        if let Some([unknown, rest @ ..]) = row
            && let Some(known) = rest.get_mut(modality - 1)
        {
            let moved = units.min(*unknown);
            *unknown -= moved;
            *known = known.saturating_add(moved);
        }
    }
}

/// What metrics need of a finished span.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) operation: Operation,
    pub(crate) key: Key<'a>,
    pub(crate) nanos: u64,
    /// From the start to the first token, of a streamed answer.
    pub(crate) first_chunk: Option<u64>,
    /// From the first token to the end.
    pub(crate) after_first: u64,
    /// Chunks after the first one.
    pub(crate) chunks: u64,
    pub(crate) tokens: Tokens,
}

impl<'a> Facts<'a> {
    /// `None` for a span that nothing measures, such as a plain span.
    pub(crate) fn of(span: &FinishedSpan<'a>) -> Option<Self> {
        let operation = Operation::of(span.observation_type())?;
        let mut facts = Self::new(operation, span.start_time(), span.end_time());
        if matches!(operation, Operation::Tool | Operation::Agent) {
            facts.key.name = span.name();
        }
        let failed = span.status() == StatusCode::Error || span.level() == Some(Level::Error);
        facts.read(
            span.attributes(),
            span.start_time(),
            span.end_time(),
            failed,
        );
        Some(facts)
    }

    /// [`of`](Self::of) for a record.
    pub(crate) fn of_record(span: &'a SpanRecord) -> Option<Self> {
        let operation = Operation::of(span.observation_type())?;
        let mut facts = Self::new(operation, span.start_time(), span.end_time());
        if matches!(operation, Operation::Tool | Operation::Agent) {
            facts.key.name = span.name();
        }
        let failed = span.status() == StatusCode::Error || span.level() == Some(Level::Error);
        facts.read(
            span.attributes(),
            span.start_time(),
            span.end_time(),
            failed,
        );
        Some(facts)
    }

    fn new(operation: Operation, start: Timestamp, end: Timestamp) -> Self {
        Self {
            operation,
            key: Key::default(),
            nanos: since(start, end),
            first_chunk: None,
            after_first: 0,
            chunks: 0,
            tokens: Tokens::default(),
        }
    }

    fn read(
        &mut self,
        attributes: impl Iterator<Item = SpanAttribute<'a>>,
        start: Timestamp,
        end: Timestamp,
        failed: bool,
    ) {
        let (mut key, tokens) = (self.key, &mut self.tokens);
        let mut exception = "";
        let mut within: [(&str, u64); 8] = [("", 0); 8];
        let mut within_len = 0;
        for attribute in attributes {
            match attribute {
                SpanAttribute::Model(model) => key.model = model,
                SpanAttribute::RequestModel(model) => key.request_model = model,
                SpanAttribute::ResponseModel(model) => key.response_model = model,
                SpanAttribute::Provider(provider) => key.language = provider,
                SpanAttribute::Usage(bucket, units) => tokens.bucket(bucket, units),
                SpanAttribute::CompletionStart(time) => {
                    self.first_chunk = Some(since(start, time));
                    self.after_first = since(time, end);
                }
                SpanAttribute::OutputChunks(chunks) => self.chunks = chunks,
                SpanAttribute::Exception(error) if exception.is_empty() => exception = error.kind(),
                SpanAttribute::Metadata(name, ValueRef::Str(text)) => given(&mut key, name, text),
                SpanAttribute::Metadata(name, ValueRef::U64(units))
                    if name.starts_with("gen_ai.usage.") =>
                {
                    if let Some(place) = within.get_mut(within_len) {
                        *place = (name, units);
                        within_len += 1;
                    }
                }
                _ => {}
            }
        }
        // After the buckets: a part is within one of them.
        for (name, units) in within.into_iter().take(within_len) {
            tokens.within(name, units);
        }
        if key.error.is_empty() && (failed || !exception.is_empty()) {
            key.error = if exception.is_empty() {
                "_OTHER"
            } else {
                exception
            };
        }
        key = match self.operation {
            // What else is set on a tool or an agent must not make more series.
            Operation::Tool => Key {
                name: key.name,
                error: key.error,
                ..Key::default()
            },
            Operation::Agent => Key {
                name: key.name,
                model: key.model,
                request_model: key.request_model,
                error: key.error,
                ..Key::default()
            },
            _ => Key { name: "", ..key },
        };
        self.key = key.cut();
        if self.first_chunk.is_none() {
            self.chunks = 0;
        }
    }
}

fn since(from: Timestamp, to: Timestamp) -> u64 {
    to.as_unix_nanos().saturating_sub(from.as_unix_nanos())
}

/// What a framework or a user gave under a name of the conventions.
fn given<'a>(key: &mut Key<'a>, name: &str, text: &'a str) {
    match name {
        "error.type" => key.error = text,
        _ if !name.starts_with("gen_ai.") => {}
        "gen_ai.operation.name" => key.operation = text,
        "gen_ai.provider.name" => key.provider = text,
        "gen_ai.system" => key.system = text,
        "gen_ai.request.model" => key.request_model = text,
        "gen_ai.response.model" => key.response_model = text,
        "gen_ai.tool.name" | "gen_ai.agent.name" => key.name = text,
        _ => {}
    }
}

impl<'a> Key<'a> {
    /// In a fixed order.
    pub(crate) fn texts(&self) -> [&'a str; 9] {
        [
            self.operation,
            self.provider,
            self.system,
            self.language,
            self.model,
            self.request_model,
            self.response_model,
            self.name,
            self.error,
        ]
    }

    fn cut(self) -> Self {
        Self {
            operation: cut(self.operation),
            provider: cut(self.provider),
            system: cut(self.system),
            language: cut(self.language),
            model: cut(self.model),
            request_model: cut(self.request_model),
            response_model: cut(self.response_model),
            name: cut(self.name),
            error: cut(self.error),
        }
    }
}

#[inline]
fn cut(text: &str) -> &str {
    if text.len() <= MAX_TEXT {
        return text;
    }
    let end = (0..=MAX_TEXT).rev().find(|end| text.is_char_boundary(*end));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}
