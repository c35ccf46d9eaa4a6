//! Streams that carry a span: current while they are polled, ended when they end, filled by what they yield.
//! Used by applications on a model's answer as it arrives. Folds put the chunks together. Must not know exporters.

mod anthropic;
mod assembly;
mod assistants;
mod base64;
mod bedrock;
mod calls;
mod chat;
mod cohere;
mod dashscope;
mod fold;
mod gemini;
mod interactions;
mod merge;
mod ollama;
mod openai;
mod partial_args;
mod pieces;
mod responses;
mod servers;

use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use serde::Serialize;

use crate::record::AsException;
use crate::span::current;
use crate::span::handle::Span;
use crate::span::run::record_panic;

pub use anthropic::Anthropic;
pub use bedrock::Bedrock;
pub use cohere::Cohere;
pub use fold::{Fold, Output, Text};
pub use gemini::Gemini;
pub use ollama::Ollama;
pub use openai::OpenAi;

/// Takes a span into a stream. Bring it into scope and every stream has these methods.
///
/// The span is current whenever the stream is polled. The arrival of the first item that carries content,
/// reasoning or a tool call is the first token. The span ends when the stream ends, even if other handles
/// of it exist. If the stream is dropped before that, the span is marked as cancelled and keeps what had
/// arrived.
///
/// ```
/// use futures::{StreamExt as _, stream};
/// use tracefuse_core::{ObserveStream as _, Tracer};
/// # let tracer = Tracer::noop();
/// # futures::executor::block_on(async {
/// let trace = tracer.trace("chat").start();
/// // Started before the request is sent, so that the time to the first token is the whole time.
/// let generation = trace.generation("answer").model("gpt-4o").start();
/// let tokens = stream::iter(["Good ", "morning"]); // what your model yields
/// let mut tokens = tokens.observed(generation).text();
/// while let Some(token) = tokens.next().await {
///     print!("{token}");
/// }
/// # });
/// ```
///
/// What had arrived stays, however the stream ends: by its end, an error, an event that describes an error,
/// a panic, or when it is dropped.
pub trait ObserveStream: Stream + Sized {
    /// Observes a stream of any items. A method of [`Observed`] says how they are recorded.
    fn observed(self, span: Span) -> Observed<Self, Every> {
        Observed::new(self, span, ())
    }

    /// Observes a stream of results: an `Err` is recorded, level ERROR, and yielded as it is.
    /// Folds see what is in the `Ok`s.
    fn try_observed<T, E, Via>(self, span: Span) -> Observed<Self, Oks<Via>>
    where
        Self: Stream<Item = Result<T, E>>,
        E: AsException<Via>,
    {
        Observed::new(self, span, ())
    }
}

impl<S: Stream> ObserveStream for S {}

/// What of a stream's items is folded.
pub trait Select<I> {
    /// What folds see.
    type Item: ?Sized;
    /// The part of `item` that is folded; `None` if it is a failure, which is recorded.
    fn select<'a>(span: &Span, item: &'a I) -> Option<&'a Self::Item>;
}

/// Each item is folded as it is: [`ObserveStream::observed`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Every;

impl<I> Select<I> for Every {
    type Item = I;

    fn select<'a>(_: &Span, item: &'a I) -> Option<&'a I> {
        Some(item)
    }
}

/// What is in the `Ok`s is folded, errors are recorded: [`ObserveStream::try_observed`].
#[derive(Debug)]
pub struct Oks<Via>(PhantomData<fn(Via)>);

impl<T, E: AsException<Via>, Via> Select<Result<T, E>> for Oks<Via> {
    type Item = T;

    fn select<'a>(span: &Span, item: &'a Result<T, E>) -> Option<&'a T> {
        item.as_ref().map_err(|error| span.record_error(error)).ok()
    }
}

