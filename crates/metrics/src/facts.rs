//! What metrics need of a finished span, read in one pass over its attributes, without an allocation.
//! Called by `processor` on the thread that ended the span. Knows neither series nor instruments.

use tracefuse_core::record::{
    FinishedSpan, Level, ObservationType, SpanAttribute, SpanRecord, StatusCode, Timestamp,
    ValueRef,
};

use crate::tokens::Tokens;

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
pub(crate) type Key<'a> = [&'a str; TEXTS];
pub(crate) const TEXTS: usize = 9;
/// What a framework gave as `gen_ai.operation.name`.
pub(crate) const OPERATION: usize = 0;
/// What a framework gave as `gen_ai.provider.name`.
pub(crate) const PROVIDER: usize = 1;
/// `gen_ai.system`, the older name.
pub(crate) const SYSTEM: usize = 2;
/// In whose language the response was.
pub(crate) const LANGUAGE: usize = 3;
/// The model that was set.
pub(crate) const MODEL: usize = 4;
pub(crate) const REQUEST_MODEL: usize = 5;
pub(crate) const RESPONSE_MODEL: usize = 6;
/// Of a tool or an agent.
pub(crate) const NAME: usize = 7;
pub(crate) const ERROR: usize = 8;

/// A text longer than this is cut: the memory of a series has a bound.
const MAX_TEXT: usize = 128;

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

/// What a span says of itself, finished or recorded.
pub(crate) trait Span<'a> {
    fn head(&self) -> (ObservationType, Timestamp, Timestamp);
    fn failed(&self) -> bool;
    fn name(&self) -> &'a str;
    fn attributes(&self) -> impl Iterator<Item = SpanAttribute<'a>>;
}

impl<'a> Span<'a> for FinishedSpan<'a> {
    #[inline]
    fn head(&self) -> (ObservationType, Timestamp, Timestamp) {
        (self.observation_type(), self.start_time(), self.end_time())
    }
    #[inline]
    fn failed(&self) -> bool {
        self.status() == StatusCode::Error || self.level() == Some(Level::Error)
    }
    #[inline]
    fn name(&self) -> &'a str {
        self.name()
    }
    #[inline]
    fn attributes(&self) -> impl Iterator<Item = SpanAttribute<'a>> {
        self.attributes()
    }
}

impl<'a> Span<'a> for &'a SpanRecord {
    fn head(&self) -> (ObservationType, Timestamp, Timestamp) {
        (self.observation_type(), self.start_time(), self.end_time())
    }
    fn failed(&self) -> bool {
        self.status() == StatusCode::Error || self.level() == Some(Level::Error)
    }
    fn name(&self) -> &'a str {
        SpanRecord::name(self)
    }
    fn attributes(&self) -> impl Iterator<Item = SpanAttribute<'a>> {
        SpanRecord::attributes(self)
    }
}

impl<'a> Facts<'a> {
    /// Calls a closure with the facts of a span, unless nothing measures it, as a plain span. They are not returned, because
    /// they have half a kilobyte.
    #[inline]
    pub(crate) fn of(span: &impl Span<'a>, show: impl FnOnce(&Self)) {
        let (kind, start, end) = span.head();
        let Some(operation) = Operation::of(kind) else {
            return;
        };
        let mut facts = Self {
            operation,
            key: [""; TEXTS],
            nanos: since(start, end),
            first_chunk: None,
            after_first: 0,
            chunks: 0,
            tokens: Tokens::default(),
        };
        facts.read(span, start, end);
        show(&facts);
    }

    #[inline]
    fn read(&mut self, span: &impl Span<'a>, start: Timestamp, end: Timestamp) {
        let (key, tokens) = (&mut self.key, &mut self.tokens);
        let calls_a_model = !matches!(self.operation, Operation::Tool | Operation::Agent);
        if !calls_a_model {
            key[NAME] = cut(span.name());
        }
        let mut within: [(&str, u64); 8] = [("", 0); 8];
        let mut within_len = 0;
        let mut exception = "";
        for attribute in span.attributes() {
            match attribute {
                SpanAttribute::Model(model) => key[MODEL] = cut(model),
                SpanAttribute::RequestModel(model) => key[REQUEST_MODEL] = cut(model),
                SpanAttribute::ResponseModel(model) => key[RESPONSE_MODEL] = cut(model),
                SpanAttribute::Provider(provider) => key[LANGUAGE] = cut(provider),
                SpanAttribute::Usage(bucket, units) => tokens.bucket(bucket, units),
                SpanAttribute::CompletionStart(time) => {
                    self.first_chunk = Some(since(start, time));
                    self.after_first = since(time, end);
                }
                SpanAttribute::OutputChunks(chunks) => self.chunks = chunks,
                SpanAttribute::Exception(error) if exception.is_empty() => {
                    exception = cut(error.kind());
                }
                SpanAttribute::Metadata(name, ValueRef::Str(text)) => given(key, name, text),
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
        if key[ERROR].is_empty() {
            if !exception.is_empty() {
                key[ERROR] = exception;
            } else if span.failed() {
                key[ERROR] = "_OTHER";
            }
        }
        // Other attributes of a span must not create more series.
        let unused: &[usize] = match self.operation {
            Operation::Tool => &[
                OPERATION,
                PROVIDER,
                SYSTEM,
                LANGUAGE,
                MODEL,
                REQUEST_MODEL,
                RESPONSE_MODEL,
            ],
            Operation::Agent => &[OPERATION, PROVIDER, SYSTEM, LANGUAGE, RESPONSE_MODEL],
            _ => &[NAME],
        };
        for slot in unused {
            if let Some(text) = key.get_mut(*slot) {
                *text = "";
            }
        }
    }
}

fn since(from: Timestamp, to: Timestamp) -> u64 {
    to.as_unix_nanos().saturating_sub(from.as_unix_nanos())
}

/// What a framework or a user gave under a name of the conventions.
fn given<'a>(key: &mut Key<'a>, name: &str, text: &'a str) {
    let text = cut(text);
    match name {
        "error.type" => key[ERROR] = text,
        _ if !name.starts_with("gen_ai.") => {}
        "gen_ai.operation.name" => key[OPERATION] = text,
        "gen_ai.provider.name" => key[PROVIDER] = text,
        "gen_ai.system" => key[SYSTEM] = text,
        "gen_ai.request.model" => key[REQUEST_MODEL] = text,
        "gen_ai.response.model" => key[RESPONSE_MODEL] = text,
        "gen_ai.tool.name" | "gen_ai.agent.name" => key[NAME] = text,
        _ => {}
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
