//! Places where there is nothing to observe.

use std::future::Future;

use tracefuse_macros::observe;

#[observe]
struct Search;

trait Model {
    #[observe]
    fn ask(&self);
}

#[observe]
impl Search {}

#[observe]
const fn at_compile_time() -> u8 {
    1
}

async fn search() {}

#[observe]
fn opaque_future() -> impl Future<Output = ()> {
    search()
}

fn main() {}
