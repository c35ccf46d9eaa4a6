//! Lists of sessions and users, and the values that a filter can have: from rows that the writer keeps.
//! Called by `Store`.

use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};

use super::conditions::{Conditions, joined};
use super::error::StoreError;
use super::rows::unsigned;
use crate::model::{Page, SessionRow, UserRow};

const PAGE: usize = 50;

/// Rows of a list that has the last time first; the cursor is time and id of the last row.
fn page_of<T>(
    db: &Connection,
    (table, columns): (&str, &str),
    limit: usize,
    cursor: Option<&str>,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    place: impl Fn(&T) -> (i64, String),
) -> Result<Page<T>, StoreError> {
    let limit = if limit == 0 { PAGE } else { limit.min(1000) };
    let (last, id) = match cursor {
        Some(cursor) => {
            let (last, id) = cursor.split_once('.').ok_or(StoreError::Cursor)?;
            (last.parse().map_err(|_| StoreError::Cursor)?, id.to_owned())
        }
        None => (i64::MAX, String::new()),
    };
    let sql = format!(
        "SELECT {columns} FROM {table} WHERE traces > 0 AND (last_ns, id) < (?1, ?2) ORDER BY last_ns DESC, id DESC LIMIT ?3"
    );
    let mut find = db.prepare_cached(&sql)?;
    let rows = find.query_map(params![last, id, limit.saturating_add(1) as i64], read)?;
    let mut rows: Vec<T> = rows.collect::<Result<_, _>>()?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| {
        let (last, id) = place(row);
        format!("{last}.{id}")
    });
    Ok(Page {
        rows,
        next,
        is_partial: false,
    })
}

const SESSION: &str = "id, traces, errors, first_ns, last_ns, total_tokens, cost, user_id";

fn session_row(row: &Row<'_>) -> rusqlite::Result<SessionRow> {
    Ok(SessionRow {
        id: row.get(0)?,
        traces: unsigned(row.get(1)?),
        errors: unsigned(row.get(2)?),
        first_ns: row.get(3)?,
        last_ns: row.get(4)?,
        total_tokens: unsigned(row.get(5)?),
        cost: row.get::<_, f64>(6)?.max(0.0),
        user_id: row.get(7)?,
    })
}

pub(crate) fn sessions(
    db: &Connection,
    limit: usize,
    cursor: Option<&str>,
) -> Result<Page<SessionRow>, StoreError> {
    page_of(
        db,
        ("session", SESSION),
        limit,
        cursor,
        session_row,
        |row| (row.last_ns, row.id.clone()),
    )
}

/// The environment of a session is that of its first trace.
pub(crate) const SESSION_ENVIRONMENT: &str = "coalesce((SELECT t.environment FROM trace t WHERE t.session_id = session.id \
    ORDER BY t.start_ns, t.n LIMIT 1), 'default')";

/// A page of sessions with their environments, and how many there are.
pub(crate) fn sessions_of_page(
    db: &Connection,
    conditions: &Conditions,
    page: usize,
    limit: usize,
) -> Result<(Vec<(SessionRow, String)>, usize), StoreError> {
    let mut all: Conditions = vec![("traces > 0".to_owned(), Vec::new())];
    all.extend_from_slice(conditions);
    let (filters, values) = joined(&all);
    let mut count = db.prepare_cached(&format!("SELECT count(*) FROM session{filters}"))?;
    let count: i64 = count.query_row(params_from_iter(&values), |row| row.get(0))?;
    let skip = page.saturating_sub(1).saturating_mul(limit);
    let sql = format!(
        "SELECT {SESSION}, {SESSION_ENVIRONMENT} FROM session{filters} ORDER BY first_ns DESC, id DESC LIMIT {limit} OFFSET {skip}"
    );
    let mut find = db.prepare_cached(&sql)?;
    let rows = find.query_map(params_from_iter(&values), |row| {
        Ok((session_row(row)?, row.get(8)?))
    })?;
    Ok((
        rows.collect::<Result<_, _>>()?,
        usize::try_from(count).unwrap_or(0),
    ))
}

pub(crate) fn session(db: &Connection, id: &str) -> Result<Option<SessionRow>, StoreError> {
    let mut find = db.prepare_cached(&format!(
        "SELECT {SESSION} FROM session WHERE id = ?1 AND traces > 0"
    ))?;
    Ok(find.query_row([id], session_row).optional()?)
}

pub(crate) fn users(
    db: &Connection,
    limit: usize,
    cursor: Option<&str>,
) -> Result<Page<UserRow>, StoreError> {
    let columns = "id, traces, errors, first_ns, last_ns, total_tokens, cost";
    let read = |row: &Row<'_>| {
        Ok(UserRow {
            id: row.get(0)?,
            traces: unsigned(row.get(1)?),
            errors: unsigned(row.get(2)?),
            first_ns: row.get(3)?,
            last_ns: row.get(4)?,
            total_tokens: unsigned(row.get(5)?),
            cost: row.get::<_, f64>(6)?.max(0.0),
        })
    };
    page_of(db, ("user", columns), limit, cursor, read, |row| {
        (row.last_ns, row.id.clone())
    })
}

/// Values for the choices of a filter, of the newest traces.
pub(crate) fn values(db: &Connection, field: &str) -> Result<Vec<String>, StoreError> {
    const NEWEST: &str = "(SELECT * FROM trace ORDER BY start_ns DESC LIMIT 5000)";
    let sql = match field {
        "model" => "SELECT model FROM hour_model GROUP BY model ORDER BY max(hour) DESC LIMIT 100"
            .to_owned(),
        "tag" => format!(
            "SELECT value FROM {NEWEST} t, json_each(t.tags) GROUP BY value ORDER BY max(t.start_ns) DESC LIMIT 100"
        ),
        "name" | "environment" | "release" | "version" => format!(
            "SELECT {field} FROM {NEWEST} WHERE {field} IS NOT NULL GROUP BY {field} ORDER BY max(start_ns) DESC LIMIT 100"
        ),
        _ => return Ok(Vec::new()),
    };
    let mut find = db.prepare_cached(&sql)?;
    let rows = find.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
