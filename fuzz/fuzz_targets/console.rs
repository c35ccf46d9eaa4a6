//! The fuzzer's entry to `checks/console.rs`, which says what must hold.
#![no_main]

#[path = "../checks/console.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::run(data));
