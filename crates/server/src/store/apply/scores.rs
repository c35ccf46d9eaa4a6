//! Applies scores. Called by `apply`.

use rusqlite::{OptionalExtension as _, params};

use super::Work;
use crate::store::change::ScorePatch;
use crate::store::error::StoreError;
use crate::store::load::load_trace;

impl Work<'_> {
    pub(super) fn score(&mut self, patch: &ScorePatch) -> Result<(), StoreError> {
        let score = &patch.row;
        let sql = "INSERT INTO score(id, trace_id, observation_id, session_id, name, data_type, value, comment, metadata, \
             environment, source, config_id, timestamp_ns, updated_ns) \
             VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) ON CONFLICT(id) DO UPDATE SET \
             trace_id = coalesce(trace_id, excluded.trace_id), \
             observation_id = coalesce(excluded.observation_id, observation_id), \
             session_id = coalesce(excluded.session_id, session_id), name = excluded.name, data_type = excluded.data_type, \
             value = excluded.value, comment = coalesce(excluded.comment, comment), \
             metadata = coalesce(excluded.metadata, metadata), source = excluded.source, \
             config_id = coalesce(excluded.config_id, config_id), updated_ns = excluded.updated_ns";
        let known: bool = self
            .db
            .prepare_cached("SELECT EXISTS(SELECT 1 FROM score WHERE id = ?1)")?
            .query_row([&score.id], |row| row.get(0))?;
        let metadata = (!score.metadata.is_null()).then(|| score.metadata.to_string());
        self.db.prepare_cached(sql)?.execute(params![
            score.id,
            score.trace_id,
            score.observation_id,
            score.session_id,
            score.name,
            score.data_type,
            score.value.to_string(),
            score.comment,
            metadata,
            score.environment,
            score.source,
            score.config_id,
            if score.timestamp_ns > 0 {
                score.timestamp_ns
            } else {
                self.now_ns
            },
            self.now_ns,
        ])?;
        self.stored += 1;
        let Some(trace) = &score.trace_id else {
            return Ok(());
        };
        // A score alone makes no trace.
        if self.touched.contains_key(trace) || load_trace(self.db, trace)?.is_some() {
            let touched = self.touch(trace, 0)?;
            touched.changes += 1;
            if !known {
                touched.is_same = false;
                touched.state.row.scores += 1;
            }
        }
        Ok(())
    }

    /// Deletes a score; its trace has one less.
    pub(super) fn delete_score(&mut self, id: &str) -> Result<(), StoreError> {
        let mut delete = self
            .db
            .prepare_cached("DELETE FROM score WHERE id = ?1 RETURNING trace_id")?;
        let deleted: Option<Option<String>> =
            delete.query_row([id], |row| row.get(0)).optional()?;
        let Some(trace) = deleted else {
            return Ok(());
        };
        self.stored += 1;
        if let Some(trace) = trace
            && (self.touched.contains_key(&trace) || load_trace(self.db, &trace)?.is_some())
        {
            let touched = self.touch(&trace, 0)?;
            touched.changes += 1;
            touched.is_same = false;
            touched.state.row.scores = touched.state.row.scores.saturating_sub(1);
        }
        Ok(())
    }
}
