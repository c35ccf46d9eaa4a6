//! What applications call with a provider's response: methods of `Span` that record it, and of `Usage` that read its
//! usage. Languages are read by `provider`; a response that is a stream is put together by `stream`.

use serde::Serialize;
use serde_json::Value;

use crate::llm::provider::{
    Facts, anthropic, bedrock, cohere, gemini, ollama, openai, other_output, tree, without_nulls,
};
use crate::llm::stream::{Anthropic, Bedrock, Cohere, Fold, Gemini, Ollama, OpenAi};
use crate::llm::usage::{self, Language};
use crate::record::{self, Usage};
use crate::span::handle::Span;

/// Records what a provider answered. A response that states nothing changes nothing.
///
/// Each takes an SDK's type, a `serde_json::Value`, or the body's text, and records
///
/// * the model that answered, beside the one that was asked for,
/// * usage, in buckets that add up to what the provider bills, and the cost if the answer states one,
/// * how the provider served the call (`service_tier`, `speed`) as model parameters,
/// * `finish_reason` as metadata,
/// * unless an output was set, the answer as output,
/// * an error body, or an error within the answer, as an error.
///
/// An array of chunks, or the text of a stream such as server-sent events, is recorded as the answer that they are
/// parts of. What is neither an answer nor an error, such as the text of a proxy, is the output.
impl Span {
    /// Records an OpenAI response.
    ///
    /// Reads Chat Completions, Responses, Embeddings, Completions, images, transcriptions, realtime, and the last
    /// chunk or event of a stream, of OpenAI and of providers with a compatible API.
    ///
    /// ```
    /// # use tracefuse_core::Span;
    /// # let span = Span::noop();
    /// let response = serde_json::json!({
    ///     "model": "gpt-4o-2024-08-06",
    ///     "choices": [{ "message": { "role": "assistant", "content": "Hi!" }, "finish_reason": "stop" }],
    ///     "usage": {
    ///         "prompt_tokens": 2006, "completion_tokens": 300, "total_tokens": 2306,
    ///         "prompt_tokens_details": { "cached_tokens": 1920 },
    ///     },
    /// });
    /// span.record_openai(&response); // 86 input, 1,920 cached and 300 output tokens
    /// ```
    pub fn record_openai<T: Serialize + ?Sized>(&self, response: &T) {
        self.record_response(response, openai::SKIP, openai::facts, OpenAi::default);
    }

    /// Records an Anthropic `Message`, of Anthropic, Bedrock or Vertex AI. The metadata `finish_reason` is
    /// its `stop_reason`.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # let span = trace.generation("answer").start();
    /// span.record_anthropic(&serde_json::json!({ "model": "claude-sonnet-4-5", "usage": { "input_tokens": 12, "output_tokens": 3 } }));
    /// ```
    pub fn record_anthropic<T: Serialize + ?Sized>(&self, response: &T) {
        self.record_response(response, &[], anthropic::facts, Anthropic::default);
    }

    /// Records a Gemini `GenerateContentResponse`, of the Gemini API, Vertex AI or Code Assist. Keys may
    /// be in camel or snake case.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # let span = trace.generation("answer").start();
    /// span.record_gemini(&serde_json::json!({ "usageMetadata": { "promptTokenCount": 12, "candidatesTokenCount": 3 } }));
    /// ```
    pub fn record_gemini<T: Serialize + ?Sized>(&self, response: &T) {
        self.record_response(response, gemini::SKIP, gemini::facts, Gemini::default);
    }

    /// Records an answer of Amazon Bedrock's Converse API, or the last event of its stream. Keys may be in
    /// camel or snake case. The answer does not name its model: set it when the span is started.
    ///
    /// ```
    /// # use tracefuse_core::Span;
    /// # let span = Span::noop();
    /// span.record_bedrock(&serde_json::json!({
    ///     "output": { "message": { "role": "assistant", "content": [{ "text": "Hi!" }] } },
    ///     "stopReason": "end_turn",
    ///     "usage": { "inputTokens": 17, "outputTokens": 3, "totalTokens": 20 },
    /// }));
    /// ```
    pub fn record_bedrock<T: Serialize + ?Sized>(&self, response: &T) {
        self.record_response(response, &[], bedrock::facts, Bedrock::default);
    }

