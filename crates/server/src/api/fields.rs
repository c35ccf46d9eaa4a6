//! Observations and traces as the read API shows them.
//! Used by `observations`, `legacy` and `score_fields`.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::model::{ObservationRow, TraceRow};
use crate::store::Full;

/// Characters of a metadata value that are returned if the request does not ask for the whole value.
const SHORT: usize = 200;

/// RFC 3339 in milliseconds, which is all that Langfuse keeps.
pub(crate) fn iso(nanos: i64) -> String {
    let millis = i128::from(nanos.div_euclid(1_000_000)).saturating_mul(1_000_000);
    let time =
        OffsetDateTime::from_unix_timestamp_nanos(millis).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let text = time.format(&Rfc3339).unwrap_or_default();
    // The format leaves zeros out, JavaScript does not.
    let (seconds, fraction) = match text.trim_end_matches('Z').split_once('.') {
        Some((seconds, fraction)) => (seconds.to_owned(), fraction.to_owned()),
        None => (text.trim_end_matches('Z').to_owned(), String::new()),
    };
    format!("{seconds}.{fraction:0<3}Z")
}

/// A number as JavaScript writes it: a whole one has no fraction.
pub(crate) fn number(value: f64) -> Value {
    let is_whole = value.fract() == 0.0 && value.abs() < 9e15;
    if is_whole {
        Value::from(value as i64)
    } else {
        Value::from(value)
    }
}

fn seconds(from_ns: i64, to_ns: i64) -> Value {
    let millis = to_ns
        .div_euclid(1_000_000)
        .saturating_sub(from_ns.div_euclid(1_000_000));
    number(millis as f64 / 1000.0)
}

fn text(text: Option<&String>) -> Value {
    Value::from(text.cloned().unwrap_or_default())
}

/// Which groups of fields to show.
#[derive(Clone, Debug)]
pub(crate) struct Groups {
    pub(crate) names: Vec<String>,
    /// Metadata keys to show in full.
    pub(crate) expand: Vec<String>,
}

impl Groups {
    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }
}

/// An observation of `GET /api/public/v2/observations`: an absent text is `""`; input, output and the trace's name are
/// null.
pub(crate) fn observation(full: &Full, groups: &Groups) -> Value {
    let row = &full.row;
    let facts = &full.context.facts;
    let end = row.end_ns;
    let first = row.ttft_ns.map(|ttft| row.start_ns.saturating_add(ttft));
    let mut all = json!({
        "id": row.id, "traceId": full.trace_id, "startTime": iso(row.start_ns), "endTime": end.map(iso), "projectId": "local",
        "parentObservationId": row.parent, "type": row.kind.as_str().to_uppercase(),
        "latency": end.map(|end| seconds(row.start_ns, end)),
        "timeToFirstToken": first.filter(|_| groups.has("time") || groups.has("metrics")).map(|first| seconds(row.start_ns, first)),
        "modelId": null, "inputPrice": null, "outputPrice": null, "totalPrice": null,
    });
    let mut put = |fields: Value| {
        if let (Value::Object(all), Value::Object(fields)) = (&mut all, fields) {
            all.extend(fields);
        }
    };
    if groups.has("basic") {
        put(json!({
            "name": row.name, "level": row.level.as_str(), "statusMessage": text(row.status_message.as_ref()),
            "version": text(facts.version.as_ref()), "environment": facts.environment.as_deref().unwrap_or("default"),
            "bookmarked": false, "public": facts.public, "userId": text(facts.user_id.as_ref()),
            "sessionId": text(facts.session_id.as_ref()), "isRootObservation": row.is_root,
        }));
    }
    if groups.has("time") {
        let received = iso(row.received_ns);
        put(
            json!({ "completionStartTime": first.map(iso), "createdAt": received, "updatedAt": received }),
        );
    }
    if groups.has("io") {
        put(json!({ "input": full.bodies.input, "output": full.bodies.output }));
    }
    if groups.has("metadata") {
        put(json!({ "metadata": metadata(full, groups) }));
    }
    if groups.has("model") {
        put(json!({
            "model": text(row.model.as_ref()), "internalModelId": "", "modelParameters": full.bodies.parameters,
        }));
    }
    if groups.has("usage") {
        put(usage(row));
    }
    if groups.has("prompt") {
        let (name, version) = row.prompt.clone().unzip();
        put(json!({ "promptId": "", "promptName": text(name.as_ref()), "promptVersion": version }));
    }
    if groups.has("trace_context") {
        put(
            json!({ "traceName": facts.name, "tags": facts.tags, "release": text(facts.release.as_ref()) }),
        );
    }
    all
}

