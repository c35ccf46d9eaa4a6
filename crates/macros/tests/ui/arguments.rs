//! Arguments that are captured: they exist, and the options agree with each other.

use tracefuse_macros::observe;

#[observe(capture(qeury))]
fn misspelt(query: &str) -> &str {
    query
}

#[observe(capture(self))]
fn no_self(query: &str) -> &str {
    query
}

#[observe(skip(key))]
fn skip_alone(key: &str) -> &str {
    key
}

#[observe(capture_input, skip(kye))]
fn misspelt_skip(key: &str) -> &str {
    key
}

#[observe(capture(query), capture_input)]
fn both(query: &str) -> &str {
    query
}

#[observe(capture(query), skip(key))]
fn capture_and_skip(query: &str, key: &str) -> bool {
    query == key
}

#[observe(skip_all, capture_input)]
fn all_and_none(query: &str) -> &str {
    query
}

fn main() {}
