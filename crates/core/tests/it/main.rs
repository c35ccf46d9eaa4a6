//! The core's behaviour through its public API: what a processor receives.

mod across;
mod closures;
mod content;
mod ending;
mod errors;
mod hostile;
mod inputs;
mod inputs_streamed;
mod leaks;
mod links;
mod measured;
mod nesting;
mod off;
mod propagation;
mod provider;
mod sampling;
mod scores;
mod setters;
mod stream;
mod stream_chat;
mod stream_events;
mod stream_laws;
mod stream_others;
mod stream_providers;
mod support;
mod usage;
