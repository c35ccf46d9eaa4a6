//! What the writer caches between transactions: the next numbers of rows, and the contexts that were stored last.
//! Used by `apply`; knows no change.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::store::error::StoreError;

/// Contexts that are cached, so that spans which share one store it once.
const CONTEXTS: usize = 2048;

/// What the writer caches between transactions. It is wrong after a rollback, and cleared then.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    next_trace: i64,
    pub(super) next_span: i64,
    /// By trace and text: number of the context.
    contexts: HashMap<(i64, String), i64>,
}

impl Memory {
    pub(crate) fn load(db: &Connection) -> rusqlite::Result<Self> {
        let next = |column: &str, table: &str| -> rusqlite::Result<i64> {
            let sql = format!("SELECT coalesce(max({column}), 0) + 1 FROM {table}");
            db.query_row(&sql, [], |row| row.get(0))
        };
        // A number is not used again while anything of a deleted row is left. Words are indexed up to `words_at`, which may be
        // beyond the last span.
        let words: i64 = db.query_row("SELECT n + 1 FROM words_at", [], |row| row.get(0))?;
        Ok(Self {
            next_trace: next("n", "trace")?.max(next("trace", "gone")?),
            next_span: next("n", "span")?.max(words),
            contexts: HashMap::new(),
        })
    }

    pub(super) fn next_trace(&mut self) -> i64 {
        self.next_trace += 1;
        self.next_trace - 1
    }

    /// The number of a context in its trace; the same text has the same number.
    pub(super) fn context(
        &mut self,
        db: &Connection,
        trace: i64,
        text: &str,
    ) -> Result<i64, StoreError> {
        let key = (trace, text.to_owned());
        if let Some(n) = self.contexts.get(&key) {
            return Ok(*n);
        }
        let mut find = db.prepare_cached("SELECT n FROM context WHERE trace = ?1 AND data = ?2")?;
        let known: Option<i64> = find
            .query_row(params![trace, text], |row| row.get(0))
            .optional()?;
        let n = match known {
            Some(n) => n,
            None => {
                let mut put = db.prepare_cached(
                    "INSERT INTO context SELECT ?1, coalesce(max(n), 0) + 1, ?2 FROM context WHERE trace = ?1 RETURNING n",
                )?;
                put.query_row(params![trace, text], |row| row.get(0))?
            }
        };
        if self.contexts.len() >= CONTEXTS {
            self.contexts.clear();
        }
        self.contexts.insert(key, n);
        Ok(n)
    }
}
