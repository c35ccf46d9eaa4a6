//! The tables, their version and how an older version becomes the present one.
//! Called when a store is opened. Knows nothing about what the rows mean.

use rusqlite::Connection;

use super::error::StoreError;

/// Marks a file as a store of this program: "tfus".
const APPLICATION: i64 = 0x7466_7573;

/// One step for each version: the first makes version 1, the next makes 2 of 1. A step that was published stays as it
/// is.
const STEPS: &[&str] = &[VERSION_1, VERSION_2, VERSION_3];

const VERSION_1: &str = "
CREATE TABLE trace(
  n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, given_name TEXT, root_name TEXT,
  user_id TEXT, session_id TEXT, environment TEXT NOT NULL, release TEXT, version TEXT, public INTEGER NOT NULL,
  tags TEXT, own_ns INTEGER, start_ns INTEGER NOT NULL, end_ns INTEGER, level INTEGER NOT NULL, spans INTEGER NOT NULL,
  errors INTEGER NOT NULL, open INTEGER NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
  total_tokens INTEGER NOT NULL, cost REAL, cost_is_computed INTEGER NOT NULL, ttft_ns INTEGER, ttft_start_ns INTEGER,
  models TEXT, input_preview TEXT, output_preview TEXT, scores INTEGER NOT NULL, notes INTEGER NOT NULL,
  received_ns INTEGER NOT NULL, updated_ns INTEGER NOT NULL);
CREATE INDEX trace_start ON trace(start_ns);
CREATE INDEX trace_name ON trace(name, start_ns);
CREATE INDEX trace_user ON trace(user_id, start_ns) WHERE user_id IS NOT NULL;
CREATE INDEX trace_session ON trace(session_id, start_ns) WHERE session_id IS NOT NULL;
CREATE INDEX trace_error ON trace(start_ns) WHERE errors > 0;
CREATE TABLE trace_body(n INTEGER PRIMARY KEY, data TEXT NOT NULL);
CREATE TABLE span(
  n INTEGER PRIMARY KEY, trace INTEGER NOT NULL, id TEXT NOT NULL, parent TEXT, kind INTEGER NOT NULL, name TEXT NOT NULL,
  start_ns INTEGER NOT NULL, end_ns INTEGER, level INTEGER NOT NULL, status_message TEXT, model TEXT, usage TEXT, cost TEXT,
  cost_is_computed INTEGER NOT NULL, ttft_ns INTEGER, prompt_name TEXT, prompt_version INTEGER, is_root INTEGER NOT NULL,
  has_body INTEGER NOT NULL, context INTEGER NOT NULL, notes TEXT, received_ns INTEGER NOT NULL);
