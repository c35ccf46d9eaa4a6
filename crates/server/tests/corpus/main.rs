//! Every seed of the fuzz targets `server` and `requests`, replayed: what the fuzzer has found stays found, without the fuzzer.
//! The checks themselves are in `fuzz/checks`.

#![expect(
    clippy::disallowed_methods,
    reason = "reads seeds, and has its own runtime"
)]

#[path = "../../../../fuzz/checks/requests.rs"]
mod requests;
#[path = "../../../../fuzz/checks/server.rs"]
mod server;

/// Runs a check on every seed, and on every seed cut and changed.
fn replay(target: &str, least: usize, run: fn(&[u8])) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
    let mut seeds = 0;
    for entry in std::fs::read_dir(folder.join(target)).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        run(&bytes);
        run(&bytes[..bytes.len() / 2]);
        for at in 0..bytes.len().min(400) {
            let mut changed = bytes.clone();
            changed[at] ^= 0x11;
            run(&changed);
        }
        seeds += 1;
    }
    assert!(seeds >= least, "{seeds}");
}

#[test]
fn every_seed_of_bodies_and_queries_holds() {
    replay("server", 7, server::run);
}

#[test]
fn every_seed_of_requests_holds() {
    replay("requests", 20, requests::run);
}
