//! The core's behaviour through its public API: what a processor receives.

mod ending;
mod leaks;
mod nesting;
mod off;
mod setters;
mod support;
