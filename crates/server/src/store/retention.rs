//! Deletes the oldest traces by age and by size of the file, in short steps between which changes are stored.
//! Called by `writer`. Totals of hours and models stay: they are history.

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use super::connection::BUSY;
use super::deletion::{hide, is_pending, sweep};
use super::error::StoreError;
use super::options::StoreOptions;
use super::rows::{TRACE, TraceState};
use super::totals::Totals;

/// Traces and observations that one step deletes at most. A step deletes more than a transaction of changes stores, so that
/// the deletion keeps up with them.
pub(crate) const TRACES: usize = 100;
pub(crate) const SPANS: usize = 1000;
/// Traces whose age one step looks at.
const LOOKED_AT: i64 = 10_000;
/// Pages of the index of words that are merged after a step, so that deleted words leave it.
const MERGED: i64 = 500;
/// Pages that one step gives back to the file system.
const PAGES: i64 = 512;

/// A deletion that is under way.
#[derive(Debug, Default)]
pub(crate) struct Retention {
    phase: Phase,
    /// The number of the last trace whose age was looked at.
    after: i64,
    /// Traces that may still be deleted for the size of the file.
    left: Option<usize>,
    has_deleted: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// What is too old.
    #[default]
    Age,
    /// What is too much.
    Size,
    /// Pages of deleted rows are given back to the file system.
    Room,
}

impl Retention {
    /// Begins again, with what has become due in the meantime.
    pub(crate) fn restart(&mut self) {
        *self = Self {
            has_deleted: self.has_deleted,
            ..Self::default()
        };
    }

    /// One step; whether there is more to do.
    pub(crate) fn step(
        &mut self,
        db: &mut Connection,
        options: &StoreOptions,
    ) -> Result<bool, StoreError> {
        let is_done = match self.phase {
            Phase::Age => !self.by_age(db, options)?,
            Phase::Size => !self.by_size(db, options)?,
            Phase::Room => {
                let more = self.has_deleted && give_back(db)?;
                if !more && self.has_deleted {
                    empty_log(db)?;
                }
                return Ok(more);
            }
        };
        if is_done {
            self.phase = match self.phase {
                Phase::Age => Phase::Size,
                Phase::Size | Phase::Room => Phase::Room,
            };
        }
        Ok(true)
    }

    /// Deletes some of what is too old; whether there may be more.
    fn by_age(&mut self, db: &mut Connection, options: &StoreOptions) -> Result<bool, StoreError> {
        let Some(age) = options.max_age else {
            return self.delete(db, &[]);
        };
        if is_pending(db)? {
            return self.delete(db, &[]);
        }
        let now = i64::try_from(options.clock.unix_nanos()).unwrap_or(i64::MAX);
        let age = i64::try_from(age.as_nanos()).unwrap_or(i64::MAX);
        let (old, more) = self.old(db, now.saturating_sub(age), now)?;
        Ok(self.delete(db, &old)? || more)
    }

    /// Deletes some of what is too much; whether there may be more.
    fn by_size(&mut self, db: &mut Connection, options: &StoreOptions) -> Result<bool, StoreError> {
        let Some(limit) = options.max_bytes else {
            return Ok(false);
        };
        let mut first = Vec::new();
        if !is_pending(db)? {
            if used_bytes(db)? <= i64::try_from(limit).unwrap_or(i64::MAX) {
                return Ok(false);
            }
            // The index of words gives its room back later than the rows: at most half of the traces are deleted at once.
            let left = match self.left {
                Some(left) => left,
                None => half_of_traces(db)?,
            };
            first = oldest(db, left.min(TRACES))?;
            self.left = Some(left.saturating_sub(first.len()));
        }
        let has_deleted = self.delete(db, &first)?;
        if has_deleted {
            let merge = "INSERT INTO words(words, rank) VALUES('merge', ?1)";
            db.execute(merge, [-MERGED])?;
        }
        Ok(has_deleted)
    }

    /// Hides these traces, and deletes some observations of all that are hidden; `false` if there was nothing to do.
    fn delete(&mut self, db: &mut Connection, traces: &[TraceState]) -> Result<bool, StoreError> {
        if traces.is_empty() && !is_pending(db)? {
            return Ok(false);
        }
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut totals = Totals::default();
        for state in traces {
            hide(&transaction, state.n, &state.row.id, false)?;
            totals.forget(&state.row);
        }
        sweep(&transaction, &mut totals, SPANS)?;
        totals.write(&transaction)?;
        transaction.commit()?;
        self.has_deleted = true;
        Ok(true)
    }

