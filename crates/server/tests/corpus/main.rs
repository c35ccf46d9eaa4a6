//! Every seed of the fuzz target `server`, replayed: what the fuzzer has found stays found, without the fuzzer.
//! The check itself is in `fuzz/checks`.

#![expect(clippy::disallowed_methods, reason = "reads seeds")]

#[path = "../../../../fuzz/checks/server.rs"]
mod server;

#[test]
fn every_seed_holds_cut_and_changed_too() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/server");
    let mut seeds = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        server::run(&bytes);
        server::run(&bytes[..bytes.len() / 2]);
        for at in 0..bytes.len().min(400) {
            let mut changed = bytes.clone();
            changed[at] ^= 0x11;
            server::run(&changed);
        }
        seeds += 1;
    }
    assert!(seeds >= 7, "{seeds}");
}
