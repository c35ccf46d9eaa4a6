//! How a stream's items become what is recorded: the trait, and the folds for text and for closures.
//! Driven by `Observed`. Each provider's fold has its own file.

use std::fmt;

use serde::Serialize;

use crate::record::{Role, Value};
use crate::span::handle::Span;

/// Puts the items of a stream together. Nothing is folded for a span that is not recorded.
pub trait Fold<I: ?Sized> {
    /// Takes in an item that has arrived.
    fn push(&mut self, item: &I);

    /// Whether one of the items carried content: a text, reasoning, a tool call. The first item after which
    /// this is true is the first token. By default each item is content.
    fn has_content(&self) -> bool {
        true
    }

    /// Whether the answer is whole. A stream that is dropped after that was not cancelled. By default
    /// only the end of the stream makes it whole.
    fn is_complete(&self) -> bool {
        false
    }

    /// Records what has arrived: at the stream's end, or when it is dropped or panics before.
    fn record(self, span: &Span);
}

/// Keeps nothing.
impl<I: ?Sized> Fold<I> for () {
    fn push(&mut self, _: &I) {}

    fn record(self, _: &Span) {}
}

/// Joins pieces of text: [`Observed::text`](super::Observed::text).
#[derive(Default)]
pub struct Text {
    text: String,
}

impl<I: AsRef<str> + ?Sized> Fold<I> for Text {
    fn push(&mut self, item: &I) {
        self.text.push_str(item.as_ref());
    }

    fn has_content(&self) -> bool {
        !self.text.is_empty()
    }

    fn record(self, span: &Span) {
        if !self.text.is_empty() {
            span.offer_output(Value::Str(self.text));
        }
    }
}

/// Builds an output by a closure: [`Observed::fold_output`](super::Observed::fold_output).
pub struct Output<A, F> {
    output: A,
    fold: F,
    /// Whether there was an item: the default of a type is no output.
    any: bool,
}

impl<A: Default, F> Output<A, F> {
    pub(super) fn new(fold: F) -> Self {
        Self {
            output: A::default(),
            fold,
            any: false,
        }
    }
}

impl<I: ?Sized, A: Serialize, F: FnMut(&mut A, &I)> Fold<I> for Output<A, F> {
    fn push(&mut self, item: &I) {
        self.any = true;
        (self.fold)(&mut self.output, item);
    }

    fn record(self, span: &Span) {
        if self.any
            && let Some(output) = Value::capture(&self.output)
        {
            span.offer_output(output);
        }
    }
}

impl Span {
    /// Sets the output unless there is one, or content is not recorded.
    pub(crate) fn offer_output(&self, output: Value) {
        if !self.captures() {
            return;
        }
        self.write(|buffer| {
            if !buffer.has(Role::Output) {
                buffer.put_owned(Role::Output, "", output);
            }
        });
    }
}

/// A size only: what has arrived is a model's answer.
impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Text")
            .field("bytes", &self.text.len())
            .finish()
    }
}

impl<A, F> fmt::Debug for Output<A, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").finish_non_exhaustive()
    }
}
