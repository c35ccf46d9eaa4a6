//! An error as it is recorded: type, message, chain of sources, optionally a stack.
//! Built by `record_error` and by closures that fail or panic; read by exporters.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::ops::Deref;

/// Sources beyond this are not followed: an error that is its own source must not hang its recorder.
const MAX_SOURCES: usize = 32;

/// What is known of an error at the moment it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exception {
    /// The type's name, such as `std::io::Error`.
    pub kind: String,
    /// What the error says of itself.
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

    /// Of any lifetime: an error may borrow from what it complains about.
    pub(crate) fn of(kind: &str, error: &(dyn Error + '_)) -> Self {
        let mut exception = Self::new(kind, error.to_string());
        let mut source = error.source();
        for _ in 0..MAX_SOURCES {
            let Some(error) = source else { break };
            if !exception.sources.is_empty() {
                exception.sources.push('\n');
            }
            // Writing into a String cannot fail; a Display that fails leaves what it wrote.
            let _ = write!(exception.sources, "{error}");
            source = error.source();
        }
        exception
    }

    pub(crate) fn panic(payload: &(dyn std::any::Any + Send)) -> Self {
        let message = match (
            payload.downcast_ref::<&'static str>(),
            payload.downcast_ref::<String>(),
        ) {
            (Some(text), _) => text,
            (_, Some(text)) => text.as_str(),
            _ => "a value that is not text",
        };
        Self::new("panic", message)
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
/// `Via` only keeps these families apart and is always inferred; never name it.
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

/// A box's own name says nothing of what is in it.
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
        let io = || std::io::Error::other("disk on fire");
        check(io(), "std::io::error::Error", "disk on fire", "");
        check(
            anyhow::Error::new(io())
                .context("reading")
                .context("starting"),
            "anyhow::Error",
            "starting",
            "reading\ndisk on fire",
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
}
