//! Prompts over real sockets, against a server that behaves as Langfuse does.

mod cache;
mod fallback;
mod fetch;
mod links;
mod support;
