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

/// Bytes of text that a fold keeps: as many as a captured value has. A stream may have no end.
pub(super) const MAX_TEXT: usize = 64 * 1024 * 1024;

/// Joins pieces of text: [`Observed::text`](super::Observed::text). Text beyond 64 MiB is left out, and the span's metadata
/// has `_truncated.stream`.
#[derive(Default)]
pub struct Text {
    text: String,
    /// Bytes that were left out.
    cut: usize,
}

impl<I: AsRef<str> + ?Sized> Fold<I> for Text {
    fn push(&mut self, item: &I) {
        let piece = item.as_ref();
        if self.cut == 0 && self.text.len() + piece.len() <= MAX_TEXT {
            self.text.push_str(piece);
        } else {
            self.cut = self.cut.saturating_add(piece.len());
        }
    }

    fn has_content(&self) -> bool {
        !self.text.is_empty()
    }

    fn record(self, span: &Span) {
        if !self.text.is_empty() {
            span.offer_output(Value::Str(self.text), self.cut);
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
            span.offer_output(output, 0);
        }
    }
}

impl Span {
    /// Sets the output unless there is one, or content is not recorded; `cut` bytes of it were left out.
    pub(crate) fn offer_output(&self, output: Value, cut: usize) {
        if !self.captures() {
            return;
        }
        self.write(|buffer| {
            if !buffer.has(Role::Output) {
                buffer.put_streamed_output(output, cut);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What has arrived is a model's answer, which no log may have.
    #[test]
    fn a_fold_shows_sizes_and_no_text() {
        let mut text = Text::default();
        assert!(!Fold::<str>::has_content(&text));
        text.push("");
        assert!(
            !Fold::<str>::has_content(&text),
            "an empty text is no token"
        );
        text.push("secret");
        assert!(Fold::<str>::has_content(&text));
        assert_eq!(format!("{text:?}"), "Text { bytes: 6 }");
        let output: Output<String, ()> = Output::new(());
        assert_eq!(format!("{output:?}"), "Output { .. }");
    }
}
