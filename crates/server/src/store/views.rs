//! One trace, one observation, media: what a page opens.
//! Called by `Store`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, OptionalExtension as _, params_from_iter};
use tracefuse_core::Clock;

use super::change::{Context, unpack};
use super::conditions::{Conditions, joined};
use super::error::StoreError;
use super::load::{load_body, load_context, load_span, load_trace, load_trace_body};
use super::rows::{Place, SPAN, read_span, unsigned};
use super::scores::scores;
use crate::model::{Bodies, Media, ObservationRow, ScoreQuery, TraceView};

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
    let n = number(db, id)?;
    n.map(|n| io_of_trace(db, n)).transpose()
}

/// The same by the number of the trace.
pub(crate) fn io_of_trace(db: &Connection, n: i64) -> Result<Bodies, StoreError> {
    let given = load_trace_body(db, n)?;
    let sql = "SELECT b.data FROM span s LEFT JOIN body b ON b.n = s.n WHERE s.trace = ?1 AND s.is_root \
         ORDER BY s.parent IS NOT NULL, s.start_ns, s.n LIMIT 1";
    let root: Option<Option<Vec<u8>>> = db
        .prepare_cached(sql)?
        .query_row([n], |row| row.get(0))
        .optional()?;
    let mut found = root.flatten().map(|body| unpack(&body)).unwrap_or_default();
    if given.input.is_some() {
        found.input = given.input;
    }
    if given.output.is_some() {
        found.output = given.output;
    }
    found.metadata.extend(given.metadata);
    Ok(found)
}

pub(crate) fn media(db: &Connection, id: &str) -> Result<Option<Media>, StoreError> {
    let mut find = db.prepare_cached(
        "SELECT id, content_type, length, data, uploaded_ns, sha256 FROM media WHERE id = ?1",
    )?;
    let media = find.query_row([id], |row| {
        Ok(Media {
            id: row.get(0)?,
            content_type: row.get(1)?,
            length: unsigned(row.get(2)?),
            bytes: row.get(3)?,
            uploaded_ns: row.get(4)?,
            sha256: row.get(5)?,
        })
    });
    Ok(media.optional()?)
}

/// An observation with everything, as the read API shows it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Full {
    pub(crate) trace_id: String,
    pub(crate) row: ObservationRow,
    pub(crate) context: Context,
    /// Empty unless they were asked for.
    pub(crate) bodies: Bodies,
}

/// Which observations the read API asks for; the newest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct ObservationQuery {
    pub(crate) conditions: Conditions,
    /// What only the body decides: rows are read one by one, see [`LOOKED_AT`].
    pub(crate) accept: Option<Accept>,
    /// Start in nanoseconds and number of the last row that was shown.
    pub(crate) after: Option<(i64, i64)>,
    /// Rows to pass over.
    pub(crate) skip: usize,
    pub(crate) with_bodies: bool,
    pub(crate) limit: usize,
}

/// Decides about an observation with its body.
#[derive(Clone)]
pub(crate) struct Accept(Arc<dyn Fn(&Full) -> bool + Send + Sync>);

impl Accept {
    pub(crate) fn new(accept: impl Fn(&Full) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(accept))
    }
}

impl fmt::Debug for Accept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Accept")
    }
}

/// Rows and time of one answer whose rows are read one by one. The next answer reads on from there.
const LOOKED_AT: usize = 20_000;
const LOOKED_FOR: Duration = Duration::from_secs(1);

const FROM: &str = "FROM span s JOIN trace t ON t.n = s.trace JOIN context c ON c.trace = s.trace AND c.n = s.context";

pub(crate) fn count_observations(
    db: &Connection,
    conditions: &[(String, Vec<Sql>)],
) -> Result<usize, StoreError> {
    let (sql, values) = joined(conditions);
    let mut count = db.prepare_cached(&format!("SELECT count(*) {FROM}{sql}"))?;
    let count: i64 = count.query_row(params_from_iter(values), |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// Observations; if there may be more, start and number of the last row that was looked at.
pub(crate) type Rows = (Vec<Full>, Option<(i64, i64)>);

/// At most `limit` observations.
pub(crate) fn observations(
    db: &Connection,
    query: &ObservationQuery,
    clock: &Clock,
) -> Result<Rows, StoreError> {
    let columns: Vec<String> = SPAN
        .split(", ")
        .map(|column| format!("s.{}", column.trim()))
        .collect();
    let mut conditions = query.conditions.clone();
    if let Some((start, n)) = query.after {
        conditions.push((
            "(s.start_ns, s.n) < (?, ?)".to_owned(),
            vec![start.into(), n.into()],
        ));
    }
    let (sql, values) = joined(&conditions);
    let most = match query.accept {
        Some(_) => LOOKED_AT,
        None => query.limit,
    };
    let sql = format!(
        "SELECT {}, t.id {FROM}{sql} ORDER BY s.start_ns DESC, s.n DESC LIMIT {} OFFSET {}",
        columns.join(", "),
        most.saturating_add(1),
        query.skip
    );
    let mut find = db.prepare_cached(&sql)?;
    let mut rows = find.query(params_from_iter(values))?;
    let mut all = Vec::new();
    let begun = clock.monotonic_nanos();
    let is_late = || {
        let took = clock.monotonic_nanos().saturating_sub(begun);
        query.accept.is_some() && Duration::from_nanos(took) > LOOKED_FOR
    };
    let (mut looked_at, mut last) = (0usize, None);
    while let Some(row) = rows.next()? {
        if all.len() == query.limit || looked_at == most || (last.is_some() && is_late()) {
            return Ok((all, last));
        }
        let (place, span) = read_span(row)?;
        (looked_at, last) = (looked_at + 1, Some((span.start_ns, place.n)));
        let (bodies, context) = match query.with_bodies || query.accept.is_some() {
            true => bodies(db, place)?,
            false => (
                Bodies::default(),
                load_context(db, place.trace, place.context)?,
            ),
        };
        let full = Full {
            trace_id: row.get(columns.len())?,
            row: span,
            context,
            bodies,
        };
        if query.accept.as_ref().is_none_or(|accept| accept.0(&full)) {
            all.push(full);
        }
    }
    Ok((all, None))
}
