//! Shows tracefuse traces in the terminal: a tree with a waterfall, a line per span, or JSON lines.
mod model; mod outline; mod paint; mod sanitize; mod tree; mod units; mod waterfall;
pub use sanitize::Sanitized; pub use model::{TreeHeader, TreeSpan}; pub use tree::render_tree;