CREATE UNIQUE INDEX span_id ON span(trace, id);
CREATE INDEX span_start ON span(start_ns);
CREATE TABLE body(n INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE context(trace INTEGER NOT NULL, n INTEGER NOT NULL, data TEXT NOT NULL, PRIMARY KEY(trace, n)) WITHOUT ROWID;
CREATE TABLE score(
  n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, trace_id TEXT, observation_id TEXT, session_id TEXT, name TEXT NOT NULL,
  data_type TEXT NOT NULL, value TEXT NOT NULL, comment TEXT, metadata TEXT, environment TEXT NOT NULL, source TEXT NOT NULL,
  config_id TEXT, timestamp_ns INTEGER NOT NULL, updated_ns INTEGER NOT NULL);
CREATE INDEX score_trace ON score(trace_id) WHERE trace_id IS NOT NULL;
CREATE INDEX score_session ON score(session_id) WHERE session_id IS NOT NULL;
CREATE INDEX score_time ON score(timestamp_ns);
CREATE TABLE session(
  id TEXT PRIMARY KEY, traces INTEGER NOT NULL, errors INTEGER NOT NULL, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL,
  total_tokens INTEGER NOT NULL, cost REAL NOT NULL, user_id TEXT) WITHOUT ROWID;
CREATE INDEX session_last ON session(last_ns);
CREATE TABLE user(
  id TEXT PRIMARY KEY, traces INTEGER NOT NULL, errors INTEGER NOT NULL, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL,
  total_tokens INTEGER NOT NULL, cost REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX user_last ON user(last_ns);
CREATE TABLE hour(
  hour INTEGER PRIMARY KEY, traces INTEGER NOT NULL, errors INTEGER NOT NULL, spans INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, total_tokens INTEGER NOT NULL, cost REAL NOT NULL);
CREATE TABLE hour_latency(hour INTEGER NOT NULL, bucket INTEGER NOT NULL, traces INTEGER NOT NULL,
  PRIMARY KEY(hour, bucket)) WITHOUT ROWID;
CREATE TABLE hour_model(
  hour INTEGER NOT NULL, model TEXT NOT NULL, calls INTEGER NOT NULL, errors INTEGER NOT NULL, input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL, total_tokens INTEGER NOT NULL, cost REAL NOT NULL, PRIMARY KEY(hour, model)) WITHOUT ROWID;
CREATE TABLE media(
  id TEXT PRIMARY KEY, content_type TEXT NOT NULL, length INTEGER NOT NULL, sha256 TEXT NOT NULL, uploaded_ns INTEGER,
  status INTEGER, data BLOB);
CREATE TABLE media_link(media TEXT NOT NULL, trace_id TEXT NOT NULL, observation_id TEXT NOT NULL, field TEXT NOT NULL,
  PRIMARY KEY(media, trace_id, observation_id, field)) WITHOUT ROWID;
CREATE INDEX media_trace ON media_link(trace_id);
CREATE VIRTUAL TABLE words USING fts5(text, content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 2');
CREATE TABLE words_at(only INTEGER PRIMARY KEY CHECK(only = 1), n INTEGER NOT NULL);
INSERT INTO words_at VALUES(1, 0);
CREATE TABLE words_stale(n INTEGER PRIMARY KEY);
";

/// Traces whose rows are deleted and whose observations are not yet, see `deletion`.
const VERSION_2: &str =
    "CREATE TABLE gone(trace INTEGER PRIMARY KEY, is_uncounted INTEGER NOT NULL);";

/// Words of scripts without spaces are indexed otherwise: everything is indexed again.
const VERSION_3: &str = "INSERT INTO words(words) VALUES('delete-all'); UPDATE words_at SET n = 0; DELETE FROM words_stale;";

/// Makes the connection the one that writes. `page_cache` is in KiB.
pub(crate) fn prepare_writer(db: &Connection, page_cache: i64) -> rusqlite::Result<()> {
    // Only has an effect on a new file.
    db.pragma_update(None, "page_size", 8192)?;
    db.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "NORMAL")?;
    db.pragma_update(None, "cache_size", -page_cache)?;
    db.pragma_update(None, "journal_size_limit", 64 << 20)?;
    db.pragma_update(None, "wal_autocheckpoint", 2000)?;
    db.pragma_update(None, "trusted_schema", false)?;
    db.pragma_update(None, "cell_size_check", true)?;
    db.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Brings the file to the present version.
pub(crate) fn migrate(db: &mut Connection, path: &str) -> Result<(), StoreError> {
    let version = version(db, path)?;
    for (at, step) in STEPS.iter().enumerate().skip(version) {
        let transaction = db.transaction().map_err(StoreError::from)?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", at.saturating_add(1) as i64)?;
        transaction.commit()?;
    }
    Ok(())
}

/// The version of the file: 0 if it is empty.
pub(crate) fn version(db: &Connection, path: &str) -> Result<usize, StoreError> {
    let pragma = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let tables: i64 = db
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(|error| StoreError::of_file(error, path))?;
    let (application, version) = (pragma("application_id")?, pragma("user_version")?);
    if tables == 0 && application == 0 {
        return Ok(0);
    }
    if application != APPLICATION {
        return Err(StoreError::NotAStore(path.to_owned()));
    }
    match usize::try_from(version) {
        Ok(version) if version <= STEPS.len() => Ok(version),
        _ => Err(StoreError::Newer(path.to_owned())),
    }
}

/// The version that this program writes.
pub(crate) const PRESENT: usize = STEPS.len();
