//! Rows of the tables `trace` and `span`, to and from SQLite.
//! Used by `apply` and by the readers. Knows the columns and not what they are for.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rusqlite::{Row, params};
use tracefuse_core::{Level, ObservationType};

use crate::model::{ObservationRow, TraceRow};

const LEVELS: [Level; 4] = [Level::Debug, Level::Default, Level::Warning, Level::Error];

pub(crate) fn level_number(level: Level) -> i64 {
    let at = LEVELS.iter().position(|known| *known == level);
    at.and_then(|at| i64::try_from(at).ok()).unwrap_or(1)
}

pub(crate) fn level(number: i64) -> Level {
    let at = usize::try_from(number).ok();
    at.and_then(|at| LEVELS.get(at).copied())
        .unwrap_or_default()
}

/// The number of a type in the file: its place in `ObservationType::ALL`, to which new types are added at the end.
pub(crate) fn kind_number(kind: ObservationType) -> i64 {
    let at = ObservationType::ALL.iter().position(|known| *known == kind);
    at.and_then(|at| i64::try_from(at).ok()).unwrap_or(0)
}

/// The number of a type by its name, in any case.
pub(crate) fn kind_of(name: &str) -> Option<i64> {
    let mut known = ObservationType::ALL.into_iter();
    known
        .find(|kind| kind.as_str().eq_ignore_ascii_case(name))
        .map(kind_number)
}

pub(crate) fn kind(number: i64) -> ObservationType {
    let at = usize::try_from(number).ok();
    at.and_then(|at| ObservationType::ALL.get(at).copied())
        .unwrap_or_default()
}

/// A map or list as JSON; `None` if it is empty.
fn json<T: serde::Serialize>(value: &T, is_empty: bool) -> Option<String> {
    if is_empty {
        return None;
    }
    serde_json::to_string(value).ok()
}

fn from_json<T: serde::de::DeserializeOwned + Default>(text: Option<String>) -> T {
    let value = text.and_then(|text| serde_json::from_str(&text).ok());
    value.unwrap_or_default()
}

/// Numbers of SQLite are signed.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A row of `trace`: what is shown, and what the writer needs in addition.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TraceState {
    pub(crate) n: i64,
    pub(crate) row: TraceRow,
    pub(crate) given_name: Option<String>,
    pub(crate) root_name: Option<String>,
    /// The time that the batch API gave the trace itself.
    pub(crate) own_ns: Option<i64>,
    pub(crate) ttft_start_ns: Option<i64>,
    pub(crate) received_ns: i64,
}

/// The columns of a trace, in the order in which [`TraceState::read`] reads them.
pub(crate) const TRACE: &str = "n, id, name, given_name, root_name, user_id, session_id, environment, release, version, public, \
     tags, own_ns, start_ns, end_ns, level, spans, errors, open, input_tokens, output_tokens, total_tokens, cost, \
     cost_is_computed, ttft_ns, ttft_start_ns, models, input_preview, output_preview, scores, notes, received_ns, updated_ns";

const PUT_TRACE: &str = "INSERT OR REPLACE INTO trace(n, id, name, given_name, root_name, user_id, session_id, environment, release, \
     version, public, tags, own_ns, start_ns, end_ns, level, spans, errors, open, input_tokens, output_tokens, total_tokens, \
     cost, cost_is_computed, ttft_ns, ttft_start_ns, models, input_preview, output_preview, scores, notes, received_ns, \
     updated_ns) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, \
     ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33)";

/// Changes a row in place: only the indexes whose columns have changed are written.
const UPDATE_TRACE: &str = "UPDATE trace SET id = ?2, name = ?3, given_name = ?4, root_name = ?5, user_id = ?6, session_id = ?7, \
     environment = ?8, release = ?9, version = ?10, public = ?11, tags = ?12, own_ns = ?13, start_ns = ?14, end_ns = ?15, \
     level = ?16, spans = ?17, errors = ?18, open = ?19, input_tokens = ?20, output_tokens = ?21, total_tokens = ?22, \
     cost = ?23, cost_is_computed = ?24, ttft_ns = ?25, ttft_start_ns = ?26, models = ?27, input_preview = ?28, \
     output_preview = ?29, scores = ?30, notes = ?31, received_ns = ?32, updated_ns = ?33 WHERE n = ?1";