/// The user's keys, then resource and scope by their paths.
pub(crate) fn metadata(full: &Full, groups: &Groups) -> Map<String, Value> {
    let mut all = Map::new();
    let in_full = groups.has("io");
    for (key, value) in &full.bodies.metadata {
        let is_expanded = in_full || groups.expand.contains(key);
        all.insert(
            key.clone(),
            if is_expanded {
                value.clone()
            } else {
                cut(value)
            },
        );
    }
    for (key, value) in &full.bodies.resource {
        let path = match key.strip_prefix("otel.scope.") {
            Some(rest) => format!("scope.{rest}"),
            None => format!("resourceAttributes.{key}"),
        };
        let value = match value {
            Value::String(text) => crate::take::shown(text),
            other => other.clone(),
        };
        all.insert(path, value);
    }
    all
}

/// The first characters of a value; JSON that is cut is text.
fn cut(value: &Value) -> Value {
    let long = match value {
        Value::String(text) => text.clone(),
        Value::Array(_) | Value::Object(_) => value.to_string(),
        _ => return value.clone(),
    };
    match long.char_indices().nth(SHORT) {
        Some((end, _)) => long.get(..end).unwrap_or_default().into(),
        None => value.clone(),
    }
}

fn usage(row: &ObservationRow) -> Value {
    let units = |part: &str| -> u64 {
        let parts = row.usage.iter().filter(|(bucket, _)| bucket.contains(part));
        parts.fold(0, |sum, (_, units)| sum.saturating_add(*units))
    };
    let cost = |part: &str| {
        let parts: Vec<f64> = row
            .cost
            .iter()
            .filter(|(bucket, _)| bucket.contains(part))
            .map(|(_, cost)| *cost)
            .collect();
        (!parts.is_empty()).then(|| number(parts.iter().sum()))
    };
    let costs: Map<String, Value> = row
        .cost
        .iter()
        .map(|(bucket, cost)| (bucket.clone(), number(*cost)))
        .collect();
    json!({
        "usageDetails": row.usage, "inputUsage": units("input"), "outputUsage": units("output"),
        "totalUsage": row.usage.get("total").copied().unwrap_or(0), "costDetails": costs, "inputCost": cost("input"),
        "outputCost": cost("output"), "totalCost": number(row.cost.get("total").copied().unwrap_or(0.0)),
        "usagePricingTierId": null, "usagePricingTierName": null,
    })
}

/// Input or output of the older endpoints: JSON text as the value that it contains.
pub(crate) fn parsed(body: Option<&String>) -> Value {
    let Some(text) = body else { return Value::Null };
    serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into())
}

/// An observation of the older endpoints.
pub(crate) fn old_observation(full: &Full) -> Value {
    let row = &full.row;
    let groups = Groups {
        names: ["basic", "time", "model", "usage", "prompt", "metrics"]
            .map(str::to_owned)
            .to_vec(),
        expand: Vec::new(),
    };
    let mut all = observation(full, &groups);
    let in_full = Groups {
        names: vec!["io".to_owned()],
        expand: Vec::new(),
    };
    let usage = |bucket: &str| row.usage.get(bucket).copied().unwrap_or(0);
    let more = json!({
        "input": parsed(full.bodies.input.as_ref()), "output": parsed(full.bodies.output.as_ref()),
        "metadata": metadata(full, &in_full), "unit": "TOKENS",
        "usage": { "input": usage("input"), "output": usage("output"), "total": usage("total"), "unit": "TOKENS" },
        "promptTokens": usage("input"), "completionTokens": usage("output"), "totalTokens": usage("total"),
        "calculatedTotalCost": row.cost.get("total").map(|cost| number(*cost)),
        "calculatedInputCost": row.cost.get("input").map(|cost| number(*cost)),
        "calculatedOutputCost": row.cost.get("output").map(|cost| number(*cost)),
    });
    if let (Value::Object(all), Value::Object(more)) = (&mut all, more) {
        all.extend(more);
    }
    all
}

/// A trace of the older endpoints, without observations and scores.
pub(crate) fn trace(row: &TraceRow, bodies: &crate::model::Bodies) -> Value {
    json!({
        "id": row.id, "projectId": "local", "timestamp": iso(row.start_ns), "name": row.name, "userId": row.user_id,
        "sessionId": row.session_id, "release": row.release, "version": row.version, "environment": row.environment,
        "public": row.public, "bookmarked": false, "tags": row.tags, "input": parsed(bodies.input.as_ref()),
        "output": parsed(bodies.output.as_ref()), "metadata": bodies.metadata, "externalId": null,
        "latency": row.latency_ns().map_or_else(|| json!(0), |nanos| number((nanos / 1_000_000) as f64 / 1000.0)),
        "totalCost": number(row.cost.unwrap_or(0.0)), "createdAt": iso(row.updated_ns), "updatedAt": iso(row.updated_ns),
        "htmlPath": format!("/traces/{}", row.id),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_milliseconds_and_whole_numbers_no_fraction() {
        assert_eq!(iso(1_795_783_800_500_999_999), "2026-11-27T12:50:00.500Z");
        assert_eq!(iso(1_795_783_800_000_000_000), "2026-11-27T12:50:00.000Z");
        assert_eq!(iso(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(number(2.0).to_string(), "2");
        assert_eq!(number(0.25).to_string(), "0.25");
    }
}
