//! The fuzzer's entry to `checks/import.rs`, which says what must hold.
#![no_main]

#[path = "../checks/import.rs"]
mod check;
#[allow(dead_code, reason = "the program writes requests too")]
#[path = "../../crates/cli/src/spooled.rs"]
mod spooled;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::run(data));
