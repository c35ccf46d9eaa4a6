//! What the code that `#[observe]` writes calls. Not a public API: it changes without notice.
//! Called by expansions in users' crates; calls the handles of core. Asks for no bound but what was asked for.

use std::fmt::{self, Debug};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use serde::ser::{Serialize, SerializeMap, Serializer};
use tracefuse_core::bridge;
use tracefuse_core::record::Value;
use tracefuse_core::stream::{Every, Fold};
use tracefuse_core::{ObserveStream as _, Observed, Span, SpanBuilder, TraceBuilder};

pub use tracefuse_core::ObservationType;

/// A call that has not begun.
#[expect(clippy::exhaustive_enums, reason = "expansions pass it on as it is")]
#[expect(missing_debug_implementations, reason = "not a public API")]
pub enum Call {
    /// Below the current span.
    Child(SpanBuilder),
    /// Where no span is current: a trace of the global tracer.
    Root(Box<TraceBuilder>),
}

/// A child of the current span, or a trace of the global tracer.
pub fn call(name: &str, kind: ObservationType) -> Call {
    let current = Span::current();
    if bridge::is_outside_trace(&current)
        && let Some(tracer) = crate::global::get()
    {
        let trace = tracer.trace(name).observation_type(kind);
        return Call::Root(Box::new(trace));
    }
    Call::Child(current.observation(name, kind))
}

impl Call {
    /// Its input, built only if it is recorded.
    #[must_use]
    pub fn input_with<T: Serialize>(self, value: impl FnOnce() -> T) -> Self {
        match self {
            Self::Child(span) => Self::Child(span.input_with(value)),
            Self::Root(trace) => Self::Root(Box::new(trace.input_with(value))),
        }
    }

    fn start(self) -> Span {
        match self {
            Self::Child(span) => span.start(),
            Self::Root(trace) => trace.start().root().clone(),
        }
    }
}

/// Runs `body` in a span; `judge` sees what it returns before the span ends.
pub fn run<R>(call: Call, body: impl FnOnce() -> R, judge: impl FnOnce(&Span, &R)) -> R {
    let work = |span: &Span| {
        let returned = body();
        judge(span, &returned);
        returned
    };
    match call {
        Call::Child(span) => span.run(|span| work(&span)),
        Call::Root(trace) => trace.run(|trace| work(trace.root())),
    }
}

/// [`run`], for async bodies; starts when first polled.
pub fn run_async<R>(
    call: Call,
    body: impl Future<Output = R>,
    judge: impl FnOnce(&Span, &R),
) -> impl Future<Output = R> {
    in_call(call, body, |span, returned| {
        judge(&span, &returned);
        span.end();
        returned
    })
}

/// Runs `body` in a span and leaves the span open, for the stream that is returned.
pub fn open<R>(call: Call, body: impl FnOnce() -> R) -> (Span, R) {
    let span = call.start();
    let returned = bridge::run_open_sync(&span, body);
    (span, returned)
}

/// [`open`], for async bodies; starts when first polled.
pub fn open_async<R>(call: Call, body: impl Future<Output = R>) -> impl Future<Output = (Span, R)> {
    in_call(call, body, |span, returned| (span, returned))
}

fn in_call<F, D, T>(call: Call, body: F, done: D) -> InCall<F, D>
where
    F: Future,
    D: FnOnce(Span, F::Output) -> T,
{
    InCall {
        body,
        state: State {
            begin: Some((call, done)),
            running: None,
        },
    }
}

pin_project_lite::pin_project! {
    /// The body of an async function in its span. Written by hand, because each `async fn` around a future keeps it twice,
    /// and observed functions call each other.
    struct InCall<F, D> {
        #[pin]
        body: F,
        state: State<D>,
    }
}

struct State<D> {
    /// Before the first poll.
    begin: Option<(Call, D)>,
    /// From then on until the body is done.
    running: Option<(Span, D)>,
}

impl<F, D, T> Future for InCall<F, D>
where
    F: Future,
    D: FnOnce(Span, F::Output) -> T,
{
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = self.project();
        let state = this.state;
        if let Some((call, done)) = state.begin.take() {
            state.running = Some((call.start(), done));
        }
        let entered = state.running.as_ref().map(|(span, _)| span.enter());
        // Caught only to be recorded; then it continues unwinding.
        let polled = catch_unwind(AssertUnwindSafe(|| this.body.poll(cx)));
        drop(entered);
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(returned)) => match state.running.take() {
                Some((span, done)) => Poll::Ready(done(span, returned)),
                // The body was polled after its end and did not panic.
                None => Poll::Pending,
            },
            Err(panic) => {
                if let Some((span, _)) = state.running.take() {
                    bridge::record_panic(&span, &*panic);
                }
                resume_unwind(panic)
            }
        }
    }
}

impl<D> Drop for State<D> {
    fn drop(&mut self) {
        if let Some((span, _)) = self.running.take() {
            bridge::end_cancelled(&span, bridge::FUTURE_DROPPED);
        }
    }
}

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

/// Arguments as an object by their names.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "expansions build it")]
pub struct Arguments<T>(pub T);

impl<T: List> Serialize for Arguments<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(T::LEN))?;
        self.0.entries(&mut map)?;
        map.end()
    }
}

/// An argument by name and reference, and those after it.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "expansions build it")]
pub struct Argument<V, Rest>(pub &'static str, pub V, pub Rest);

/// No more arguments.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "expansions build it")]
pub struct End;

/// Arguments of different types.
pub trait List {
    /// How many.
    const LEN: usize;
    /// Writes each.
    ///
    /// # Errors
    /// If a value refuses to be serialized.
    fn entries<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error>;
}

impl<V: Serialize, Rest: List> List for Argument<V, Rest> {
    const LEN: usize = Rest::LEN + 1;

    fn entries<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry(self.0, &self.1)?;
        self.2.entries(map)
    }
}

impl List for End {
    const LEN: usize = 0;

    fn entries<M: SerializeMap>(&self, _: &mut M) -> Result<(), M::Error> {
        Ok(())
    }
}

/// A value captured by `Debug`.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "expansions build it")]
pub struct Debugged<'a, T: ?Sized>(pub &'a T);

impl<T: Debug + ?Sized> Serialize for Debugged<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:?}", self.0))
    }
}

/// Records an error by the best text that its type has. The compiler finds that text: it removes one `&` after the other
/// until a method fits, and the best one is behind the most.
pub mod error {
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
}
