//! The index of words for the full-text search: which texts of an observation are in it, and the step that fills it.
//! `writer` calls the step while nothing waits; `search` reads the index and the same texts.

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use serde_json::Value;

use super::change::unpack;
use super::error::StoreError;
use super::load::load_body;
use super::phrase::spaced;
use crate::model::Bodies;

/// Observations and bytes of text that one step of the index takes: it must be short, since changes wait for it.
const STEP: usize = 256;
const STEP_BYTES: usize = 1 << 20;
/// Bytes of text of one observation that are indexed. The rest of a longer one is not found.
const LONGEST: usize = 256 << 10;

/// Indexes some observations; whether there may be more.
pub(crate) fn step(db: &mut Connection) -> Result<bool, StoreError> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Deferred)?;
    let mut texts = 0usize;
    let mut bytes = 0usize;
    let stale: Vec<i64> = {
        let mut find = transaction.prepare_cached("SELECT n FROM words_stale LIMIT ?1")?;
        let rows = find.query_map([STEP as i64], |row| row.get(0))?;
        rows.collect::<Result<_, _>>()?
    };
    for n in stale {
        transaction
            .prepare_cached("DELETE FROM words WHERE rowid = ?1")?
            .execute([n])?;
        if let Some(text) = text_of(&transaction, n)? {
            put(&transaction, n, &text)?;
            bytes += text.len();
        }
        transaction
            .prepare_cached("DELETE FROM words_stale WHERE n = ?1")?
            .execute([n])?;
        texts += 1;
        if bytes > STEP_BYTES {
            break;
        }
    }
    let at = indexed_to(&transaction)?;
    let mut last = at;
    if texts < STEP && bytes <= STEP_BYTES {
        let mut find =
            transaction.prepare_cached(&format!("{NAMES} WHERE n > ?1 ORDER BY n LIMIT ?2"))?;
        let mut rows = find.query(params![at, (STEP - texts) as i64])?;
        while let Some(row) = rows.next()? {
            let n = row.get(0)?;
            let text = text_of_row(&transaction, row)?;
            put(&transaction, n, &text)?;
            last = n;
            texts += 1;
            bytes += text.len();
            if bytes > STEP_BYTES {
                break;
            }
        }
    }
    if texts == 0 {
        return Ok(false);
    }
    if last > at {
        transaction
            .prepare_cached("UPDATE words_at SET n = ?1")?
            .execute([last])?;
    }
    transaction.commit()?;
    Ok(true)
}

fn put(db: &Connection, n: i64, text: &str) -> Result<(), StoreError> {
    db.prepare_cached("INSERT INTO words(rowid, text) VALUES(?1, ?2)")?
        .execute(params![n, spaced(text)])?;
    Ok(())
}

pub(super) fn indexed_to(db: &Connection) -> Result<i64, StoreError> {
    Ok(db
        .prepare_cached("SELECT n FROM words_at")?
        .query_row([], |row| row.get(0))?)
}

/// The columns that `text_of_row` reads.
pub(super) const NAMES: &str = "SELECT n, name, status_message, model, has_body FROM span";

fn text_of(db: &Connection, n: i64) -> Result<Option<String>, StoreError> {
    let mut find = db.prepare_cached(&format!("{NAMES} WHERE n = ?1"))?;
    let mut rows = find.query([n])?;
    match rows.next()? {
        Some(row) => Ok(Some(text_of_row(db, row)?)),
        None => Ok(None),
    }
}

/// The text of an observation as the index has it.
pub(super) fn text_of_row(db: &Connection, row: &rusqlite::Row<'_>) -> Result<String, StoreError> {
    let mut text: String = row.get(1)?;
    for column in [2, 3] {
        if let Some(more) = row.get::<_, Option<String>>(column)? {
            text.push('\n');
            text.push_str(&more);
        }
    }
    if row.get(4)?
        && let Some(body) = load_body(db, row.get(0)?)?
    {
        text_of_bodies(&unpack(&body), &mut text);
    }
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or(0));
    }
    Ok(text)
}

fn text_of_bodies(bodies: &Bodies, text: &mut String) {
    let mut add = |more: &str| {
        text.push('\n');
        text.push_str(more);
    };
    for body in [&bodies.input, &bodies.output].into_iter().flatten() {
        add(body);
    }
    for (key, value) in bodies.metadata.iter().chain(&bodies.parameters) {
        add(key);
        match value {
            Value::String(value) => add(value),
            other => add(&other.to_string()),
        }
    }
    for error in &bodies.errors {
        add(&error.kind);
        add(&error.message);
        error.sources.iter().for_each(|more| add(more));
        error.stacktrace.iter().for_each(|more| add(more));
    }
    for event in &bodies.events {
        add(&event.name);
        event
            .attributes
            .values()
            .for_each(|value| add(&value.to_string()));
    }
}

/// Whether the index has everything.
pub(crate) fn is_complete(db: &Connection) -> Result<bool, StoreError> {
    let more: Option<i64> = db
        .query_row(
            "SELECT n FROM span WHERE n > (SELECT n FROM words_at) LIMIT 1",
            [],
            |row| row.get(0),
        )
        .optional()?;
    let stale: Option<i64> = db
        .query_row("SELECT n FROM words_stale LIMIT 1", [], |row| row.get(0))
        .optional()?;
    Ok(more.is_none() && stale.is_none())
}
