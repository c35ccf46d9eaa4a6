//! How a store is opened.

use std::time::Duration;

use tracefuse_core::Clock;

use crate::prices::Prices;

/// How a store is opened.
///
/// ```
/// use std::time::Duration;
/// use tracefuse_server::StoreOptions;
///
/// let mut options = StoreOptions::default();
/// options.max_age = Some(Duration::from_secs(30 * 86_400));
/// options.max_bytes = Some(10 << 30);
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct StoreOptions {
    /// Traces whose last change is older are deleted; `None` keeps them.
    pub max_age: Option<Duration>,
    /// Above this size of the file, the oldest traces are deleted; `None` is no limit.
    pub max_bytes: Option<u64>,
    /// Pages of 8 KiB that the file may have at most: above it, storing fails as on a full disk. `None` is no limit.
    pub max_pages: Option<u32>,
    /// Prices of models, used where no cost came with a span.
    pub prices: Prices,
    /// The time of arrival.
    pub clock: Clock,
}
