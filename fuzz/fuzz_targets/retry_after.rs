//! The fuzzer's entry to `checks/retry_after.rs`, which says what must hold.
#![no_main]

#[path = "../checks/retry_after.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::run(data));
