//! Experiments of Langfuse: a function over a dataset, one trace an item, evaluators as scores.
#![forbid(unsafe_code)]
