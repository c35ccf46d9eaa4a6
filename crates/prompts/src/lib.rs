//! Prompts of Langfuse: fetched, cached, filled with variables and linked to generations.
#![forbid(unsafe_code)]
