//! The program as its users run it.

#![expect(
    clippy::disallowed_methods,
    reason = "files to import, and folders that are damaged"
)]

mod commands;
mod forward;
mod import;
mod robust;
mod support;
