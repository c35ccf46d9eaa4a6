//! Traces as people and programs see them.

mod formats;
mod render;
mod shape;
mod support;
mod texts;
mod traces;
