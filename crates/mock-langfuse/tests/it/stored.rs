//! What a span becomes: each difference that was seen beside a real 4.16.0, with the value of the real server.

use mock_langfuse::MockLangfuse;
use serde_json::{Value, json};

use crate::support::{Call, Case, OTLP, OURS, check, row, text};

#[test]
fn the_time_of_the_first_token_is_in_milliseconds_or_null() {
    let case = |name, value: &str, wanted: Value| -> Case {
        let key = "langfuse.observation.completion_start_time";
        (
            name,
            vec![(key, text(value))],
            "/completionStartTime",
            wanted,
        )
    };
    check(vec![
        case(
            "cst epoch",
            "1795765676904",
            json!("2026-11-27T07:47:56.904Z"),
        ),
        case(
            "cst off",
            "2026-11-27T10:00:00+02:00",
            json!("2026-11-27T08:00:00.000Z"),
        ),
        case(
            "cst nano",
            "2026-11-27T08:00:00.123456789Z",
            json!("2026-11-27T08:00:00.123Z"),
        ),
        case(
            "cst iso",
            "2026-11-27T08:00:00.123456Z",
            json!("2026-11-27T08:00:00.123Z"),
        ),
        case(
            "cst quoted",
            "\"2026-11-27T08:00:00.123456Z\"",
            json!("2026-11-27T08:00:00.123Z"),
        ),
        case("cst empty", "", Value::Null),
        case("cst bad", "soon", Value::Null),
        (
            "cst int",
            vec![(
                "langfuse.observation.completion_start_time",
                json!({ "intValue": "1795765676904" }),
            )],
            "/timeToFirstToken",
            json!(0.904),
        ),
    ]);
}

