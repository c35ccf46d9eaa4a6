//! Reading back: `GET /api/public/v2/observations` (`docs/langfuse.md` 4).
//! Called by `server`; reads from `store`.

use serde_json::{Map, Value, json};

use crate::answers::{Incoming, Reply};
use crate::mapping::Observation;
use crate::server::Shared;

const CORE: &[&str] = &[
    "id",
    "traceId",
    "startTime",
    "endTime",
    "projectId",
    "parentObservationId",
    "type",
    "isRootObservation",
];
const GROUPS: &[(&str, &[&str])] = &[
    (
        "basic",
        &[
            "name",
            "level",
            "statusMessage",
            "version",
            "environment",
            "userId",
            "sessionId",
        ],
    ),
    ("time", &["completionStartTime"]),
    ("io", &["input", "output"]),
    ("metadata", &["metadata"]),
    ("model", &["providedModelName", "modelParameters"]),
    ("usage", &["usageDetails", "costDetails"]),
    ("prompt", &["promptName", "promptVersion"]),
    ("metrics", &["latency"]),
    ("trace_context", &["traceName", "tags", "release", "public"]),
];

pub(crate) fn observations(shared: &Shared, request: &Incoming) -> Reply {
    let limit: usize = match request.one("limit").unwrap_or("50").parse() {
        Ok(limit) if (1..=1000).contains(&limit) => limit,
        _ => {
            return Reply::json(
                400,
                &json!({ "message": "Invalid request data", "error": "limit must be from 1 to 1000" }),
            );
        }
    };
    let offset: usize = request
        .one("cursor")
        .and_then(|cursor| cursor.parse().ok())
        .unwrap_or(0);
    let fields = request.one("fields").unwrap_or("core,basic");
    let expand: Vec<&str> = request
        .one("expandMetadata")
        .map(|keys| keys.split(',').collect())
        .unwrap_or_default();
    let store = shared.lock();
    let mut rows: Vec<&Observation> = store
        .observations
        .iter()
        .filter(|row| matches(row, request))
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.start_ns));
    let page: Vec<Value> = rows
        .iter()
        .skip(offset)
        .take(limit)
        .map(|row| shown(row, fields, &expand))
        .collect();
    let next = offset + page.len();
    let meta = if next < rows.len() {
        json!({ "cursor": next.to_string() })
    } else {
        json!({})
    };
    Reply::json(200, &json!({ "data": page, "meta": meta }))
}

fn matches(row: &Observation, request: &Incoming) -> bool {
    let is = |key: &str, value: Option<&str>| {
        request.one(key).is_none_or(|wanted| value == Some(wanted))
    };
    let parent = request
        .one("parentObservationId")
        .is_none_or(|wanted| match wanted {
            "" => row.parent_id.is_none(),
            id => row.parent_id.as_deref() == Some(id),
        });
    let environment = request
        .query
        .get("environment")
        .is_none_or(|wanted| wanted.contains(&row.environment));
    let root = request
        .one("isRootObservation")
        .is_none_or(|wanted| wanted == row.is_root.to_string());
    parent
        && environment
        && root
        && is("traceId", Some(&row.trace_id))
        && is("name", Some(&row.name))
        && is("type", Some(&row.kind))
        && is("level", Some(&row.level))
        && is("userId", row.user_id.as_deref())
        && is("sessionId", row.session_id.as_deref())
        && is("version", row.version.as_deref())
}

fn shown(row: &Observation, fields: &str, expand: &[&str]) -> Value {
    let Ok(Value::Object(mut all)) = serde_json::to_value(row) else {
        return Value::Null;
    };
    all.insert("projectId".into(), "mock-project".into());
    // Milliseconds are all that is kept on this path.
    all.insert("startTime".into(), iso(row.start_ns).into());
    all.insert("endTime".into(), iso(row.end_ns).into());
    all.insert(
        "latency".into(),
        json!((row.end_ns - row.start_ns) as f64 / 1e9),
    );
    if let Some(Value::Object(metadata)) = all.get_mut("metadata") {
        for (key, value) in metadata
            .iter_mut()
            .filter(|(key, _)| !expand.contains(&key.as_str()))
        {
            if let Value::String(text) = value {
                let _ = key;
                *text = text.chars().take(200).collect();
            }
        }
    }
    let groups: Vec<&str> = fields.split(',').collect();
    let wanted = GROUPS
        .iter()
        .filter(|(group, _)| groups.contains(group))
        .flat_map(|(_, names)| names.iter());
    CORE.iter()
        .chain(wanted)
        .filter_map(|name| Some(((*name).to_owned(), all.remove(*name)?)))
        .collect::<Map<_, _>>()
        .into()
}

/// `2026-11-23T13:19:50.504Z`.
pub(crate) fn iso(nanos: u64) -> String {
    let (seconds, millis) = (nanos / 1_000_000_000, nanos / 1_000_000 % 1000);
    let (days, day) = (seconds / 86_400, seconds % 86_400);
    // Days since 0000-03-01 (Hinnant, "chrono-compatible low-level date algorithms").
    let z = days + 719_468;
    let (era, doe) = (z / 146_097, z % 146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + u64::from(month <= 2);
    let date = doy - (153 * mp + 2) / 5 + 1;
    format!(
        "{year:04}-{month:02}-{date:02}T{:02}:{:02}:{:02}.{millis:03}Z",
        day / 3600,
        day / 60 % 60,
        day % 60
    )
}
