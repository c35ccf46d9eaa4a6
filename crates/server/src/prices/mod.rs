//! Prices of models: a dated table, used only where no cost came with a span.
//! Called by the writer of the store.

/// Prices of models in US dollars for each unit.
#[derive(Clone, Debug, Default)]
pub struct Prices {}
