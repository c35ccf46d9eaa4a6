//! `tracefuse tail`: reads from the store which traces have ended, and prints each once. A clock that is set back or ahead
//! changes nothing: a trace has changed if its row is another one, and what waits is measured by the monotonic clock.

use std::collections::HashMap;
use std::io::Write as _;
use std::time::Duration;

use tracefuse_core::Clock;
use tracefuse_server::{Store, TraceRow};

use crate::args::Tail;
use crate::{draw, list};

/// How often the store is asked.
const EVERY: Duration = Duration::from_millis(500);
/// A trace is printed when no span of it arrived for this time: spans of a trace arrive in several requests.
const QUIET: Duration = Duration::from_secs(1);
/// Traces that started longer ago are not read again.
const WINDOW_NS: i64 = 3_600_000_000_000;
/// The most traces that are read each time.
const AT_ONCE: usize = 1_000;

pub(crate) fn run(store: &Store, tail: &Tail) -> anyhow::Result<()> {
    let clock = Clock::system();
    let color = draw::color();
    let mut seen = Seen::default();
    let mut left = tail.count.map_or(usize::MAX, usize::from);
    loop {
        let now = store.now_ns();
        let mut query = tail.filters.query(now)?;
        let window = now.saturating_sub(WINDOW_NS);
        query.from_ns = Some(query.from_ns.unwrap_or(i64::MIN).max(window));
        let mut ended = Vec::new();
        seen.begin();
        list::each(store, query, AT_ONCE, |row| {
            if seen.has_ended(row, clock.monotonic_nanos()) {
                ended.push((row.updated_ns, row.id.clone()));
            }
            Ok(())
        })?;
        seen.end();
        ended.sort();
        for (_, id) in ended {
            let Some(view) = store.trace(&id)? else {
                continue;
            };
            let mut out = std::io::stdout().lock();
            writeln!(out, "{}", draw::tree(store, &view, color)?)?;
            out.flush()?;
            left = left.saturating_sub(1);
            if left == 0 {
                return Ok(());
            }
        }
        std::thread::park_timeout(EVERY);
    }
}

/// The traces of the last look.
#[derive(Debug, Default)]
struct Seen {
    traces: HashMap<String, Trace>,
    looks: u64,
}

#[derive(Debug)]
struct Trace {
    /// What changes with each request that has a span of it: the time of the change, the numbers of spans and of open ones.
    change: (i64, u64, u64),
    /// The monotonic time at which the change was seen; `None` if there is nothing to print: it was printed, or it has not
    /// changed since the first look.
    waits_since: Option<u64>,
    is_printed: bool,
    /// The last look in which it was there.
    look: u64,
}

impl Seen {
    fn begin(&mut self) {
        self.looks += 1;
    }

    /// Whether the trace is to be printed now, which it is once.
    fn has_ended(&mut self, row: &TraceRow, now: u64) -> bool {
        let look = self.looks;
        let change = (row.updated_ns, row.spans, row.open);
        let trace = self.traces.entry(row.id.clone());
        let trace = trace.or_insert_with(|| Trace {
            change,
            // What is there at the first look was there before.
            waits_since: (look > 1).then_some(now),
            is_printed: false,
            look,
        });
        trace.look = look;
        if trace.change != change && !trace.is_printed {
            (trace.change, trace.waits_since) = (change, Some(now));
        }
        let is_quiet = |since| Duration::from_nanos(now.saturating_sub(since)) >= QUIET;
        let has_ended = row.open == 0 && trace.waits_since.is_some_and(is_quiet);
        if has_ended {
            (trace.waits_since, trace.is_printed) = (None, true);
        }
        has_ended
    }

    /// Forgets the traces that were not there.
    fn end(&mut self) {
        let look = self.looks;
        self.traces.retain(|_, trace| trace.look == look);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn row(id: &str, updated_s: i64, spans: u64, open: u64) -> TraceRow {
        let mut row = TraceRow::default();
        id.clone_into(&mut row.id);
        (row.updated_ns, row.spans, row.open) = (updated_s * SECOND as i64, spans, open);
        row
    }

    /// The ids that are printed in a look.
    fn look(seen: &mut Seen, rows: &[TraceRow], now_s: u64) -> Vec<String> {
        seen.begin();
        let ended = rows
            .iter()
            .filter(|row| seen.has_ended(row, now_s * SECOND));
        let ended: Vec<TraceRow> = ended.cloned().collect();
        seen.end();
        ended.into_iter().map(|row| row.id).collect()
    }

    #[test]
    fn each_trace_is_printed_once_whatever_the_clock_does() {
        let mut seen = Seen::default();
        let old = row("old", 1_000, 3, 0);
        assert!(look(&mut seen, std::slice::from_ref(&old), 10).is_empty());
        // The clock was set back by 900 seconds: what arrives is older than what was there.
        let new = row("new", 100, 1, 0);
        let both = [old, new];
        assert!(look(&mut seen, &both, 11).is_empty(), "it may not be whole");
        assert_eq!(look(&mut seen, &both, 12), ["new"]);
        assert!(look(&mut seen, &both, 20).is_empty());
        // A trace that was there gets another span, and its row no later time.
        let changed = [row("old", 1_000, 4, 0)];
        assert!(look(&mut seen, &changed, 21).is_empty());
        assert_eq!(look(&mut seen, &changed, 22), ["old"]);
    }

    #[test]
    fn a_trace_is_printed_when_nothing_of_it_is_open() {
        let mut seen = Seen::default();
        assert!(look(&mut seen, &[], 1).is_empty());
        assert!(look(&mut seen, &[row("a", 1, 1, 1)], 2).is_empty());
        assert!(look(&mut seen, &[row("a", 1, 1, 1)], 9).is_empty());
        assert!(look(&mut seen, &[row("a", 9, 2, 0)], 10).is_empty());
        assert_eq!(look(&mut seen, &[row("a", 9, 2, 0)], 11), ["a"]);
    }
}
