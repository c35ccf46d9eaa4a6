//! One trace, one observation, scores, media: what a page opens.
//! Called by `Store`.

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, OptionalExtension as _, Row, params_from_iter};
use serde_json::Value;

use super::apply::{load_body, load_context, load_span, load_trace, load_trace_body};
use super::change::{Context, unpack};
use super::error::StoreError;
use super::rows::{Place, SPAN, read_span, unsigned};
use crate::model::{Bodies, Media, ObservationRow, Page, ScoreQuery, ScoreRow, TraceView};

pub(crate) fn trace(db: &Connection, id: &str) -> Result<Option<TraceView>, StoreError> {
    let Some(state) = load_trace(db, id)? else {
        return Ok(None);
    };
    let mut observations = observations_of(db, state.n)?;
    observations.sort_by_key(|(place, row)| (row.start_ns, place.n));
    let query = ScoreQuery {
        trace_id: Some(id.to_owned()),
        limit: 1000,
        ..ScoreQuery::default()
    };
    let metadata = bodies_of_trace(db, id)?.unwrap_or_default().metadata;
    Ok(Some(TraceView {
        trace: state.row,
        observations: observations.into_iter().map(|(_, row)| row).collect(),
        scores: scores(db, &query)?.rows,
        metadata,
    }))
}

fn observations_of(
    db: &Connection,
    trace: i64,
) -> Result<Vec<(Place, ObservationRow)>, StoreError> {
    let mut find = db.prepare_cached(&format!("SELECT {SPAN} FROM span WHERE trace = ?1"))?;
    let rows = find.query_map([trace], read_span)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(crate) fn observation(
    db: &Connection,
    trace: &str,
    id: &str,
) -> Result<Option<(Place, ObservationRow)>, StoreError> {
    let Some(n) = number(db, trace)? else {
        return Ok(None);
    };
    load_span(db, n, id)
}

fn number(db: &Connection, trace: &str) -> Result<Option<i64>, StoreError> {
    let mut find = db.prepare_cached("SELECT n FROM trace WHERE id = ?1")?;
    Ok(find.query_row([trace], |row| row.get(0)).optional()?)
}

/// The bodies in a place, with the resource of their context.
pub(crate) fn bodies(db: &Connection, place: Place) -> Result<(Bodies, Context), StoreError> {
    let mut bodies = load_body(db, place.n)?
        .map(|body| unpack(&body))
        .unwrap_or_default();
    let mut context = load_context(db, place.trace, place.context)?;
    bodies.resource = std::mem::take(&mut context.resource);
    Ok((bodies, context))
}

/// Input, output and metadata of a trace: what the batch API gave it, else its root's.
pub(crate) fn bodies_of_trace(db: &Connection, id: &str) -> Result<Option<Bodies>, StoreError> {
    let Some(n) = number(db, id)? else {
        return Ok(None);
    };
    let given = load_trace_body(db, n)?;
    let sql = format!(
        "SELECT {SPAN} FROM span WHERE trace = ?1 AND is_root ORDER BY parent IS NOT NULL, start_ns LIMIT 1"
    );
    let root = db
        .prepare_cached(&sql)?
        .query_row([n], read_span)
        .optional()?;
    let mut found = match root {
        Some((place, _)) => bodies(db, place)?.0,
        None => Bodies::default(),
    };
    if given.input.is_some() {
        found.input = given.input;
    }
    if given.output.is_some() {
        found.output = given.output;
    }
    found.metadata.extend(given.metadata);
    Ok(Some(found))
}

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

pub(crate) fn scores(db: &Connection, query: &ScoreQuery) -> Result<Page<ScoreRow>, StoreError> {
    let mut conditions = Vec::new();
    let mut values: Vec<Sql> = Vec::new();
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
            conditions.push(condition);
            values.push(value.clone().into());
        }
    }
    for (condition, time) in [
        ("timestamp_ns >= ?", query.from_ns),
        ("timestamp_ns < ?", query.to_ns),
    ] {
        if let Some(time) = time {
            conditions.push(condition);
            values.push(time.into());
        }
    }
    if let Some(cursor) = &query.cursor {
        let (time, n) = cursor.split_once('.').ok_or(StoreError::Cursor)?;
        for number in [time, n] {
            values.push(
                number
                    .parse::<i64>()
                    .map_err(|_| StoreError::Cursor)?
                    .into(),
            );
        }
        conditions.push("(timestamp_ns, n) < (?, ?)");
    }
    let limit = if query.limit == 0 { 50 } else { query.limit };
    let all = match conditions.is_empty() {
        true => String::new(),
        false => format!(" WHERE {}", conditions.join(" AND ")),
    };
    let sql = format!(
        "SELECT n, id, trace_id, observation_id, session_id, name, data_type, value, comment, metadata, environment, source, \
         config_id, timestamp_ns, updated_ns FROM score{all} ORDER BY timestamp_ns DESC, n DESC LIMIT {}",
        limit.saturating_add(1)
    );
    let mut find = db.prepare_cached(&sql)?;
    let rows = find.query_map(params_from_iter(values), score_row)?;
    let mut rows: Vec<(i64, ScoreRow)> = rows.collect::<Result<_, _>>()?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().filter(|_| more);
    Ok(Page {
        next: last.map(|(n, row)| format!("{}.{n}", row.timestamp_ns)),
        rows: rows.into_iter().map(|(_, row)| row).collect(),
        is_partial: false,
    })
}

