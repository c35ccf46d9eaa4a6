//! A score as the API takes it (`docs/langfuse.md` 1.4).
//! Called by `batch` and by `api`.

use serde_json::{Map, Value as Json};

use super::span::MAX_ID;
use super::values::{environment, time};
use crate::model::ScoreRow;
use crate::store::{Change, Kind, ScorePatch};

/// Characters of a text score.
const MAX_TEXT: usize = 500;

/// A score as a change, or what is wrong with it: where, and why. `id` is its id where it brings none.
pub(crate) fn score(body: &Map<String, Json>, id: &str) -> Result<Change, (&'static str, String)> {
    let text = |key: &'static str| match body.get(key) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text))
            if text.chars().count() > MAX_ID && !matches!(key, "comment" | "name") =>
        {
            Err((
                key,
                format!("Too big: expected string to have <={MAX_ID} characters"),
            ))
        }
        Some(Json::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Some(_) => Err((key, "Invalid input: expected string".to_owned())),
    };
    let name = text("name")?;
    let name = name.ok_or_else(|| {
        (
            "name",
            "Too small: expected string to have >=1 characters".to_owned(),
        )
    })?;
    let (data_type, value) = value(body)?;
    let (trace_id, session_id) = (text("traceId")?, text("sessionId")?);
    let (observation_id, run) = (text("observationId")?, text("datasetRunId")?);
    let targets = [&trace_id, &session_id, &run];
    let count = targets.into_iter().flatten().count();
    if count != 1 || (observation_id.is_some() && trace_id.is_none()) {
        let message = "Provide exactly one of the following: traceId (with optional observationId), sessionId or datasetRunId. \
                       ObservationId requires traceId.";
        return Err(("traceId", message.to_owned()));
    }
    if run.is_some() {
        return Err((
            "datasetRunId",
            "this server keeps no dataset runs".to_owned(),
        ));
    }
    let source = text("source")?.unwrap_or_else(|| "API".to_owned());
    if !matches!(source.as_str(), "API" | "EVAL" | "ANNOTATION") {
        return Err((
            "source",
            "Invalid option: expected one of \"API\"|\"ANNOTATION\"".to_owned(),
        ));
    }
    let given = match body.get("environment") {
        None => None,
        Some(Json::String(name)) => Some(name.as_str()),
        Some(_) => return Err(("environment", "Invalid input: expected string".to_owned())),
    };
    let row = ScoreRow {
        id: text("id")?.unwrap_or_else(|| id.to_owned()),
        trace_id,
        observation_id,
        session_id,
        name: if data_type == "CORRECTION" {
            "output".to_owned()
        } else {
            name
        },
        data_type: data_type.to_owned(),
        value,
        comment: text("comment")?,
        metadata: body.get("metadata").cloned().unwrap_or_default(),
        environment: environment(given.unwrap_or("default")),
        source,
        config_id: text("configId")?,
        // Only a list of scores brings its times.
        timestamp_ns: body
            .get("timestamp")
            .and_then(Json::as_str)
            .and_then(time)
            .unwrap_or(0),
        ..ScoreRow::default()
    };
    Ok(Change(Kind::Score(Box::new(ScorePatch { row }))))
}

/// The type, guessed where it is not given, and the value for it.
fn value(body: &Map<String, Json>) -> Result<(&'static str, Json), (&'static str, String)> {
    let value = body.get("value").cloned().unwrap_or_default();
    let given = match body.get("dataType") {
        None | Some(Json::Null) => None,
        Some(Json::String(kind)) => Some(kind.as_str()),
        Some(_) => return Err(("dataType", "Invalid discriminator value".to_owned())),
    };
    let wrong = |message: &str| Err(("value", message.to_owned()));
    let length = value.as_str().map(|text| text.encode_utf16().count());
    match given {
        Some("NUMERIC") if value.is_number() => Ok(("NUMERIC", value)),
        None if value.is_number() => Ok(("NUMERIC", value)),
        Some("NUMERIC") => wrong("Invalid input: expected number"),
        Some("BOOLEAN") => match (value.as_f64(), value.as_bool()) {
            (Some(number), _) if number == 0.0 || number == 1.0 => {
                Ok(("BOOLEAN", Json::from(number as i64)))
            }
            (_, Some(truth)) => Ok(("BOOLEAN", Json::from(i64::from(truth)))),
            _ => wrong("Value must be a number equal to either 0 or 1 for data type BOOLEAN"),
        },
        Some("CATEGORICAL") | None if value.is_string() => Ok(("CATEGORICAL", value)),
        Some("TEXT") if length.is_some_and(|length| (1..=MAX_TEXT).contains(&length)) => {
            Ok(("TEXT", value))
        }
        Some("TEXT") => wrong("Invalid input: expected string of 1 to 500 characters"),
        Some("CORRECTION") if value.is_string() => Ok(("CORRECTION", value)),
        Some("CATEGORICAL" | "CORRECTION") => wrong("Invalid input: expected string"),
        None => wrong("Invalid input"),
        Some(_) => Err(("dataType", "Invalid discriminator value".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: &Json) -> Result<ScoreRow, (&'static str, String)> {
        let change = score(body.as_object().unwrap(), "made")?;
        match change.0 {
            Kind::Score(patch) => Ok(patch.row),
            _ => unreachable!("a score is a score"),
        }
    }

    #[test]
    fn the_type_is_guessed_from_the_value() {
        for (value, wanted) in [(json!(0.5), "NUMERIC"), (json!("good"), "CATEGORICAL")] {
            let row = read(&json!({"name": "n", "traceId": "t", "value": value})).unwrap();
            assert_eq!((row.data_type.as_str(), row.id.as_str()), (wanted, "made"));
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, place) in [
            (json!({"traceId": "t", "value": 1}), "name"),
            (json!({"name": "n", "value": 1}), "traceId"),
            (
                json!({"name": "n", "traceId": "t", "sessionId": "s", "value": 1}),
                "traceId",
            ),
            (
                json!({"name": "n", "observationId": "o", "sessionId": "s", "value": 1}),
                "traceId",
            ),
            (json!({"name": "n", "traceId": "t"}), "value"),
            (
                json!({"name": "n", "traceId": "t", "value": 2, "dataType": "BOOLEAN"}),
                "value",
            ),
            (
                json!({"name": "n", "traceId": "t", "value": "x", "dataType": "NUMERIC"}),
                "value",
            ),
            (
                json!({"name": "n", "traceId": "t", "value": "", "dataType": "TEXT"}),
                "value",
            ),
            (
                json!({"name": "n", "traceId": "t", "value": 1, "dataType": "FOO"}),
                "dataType",
            ),
            (
                json!({"name": "n", "traceId": "t", "value": 1, "environment": 5}),
                "environment",
            ),
            (
                json!({"name": "n", "traceId": "t", "value": 1, "source": "ME"}),
                "source",
            ),
        ] {
            assert_eq!(read(&body).unwrap_err().0, place, "{body}");
        }
    }
}
