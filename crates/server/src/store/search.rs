//! Full-text search: the index of words, filled by the writer while nothing waits, and the exact scan of what it does not
//! have yet. Used by `writer` and `lists`.

use std::borrow::Cow;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use serde_json::Value;
use tracefuse_core::Clock;

use super::change::unpack;
use super::error::StoreError;
use super::load::load_body;
use crate::model::Bodies;

/// Observations and bytes of text that one step of the index takes: it must be short, since changes wait for it.
const STEP: usize = 256;
const STEP_BYTES: usize = 1 << 20;
/// Bytes of text of one observation that are indexed. The rest of a longer one is not found.
const LONGEST: usize = 256 << 10;
/// How long the exact scan may read what is not indexed yet.
const SCAN: Duration = Duration::from_millis(300);

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

fn indexed_to(db: &Connection) -> Result<i64, StoreError> {
    Ok(db
        .prepare_cached("SELECT n FROM words_at")?
        .query_row([], |row| row.get(0))?)
}

const NAMES: &str = "SELECT n, name, status_message, model, has_body FROM span";

fn text_of(db: &Connection, n: i64) -> Result<Option<String>, StoreError> {
    let mut find = db.prepare_cached(&format!("{NAMES} WHERE n = ?1"))?;
    let mut rows = find.query([n])?;
    match rows.next()? {
        Some(row) => Ok(Some(text_of_row(db, row)?)),
        None => Ok(None),
    }
}

fn text_of_row(db: &Connection, row: &rusqlite::Row<'_>) -> Result<String, StoreError> {
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

/// A part of a search: words that follow each other; the last may be the beginning of one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Phrase {
    words: Vec<String>,
    is_prefix: bool,
}

/// What is searched for: all phrases must be there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Search(Vec<Phrase>);

impl Search {
    /// Reads what a person typed: words, and phrases in quotes.
    pub(crate) fn new(text: &str) -> Self {
        let mut phrases = Vec::new();
        for (at, part) in text.split('"').enumerate() {
            let in_quotes = at % 2 == 1;
            let parts: Vec<&str> = match in_quotes {
                true => vec![part],
                false => part.split_whitespace().collect(),
            };
            for part in parts {
                let words: Vec<String> = words(part).collect();
                if !words.is_empty() {
                    phrases.push(Phrase {
                        words,
                        is_prefix: !in_quotes && part.ends_with('*'),
                    });
                }
            }
        }
        Self(phrases)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// For FTS5: every word is quoted, so nothing of it is read as an operator.
    fn to_match(&self) -> String {
        let phrases = self.0.iter().map(|phrase| {
            let star = if phrase.is_prefix { " *" } else { "" };
            format!("\"{}\"{star}", phrase.words.join(" "))
        });
        phrases.collect::<Vec<_>>().join(" AND ")
    }

    /// Whether a text has all phrases.
    fn is_in(&self, text: &str) -> bool {
        let all: Vec<String> = words(text).collect();
        self.0.iter().all(|phrase| {
            all.windows(phrase.words.len()).any(|window| {
                let last = phrase.words.len().saturating_sub(1);
                window
                    .iter()
                    .zip(&phrase.words)
                    .enumerate()
                    .all(|(at, (there, wanted))| {
                        there == wanted
                            || (phrase.is_prefix
                                && at == last
                                && there.starts_with(wanted.as_str()))
                    })
            })
        })
    }
}

/// Words as the index has them: letters and digits, in lower case. A sign of a script without spaces is a word.
fn words(text: &str) -> impl Iterator<Item = String> {
    let parts = text.split(|c: char| !c.is_alphanumeric());
    parts.flat_map(signs).map(str::to_lowercase)
}

/// The parts of a word: each sign of a script without spaces, and what is between them.
fn signs(word: &str) -> impl Iterator<Item = &str> {
    let mut rest = word;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let end = match is_without_spaces(first) {
            true => first.len_utf8(),
            false => rest.find(is_without_spaces).unwrap_or(rest.len()),
        };
        let (part, after) = rest.split_at_checked(end)?;
        rest = after;
        Some(part)
    })
}

/// The text with a space around each sign of a script without spaces: the index takes what is between spaces as one
/// word, so that a word within a sentence of Chinese would not be found.
fn spaced(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || !text.contains(is_without_spaces) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len().saturating_mul(2));
    for c in text.chars() {
        match is_without_spaces(c) {
            true => out.extend([' ', c, ' ']),
            false => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Whether words of this sign's script are written without spaces, or with endings that are part of the word.
fn is_without_spaces(c: char) -> bool {
    matches!(c,
        // Thai and Lao, Burmese, Khmer
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        // Hiragana, Katakana, Han, Hangul
        | '\u{3040}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{ff66}'..='\u{ff9f}' | '\u{20000}'..='\u{3ffff}')
}

/// Observations that match, the newest first.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Numbers of observations.
    pub(crate) spans: Vec<i64>,
    /// Rows may be missing: there are more, or the scan ran out of time.
    pub(crate) is_partial: bool,
}

/// At most `at_most` observations below the number `before`, the newest first: those that are not indexed yet by reading
/// them, the others from the index.
pub(crate) fn find(
    db: &Connection,
    search: &Search,
    before: i64,
    at_most: usize,
    clock: &Clock,
) -> Result<Found, StoreError> {
    let mut found = Found::default();
    if search.is_empty() {
        return Ok(found);
    }
    let at = indexed_to(db)?;
    let start = clock.monotonic_nanos();
    let is_late = || Duration::from_nanos(clock.monotonic_nanos().saturating_sub(start)) > SCAN;
    let scan = |sql: &str, values: &[i64], found: &mut Found| -> Result<(), StoreError> {
        let mut rows = db.prepare_cached(sql)?;
        let mut rows = rows.query(rusqlite::params_from_iter(values))?;
        while let Some(row) = rows.next()? {
            if found.spans.len() >= at_most || is_late() {
                found.is_partial = true;
                break;
            }
            if search.is_in(&text_of_row(db, row)?) {
                found.spans.push(row.get(0)?);
            }
        }
        Ok(())
    };
    scan(
        &format!("{NAMES} WHERE n > ?1 AND n < ?2 ORDER BY n DESC"),
        &[at, before],
        &mut found,
    )?;
    scan(
        &format!("{NAMES} WHERE n IN (SELECT n FROM words_stale) AND n < ?1 ORDER BY n DESC"),
        &[before],
        &mut found,
    )?;
    let mut indexed = db.prepare_cached(
        "SELECT rowid FROM words WHERE words MATCH ?1 AND rowid < ?2 \
         AND rowid NOT IN (SELECT n FROM words_stale) ORDER BY rowid DESC LIMIT ?3",
    )?;
    let left = at_most.saturating_sub(found.spans.len());
    let rows = indexed.query_map(
        params![
            search.to_match(),
            before.min(at.saturating_add(1)),
            left as i64
        ],
        |row| row.get(0),
    );
    let before = found.spans.len();
    for n in rows? {
        found.spans.push(n?);
    }
    found.is_partial |= found.spans.len() - before >= left;
    found.spans.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found)
}

