//! Conditions that the read API puts together, as one `WHERE`.
//! Used by `scores` and `views`. A value is bound, never written into the SQL.

use rusqlite::types::Value as Sql;

/// Conditions of SQL with their values.
pub(crate) type Conditions = Vec<(String, Vec<Sql>)>;

/// All conditions as SQL, and their values.
pub(super) fn joined(conditions: &[(String, Vec<Sql>)]) -> (String, Vec<Sql>) {
    let mut sql = String::new();
    let mut values = Vec::new();
    for (condition, more) in conditions {
        sql.push_str(if sql.is_empty() { " WHERE " } else { " AND " });
        sql.push_str(condition);
        values.extend(more.iter().cloned());
    }
    (sql, values)
}
