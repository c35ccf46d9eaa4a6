//! `#[observe]`, as an application uses it: what it records, and what it leaves as it was.

#![deny(warnings, clippy::all)]
#![warn(clippy::pedantic)]

mod asynchronous;
mod capture;
mod errors;
mod streams;
mod support;
mod synchronous;
