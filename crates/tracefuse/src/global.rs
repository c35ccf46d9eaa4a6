//! A default tracer for the whole process. Optional, and disabled until the application sets it.
//! Used by applications that do not pass their tracer to all of their code.

use std::error::Error;
use std::fmt;
use std::sync::OnceLock;

use tracefuse_core::Tracer;

static GLOBAL: OnceLock<Tracer> = OnceLock::new();
static NONE: Tracer = Tracer::noop();

/// Sets the tracer that [`tracer()`] returns. It is never dropped: shut it down before the process ends.
///
/// # Errors
/// If one is set already: it stays, and the error contains the new one.
pub fn set_global(tracer: Tracer) -> Result<(), AlreadySet> {
    GLOBAL.set(tracer).map_err(AlreadySet)
}

/// The tracer of [`set_global`]; before that, one that does nothing.
///
/// ```
/// assert!(!tracefuse::tracer().is_enabled());
/// tracefuse::tracer().trace("not recorded").run(|_| {});
/// ```
pub fn tracer() -> &'static Tracer {
    GLOBAL.get().unwrap_or(&NONE)
}

/// The tracer of [`set_global`], if there is one.
#[cfg(feature = "macros")]
pub(crate) fn get() -> Option<&'static Tracer> {
    GLOBAL.get()
}

/// A global tracer had been set before.
#[non_exhaustive]
pub struct AlreadySet(
    /// The one that was not set.
    pub Tracer,
);

/// As `Display`: `main` prints an error that it returns by `Debug`.
impl fmt::Debug for AlreadySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for AlreadySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a global tracer is set already: set it once, in `main`")
    }
}

impl Error for AlreadySet {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exporter::InMemoryExporter;

    #[test]
    fn the_first_one_is_kept_and_the_second_comes_back() {
        assert!(!tracer().is_enabled());
        let kept = InMemoryExporter::new();
        let first = crate::builder().exporter(kept.clone()).build().unwrap();
        set_global(first).unwrap();
        let second = crate::builder()
            .exporter(InMemoryExporter::new())
            .build()
            .unwrap();
        let AlreadySet(back) = set_global(second).unwrap_err();
        assert!(back.is_enabled());
        tracer().trace("t").run(|_| {});
        tracer().shutdown().unwrap();
        assert_eq!(kept.tree(), "t\n");
    }
}
