//! The text of an error for `Debug`: `main() -> Result<(), Box<dyn Error>>` prints an error by it.
//! Called by the `Debug` of error types that have a cause. Knows no error type.

use std::error::Error;
use std::fmt;

/// Writes `error` and its causes on one line, such as `the CA file ca.pem cannot be read: No such file or directory`.
/// A cause whose text is already written is left out.
///
/// # Errors
/// If the formatter fails.
pub fn debug_error(error: &dyn Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut text = error.to_string();
    let mut cause = error.source();
    // A chain of causes could have a loop.
    for _ in 0..16 {
        let Some(inner) = cause else { break };
        let words = inner.to_string();
        // The system's texts differ from ours in their case and in the number that follows.
        let said = words.split(" (os error ").next().unwrap_or_default();
        if !text.to_lowercase().contains(&said.to_lowercase()) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = inner.source();
    }
    f.write_str(&crate::plain_text(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Caused(&'static str, Option<Box<Self>>);

    impl fmt::Display for Caused {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Caused {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|cause| cause as _)
        }
    }

    struct Shown(Caused);

    impl fmt::Debug for Shown {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            debug_error(&self.0, f)
        }
    }

    #[test]
    fn causes_follow_once_and_on_one_line() {
        let system = || Some(Box::new(Caused("no such\nfile", None)));
        let error = Caused("cannot be read", Some(Box::new(Caused("open", system()))));
        assert_eq!(
            format!("{:?}", Shown(error)),
            r"cannot be read: open: no such\nfile"
        );
        let error = Caused("cannot be read: no such\nfile", system());
        assert_eq!(
            format!("{:?}", Shown(error)),
            r"cannot be read: no such\nfile"
        );
        let system = Some(Box::new(Caused("Connection refused (os error 111)", None)));
        let error = Caused("nothing listens (connection refused): start it", system);
        assert_eq!(
            format!("{:?}", Shown(error)),
            "nothing listens (connection refused): start it"
        );
    }
}