    /// Records an answer of Cohere's Chat (version 2), embeddings or ranking, or the last event of a stream. The answer does not name its model: set it when the span is started.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # let span = trace.generation("answer").start();
    /// span.record_cohere(&serde_json::json!({ "usage": { "tokens": { "input_tokens": 12, "output_tokens": 3 } } }));
    /// ```
    pub fn record_cohere<T: Serialize + ?Sized>(&self, response: &T) {
        self.record_response(response, cohere::SKIP, cohere::facts, Cohere::default);
    }

    /// Records an answer of Ollama's own API (`/api/chat`, `/api/generate`, `/api/embed`), or the last object of a
    /// stream.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # let span = trace.generation("answer").start();
    /// span.record_ollama(&serde_json::json!({ "model": "llama3", "prompt_eval_count": 12, "eval_count": 3 }));
    /// ```
    pub fn record_ollama<T: Serialize + ?Sized>(&self, response: &T) {
        self.record_response(response, ollama::SKIP, ollama::facts, Ollama::default);
    }

    /// Records an answer: an object as it is, an array of chunks and the text of a stream put together, and
    /// what is none of these as the output, so that it can be seen.
    fn record_response<T: Serialize + ?Sized, F: Fold<Value>>(
        &self,
        response: &T,
        skip: &'static [&'static str],
        facts: fn(&Value) -> Facts,
        fold: impl FnOnce() -> F,
    ) {
        if self.open.is_none() {
            return;
        }
        let Some(response) = tree::read(response, skip) else {
            // Too large or not readable: captured as any other output, which is cut.
            return self.offer(response);
        };
        let is_stream = match &response {
            Value::String(_) => true,
            Value::Array(chunks) => chunks.iter().any(Value::is_object),
            _ => false,
        };
        if is_stream {
            let mut fold = fold();
            fold.push(&response);
            return fold.record(self);
        }
        let mut facts = facts(&response);
        if facts.output.is_none() && facts.error.is_none() {
            facts.output = other_output(&response);
        }
        if facts.say_nothing() {
            let empty = match &response {
                Value::Array(list) => list.is_empty(),
                Value::Object(object) => without_nulls(object).is_empty(),
                _ => false,
            };
            if !empty {
                self.offer(&response);
            }
        }
        self.record_facts(facts);
    }

    /// Sets the output unless there is one.
    fn offer<T: Serialize + ?Sized>(&self, output: &T) {
        if let Some(output) = record::Value::capture(output) {
            self.offer_output(output, 0);
        }
    }
}

/// Reads what a provider counted. `None` if the answer states no usage.
impl Usage {
    /// The usage an OpenAI response states, see [`Span::record_openai`].
    ///
    /// ```
    /// use tracefuse_core::Usage;
    /// let body = r#"{ "usage": { "prompt_tokens": 8, "total_tokens": 8 } }"#;
    /// assert_eq!(Usage::from_openai_response(body).unwrap().sum(), 8);
    /// ```
    #[must_use]
    pub fn from_openai_response<T: Serialize + ?Sized>(response: &T) -> Option<Self> {
        usage::read(Language::OpenAi, &tree::read(response, openai::SKIP)?).usage
    }

    /// The usage an Anthropic response states, see [`Span::record_anthropic`].
    #[must_use]
    pub fn from_anthropic_response<T: Serialize + ?Sized>(response: &T) -> Option<Self> {
        usage::read(Language::Anthropic, &tree::read(response, &[])?).usage
    }

    /// The usage a Gemini response states, see [`Span::record_gemini`].
    #[must_use]
    pub fn from_gemini_response<T: Serialize + ?Sized>(response: &T) -> Option<Self> {
        usage::read(Language::Gemini, &tree::read(response, gemini::SKIP)?).usage
    }

    /// The usage an answer of Bedrock's Converse API states, see [`Span::record_bedrock`].
    #[must_use]
    pub fn from_bedrock_response<T: Serialize + ?Sized>(response: &T) -> Option<Self> {
        usage::read(Language::Bedrock, &tree::read(response, &[])?).usage
    }

    /// The usage an answer of Cohere's states, see [`Span::record_cohere`].
    #[must_use]
    pub fn from_cohere_response<T: Serialize + ?Sized>(response: &T) -> Option<Self> {
        usage::read(Language::Cohere, &tree::read(response, cohere::SKIP)?).usage
    }

    /// The usage an answer of Ollama's own API states, see [`Span::record_ollama`].
    #[must_use]
    pub fn from_ollama_response<T: Serialize + ?Sized>(response: &T) -> Option<Self> {
        usage::read(Language::Ollama, &tree::read(response, ollama::SKIP)?).usage
    }
}
