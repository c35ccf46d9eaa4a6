//! What is recorded of an `Err`: all that its type is able to say, and no type is refused.

use std::error::Error;
use std::fmt;
use std::io;

use tracefuse::{Level, observe};

use crate::support::{Bench, Opaque, opaque};

/// Type and message of what was recorded in the only span.
fn check<R>(f: impl FnOnce() -> R, expected: Option<(&str, &str)>) {
    let bench = Bench::new();
    bench.run(f);
    let name = bench.tree();
    let span = bench.span(name.trim());
    let exception = span.exceptions().next();
    let seen = exception.map(|exception| {
        (
            exception
                .kind()
                .split('<')
                .next()
                .unwrap_or_default()
                .rsplit("::")
                .next()
                .unwrap_or_default(),
            exception.message(),
        )
    });
    assert_eq!(seen, expected);
    assert_eq!(span.level(), expected.map(|_| Level::Error));
}

#[observe]
fn fails_io() -> io::Result<()> {
    Err(io::Error::other("disk on fire"))
}

#[observe]
fn fails_anyhow(n: &str) -> anyhow::Result<u8> {
    let n = n.parse()?;
    anyhow::ensure!(n > 1, "{n} is too small");
    Ok(n)
}

#[observe]
fn fails_boxed() -> Result<(), Box<dyn Error>> {
    Err("boxed")?
}

#[observe]
fn fails_with_text() -> Result<(), &'static str> {
    Err("text")
}

#[test]
fn an_err_is_recorded_and_returned_as_it_is() {
    check(|| fails_io().unwrap_err(), Some(("Error", "disk on fire")));
    check(
        || fails_anyhow("1").unwrap_err(),
        Some(("Error", "1 is too small")),
    );
    check(|| fails_anyhow("2").unwrap(), None);
    check(|| fails_boxed().unwrap_err(), Some(("error", "boxed")));
    check(|| fails_with_text().unwrap_err(), Some(("error", "text")));
}

#[derive(Debug)]
struct Borrowed<'a>(&'a str);

impl fmt::Display for Borrowed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read `{}`", self.0)
    }
}

impl Error for Borrowed<'_> {}

#[observe]
fn fails_borrowed(text: &str) -> Result<(), Borrowed<'_>> {
    Err(Borrowed(text))
}

#[observe]
fn fails_generic_error<E: Error>(error: E) -> Result<(), E> {
    Err(error)
}

#[observe]
fn fails_boxed_borrowed<'a>(text: &'a str) -> Result<(), Box<dyn Error + Send + Sync + 'a>> {
    Err(Box::new(Borrowed(text)))
}

#[test]
fn errors_may_borrow() {
    let text = String::from("x");
    check(
        || fails_borrowed(&text),
        Some(("Borrowed", "cannot read `x`")),
    );
    check(
        || fails_generic_error(Borrowed(&text)),
        Some(("Borrowed", "cannot read `x`")),
    );
    check(
        || fails_boxed_borrowed(&text),
        Some(("error", "cannot read `x`")),
    );
}

#[derive(Debug)]
#[expect(dead_code, reason = "read through Debug")]
struct Code(u8);

#[observe]
fn fails_display() -> Result<(), fmt::Arguments<'static>> {
    Err(format_args!("shown"))
}

#[observe]
fn fails_debug() -> Result<(), Code> {
    Err(Code(7))
}

#[observe]
fn fails_opaque() -> Result<(), Opaque> {
    Err(opaque(""))
}

#[observe]
fn fails_generic<E>(error: E) -> Result<(), E> {
    Err(error)
}

#[observe]
fn fails_hidden() -> Result<(), impl fmt::Display> {
    Err(7)
}

#[test]
fn errors_of_any_type_are_recorded_as_well_as_they_can_say() {
    check(fails_display, Some(("Arguments", "shown")));
    check(fails_debug, Some(("Code", "Code(7)")));
    check(fails_opaque, Some(("Opaque", "an error that has no text")));
    check(
        || fails_generic(1),
        Some(("i32", "an error that has no text")),
    );
    check(fails_hidden, Some(("i32", "7")));
}

#[observe(err = false)]
fn fails_unrecorded() -> Result<(), io::Error> {
    Err(io::Error::other("expected"))
}

#[observe(err = false, capture_output = true)]
fn fails_with_output() -> Result<u8, Opaque> {
    Err(opaque(""))
}

#[test]
fn err_false_records_no_err() {
    check(fails_unrecorded, None);
    check(fails_with_output, None);
}
