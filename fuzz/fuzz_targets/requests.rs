//! The fuzzer's entry to `checks/requests.rs`, which says what must hold.
#![no_main]

#[path = "../checks/requests.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::run(data));
