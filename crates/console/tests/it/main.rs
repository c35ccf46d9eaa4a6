//! Traces as people and programs see them.

mod formats;
mod render;
mod support;
mod traces;
