//! `tracefuse tail`: reads from the store which traces have ended, and prints each once.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use tracefuse_server::Store;

use crate::args::Tail;
use crate::{draw, list};

/// How often the store is asked.
const EVERY: Duration = Duration::from_millis(500);
/// A trace is printed when no span of it arrived for this time: spans of a trace arrive in several requests.
const QUIET_NS: i64 = 1_000_000_000;
/// Traces that started longer ago are not read again.
const WINDOW_NS: i64 = 3_600_000_000_000;
/// The most traces that are read each time.
const AT_ONCE: usize = 1_000;

pub(crate) fn run(store: &Store, tail: &Tail) -> anyhow::Result<()> {
    let begun = store.now_ns();
    let color = draw::color();
    // The trace, and the change of it that was printed.
    let mut printed: BTreeMap<String, i64> = BTreeMap::new();
    let mut left = tail.count.map_or(usize::MAX, usize::from);
    loop {
        let now = store.now_ns();
        let mut query = tail.filters.query(now)?;
        query.from_ns = Some(query.from_ns.unwrap_or(i64::MIN).max(now - WINDOW_NS));
        let mut ended = Vec::new();
        list::each(store, query, AT_ONCE, |row| {
            let is_new = row.updated_ns >= begun && !printed.contains_key(&row.id);
            let is_quiet = row.updated_ns <= now - QUIET_NS;
            if is_new && is_quiet && row.open == 0 {
                ended.push((row.updated_ns, row.id.clone()));
            }
            Ok(())
        })?;
        ended.sort();
        for (updated, id) in ended {
            let Some(view) = store.trace(&id)? else {
                continue;
            };
            let mut out = std::io::stdout().lock();
            writeln!(out, "{}", draw::tree(store, &view, color)?)?;
            out.flush()?;
            printed.insert(id, updated);
            left = left.saturating_sub(1);
            if left == 0 {
                return Ok(());
            }
        }
        printed.retain(|_, updated| *updated >= now - WINDOW_NS);
        std::thread::park_timeout(EVERY);
    }
}