pub(crate) fn media(db: &Connection, id: &str) -> Result<Option<Media>, StoreError> {
    let mut find = db.prepare_cached(
        "SELECT id, content_type, length, data, uploaded_ns FROM media WHERE id = ?1",
    )?;
    let media = find.query_row([id], |row| {
        Ok(Media {
            id: row.get(0)?,
            content_type: row.get(1)?,
            length: unsigned(row.get(2)?),
            bytes: row.get(3)?,
            uploaded_ns: row.get(4)?,
        })
    });
    Ok(media.optional()?)
}

/// An observation with everything, as the read API shows it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Full {
    pub(crate) n: i64,
    pub(crate) trace_id: String,
    pub(crate) row: ObservationRow,
    pub(crate) context: Context,
    /// Empty unless they were asked for.
    pub(crate) bodies: Bodies,
}

/// Which observations the read API asks for; the newest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct ObservationQuery {
    pub(crate) conditions: Vec<(String, Vec<Sql>)>,
    /// Start in nanoseconds and number of the last row that was shown.
    pub(crate) after: Option<(i64, i64)>,
    pub(crate) with_bodies: bool,
    pub(crate) limit: usize,
}

/// At most `limit` observations; `true` if there are more.
pub(crate) fn observations(
    db: &Connection,
    query: &ObservationQuery,
) -> Result<(Vec<Full>, bool), StoreError> {
    let mut sql = String::new();
    let mut values: Vec<Sql> = Vec::new();
    let columns: Vec<String> = SPAN
        .split(", ")
        .map(|column| format!("s.{}", column.trim()))
        .collect();
    let mut and = |condition: &str, more: &[Sql]| {
        sql.push_str(if sql.is_empty() { " WHERE " } else { " AND " });
        sql.push_str(condition);
        values.extend(more.iter().cloned());
    };
    for (condition, more) in &query.conditions {
        and(condition, more);
    }
    if let Some((start, n)) = query.after {
        and("(s.start_ns, s.n) < (?, ?)", &[start.into(), n.into()]);
    }
    let sql = format!(
        "SELECT {}, t.id FROM span s JOIN trace t ON t.n = s.trace JOIN context c ON c.trace = s.trace AND c.n = s.context{sql} \
         ORDER BY s.start_ns DESC, s.n DESC LIMIT {}",
        columns.join(", "),
        query.limit.saturating_add(1)
    );
    let mut find = db.prepare_cached(&sql)?;
    let mut rows = find.query(params_from_iter(values))?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        if all.len() == query.limit {
            return Ok((all, true));
        }
        let (place, span) = read_span(row)?;
        let (bodies, context) = match query.with_bodies {
            true => bodies(db, place)?,
            false => (
                Bodies::default(),
                load_context(db, place.trace, place.context)?,
            ),
        };
        all.push(Full {
            n: place.n,
            trace_id: row.get(columns.len())?,
            row: span,
            context,
            bodies,
        });
    }
    Ok((all, false))
}
