//! Streams that carry a span: current while they are polled, ended when they end, filled by what they yield.
//! Used by applications on a model's answer as it arrives; folds put the chunks together.

mod anthropic;
mod fold;
mod gemini;
mod openai;

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
pub use fold::{Fold, Output, Text};
pub use gemini::Gemini;
pub use openai::OpenAi;

/// Takes a span into a stream. Bring it into scope and every stream has these methods.
///
/// The span is current whenever the stream is polled, notes the arrival of the first item as the
/// first token, and ends when the stream ends, whatever other handles live on. If the stream is
/// dropped before that, the span is marked as cancelled and keeps what had arrived.
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
pub trait ObserveStream: Stream + Sized {
    /// Observes a stream of any items. Say what becomes of them by a method of [`Observed`].
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
    /// As it is it records the first token, errors and the end. One of the methods below adds an
    /// output and what else the items say, each unless the span has an output already.
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
    /// Puts together the chunks of an OpenAI stream, of Chat Completions (also of providers that
    /// speak its language) or Responses: model, usage, `finish_reason`, and the message with its tool
    /// calls. Chat Completions state usage only if asked by `stream_options: {"include_usage": true}`.
    pub fn openai(self) -> Observed<S, J, OpenAi>
    where
        J::Item: Serialize,
    {
        self.fold_by(OpenAi::default())
    }

    /// Puts together the events of an Anthropic stream: model, usage, `finish_reason`, and the message
    /// with its tool calls.
    pub fn anthropic(self) -> Observed<S, J, Anthropic>
    where
        J::Item: Serialize,
    {
        self.fold_by(Anthropic::default())
    }

    /// Puts together the chunks of a Gemini stream: model, usage, `finish_reason`, and the content with
    /// its function calls.
    pub fn gemini(self) -> Observed<S, J, Gemini>
    where
        J::Item: Serialize,
    {
        self.fold_by(Gemini::default())
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

    /// Puts the items together by a [`Fold`] of one's own, which may record more than an output.
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
        // Caught only to be recorded, then it goes on: what it left broken stays as broken as it was.
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
        if !self.started {
            self.started = true;
            span.record_first_token();
        }
        fold.push(item);
    }

    /// Records what was kept. Gives the span, once: it is to be ended.
    fn record(&mut self) -> Option<Span> {
        let span = self.span.take()?;
        if let Some(fold) = self.fold.take() {
            fold.record(&span);
        }
        Some(span)
    }
}

impl<I: ?Sized, F: Fold<I>> Drop for Watch<I, F> {
    fn drop(&mut self) {
        // A reader that stops at the answer's last word has not given it up.
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
