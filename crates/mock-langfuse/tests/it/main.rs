//! The server against bodies of the official SDKs, and its refusals, over real sockets.

mod refusals;
mod samples;
mod scenarios;
mod scores;
mod strangers;
mod support;
