//! Memory of the browser's processes and processor time of this one, as the system counts them.
//! Used by the case of the large trace.

/// Processor time of this program, which is the server too: in milliseconds. `None` where the system does not say.
pub(crate) fn own_work() -> Option<f64> {
    let status = read(std::process::id(), "stat")?;
    // After the name, which may have spaces: fields 14 and 15 are user and system time, in hundredths of a second.
    let (_, fields) = status.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).map(str::parse::<f64>);
    Some((times.next()?.ok()? + times.next()?.ok()?) * 10.0)
}

/// Bytes of the page's process that no other process shares: of the largest of the processes for pages that this program
/// has started. `None` where the system does not say.
pub(crate) fn memory_of_page() -> Option<u64> {
    let processes = std::fs::read_dir("/proc").ok()?;
    let ids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let pages = ids.filter(|id| is_page(*id) && is_ours(*id));
    pages.filter_map(private).max()
}

fn read(id: u32, file: &str) -> Option<String> {
    let bytes = std::fs::read(format!("/proc/{id}/{file}")).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn is_page(id: u32) -> bool {
    read(id, "cmdline").is_some_and(|line| line.contains("--type=renderer"))
}

/// Whether this program is among the processes that it descends from.
fn is_ours(mut id: u32) -> bool {
    for _ in 0..20 {
        if id == std::process::id() {
            return true;
        }
        let Some(status) = read(id, "status") else {
            return false;
        };
        match field(&status, "PPid:") {
            Some(parent) if parent > 1 => id = parent as u32,
            _ => return false,
        }
    }
    false
}

fn private(id: u32) -> Option<u64> {
    let map = read(id, "smaps_rollup")?;
    let kibibytes = field(&map, "Private_Clean:")? + field(&map, "Private_Dirty:")?;
    Some(kibibytes * 1024)
}

fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
