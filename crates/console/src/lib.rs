//! Shows tracefuse traces in the terminal: a tree with a waterfall, a line per span, or JSON lines.
//!
//! Depend on `tracefuse` with its feature `console`, which brings this crate, to see the traces of an
//! application. Depend on this crate to draw a trace of another source, with [`render_tree`]:
//!
//! ```
//! use tracefuse_console::{TreeHeader, TreeSpan, render_tree};
//!
//! let header = TreeHeader::new("support-chat", "4bf92f3577b34da6a3ce929d0e0e4736").user("user123");
//! let spans = [
//!     TreeSpan::new("1", "support-chat", 0, 1_840_000_000).kind("agent"),
//!     TreeSpan::new("2", "search", 30_000_000, 240_000_000).parent("1").kind("retriever"),
//!     TreeSpan::new("3", "answer", 250_000_000, 1_800_000_000)
//!         .parent("1")
//!         .kind("generation")
//!         .model("gpt-4o")
//!         .usage([("input", 1024), ("output", 200)])
//!         .cost(0.0041),
//! ];
//! let tree = render_tree(&header, &spans, 80, false);
//! assert_eq!(tree.trim_end(), "\
//! ● agent support-chat                       1.84 s · 1,024 → 200 tokens · $0.0041
//! │ 4bf92f3577b34da6a3ce929d0e0e4736 · user user123
//! │                    ╷0           ╷500 ms       ╷1 s          ╷1.5 s
//! ├ retriever search   ╺━━━━━╸      ╎             ╎             ╎           210 ms
//! └ generation answer        ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╸   1.55 s
//!     gpt-4o · 1,024 → 200 tokens · $0.0041");
//! ```
//!
//! In reading order: [`ConsoleConfig`] has the settings, [`ConsoleExporter`] is the exporter that delivery calls,
//! [`TreeHeader`], [`TreeSpan`] and [`render_tree`] draw, [`Sanitized`] is text that cannot control a
//! terminal, [`json`] documents the JSON lines.
//!
//! Spans come from delivery, one batch at a time, and are written to standard output, standard error or a
//! writer. This crate starts no thread, reads no clock and does not panic. While the root of a trace is
//! open, its spans are kept, in bounded number and for a bounded time.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]

mod choice_names;
mod choices;
mod compact;
mod config;
mod convert;
mod details;
mod exporter;
mod failures;
mod fold;
mod header;
mod held;
mod joiner;
pub mod json;
mod json_object;
mod merged;
mod messages;
mod model;
mod open;
mod outline;
mod page;
mod paint;
mod sanitize;
mod scale;
mod score;
mod shapes;
mod shown;
mod text;
mod tree;
mod tree_span;
mod type_name;
mod units;
mod usage;
mod waterfall;

pub use choice_names::ParseChoiceError;
pub use choices::{Color, Format, Stream, Text};
pub use config::{ConsoleConfig, limits};
pub use exporter::ConsoleExporter;
pub use model::TreeHeader;
pub use sanitize::Sanitized;
pub use tree::render_tree;
pub use tree_span::TreeSpan;