/// Ids of at most `at_most` observations of a trace that match; `true` if some may be missing.
pub(crate) fn in_trace(
    db: &Connection,
    search: &Search,
    trace: &str,
    at_most: usize,
    clock: &Clock,
) -> Result<(Vec<String>, bool), StoreError> {
    let ends = "SELECT t.n, min(s.n), max(s.n) FROM trace t JOIN span s ON s.trace = t.n WHERE t.id = ?1 GROUP BY t.n";
    let ends = db
        .prepare_cached(ends)?
        .query_row([trace], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    let Some((trace, first, last)): Option<(i64, i64, i64)> = ends.optional()? else {
        return Ok((Vec::new(), false));
    };
    if search.is_empty() {
        return Ok((Vec::new(), false));
    }
    let mut ids = Vec::new();
    let mut is_partial = false;
    let mut indexed = db.prepare_cached(
        "SELECT s.id FROM words w JOIN span s ON s.n = w.rowid WHERE words MATCH ?1 AND w.rowid BETWEEN ?2 AND ?3 \
         AND s.trace = ?4 AND w.rowid NOT IN (SELECT n FROM words_stale) LIMIT ?5",
    )?;
    let values = params![search.to_match(), first, last, trace, at_most as i64];
    for id in indexed.query_map(values, |row| row.get(0))? {
        ids.push(id?);
    }
    // What is not in the index yet.
    let sql = format!(
        "{NAMES} WHERE trace = ?1 AND (n > ?2 OR n IN (SELECT n FROM words_stale)) ORDER BY n"
    );
    let start = clock.monotonic_nanos();
    let mut rows = db.prepare_cached(&sql)?;
    let mut rows = rows.query([trace, indexed_to(db)?])?;
    while let Some(row) = rows.next()? {
        let took = Duration::from_nanos(clock.monotonic_nanos().saturating_sub(start));
        if ids.len() >= at_most || took > SCAN {
            is_partial = true;
            break;
        }
        if search.is_in(&text_of_row(db, row)?) {
            let mut id = db.prepare_cached("SELECT id FROM span WHERE n = ?1")?;
            ids.push(id.query_row([row.get::<_, i64>(0)?], |row| row.get(0))?);
        }
    }
    is_partial |= ids.len() >= at_most;
    Ok((ids, is_partial))
}

/// Whether an observation of this trace matches, read one by one: for a trace that other filters chose.
pub(crate) fn trace_matches(
    db: &Connection,
    search: &Search,
    trace: i64,
) -> Result<bool, StoreError> {
    let mut rows = db.prepare_cached(&format!("{NAMES} WHERE trace = ?1"))?;
    let mut rows = rows.query([trace])?;
    while let Some(row) = rows.next()? {
        if search.is_in(&text_of_row(db, row)?) {
            return Ok(true);
        }
    }
    Ok(false)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_of_the_index_are_words() {
        let search = Search::new("foo AND b*r \"x OR y\" NEAR(a) pre* -no \"");
        assert_eq!(
            search.to_match(),
            r#""foo" AND "and" AND "b r" AND "x or y" AND "near a" AND "pre" * AND "no""#
        );
        assert!(Search::new(" * \" \"").is_empty());
    }

    #[test]
    fn signs_without_spaces_are_words_of_the_index() {
        assert_eq!(spaced("plain text"), "plain text");
        assert_eq!(spaced("später"), "später");
        assert_eq!(spaced("用GPT模型"), " 用 GPT 模  型 ");
        assert_eq!(Search::new("GPT模型").to_match(), "\"gpt 模 型\"");
    }

    #[test]
    fn a_scan_finds_words_phrases_and_beginnings() {
        let text = "Wie spät ist es? The QUICK-brown fox 我想查询北京的天气，用GPT模型";
        for (typed, is_there) in [
            ("spät", true),
            ("quick brown", true),
            ("\"brown fox\"", true),
            ("\"fox brown\"", false),
            ("qui", false),
            ("qui*", true),
            ("quick-brown", true),
            ("fox wolf", false),
            ("天气", true),
            ("北京天气", false),
            ("北京 天气", true),
            ("gpt模型", true),
            ("天気", false),
        ] {
            assert_eq!(Search::new(typed).is_in(text), is_there, "{typed}");
        }
    }
}