pin_project_lite::pin_project! {
    /// A stream with a span; made by [`ObserveStream`].
    ///
    /// Without one of the methods below it records the first item as the first token, errors and the end.
    /// Each of them adds an output, unless the span has one, and what else the items say.
    #[must_use = "streams do nothing unless polled"]
    pub struct Observed<S, J, F = ()>
    where
        S: Stream,
        J: Select<S::Item>,
        F: Fold<J::Item>,
    {
        #[pin]
        inner: S,
        watch: Watch<J::Item, F>,
    }
}

impl<S: Stream, J: Select<S::Item>> Observed<S, J> {
    /// Puts together the chunks of an OpenAI stream: model, usage, `finish_reason`, and the message with its
    /// reasoning and tool calls. Reads Chat Completions (also of Azure and of providers that speak this
    /// language), Completions, Responses, Assistants, realtime, transcriptions and pictures. Chat Completions state
    /// usage only if asked by `stream_options: {"include_usage": true}`.
    ///
    /// An item is an SDK's type, a `serde_json::Value`, or text: the lines or pieces of server-sent events
    /// as they arrive. The same holds for the other providers.
    ///
    /// ```
    /// # use futures::{StreamExt as _, stream};
    /// # use tracefuse_core::{ObserveStream as _, Span};
    /// # let span = Span::noop();
    /// let lines = stream::iter([
    ///     r#"data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}"#,
    ///     "data: [DONE]",
    /// ]);
    /// let mut lines = lines.observed(span).openai();
    /// # futures::executor::block_on(async {
    /// while let Some(line) = lines.next().await { /* pass it on */ }
    /// # });
    /// ```
    pub fn openai(self) -> Observed<S, J, OpenAi>
    where
        J::Item: Serialize,
    {
        self.fold_by(OpenAi::default())
    }

    /// Puts together the events of an Anthropic stream: model, usage, `finish_reason`, and the message
    /// with its tool calls; or the text of the API before Messages (`/v1/complete`).
    pub fn anthropic(self) -> Observed<S, J, Anthropic>
    where
        J::Item: Serialize,
    {
        self.fold_by(Anthropic::default())
    }

    /// Puts together the chunks of a Gemini stream, also of Vertex AI and Code Assist: model, usage,
    /// `finish_reason`, and the content with its function calls.
    pub fn gemini(self) -> Observed<S, J, Gemini>
    where
        J::Item: Serialize,
    {
        self.fold_by(Gemini::default())
    }

    /// Puts together the events of Bedrock's ConverseStream: usage, `finish_reason`, and the message with its
    /// reasoning and tool calls. An event is an object in a field that names it, as in
    /// `{"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "Hi"}}}`, or the object alone. Keys
    /// may be in camel or snake case. The events do not name the model: set it when the span is started.
    ///
    /// The chunks of InvokeModelWithResponseStream are read as well, in the language of the model's maker: as they are, or
    /// as the service sends them, in base64 (`{"chunk": {"bytes": ".."}}`).
    pub fn bedrock(self) -> Observed<S, J, Bedrock>
    where
        J::Item: Serialize,
    {
        self.fold_by(Bedrock::default())
    }

    /// Puts together the events of Cohere's Chat (version 2): usage, `finish_reason`, and the message with its
    /// plan and tool calls. The events do not name the model: set it when the span is started.
    pub fn cohere(self) -> Observed<S, J, Cohere>
    where
        J::Item: Serialize,
    {
        self.fold_by(Cohere::default())
    }

    /// Puts together the objects of a stream of Ollama's own API (`/api/chat`, `/api/generate`): model, usage,
    /// `finish_reason`, and the message with its thinking and tool calls.
    pub fn ollama(self) -> Observed<S, J, Ollama>
    where
        J::Item: Serialize,
    {
        self.fold_by(Ollama::default())
    }

    /// The items are pieces of text, joined into the output.
    pub fn text(self) -> Observed<S, J, Text>
    where
        J::Item: AsRef<str>,
    {
        self.fold_by(Text::default())
    }

