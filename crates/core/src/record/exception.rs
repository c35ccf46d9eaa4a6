//! An error as it is recorded: type, message, chain of sources, optionally a stack.
//! Built by `record_error` and by closures that fail or panic; read by exporters. Must not know spans.

use std::error::Error;
use std::fmt;
use std::ops::Deref;

use super::guard::{catch, panic_message, text_of};

/// Further sources are left out: an error may be its own source, or make a new source at each call.
const MAX_SOURCES: usize = 32;

/// An error as it was when it was recorded.
///
/// ```
/// # let recorder = tracefuse_core::testing::Recorder::new();
/// # let tracer = recorder.tracer();
/// use tracefuse_core::Exception;
///
/// let trace = tracer.trace("request").start();
/// trace.record_exception(Exception::new("RateLimit", "try again in 20 s"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exception {
    /// The type's name, such as `std::io::Error`.
    pub kind: String,
    /// The text of its `Display`.
    pub message: String,
    /// The messages of its sources, a line each, nearest first; empty if there is none.
    pub sources: String,
    /// A stack trace, if one was captured.
    pub stacktrace: Option<String>,
}

impl Exception {
    /// An exception of a given type name and message.
    #[must_use]
    pub fn new(kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            message: message.into(),
            sources: String::new(),
            stacktrace: None,
        }
    }

    /// Of an error of any lifetime, which may borrow. A part of it that fails or panics becomes a text that says so.
    pub(crate) fn of(kind: &str, error: &(dyn Error + '_)) -> Self {
        let mut exception = Self::new(kind, text_of(error));
        let sources = &mut exception.sources;
        let mut add = |line: &str| {
            if !sources.is_empty() {
                sources.push('\n');
            }
            sources.push_str(line);
        };
        let walked = catch(|| {
            let mut source = error.source();
            for _ in 0..MAX_SOURCES {
                let Some(error) = source else { break };
                add(&text_of(error));
                source = error.source();
            }
        });
        if let Err(panic) = walked {
            add(&format!("<its source() panicked: {panic}>"));
        }
        exception
    }

    /// Of a user's error. A panic of its `to_exception` becomes the message.
    pub(crate) fn read<E: AsException<Via> + ?Sized, Via>(error: &E) -> Self {
        catch(|| error.to_exception()).unwrap_or_else(|panic| {
            let message = format!("<the error could not be read, it panicked: {panic}>");
            Self::new(std::any::type_name::<E>(), message)
        })
    }

    pub(crate) fn panic(payload: &(dyn std::any::Any + Send)) -> Self {
        Self::new("panic", panic_message(payload))
    }

    /// Whether this error passes the error with message `earlier` on: the same message, or a text or a
    /// source that contains it. Messages of less than 4 bytes must be equal.
    pub(crate) fn repeats(&self, earlier: &str) -> bool {
        let wraps = |text: &str| earlier.len() >= 4 && text.contains(earlier);
        self.message == earlier || wraps(&self.message) || wraps(&self.sources)
    }
}

/// `Type: message`, the form Langfuse shows as a badge.
impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}

/// What can be recorded as an error: every `std::error::Error`, the boxed kinds (`anyhow::Error`,
/// `eyre::Report`, `Box<dyn Error>`), and plain text.
///
/// `Via` tells these families apart. The compiler infers it; do not name it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be recorded as an error",
    label = "not an error that can be recorded",
    note = "implement `std::error::Error` for it; boxed errors, `anyhow::Error`, `String` and `&str` can be recorded too",
    note = "where the error type cannot be inferred, as after `?` in a closure, name it: `Ok::<_, anyhow::Error>(value)`"
)]
pub trait AsException<Via> {
    /// What is recorded of it.
    fn to_exception(&self) -> Exception;
}

/// Families of [`AsException`].
#[doc(hidden)]
pub mod via {
    #[derive(Debug)]
    #[non_exhaustive]
    pub struct Std;
    #[derive(Debug)]
    #[non_exhaustive]
    pub struct Shared;
    #[derive(Debug)]
    #[non_exhaustive]
    pub struct Boxed;
    #[derive(Debug)]
    #[non_exhaustive]
    pub struct Text;
}

impl<E: Error> AsException<via::Std> for E {
    fn to_exception(&self) -> Exception {
        Exception::of(std::any::type_name::<E>(), self)
    }
}

impl<'a, E: Deref<Target = dyn Error + Send + Sync + 'a>> AsException<via::Shared> for E {
    fn to_exception(&self) -> Exception {
        Exception::of(short_name::<E>(), &**self)
    }
}

impl<'a, E: Deref<Target = dyn Error + 'a>> AsException<via::Boxed> for E {
    fn to_exception(&self) -> Exception {
        Exception::of(short_name::<E>(), &**self)
    }
}

