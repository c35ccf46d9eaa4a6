//! Every seed of every fuzz target, replayed: what the fuzzer has found stays found, without the fuzzer.
//! The checks themselves are in `fuzz/checks`.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "reads seeds, writes a spool's files, and runs exporters without a pipeline"
)]

#[path = "../../../../fuzz/checks/answer.rs"]
mod answer;
#[path = "../../../../fuzz/checks/config.rs"]
mod config;
#[path = "../../../../fuzz/checks/console.rs"]
mod console;
#[path = "../../../../fuzz/checks/mask.rs"]
mod mask;
#[path = "../../../../fuzz/checks/propagation.rs"]
mod propagation;
#[path = "../../../../fuzz/checks/provider.rs"]
mod provider;
#[path = "../../../../fuzz/checks/record.rs"]
mod record;
#[path = "../../../../fuzz/checks/retry_after.rs"]
mod retry_after;
#[path = "../../../../fuzz/checks/spool.rs"]
mod spool;

/// Runs a check on every seed, and on every seed cut and changed a little.
fn replay(target: &str, run: fn(&[u8])) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
    let mut seeds = 0;
    for entry in std::fs::read_dir(folder.join(target)).expect("seeds") {
        let path = entry.expect("a seed").path();
        let bytes = std::fs::read(&path).expect("a seed");
        // Printed only when the check fails: which seed it was.
        println!("{}", path.display());
        run(&bytes);
        run(&bytes[..bytes.len() / 2]);
        let mut changed = bytes;
        if let Some(byte) = changed.last_mut() {
            *byte ^= 0x10;
        }
        run(&changed);
        seeds += 1;
    }
    assert!(seeds > 0, "no seeds for {target}");
}

macro_rules! targets {
    ($($target:ident)*) => {$(
        #[test]
        fn $target() {
            replay(stringify!($target), $target::run);
        }
    )*};
}

mod replayed {
    use super::*;

    targets! { answer config console mask propagation provider record retry_after spool }
}
