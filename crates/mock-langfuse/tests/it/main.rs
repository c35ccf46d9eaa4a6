//! The server against bodies of the official SDKs, and its refusals, over real sockets.

mod media;
mod prompts;
mod read_api;
mod refusals;
mod samples;
mod scenarios;
mod scores;
mod stored;
mod stored_metadata;
mod strangers;
mod support;
