//! `Retry-After` and `Date` as any server may write them: no panic, no wait beyond a day.
//! Input: the two values, a line each. Run by the fuzzer and by the replay of its seeds.

use tracefuse_http::retry_after::{LONGEST, parse};

pub(crate) fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (value, date) = text.split_once('\n').unwrap_or((&text, ""));
    for date in [Some(date), None] {
        if let Some(wait) = parse(value, date) {
            assert!(wait <= LONGEST, "{wait:?}");
            assert_eq!(wait.subsec_nanos(), 0, "whole seconds");
        }
    }
}