impl AsException<via::Boxed> for dyn Error + 'static {
    fn to_exception(&self) -> Exception {
        Exception::of("error", self)
    }
}

impl AsException<via::Boxed> for dyn Error + Send + Sync + 'static {
    fn to_exception(&self) -> Exception {
        Exception::of("error", self)
    }
}

impl AsException<via::Text> for String {
    fn to_exception(&self) -> Exception {
        Exception::new("error", self.as_str())
    }
}

impl AsException<via::Text> for str {
    fn to_exception(&self) -> Exception {
        Exception::new("error", self)
    }
}

impl AsException<via::Text> for &str {
    fn to_exception(&self) -> Exception {
        Exception::new("error", *self)
    }
}

/// The name of a box does not name the error in it.
fn short_name<E>() -> &'static str {
    let name = std::any::type_name::<E>();
    if name.contains("boxed::Box") {
        "error"
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(
        clippy::needless_pass_by_value,
        reason = "a table of temporaries reads better"
    )]
    fn check<M>(error: impl AsException<M>, kind: &str, message: &str, sources: &str) {
        let exception = error.to_exception();
        assert_eq!(
            (&*exception.kind, &*exception.message, &*exception.sources),
            (kind, message, sources)
        );
    }

    #[test]
    fn errors_of_every_family_are_recorded_with_type_message_and_sources() {
        let io = || std::io::Error::other("disk failure");
        check(io(), "std::io::error::Error", "disk failure", "");
        check(
            anyhow::Error::new(io())
                .context("reading")
                .context("starting"),
            "anyhow::Error",
            "starting",
            "reading\ndisk failure",
        );
        check(
            Box::<dyn Error + Send + Sync>::from("plain"),
            "error",
            "plain",
            "",
        );
        check(Box::<dyn Error>::from("plain"), "error", "plain", "");
        check("text", "error", "text", "");
        check(String::from("text"), "error", "text", "");
        check(
            "x".parse::<u8>().unwrap_err(),
            "core::num::error::ParseIntError",
            "invalid digit found in string",
            "",
        );
    }

    #[derive(Debug)]
    struct Ouroboros;
    impl fmt::Display for Ouroboros {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("again")
        }
    }
    impl Error for Ouroboros {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(self)
        }
    }

    #[test]
    fn an_error_that_is_its_own_source_ends() {
        assert_eq!(
            Ouroboros.to_exception().sources.lines().count(),
            MAX_SOURCES
        );
    }

    /// Its `Display` and its `source()` are the given functions.
    #[derive(Debug)]
    struct Hostile {
        display: fn(&mut fmt::Formatter<'_>) -> fmt::Result,
        source: fn() -> Option<&'static (dyn Error + 'static)>,
    }
    impl fmt::Display for Hostile {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            (self.display)(f)
        }
    }
    impl Error for Hostile {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            (self.source)()
        }
    }

    #[test]
    fn an_error_that_fails_or_panics_has_a_stand_in_text() {
        let hostile = |display| Hostile {
            display,
            source: || None,
        };
        check(
            hostile(|_| panic!("bad format")),
            std::any::type_name::<Hostile>(),
            "<its Display panicked: bad format>",
            "",
        );
        check(
            hostile(|_| Err(fmt::Error)),
            std::any::type_name::<Hostile>(),
            "<its Display returned an error>",
            "",
        );
        check(
            Hostile {
                display: |f| f.write_str("top"),
                source: || panic!("no source"),
            },
            std::any::type_name::<Hostile>(),
            "top",
            "<its source() panicked: no source>",
        );
        /// Makes a new source at each call.
        fn endless() -> Option<&'static (dyn Error + 'static)> {
            Some(Box::leak(Box::new(Hostile {
                display: |_| Err(fmt::Error),
                source: endless,
            })))
        }
        let endless = Hostile {
            display: |f| f.write_str("top"),
            source: endless,
        };
        assert_eq!(endless.to_exception().sources.lines().count(), MAX_SOURCES);
    }

    struct Unreadable;
    impl AsException<via::Text> for Unreadable {
        fn to_exception(&self) -> Exception {
            panic!("not mine")
        }
    }

    #[test]
    fn a_to_exception_that_panics_is_an_error_with_a_stand_in_text() {
        let exception = Exception::read(&Unreadable);
        assert!(exception.kind.ends_with("Unreadable"));
        assert!(exception.message.ends_with("it panicked: not mine>"));
    }

    #[test]
    fn an_error_repeats_the_one_it_wraps() {
        let cause = anyhow::anyhow!("disk full");
        let bare = cause.to_exception();
        assert!(bare.repeats("disk full"));
        assert!(cause.context("saving").to_exception().repeats("disk full"));
        assert!(
            "while saving: disk full"
                .to_exception()
                .repeats("disk full")
        );
        assert!(!bare.repeats("timeout") && !bare.repeats("") && !bare.repeats("d"));
    }
}
