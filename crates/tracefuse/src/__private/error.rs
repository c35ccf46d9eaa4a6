//! Records an error by the best text that its type has. The compiler finds that text: it removes one `&` after the other
//! until a method fits, and the best one is behind the most.

use std::any::type_name;
use std::fmt::{Debug, Display};

use tracefuse_core::{AsException, Exception, Span, bridge};

/// An error of any type.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "expansions build it")]
pub struct Caught<'a, E>(pub &'a E);

/// It is an error, with sources.
pub trait ByException<Via> {
    /// Records it.
    fn __record_on(&self, span: &Span);
}

impl<E: AsException<Via>, Via> ByException<Via> for &&&Caught<'_, E> {
    fn __record_on(&self, span: &Span) {
        bridge::record_returned(span, self.0);
    }
}

/// It has a text for people.
pub trait ByDisplay {
    /// Records it.
    fn __record_on(&self, span: &Span);
}

impl<E: Display> ByDisplay for &&Caught<'_, E> {
    fn __record_on(&self, span: &Span) {
        record::<E>(span, || bridge::text_of(format_args!("{}", self.0)));
    }
}

/// It has a text for developers.
pub trait ByDebug {
    /// Records it.
    fn __record_on(&self, span: &Span);
}

impl<E: Debug> ByDebug for &Caught<'_, E> {
    fn __record_on(&self, span: &Span) {
        record::<E>(span, || bridge::text_of(format_args!("{:?}", self.0)));
    }
}

/// It has no text.
pub trait ByName {
    /// Records it.
    fn __record_on(&self, span: &Span);
}

impl<E> ByName for Caught<'_, E> {
    fn __record_on(&self, span: &Span) {
        record::<E>(span, || "an error that has no text".to_owned());
    }
}

fn record<E>(span: &Span, message: impl FnOnce() -> String) {
    if span.is_recording() {
        let exception = Exception::new(type_name::<E>(), message());
        bridge::record_returned_exception(span, exception);
    }
}
