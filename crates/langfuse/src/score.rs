//! Writes scores as the JSON that `POST /api/public/scores` takes: one object, or a list of objects (`docs/langfuse.md` 3.1).
//! Called by `exporter`; knows no HTTP.

use serde_json::{Map, Value, json};
use tracefuse_exporter::record::{Resource, ScoreRecord, ScoreTarget, ScoreValue, ValueRef};

use crate::text;

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
        ScoreTarget::DatasetRun(run) => {
            put("datasetRunId", json!(run));
        }
        other => return Err(format!("Langfuse has no scores on {other:?}")),
    }
    let environments = [&score.environment, &resource.environment];
    let mut environments = environments.into_iter().flatten();
    let environment = environments.find_map(|name| text::environment(name));
    // Left out instead of null: the server treats null as a value.
    for (key, text) in [
        ("comment", score.comment.as_deref()),
        ("configId", score.config_id.as_deref()),
        ("environment", environment.as_deref()),
    ] {
        if let Some(text) = text {
            put(key, json!(text));
        }
    }
    if !score.metadata.is_empty() {
        let metadata = score.metadata.iter();
        let metadata: Map<String, Value> = metadata
            .map(|(key, value)| (text::safe_key(key).to_owned(), plain(value.as_ref())))
            .collect();
        put("metadata", Value::Object(metadata));
    }
    Ok(Value::Object(body).to_string())
}

/// How many scores a request has at most, and how many bytes of them. The server takes 1 MB.
const LIST: usize = 100;
const LIST_BYTES: usize = 512 * 1024;

/// Splits bodies, each with its index in the batch, into lists that fit one request.
pub(crate) fn lists(mut bodies: &[(usize, String)]) -> impl Iterator<Item = &[(usize, String)]> {
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |(_, body): &&(usize, String)| {
            bytes += body.len();
            bytes <= LIST_BYTES
        };
        let count = bodies.iter().take(LIST).take_while(fits).count().max(1);
        let (list, rest) = bodies.split_at_checked(count)?;
        bodies = rest;
        Some(list)
    })
}

/// Several bodies as one.
pub(crate) fn list(bodies: &[(usize, String)]) -> String {
    let bodies: Vec<&str> = bodies.iter().map(|(_, body)| body.as_str()).collect();
    format!("[{}]", bodies.join(","))
}

/// Whether the answer to a list says that some of it was rejected (status 207).
pub(crate) fn has_rejections(answer: &[u8]) -> bool {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let rejected = answer.get("rejected").and_then(Value::as_u64);
    let errors = answer.get("errors").and_then(Value::as_array);
    rejected.is_some_and(|count| count > 0) || errors.is_some_and(|errors| !errors.is_empty())
}

/// A value as JSON. Numbers that JSON does not have (NaN, infinities) become text.
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
    fn lists_have_at_most_100_scores_and_512_kib() {
        let lengths = |bodies: &[usize]| -> Vec<usize> {
            let bodies = bodies.iter().map(|bytes| (0, "x".repeat(*bytes)));
            let bodies: Vec<_> = bodies.collect();
            lists(&bodies).map(<[_]>::len).collect()
        };
        let half = 256 * 1024;
        assert!(lengths(&[]).is_empty());
        assert_eq!(lengths(&[1; 201]), [100, 100, 1]);
        assert_eq!(lengths(&[half, half, 1]), [2, 1]);
        assert_eq!(lengths(&[half, half + 1, 1]), [1, 2]);
        assert_eq!(
            lengths(&[512 * 1024 + 1, 1]),
            [1, 1],
            "too large for any list"
        );
    }

    #[test]
    fn an_answer_says_whether_some_of_a_list_was_rejected() {
        for (answer, some) in [
            (r#"{"accepted":1,"rejected":1}"#, true),
            (r#"{"accepted":2,"rejected":0}"#, false),
            (r#"{"errors":[{"message":"name: Required"}]}"#, true),
            (r#"{"errors":[]}"#, false),
            (r#"{"rejected":0,"errors":[{}]}"#, true),
            (r#"{"message":"Accepted"}"#, false),
            ("no JSON", false),
        ] {
            assert_eq!(has_rejections(answer.as_bytes()), some, "{answer}");
        }
    }

    #[test]
    fn metadata_keep_their_type_as_far_as_json_has_it() {
        for (value, json) in [
            (ValueRef::Str("[1]"), json!("[1]")),
            (ValueRef::Json("[1]"), json!([1])),
            (ValueRef::Json("[1"), json!("[1")),
            (ValueRef::Bool(true), json!(true)),
            (ValueRef::I64(-7), json!(-7)),
            (ValueRef::U64(u64::MAX), json!(u64::MAX)),
            (ValueRef::F64(0.5), json!(0.5)),
            (ValueRef::F64(f64::NAN), json!("NaN")),
            (ValueRef::F64(f64::INFINITY), json!("Infinity")),
        ] {
            assert_eq!(plain(value), json, "{value:?}");
        }
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
