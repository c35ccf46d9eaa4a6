//! The items of a stream that an observed function returns: shown to the expansion, kept for the output.
//! Called by expansions of `#[observe]`.

use std::fmt::{self, Debug};

use futures_core::Stream;
use serde::ser::Serialize;
use tracefuse_core::record::Value;
use tracefuse_core::stream::{Every, Fold};
use tracefuse_core::{ObserveStream as _, Observed, Span};

/// The stream with its span; `each` sees every item.
pub fn stream<S, F>(span: Span, stream: S, each: F) -> Observed<S, Every, EachItem<F>>
where
    S: Stream,
    F: FnMut(&mut Items, &S::Item),
{
    let items = Items {
        span: span.clone(),
        kept: Vec::new(),
    };
    stream.observed(span).fold_by(EachItem { items, each })
}

/// What an expansion keeps of the items of a stream.
pub struct Items {
    span: Span,
    kept: Vec<Value>,
}

impl Items {
    /// The stream's span.
    #[must_use]
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// Keeps an item for the output.
    pub fn keep<T: Serialize>(&mut self, item: T) {
        self.kept.extend(Value::capture(&item));
    }

    /// Pieces of text are joined, anything else is a list.
    fn record(self, span: &Span) {
        let texts: Option<Vec<&str>> = self
            .kept
            .iter()
            .map(|item| match item {
                Value::Str(text) => Some(text.as_str()),
                _ => None,
            })
            .collect();
        match texts {
            Some(texts) if texts.is_empty() => {}
            Some(texts) => span.set_output(texts.concat()),
            None => {
                let items: Vec<_> = self.kept.iter().map(Value::as_ref).collect();
                span.set_output(items);
            }
        }
    }
}

impl Debug for Items {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items").finish_non_exhaustive()
    }
}

/// Shows every item to a closure.
pub struct EachItem<F> {
    items: Items,
    each: F,
}

impl<I, F: FnMut(&mut Items, &I)> Fold<I> for EachItem<F> {
    fn push(&mut self, item: &I) {
        (self.each)(&mut self.items, item);
    }

    fn record(self, span: &Span) {
        self.items.record(span);
    }
}

impl<F> Debug for EachItem<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EachItem").finish_non_exhaustive()
    }
}
