//! The security rules of docs/security.md that concern the whole: secrets, addresses, servers that answer wrongly, logs, other exporters.
//! A separate binary, since everything that is logged in it is kept and searched.

#![expect(
    clippy::disallowed_methods,
    reason = "tests are applications: they have threads, files and an environment"
)]

mod addresses;
mod canary;
mod capture;
mod logs;
mod neighbours;
mod process;
mod scenes;