    /// The next traces that changed before a time; `true` if others must still be looked at. A trace that still changes, or
    /// that arrived while the clock was ahead, is no reason to keep those after it.
    fn old(
        &mut self,
        db: &Connection,
        before: i64,
        now: i64,
    ) -> Result<(Vec<TraceState>, bool), StoreError> {
        let sql =
            "SELECT n, received_ns, updated_ns, spans FROM trace WHERE n > ?1 ORDER BY n LIMIT ?2";
        let mut find = db.prepare_cached(sql)?;
        let mut rows = find.query(params![self.after, LOOKED_AT])?;
        let mut chosen = Chosen::default();
        let mut looked_at = 0;
        while !chosen.is_full(TRACES)
            && let Some(row) = rows.next()?
        {
            let (n, received_ns): (i64, i64) = (row.get(0)?, row.get(1)?);
            // Rows are in the order of their arrival.
            if (before..=now).contains(&received_ns) {
                return Ok((chosen.load(db)?, false));
            }
            if row.get::<_, i64>(2)? < before {
                chosen.add(n, row.get(3)?);
            }
            self.after = n;
            looked_at += 1;
        }
        let more = chosen.is_full(TRACES) || looked_at == LOOKED_AT;
        Ok((chosen.load(db)?, more))
    }
}

/// Numbers of traces for one step, and how many observations they have.
#[derive(Debug, Default)]
struct Chosen {
    numbers: Vec<i64>,
    spans: i64,
}

impl Chosen {
    fn add(&mut self, n: i64, spans: i64) {
        self.numbers.push(n);
        self.spans = self.spans.saturating_add(spans);
    }

    fn is_full(&self, traces: usize) -> bool {
        self.numbers.len() >= traces || self.spans >= SPANS as i64
    }

    fn load(&self, db: &Connection) -> Result<Vec<TraceState>, StoreError> {
        let sql = format!("SELECT {TRACE} FROM trace WHERE n = ?1");
        let mut find = db.prepare_cached(&sql)?;
        let states = self
            .numbers
            .iter()
            .map(|n| find.query_row([n], TraceState::read));
        Ok(states.collect::<Result<_, _>>()?)
    }
}

/// The traces that arrived first, at most so many.
fn oldest(db: &Connection, at_most: usize) -> Result<Vec<TraceState>, StoreError> {
    let mut find = db.prepare_cached("SELECT n, spans FROM trace ORDER BY n")?;
    let mut rows = find.query([])?;
    let mut chosen = Chosen::default();
    while !chosen.is_full(at_most)
        && let Some(row) = rows.next()?
    {
        chosen.add(row.get(0)?, row.get(1)?);
    }
    chosen.load(db)
}

fn half_of_traces(db: &Connection) -> Result<usize, StoreError> {
    let traces: i64 = db.query_row("SELECT count(*) FROM trace", [], |row| row.get(0))?;
    Ok(usize::try_from(traces).unwrap_or(0).div_ceil(2))
}

/// Bytes of the pages in use.
fn used_bytes(db: &Connection) -> Result<i64, StoreError> {
    let pages = number(db, "page_count")?.saturating_sub(number(db, "freelist_count")?);
    Ok(pages.saturating_mul(number(db, "page_size")?))
}

fn number(db: &Connection, pragma: &str) -> Result<i64, StoreError> {
    Ok(db.pragma_query_value(None, pragma, |row| row.get(0))?)
}

/// Gives some pages back to the file system; whether there are more.
fn give_back(db: &Connection) -> Result<bool, StoreError> {
    let free = number(db, "freelist_count")?;
    if free == 0 {
        return Ok(false);
    }
    db.execute_batch(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
    let left = number(db, "freelist_count")?;
    Ok(left > 0 && left < free)
}

/// Writes the log of the deletions back and cuts it, so that the disk has the room. A reader that is in the way is not
/// waited for: the log is then cut later.
fn empty_log(db: &Connection) -> Result<(), StoreError> {
    db.busy_timeout(std::time::Duration::ZERO)?;
    let emptied = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    db.busy_timeout(BUSY)?;
    match emptied.optional().map_err(StoreError::from) {
        Err(StoreError::Locked) | Ok(_) => Ok(()),
        Err(error) => Err(error),
    }
}
