//! What the project's commands share with `tests/interop`: running cargo and other programs.

#![expect(clippy::print_stderr, reason = "a command-line tool")]

pub mod process;
