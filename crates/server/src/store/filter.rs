//! The filters of a query as a `WHERE` of SQL with its values.
//! Used by `lists`, `whole` and `histogram`. A value is bound, never written into the SQL.

use rusqlite::types::Value;
use tracefuse_core::Level;

use super::rows::level_number;
use crate::model::TraceQuery;

/// A `WHERE` with its values.
#[derive(Debug, Default)]
pub(crate) struct Where {
    pub(crate) sql: String,
    pub(crate) values: Vec<Value>,
}

impl Where {
    pub(super) fn and(&mut self, condition: &str, value: impl Into<Value>) {
        self.and_all(condition, [value.into()]);
    }

    pub(crate) fn and_all(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        self.sql.push_str(if self.sql.is_empty() {
            " WHERE "
        } else {
            " AND "
        });
        self.sql.push_str(condition);
        self.values.extend(values);
    }

    /// The filters of a query without its text.
    pub(crate) fn of(query: &TraceQuery) -> Self {
        let mut filters = Self::default();
        let equal = [
            ("name = ?", &query.name),
            ("user_id = ?", &query.user_id),
            ("session_id = ?", &query.session_id),
            ("environment = ?", &query.environment),
            ("release = ?", &query.release),
            ("version = ?", &query.version),
        ];
        for (condition, value) in equal {
            if let Some(value) = value {
                filters.and(condition, value.clone());
            }
        }
        if let Some(from) = query.from_ns {
            filters.and("start_ns >= ?", from);
        }
        if let Some(to) = query.to_ns {
            filters.and("start_ns < ?", to);
        }
        // A list is kept as JSON: an element is found with its quotes.
        for tag in &query.tags {
            filters.and("instr(tags, ?) > 0", quoted(tag));
        }
        if let Some(model) = &query.model {
            filters.and("instr(models, ?) > 0", quoted(model));
        }
        if query.errors || query.level == Some(Level::Error) {
            filters.and_all("errors > 0", []);
        } else if let Some(level) = query.level {
            filters.and("level >= ?", level_number(level));
        }
        if let Some(latency) = query.min_latency_ns {
            filters.and("end_ns - start_ns >= ?", latency);
        }
        if let Some(cost) = query.min_cost {
            filters.and("cost >= ?", cost);
        }
        filters
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