#[test]
fn costs_are_decimals_as_the_database_has_them() {
    let case = |name, value: &str, wanted: Value| -> Case {
        (
            name,
            vec![("langfuse.observation.cost_details", text(value))],
            "/costDetails",
            wanted,
        )
    };
    check(vec![
        case(
            "cost neg",
            r#"{"input":-0.1}"#,
            json!({ "input": -0.1, "total": -0.1 }),
        ),
        case(
            "cost nul",
            r#"{"input":null,"output":0.2}"#,
            json!({ "input": 0, "output": 0.2, "total": 0.2 }),
        ),
        case(
            "cost tiny",
            r#"{"input":1e-13}"#,
            json!({ "input": 0, "total": 0 }),
        ),
        case(
            "cost str",
            r#"{"input":"0.1"}"#,
            json!({ "input": 0, "total": 0 }),
        ),
        case(
            "cost text",
            r#"{"input":0.1,"output":0.2}"#,
            json!({ "input": 0.1, "output": 0.2, "total": 0.3 }),
        ),
        case(
            "cost huge",
            r#"{"input":1e9}"#,
            json!({ "input": 999_999.999_999, "total": 999_999.999_999 }),
        ),
        case(
            "cost other",
            r#"{"input":0.1,"cache_read":0.5}"#,
            json!({ "input": 0.1, "cache_read": 0.5 }),
        ),
        case(
            "cost total",
            r#"{"input":0.1,"total":0.7}"#,
            json!({ "input": 0.1, "total": 0.7 }),
        ),
        case("cost none", r#"{"input":null}"#, json!({})),
        (
            "cost gen_ai",
            vec![("gen_ai.usage.cost", json!({ "doubleValue": 0.25 }))],
            "/costDetails",
            json!({ "total": 0.25 }),
        ),
        (
            "cost sums",
            vec![(
                "langfuse.observation.cost_details",
                text(r#"{"input":0.1,"output":0.2}"#),
            )],
            "/inputCost",
            json!(0.1),
        ),
        ("cost of nothing", vec![], "/totalCost", json!(0)),
        ("cost of nothing", vec![], "/inputCost", Value::Null),
    ]);
}

#[test]
fn usage_is_split_and_summed_as_the_server_does() {
    let case = |name, value: &str, pointer, wanted: Value| -> Case {
        (
            name,
            vec![("langfuse.observation.usage_details", text(value))],
            pointer,
            wanted,
        )
    };
    let openai = r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"prompt_tokens_details":{"cached_tokens":4}}"#;
    let responses = r#"{"input_tokens":10,"output_tokens":5,"total_tokens":15,"output_tokens_details":{"reasoning_tokens":3}}"#;
    let split = json!({ "input": 6, "output": 5, "total": 15, "input_cached_tokens": 4 });
    check(vec![
        case("usage openai", openai, "/usageDetails", split),
        case(
            "usage responses",
            responses,
            "/usageDetails",
            json!({ "input": 10, "output": 2, "total": 15, "output_reasoning_tokens": 3 }),
        ),
        case(
            "usage huge",
            r#"{"input":12345678901234567890}"#,
            "/usageDetails",
            json!({ "input": 12_345_678_901_234_567_000_u64, "total": 12_345_678_901_234_567_000_u64 }),
        ),
        case(
            "usage floats",
            r#"{"input":5.0,"output":"6","x":1.5,"y":-1,"total":11}"#,
            "/usageDetails",
            json!({ "input": 5, "output": 6, "total": 11 }),
        ),
        case(
            "usage sums",
            r#"{"input":5,"input_cached_tokens":7,"output":2}"#,
            "/inputUsage",
            json!(12),
        ),
        case(
            "usage sums",
            r#"{"input":5,"input_cached_tokens":7,"output":2}"#,
            "/outputUsage",
            json!(2),
        ),
        case(
            "usage sums",
            r#"{"input":5,"input_cached_tokens":7,"output":2}"#,
            "/totalUsage",
            json!(14),
        ),
        ("usage of nothing", vec![], "/totalUsage", json!(0)),
    ]);
}

#[test]
fn input_and_output_are_taken_from_the_attributes_of_the_server() {
    let map =
        json!({ "kvlistValue": { "values": [{ "key": "a", "value": { "intValue": "2" } }] } });
    let array = json!({ "arrayValue": { "values": [{ "intValue": "1" }, map] } });
    let plain = || {
        vec![
            ("input", text("i")),
            ("output", text("o")),
            ("prompt", text("p")),
        ]
    };
    let messages = || {
        vec![
            ("gen_ai.prompt.0.content", text("hi")),
            ("gen_ai.completion.0.content", text("ho")),
        ]
    };
    check(vec![
        (
            "io arr",
            vec![("langfuse.observation.input", array)],
            "/input",
            json!(
                "[1,\"{\\\"kvlistValue\\\":{\\\"values\\\":[{\\\"key\\\":\\\"a\\\",\\\"value\\\":{\\\"intValue\\\":\\\"2\\\"}}]}}\"]"
            ),
        ),
        (
            "io genai prompt",
            messages(),
            "/input",
            json!("[{\"content\":\"hi\"}]"),
        ),
        (
            "io genai prompt",
            messages(),
            "/output",
            json!("[{\"content\":\"ho\"}]"),
        ),
        ("plain attrs", plain(), "/input", json!("p")),
        ("plain attrs", plain(), "/output", Value::Null),
        (
            "io empty",
            vec![("langfuse.observation.input", text(""))],
            "/input",
            Value::Null,
        ),
        (
            "io empty",
            vec![("langfuse.observation.output", text(""))],
            "/output",
            Value::Null,
        ),
        (
            "io empty own + other",
            vec![
                ("langfuse.observation.input", text("")),
                ("input", text("i")),
            ],
            "/input",
            Value::Null,
        ),
    ]);
}

#[test]
fn parameters_prompt_tags_and_names_are_read_as_the_server_reads_them() {
    let generation = |key: &'static str, value: Value| {
        vec![
            ("langfuse.observation.type", text("generation")),
            ("langfuse.observation.prompt.name", text("p")),
            (key, value),
        ]
    };
    const PARAMETERS: &str = "langfuse.observation.model.parameters";
    const VERSION: &str = "langfuse.observation.prompt.version";
    const TAGS: &str = "langfuse.trace.tags";
    check(vec![
        (
            "params txt",
            vec![(PARAMETERS, text("\"t\""))],
            "/modelParameters",
            json!("t"),
        ),
        (
            "params arr",
            vec![(PARAMETERS, text("[1]"))],
            "/modelParameters",
            json!({ "0": 1 }),
        ),
        (
            "params bool",
            vec![(PARAMETERS, text(r#"{"a":true,"b":0.5}"#))],
            "/modelParameters",
            json!({ "a": "true", "b": 0.5 }),
        ),
        (
            "params gen_ai",
            vec![("gen_ai.request.temperature", json!({ "doubleValue": 0.5 }))],
            "/modelParameters",
            json!({ "temperature": 0.5 }),
        ),
        ("params none", vec![], "/modelParameters", json!({})),
        (
            "pv float",
            generation(VERSION, json!({ "doubleValue": 1.5 })),
            "/promptVersion",
            json!(1),
        ),
        (
            "pv text",
            generation(VERSION, text("3")),
            "/promptVersion",
            json!(3),
        ),
        (
            "pv zero",
            generation(VERSION, json!({ "intValue": "0" })),
            "/promptVersion",
            Value::Null,
        ),
        (
            "pv too large",
            generation(VERSION, json!({ "intValue": "65536" })),
            "/promptVersion",
            Value::Null,
        ),
        (
            "tags jsonnum",
            vec![(TAGS, text("[1, 2]"))],
            "/tags",
            json!(["1", "2"]),
        ),
        (
            "tags csv",
            vec![(TAGS, text("a, b,,c"))],
            "/tags",
            json!(["a", "b", "", "c"]),
        ),
        (
            "id trace name empty",
            vec![("langfuse.trace.name", text(""))],
            "/traceName",
            json!("case"),
        ),
        ("no trace name", vec![], "/traceName", json!("case")),
        (
            "model",
            vec![("langfuse.observation.model.name", text("gpt-4o"))],
            "/model",
            json!("gpt-4o"),
        ),
        (
            "environment",
            vec![("langfuse.environment", text("Production"))],
            "/environment",
            json!("production"),
        ),
    ]);
}

#[test]
fn what_is_absent_is_an_empty_text_and_what_is_counted_is_there() {
    let row = row(OURS, &[]);
    for field in [
        "userId",
        "sessionId",
        "statusMessage",
        "release",
        "version",
        "promptName",
        "promptId",
        "model",
        "internalModelId",
    ] {
        assert_eq!(row[field], "", "{field}");
    }
    for field in [
        "input",
        "output",
        "completionStartTime",
        "promptVersion",
        "parentObservationId",
        "modelId",
        "inputPrice",
        "outputPrice",
        "totalPrice",
        "timeToFirstToken",
    ] {
        assert!(row.as_object().unwrap().contains_key(field), "{field}");
        assert_eq!(row[field], Value::Null, "{field}");
    }
    assert_eq!(row["latency"], 1.5);
    assert_eq!(
        (
            &row["bookmarked"],
            &row["public"],
            &row["isRootObservation"]
        ),
        (&json!(false), &json!(false), &json!(true))
    );
    assert!(row["createdAt"].is_string() && row["createdAt"] == row["updatedAt"]);
    assert!(
        !row.as_object().unwrap().contains_key("providedModelName"),
        "the field is `model` on the wire"
    );
}

#[test]
fn rows_of_one_millisecond_come_by_their_ids() {
    let server = MockLangfuse::start();
    let span = |id: &str, nanos: &str| json!({ "traceId": "ab".repeat(16), "spanId": id, "name": id, "startTimeUnixNano": nanos, "endTimeUnixNano": nanos });
    let spans = [
        span("03", "1795765676000000001"),
        span("01", "1795765676000000002"),
        span("02", "1795765676000000003"),
        span("00", "1795765677000000000"),
    ];
    let body = json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": spans }] }] }).to_string();
    let call = Call::to(&server).with("content-type", "application/json");
    assert_eq!(call.post(OTLP, body.as_bytes()).0, 200);
    let mut names = Vec::new();
    let mut cursor = String::new();
    while names.len() < 4 {
        let (_, body) =
            Call::to(&server).get(&format!("/api/public/v2/observations?limit=1{cursor}"));
        let body: Value = serde_json::from_str(&body).unwrap();
        names.push(body["data"][0]["name"].as_str().unwrap().to_owned());
        cursor = format!(
            "&cursor={}",
            body["meta"]["cursor"].as_str().unwrap_or_default()
        );
    }
    assert_eq!(names, ["00", "03", "02", "01"]);
    assert_eq!(cursor, "&cursor=", "the last page has no cursor");
}
