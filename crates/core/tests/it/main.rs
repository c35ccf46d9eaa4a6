//! The core's behaviour through its public API: what a processor receives.

mod content;
mod ending;
mod leaks;
mod masking;
mod nesting;
mod off;
mod sampling;
mod setters;
mod support;
