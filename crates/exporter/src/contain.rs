//! Runs code of the application or of a plugin (log subscriber, exporter, callback, `Drop`) so that a panic in it ends here.
//! Called by all crates that deliver. Not covered by semantic versioning.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `f`.
///
/// # Errors
/// What it panicked with, as text.
pub fn contained<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(f)).map_err(panic_text)
}

/// Writes one log line. A panic of the log subscriber ends here: it must not end delivery, nor reach the thread that ended a
/// span. Must not be called under a lock, because a subscriber may call back.
pub fn log_line(write: impl FnOnce()) {
    let _ = contained(write);
}

/// The text of a panic. A value that is no text is leaked and not dropped: its `Drop` may panic again.
pub fn panic_text(panic: Box<dyn Any + Send>) -> String {
    match panic.downcast::<&'static str>() {
        Ok(text) => (*text).to_owned(),
        Err(panic) => match panic.downcast::<String>() {
            Ok(text) => *text,
            Err(panic) => {
                std::mem::forget(panic);
                "a value that is not text".to_owned()
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use std::panic::panic_any;

    use super::*;

    struct PanicsInDrop;

    impl Drop for PanicsInDrop {
        fn drop(&mut self) {
            panic!("in the drop of a panic");
        }
    }

    #[test]
    fn a_panic_becomes_its_text() {
        assert_eq!(contained(|| 1), Ok(1));
        assert_eq!(contained::<()>(|| panic!("plain")), Err("plain".into()));
        assert_eq!(contained::<()>(|| panic!("{}", 2)), Err("2".into()));
    }

    #[test]
    fn a_panic_whose_value_panics_in_drop_is_contained() {
        let answer = contained::<()>(|| panic_any(PanicsInDrop));
        assert_eq!(answer, Err("a value that is not text".into()));
    }
}
