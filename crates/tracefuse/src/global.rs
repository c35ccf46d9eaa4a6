//! A default tracer for the whole process: sugar, never needed, empty until the application sets it.
//! Used by applications whose code is far from where their tracer was made.

use std::error::Error;
use std::fmt;
use std::sync::OnceLock;

use tracefuse_core::Tracer;

static GLOBAL: OnceLock<Tracer> = OnceLock::new();
static NONE: Tracer = Tracer::noop();

/// Makes a tracer the one that [`tracer()`] gives. It is never dropped: shut it down before the process ends.
///
/// # Errors
/// If there is one already: it stays, and the new one comes back with the error.
pub fn set_global(tracer: Tracer) -> Result<(), AlreadySet> {
    GLOBAL.set(tracer).map_err(AlreadySet)
}

/// The tracer of [`set_global`]; until then one that does nothing.
///
/// ```
/// assert!(!tracefuse::tracer().is_enabled());
/// tracefuse::tracer().trace("nobody listens").run(|_| {});
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

impl fmt::Debug for AlreadySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlreadySet").finish_non_exhaustive()
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