impl TraceState {
    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let count = |at: usize| row.get(at).map(unsigned);
        Ok(Self {
            n: row.get(0)?,
            given_name: row.get(3)?,
            root_name: row.get(4)?,
            own_ns: row.get(12)?,
            ttft_start_ns: row.get(25)?,
            received_ns: row.get(31)?,
            row: TraceRow {
                id: row.get(1)?,
                name: row.get(2)?,
                user_id: row.get(5)?,
                session_id: row.get(6)?,
                environment: row.get(7)?,
                release: row.get(8)?,
                version: row.get(9)?,
                public: row.get(10)?,
                tags: from_json(row.get(11)?),
                start_ns: row.get(13)?,
                end_ns: row.get(14)?,
                level: level(row.get(15)?),
                spans: count(16)?,
                errors: count(17)?,
                open: count(18)?,
                input_tokens: count(19)?,
                output_tokens: count(20)?,
                total_tokens: count(21)?,
                cost: row.get(22)?,
                cost_is_computed: row.get(23)?,
                ttft_ns: row.get(24)?,
                models: from_json(row.get(26)?),
                input_preview: row.get(27)?,
                output_preview: row.get(28)?,
                scores: count(29)?,
                notes: count(30)?,
                updated_ns: row.get(32)?,
            },
        })
    }

    pub(crate) fn write(&self, db: &rusqlite::Connection, is_new: bool) -> rusqlite::Result<()> {
        let row = &self.row;
        let mut put = db.prepare_cached(if is_new { PUT_TRACE } else { UPDATE_TRACE })?;
        put.execute(params![
            self.n,
            row.id,
            row.name,
            self.given_name,
            self.root_name,
            row.user_id,
            row.session_id,
            row.environment,
            row.release,
            row.version,
            row.public,
            json(&row.tags, row.tags.is_empty()),
            self.own_ns,
            row.start_ns,
            row.end_ns,
            level_number(row.level),
            signed(row.spans),
            signed(row.errors),
            signed(row.open),
            signed(row.input_tokens),
            signed(row.output_tokens),
            signed(row.total_tokens),
            row.cost,
            row.cost_is_computed,
            row.ttft_ns,
            self.ttft_start_ns,
            json(&row.models, row.models.is_empty()),
            row.input_preview,
            row.output_preview,
            signed(row.scores),
            signed(row.notes),
            self.received_ns,
            row.updated_ns,
        ])?;
        Ok(())
    }
}

/// The columns of an observation, in the order in which [`read_span`] reads them.
pub(crate) const SPAN: &str = "n, trace, context, id, parent, kind, name, start_ns, end_ns, level, status_message, model, usage, \
     cost, cost_is_computed, ttft_ns, prompt_name, prompt_version, is_root, has_body, notes, received_ns";

const VALUES: &str = "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)";

/// Where an observation is in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) n: i64,
    pub(crate) trace: i64,
    pub(crate) context: i64,
}

pub(crate) fn read_span(row: &Row<'_>) -> rusqlite::Result<(Place, ObservationRow)> {
    let place = Place {
        n: row.get(0)?,
        trace: row.get(1)?,
        context: row.get(2)?,
    };
    let prompt: Option<String> = row.get(16)?;
    let version: Option<i64> = row.get(17)?;
    let span = ObservationRow {
        id: row.get(3)?,
        parent: row.get(4)?,
        kind: kind(row.get(5)?),
        name: row.get(6)?,
        start_ns: row.get(7)?,
        end_ns: row.get(8)?,
        level: level(row.get(9)?),
        status_message: row.get(10)?,
        model: row.get(11)?,
        usage: from_json::<BTreeMap<_, _>>(row.get(12)?),
        cost: from_json::<BTreeMap<_, _>>(row.get(13)?),
        cost_is_computed: row.get(14)?,
        ttft_ns: row.get(15)?,
        prompt: prompt.zip(version),
        is_root: row.get(18)?,
        has_bodies: row.get(19)?,
        notes: from_json(row.get(20)?),
        received_ns: row.get(21)?,
    };
    Ok((place, span))
}

/// Writes an observation: a new one, which is left out if its id is there (then the answer is `false`), or over the one
/// in its place.
pub(crate) fn write_span(
    db: &rusqlite::Connection,
    place: Place,
    span: &ObservationRow,
    received_ns: i64,
    is_new: bool,
) -> rusqlite::Result<bool> {
    static INSERT: LazyLock<String> = LazyLock::new(|| {
        format!("INSERT INTO span({SPAN}) VALUES {VALUES} ON CONFLICT(trace, id) DO NOTHING")
    });
    static REPLACE: LazyLock<String> =
        LazyLock::new(|| format!("REPLACE INTO span({SPAN}) VALUES {VALUES}"));
    let mut put = db.prepare_cached(if is_new { &INSERT } else { &REPLACE })?;
    let (prompt, version) = span.prompt.clone().unzip();
    let changed = put.execute(params![
        place.n,
        place.trace,
        place.context,
        span.id,
        span.parent,
        kind_number(span.kind),
        span.name,
        span.start_ns,
        span.end_ns,
        level_number(span.level),
        span.status_message,
        span.model,
        json(&span.usage, span.usage.is_empty()),
        json(&span.cost, span.cost.is_empty()),
        span.cost_is_computed,
        span.ttft_ns,
        prompt,
        version,
        span.is_root,
        span.has_bodies,
        json(&span.notes, span.notes.is_empty()),
        received_ns,
    ])?;
    Ok(changed > 0)
}

/// Units of all buckets whose name has this part, as Langfuse adds them up.
pub(crate) fn units(row: &ObservationRow, part: &str) -> u64 {
    let parts = row.usage.iter().filter(|(bucket, _)| bucket.contains(part));
    parts.fold(0, |sum, (_, units)| sum.saturating_add(*units))
}

pub(crate) fn total_units(row: &ObservationRow) -> u64 {
    row.usage.get("total").copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_keep_the_numbers_that_files_have() {
        for (number, name) in [
            (0, "SPAN"),
            (1, "generation"),
            (2, "EVENT"),
            (3, "EMBEDDING"),
            (4, "AGENT"),
            (5, "TOOL"),
            (6, "CHAIN"),
            (7, "RETRIEVER"),
            (8, "EVALUATOR"),
            (9, "GUARDRAIL"),
        ] {
            assert_eq!(kind_of(name), Some(number), "{name}");
            assert_eq!(kind_number(kind(number)), number);
        }
        assert_eq!(kind_of("workflow"), None);
    }
}
