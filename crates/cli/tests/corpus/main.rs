//! Every seed of the fuzz target `import`, replayed: what the fuzzer has found stays found, without the fuzzer.
//! The check itself is in `fuzz/checks`.

#![expect(
    clippy::disallowed_methods,
    reason = "reads seeds, and writes the files of a spool"
)]

#[path = "../../../../fuzz/checks/import.rs"]
mod import;
#[path = "../../src/spooled.rs"]
mod spooled;

#[test]
fn every_seed_holds_cut_and_changed_too() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/import");
    let mut seeds = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        import::run(&bytes);
        import::run(&bytes[..bytes.len() / 2]);
        for at in (0..bytes.len()).step_by(7) {
            let mut changed = bytes.clone();
            changed[at] ^= 0x11;
            import::run(&changed);
        }
        seeds += 1;
    }
    assert!(seeds >= 14, "{seeds}");
}
