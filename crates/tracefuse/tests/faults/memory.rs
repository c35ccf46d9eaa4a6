//! The process's resident memory and its highest mark, as Linux tells them; zero elsewhere.
#![expect(
    clippy::disallowed_methods,
    reason = "reads what the system says of this process"
)]

/// Resets the highest mark.
pub(crate) fn reset_peak() {
    // Not everywhere, and not for every user; the mark is then the highest so far.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// Bytes resident now.
pub(crate) fn now() -> u64 {
    line("VmRSS:")
}

/// The most there were since `reset_peak`.
pub(crate) fn peak() -> u64 {
    line("VmHWM:")
}

fn line(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}

pub(crate) fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
