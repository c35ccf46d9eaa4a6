//! What the code that `#[observe]` writes calls. Not a public API: it changes without notice.
//! Called by expansions in users' crates; calls the handles of core. Asks for no bound but what was asked for.

mod arguments;
mod call;
pub mod error;
mod forms;
mod in_call;
mod items;

pub use arguments::{Argument, Arguments, Debugged, End, List};
pub use call::{Call, call};
pub use forms::{open, open_async, run, run_async};
pub use items::{EachItem, Items, stream};
pub use tracefuse_core::ObservationType;