    /// Builds the output from the items, beginning with the default of its type.
    ///
    /// ```
    /// # use futures::{StreamExt as _, stream};
    /// # use tracefuse_core::{ObserveStream as _, Span};
    /// # let span = Span::noop();
    /// struct Chunk { delta: String }
    /// # let chunks = stream::iter([Chunk { delta: "a".into() }]);
    /// let chunks = chunks
    ///     .observed(span)
    ///     .fold_output(|text: &mut String, chunk| text.push_str(&chunk.delta));
    /// # futures::executor::block_on(chunks.count());
    /// ```
    pub fn fold_output<A, G>(self, fold: G) -> Observed<S, J, Output<A, G>>
    where
        A: Default + Serialize,
        G: FnMut(&mut A, &J::Item),
    {
        self.fold_by(Output::new(fold))
    }

    /// Puts the items together by your own [`Fold`], which may record more than an output.
    pub fn fold_by<F: Fold<J::Item>>(mut self, fold: F) -> Observed<S, J, F> {
        let span = self.watch.span.take().unwrap_or(Span::noop());
        Observed::new(self.inner, span, fold)
    }
}

impl<S: Stream, J: Select<S::Item>, F: Fold<J::Item>> Observed<S, J, F> {
    fn new(inner: S, span: Span, fold: F) -> Self {
        Self {
            inner,
            watch: Watch {
                fold: span.open.is_some().then_some(fold),
                span: Some(span),
                started: false,
                chunks: 0,
                item: PhantomData,
            },
        }
    }
}

impl<S: Stream, J: Select<S::Item>, F: Fold<J::Item>> Stream for Observed<S, J, F> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        let (inner, watch) = (this.inner, this.watch);
        let entered = watch.span.as_ref().map(current::enter);
        // The panic is recorded and then resumed, so nothing looks at what it left inconsistent.
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let polled = inner.poll_next(cx);
            if let Poll::Ready(Some(item)) = &polled {
                watch.saw::<S::Item, J>(item);
            }
            polled
        }));
        drop(entered);
        let polled = polled.unwrap_or_else(|panic| {
            if let Some(span) = watch.record() {
                record_panic(&span, &*panic);
            }
            resume_unwind(panic)
        });
        if let Poll::Ready(None) = polled
            && let Some(span) = watch.record()
        {
            span.end();
        }
        polled
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.size_hint()
    }
}

/// The span of a stream, and what of its items is kept.
struct Watch<I: ?Sized, F: Fold<I>> {
    /// `None` once the stream has ended.
    span: Option<Span>,
    /// `None` if nothing is recorded, or the items were recorded.
    fold: Option<F>,
    started: bool,
    /// Chunks after the one that had the first content.
    chunks: u64,
    item: PhantomData<fn(&I)>,
}

impl<I: ?Sized, F: Fold<I>> Watch<I, F> {
    fn saw<Raw, J: Select<Raw, Item = I>>(&mut self, item: &Raw) {
        let (Some(span), Some(fold)) = (&self.span, &mut self.fold) else {
            return;
        };
        let Some(item) = J::select(span, item) else {
            return;
        };
        fold.push(item);
        if self.started {
            self.chunks += 1;
        } else if fold.has_content() {
            self.started = true;
            span.record_first_token();
        }
    }

    /// Records what was kept. Returns the span once, so that it is ended.
    fn record(&mut self) -> Option<Span> {
        let span = self.span.take()?;
        if let Some(open) = &span.open {
            open.set_output_chunks(self.chunks);
        }
        if let Some(fold) = self.fold.take() {
            fold.record(&span);
        }
        Some(span)
    }
}

impl<I: ?Sized, F: Fold<I>> Drop for Watch<I, F> {
    fn drop(&mut self) {
        // A reader that stops after the answer's last chunk has not cancelled it.
        let complete = self.fold.as_ref().is_some_and(Fold::is_complete);
        let Some(open) = self.record().and_then(|span| span.open) else {
            return;
        };
        if complete {
            open.end(|_| {});
        } else {
            open.end_cancelled("cancelled: the stream was dropped before it ended");
        }
    }
}

impl<S: Stream, J: Select<S::Item>, F: Fold<J::Item>> fmt::Debug for Observed<S, J, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observed")
            .field("span", &self.watch.span)
            .finish_non_exhaustive()
    }
}
