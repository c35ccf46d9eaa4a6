//! Scores: by their filters, a page at a time, or one by its id.
//! Called by `Store` and by `views`.

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, OptionalExtension as _, Row, params_from_iter};
use serde_json::Value;

use super::conditions::{Conditions, joined};
use super::error::StoreError;
use crate::model::{Page, ScoreQuery, ScoreRow};

fn score_row(row: &Row<'_>) -> rusqlite::Result<(i64, ScoreRow)> {
    let json = |text: Option<String>| text.and_then(|text| serde_json::from_str(&text).ok());
    let score = ScoreRow {
        id: row.get(1)?,
        trace_id: row.get(2)?,
        observation_id: row.get(3)?,
        session_id: row.get(4)?,
        name: row.get(5)?,
        data_type: row.get(6)?,
        value: json(row.get(7)?).unwrap_or(Value::Null),
        comment: row.get(8)?,
        metadata: json(row.get(9)?).unwrap_or(Value::Null),
        environment: row.get(10)?,
        source: row.get(11)?,
        config_id: row.get(12)?,
        timestamp_ns: row.get(13)?,
        updated_ns: row.get(14)?,
    };
    Ok((row.get(0)?, score))
}

const SCORE: &str = "SELECT n, id, trace_id, observation_id, session_id, name, data_type, value, comment, metadata, environment, \
     source, config_id, timestamp_ns, updated_ns FROM score";

fn score_conditions(query: &ScoreQuery) -> Result<Conditions, StoreError> {
    let mut all = Conditions::new();
    let equal = [
        ("trace_id = ?", &query.trace_id),
        ("observation_id = ?", &query.observation_id),
        ("session_id = ?", &query.session_id),
        ("name = ?", &query.name),
        ("data_type = ?", &query.data_type),
        ("source = ?", &query.source),
        ("environment = ?", &query.environment),
        (
            "trace_id IN (SELECT id FROM trace WHERE user_id = ?)",
            &query.user_id,
        ),
    ];
    for (condition, value) in equal {
        if let Some(value) = value {
            all.push((condition.to_owned(), vec![value.clone().into()]));
        }
    }
    for (condition, time) in [
        ("timestamp_ns >= ?", query.from_ns),
        ("timestamp_ns < ?", query.to_ns),
    ] {
        if let Some(time) = time {
            all.push((condition.to_owned(), vec![time.into()]));
        }
    }
    if let Some(cursor) = &query.cursor {
        let (time, n) = cursor.split_once('.').ok_or(StoreError::Cursor)?;
        let number = |text: &str| {
            text.parse::<i64>()
                .map(Sql::from)
                .map_err(|_| StoreError::Cursor)
        };
        all.push((
            "(timestamp_ns, n) < (?, ?)".to_owned(),
            vec![number(time)?, number(n)?],
        ));
    }
    Ok(all)
}

pub(crate) fn scores(db: &Connection, query: &ScoreQuery) -> Result<Page<ScoreRow>, StoreError> {
    scores_where(db, query, Conditions::new())
}

pub(crate) fn scores_where(
    db: &Connection,
    query: &ScoreQuery,
    more: Conditions,
) -> Result<Page<ScoreRow>, StoreError> {
    let limit = if query.limit == 0 { 50 } else { query.limit };
    let mut conditions = score_conditions(query)?;
    conditions.extend(more);
    let mut rows = score_rows(db, &conditions, limit.saturating_add(1), 0)?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().filter(|_| more);
    Ok(Page {
        next: last.map(|(n, row)| format!("{}.{n}", row.timestamp_ns)),
        rows: rows.into_iter().map(|(_, row)| row).collect(),
        is_partial: false,
    })
}

fn score_rows(
    db: &Connection,
    conditions: &[(String, Vec<Sql>)],
    limit: usize,
    skip: usize,
) -> Result<Vec<(i64, ScoreRow)>, StoreError> {
    let (sql, values) = joined(conditions);
    let sql =
        format!("{SCORE}{sql} ORDER BY timestamp_ns DESC, n DESC LIMIT {limit} OFFSET {skip}");
    let mut find = db.prepare_cached(&sql)?;
    let rows = find.query_map(params_from_iter(values), score_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A page of scores, and how many there are.
pub(crate) fn scores_of_page(
    db: &Connection,
    query: &ScoreQuery,
    more: Conditions,
    page: usize,
) -> Result<(Vec<ScoreRow>, usize), StoreError> {
    let skip = page.saturating_sub(1).saturating_mul(query.limit);
    let mut conditions = score_conditions(query)?;
    conditions.extend(more);
    let rows = score_rows(db, &conditions, query.limit, skip)?;
    let (sql, values) = joined(&conditions);
    let mut count = db.prepare_cached(&format!("SELECT count(*) FROM score{sql}"))?;
    let count: i64 = count.query_row(params_from_iter(values), |row| row.get(0))?;
    Ok((
        rows.into_iter().map(|(_, row)| row).collect(),
        usize::try_from(count).unwrap_or(0),
    ))
}

pub(crate) fn score(db: &Connection, id: &str) -> Result<Option<ScoreRow>, StoreError> {
    let mut find = db.prepare_cached(&format!("{SCORE} WHERE id = ?1"))?;
    Ok(find
        .query_row([id], score_row)
        .optional()?
        .map(|(_, row)| row))
}
