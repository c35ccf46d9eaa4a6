//! The core's behaviour through its public API: what a processor receives.

mod closures;
mod ending;
mod nesting;
mod off;
mod provider;
mod setters;
mod stream;
mod stream_providers;
mod support;
