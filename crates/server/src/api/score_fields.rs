//! Scores as the read API shows them.
//! Used by `scores` and `legacy`.

use serde_json::{Value, json};

use super::fields::{Groups, iso, number};
use crate::model::ScoreRow;

/// A score of `GET /api/public/v3/scores`.
pub(crate) fn score(row: &ScoreRow, groups: &Groups) -> Value {
    let value = match row.data_type.as_str() {
        "BOOLEAN" => (row.value.as_f64() == Some(1.0)).into(),
        _ => row.value.as_f64().map_or_else(|| row.value.clone(), number),
    };
    let time = iso(row.timestamp_ns);
    let mut all = json!({
        "id": row.id, "projectId": "local", "name": row.name, "dataType": row.data_type, "value": value, "source": row.source,
        "timestamp": time, "environment": row.environment, "createdAt": time, "updatedAt": iso(row.updated_ns),
    });
    let mut put = |name: &str, value: Value| {
        if let Value::Object(all) = &mut all {
            all.insert(name.to_owned(), value);
        }
    };
    if groups.has("details") {
        put("comment", row.comment.clone().into());
        put("configId", row.config_id.clone().into());
        put("metadata", score_metadata(&row.metadata));
    }
    if groups.has("annotation") {
        put("authorUserId", Value::Null);
        put("queueId", Value::Null);
    }
    if groups.has("subject") {
        let subject = match (&row.trace_id, &row.observation_id, &row.session_id) {
            (trace, Some(observation), _) => {
                json!({ "kind": "observation", "id": observation, "traceId": trace })
            }
            (None, None, Some(session)) => json!({ "kind": "session", "id": session }),
            (trace, None, _) => json!({ "kind": "trace", "id": trace }),
        };
        put("subject", subject);
    }
    all
}

fn score_metadata(given: &Value) -> Value {
    match given {
        Value::Null => json!({}),
        Value::Object(fields) => fields.clone().into(),
        other => json!({ "metadata": other }),
    }
}

/// A score of the older endpoints.
pub(crate) fn old_score(row: &ScoreRow) -> Value {
    let (number_value, string_value) = match row.data_type.as_str() {
        "NUMERIC" => (row.value.clone(), Value::Null),
        "BOOLEAN" => {
            let truth = row.value.as_f64() == Some(1.0);
            (
                row.value.clone(),
                if truth { "True" } else { "False" }.into(),
            )
        }
        _ => (Value::Null, row.value.clone()),
    };
    let time = iso(row.timestamp_ns);
    json!({
        "id": row.id, "projectId": "local", "traceId": row.trace_id, "observationId": row.observation_id,
        "sessionId": row.session_id, "name": row.name, "dataType": row.data_type, "value": number_value,
        "stringValue": string_value, "source": row.source, "comment": row.comment, "configId": row.config_id,
        "metadata": score_metadata(&row.metadata), "environment": row.environment, "timestamp": time, "createdAt": time,
        "updatedAt": iso(row.updated_ns), "authorUserId": null, "queueId": null,
    })
}
