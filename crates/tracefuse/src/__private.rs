//! What `#[observe]` writes calls of. Not for people: it changes without notice.
//! Fed by expansions in users' crates; passes on to the handles of core. No bound but what was asked for.

use std::fmt::Debug;

use serde::ser::{Serialize, SerializeMap, Serializer};
use tracefuse_core::{Span, SpanBuilder};

pub use tracefuse_core::ObservationType;

/// A child of the current span; one that does nothing if there is none.
pub fn child(name: &str, kind: ObservationType) -> SpanBuilder {
    Span::current().observation(name, kind)
}

/// Runs `body` in a span; `judge` sees what it returns before the span ends.
pub fn run<R>(builder: SpanBuilder, body: impl FnOnce() -> R, judge: impl FnOnce(&Span, &R)) -> R {
    builder.run(|span| {
        let returned = body();
        judge(&span, &returned);
        returned
    })
}

/// [`run`], for async bodies; starts when first polled.
pub async fn run_async<R>(
    builder: SpanBuilder,
    body: impl Future<Output = R>,
    judge: impl FnOnce(&Span, &R),
) -> R {
    builder
        .run_async(async move |span| {
            let returned = body.await;
            judge(&span, &returned);
            returned
        })
        .await
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

/// Records an error by the best that its type is able to say. The compiler finds out what that is:
/// it takes off one `&` after the other until a method fits, and the best stands behind the most.
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

    /// It says nothing.
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
