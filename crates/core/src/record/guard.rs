//! Calls into a user's code that must not harm the caller: a closure that may panic, a `Display` as bounded text.
//! Called where values are captured and where the user's processor, clock and sampler are called. Must not know records.

use std::any::Any;
use std::fmt::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::prefix::prefix;

/// Longest text of one `Display` or `Debug`, in bytes.
const MAX_TEXT: usize = 1024 * 1024;

/// Runs `f`. If it panics, returns the panic's message.
pub(crate) fn catch<R>(f: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|payload| {
        let message = panic_message(&*payload).to_owned();
        drop_payload(payload);
        message
    })
}

/// Runs `f`; `None` if it panics. For calls that every span makes: the code for a panic is not inlined.
#[inline(always)]
pub(crate) fn contain<R>(f: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(f)).map_err(drop_payload).ok()
}

/// Drops a value of the user's, whose `Drop` may panic.
pub(crate) fn drop_contained<T>(value: T) {
    let _ = contain(move || drop(value));
}

/// Drops a panic's payload, whose own `Drop` may panic too. That second payload is leaked.
#[cold]
#[inline(never)]
fn drop_payload(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(move || drop(payload))) {
        std::mem::forget(second);
    }
}

/// The text of a panic's payload.
pub(crate) fn panic_message(payload: &(dyn Any + Send)) -> &str {
    match (
        payload.downcast_ref::<&'static str>(),
        payload.downcast_ref::<String>(),
    ) {
        (Some(text), _) => text,
        (_, Some(text)) => text,
        _ => "a value that is not text",
    }
}

/// The text of `value`, at most 1 MiB. A `Display` that fails or panics keeps what it wrote, followed
/// by a text that says so.
pub(crate) fn text_of<T: fmt::Display + ?Sized>(value: &T) -> String {
    text_of_args(format_args!("{value}"))
}

/// [`text_of`] for format arguments, such as `format_args!("{value:?}")`.
pub(crate) fn text_of_args(args: fmt::Arguments<'_>) -> String {
    let mut text = Bounded::default();
    let written = catch(|| text.write_fmt(args));
    let Bounded { mut text, cut } = text;
    let remark = match written {
        _ if cut => "<truncated>".to_owned(),
        Ok(Ok(())) => return text,
        Ok(Err(fmt::Error)) => "<its Display returned an error>".to_owned(),
        Err(panic) => format!("<its Display panicked: {panic}>"),
    };
    if !text.is_empty() {
        text.push(' ');
    }
    text.push_str(&remark);
    text
}

/// Refuses text beyond [`MAX_TEXT`], so that a `Display` without an end stops at its next `?`.
#[derive(Default)]
struct Bounded {
    text: String,
    cut: bool,
}

impl Write for Bounded {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        if self.cut {
            return Err(fmt::Error);
        }
        let room = MAX_TEXT - self.text.len();
        if piece.len() <= room {
            self.text.push_str(piece);
            return Ok(());
        }
        self.text.push_str(prefix(piece, room));
        self.cut = true;
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct By(fn(&mut fmt::Formatter<'_>) -> fmt::Result);

    impl fmt::Display for By {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0(f)
        }
    }

    #[test]
    fn a_display_that_fails_keeps_its_text_and_says_so() {
        assert_eq!(text_of("plain"), "plain");
        assert_eq!(
            text_of(&By(|_| Err(fmt::Error))),
            "<its Display returned an error>"
        );
        let half = By(|f| f.write_str("half").and(Err(fmt::Error)));
        assert_eq!(text_of(&half), "half <its Display returned an error>");
        assert_eq!(
            text_of(&By(|_| panic!("no luck"))),
            "<its Display panicked: no luck>"
        );
    }

    #[test]
    fn a_display_without_an_end_is_cut() {
        let endless = By(|f| {
            loop {
                f.write_str("ßß")?;
            }
        });
        let text = text_of(&endless);
        assert!(text.ends_with("ß <truncated>"), "{}", text.len());
        assert!((MAX_TEXT..MAX_TEXT + 20).contains(&text.len()));
    }

    struct PanicsAgain;

    impl Drop for PanicsAgain {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("again");
            }
        }
    }

    #[test]
    fn a_payload_whose_drop_panics_does_no_harm() {
        let result = catch(|| std::panic::panic_any(PanicsAgain));
        assert_eq!(result, Err("a value that is not text".to_owned()));
    }
}
