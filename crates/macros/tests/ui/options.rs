//! Options that do not exist, or are not written as they must be.

use tracefuse_macros::observe;

#[observe(as_type = "llm")]
fn unknown_type() {}

#[observe(kind = "tool")]
fn unknown_option() {}

#[observe("search")]
fn bare_text() {}

#[observe(name = search)]
fn name_without_quotes() {}

#[observe(name = "")]
fn empty_name() {}

#[observe(err = "no")]
fn not_a_flag() {}

#[observe(debug, debug)]
fn twice() {}

#[observe(debug err = false)]
fn no_comma() {}

#[observe(capture = query)]
fn not_a_list(query: &str) -> &str {
    query
}

#[observe(stream = "yes")]
fn not_a_flag_either() {}

#[observe(crate = 1)]
fn not_a_path() {}

fn main() {
    unknown_type();
}
