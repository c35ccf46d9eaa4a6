//! A score as the JSON that `POST /api/public/scores` takes: one object per request, which every server
//! version accepts (`docs/langfuse.md` 3.1). Called by `exporter`.

use serde_json::{Map, Value, json};
use tracefuse_exporter::record::{Resource, ScoreRecord, ScoreTarget, ScoreValue, ValueRef};

/// The request's body, or why no server can take the score.
pub(crate) fn body(score: &ScoreRecord, resource: &Resource) -> Result<String, String> {
    let value = match &score.value {
        ScoreValue::Numeric(number) if number.is_finite() => json!(number),
        ScoreValue::Numeric(number) => {
            return Err(format!(
                "the score {:?} is {number}: JSON has finite numbers only",
                score.name
            ));
        }
        ScoreValue::Boolean(yes) => json!(u8::from(*yes)),
        ScoreValue::Categorical(text) | ScoreValue::Text(text) => json!(text),
        other => {
            return Err(format!(
                "Langfuse has no scores of type {}",
                other.data_type()
            ));
        }
    };
    let mut body = Map::new();
    let mut put = |key: &str, value: Value| body.insert(key.to_owned(), value);
    put("id", json!(score.id));
    put("name", json!(score.name));
    put("value", value);
    put("dataType", json!(score.value.data_type()));
    match &score.target {
        ScoreTarget::Trace(trace) => {
            put("traceId", json!(trace));
        }
        ScoreTarget::Observation(trace, span) => {
            put("traceId", json!(trace));
            put("observationId", json!(span));
        }
        ScoreTarget::Session(session) => {
            put("sessionId", json!(session));
        }
        other => return Err(format!("Langfuse has no scores on {other:?}")),
    }
    let environment = score.environment.as_ref().or(resource.environment.as_ref());
    // Absent, not null: null is a value to the server.
    for (key, text) in [
        ("comment", score.comment.as_ref()),
        ("configId", score.config_id.as_ref()),
        ("environment", environment),
    ] {
        if let Some(text) = text {
            put(key, json!(text));
        }
    }
    if !score.metadata.is_empty() {
        let metadata = score.metadata.iter();
        let metadata: Map<String, Value> = metadata
            .map(|(key, value)| {
                (
                    crate::text::safe_key(key).into_owned(),
                    plain(value.as_ref()),
                )
            })
            .collect();
        put("metadata", Value::Object(metadata));
    }
    Ok(Value::Object(body).to_string())
}

/// JSON text as JSON, everything else as it is; numbers that JSON has not as text.
fn plain(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Str(text) => json!(text),
        ValueRef::Json(text) => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
        ValueRef::Bool(v) => json!(v),
        ValueRef::I64(v) => json!(v),
        ValueRef::U64(v) => json!(v),
        ValueRef::F64(v) if v.is_finite() => json!(v),
        other => json!(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracefuse_exporter::record::{Timestamp, TraceId};

    #[test]
    fn a_body_has_what_was_given_and_no_nulls() {
        let trace = TraceId::random();
        let at = Timestamp::default();
        let mut score = ScoreRecord::new("quality", 0.5.into(), ScoreTarget::Trace(trace), at);
        score.id = "s1".into();
        let body = |score: &ScoreRecord| -> Value {
            serde_json::from_str(&body(score, &Resource::default()).unwrap()).unwrap()
        };
        assert_eq!(
            body(&score),
            json!({ "id": "s1", "name": "quality", "value": 0.5, "dataType": "NUMERIC", "traceId": trace.to_string() })
        );
        score.value = true.into();
        score.target = ScoreTarget::Session("chat".into());
        score.set_metadata(
            "__proto__",
            tracefuse_exporter::record::Value::Json("[1]".into()),
        );
        assert_eq!(
            body(&score),
            json!({ "id": "s1", "name": "quality", "value": 1, "dataType": "BOOLEAN", "sessionId": "chat", "metadata": { "__proto___": [1] } })
        );
    }

    #[test]
    fn a_number_that_json_has_not_is_refused_in_words() {
        let target = ScoreTarget::Session("s".into());
        let score = ScoreRecord::new("q", f64::NAN.into(), target, Timestamp::default());
        let refused = body(&score, &Resource::default()).unwrap_err();
        assert_eq!(
            refused,
            r#"the score "q" is NaN: JSON has finite numbers only"#
        );
    }
}
