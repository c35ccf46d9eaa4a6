//! Metadata of a span: each difference that was seen beside a real 4.16.0, with the value of the real server.

use mock_langfuse::MockLangfuse;
use serde_json::json;

use crate::support::{Call, OTLP, OURS, check, one_span, read, row, text};

#[test]
fn metadata_keeps_its_objects_under_their_key() {
    const K: &str = "langfuse.observation.metadata.k";
    let map = json!({ "kvlistValue": { "values": [{ "key": "a", "value": { "kvlistValue": { "values": [
        { "key": "b", "value": { "intValue": "1" } } ] } } }] } });
    let whole = |value: &str| vec![("langfuse.observation.metadata", text(value))];
    let dots = || {
        vec![
            ("langfuse.observation.metadata.a", text(r#"{"b":1}"#)),
            ("langfuse.observation.metadata.a.c", text("2")),
        ]
    };
    check(vec![
        ("meta whole arr", whole("[1,2]"), "/metadata/0", json!(1)),
        ("meta whole arr", whole("[1,2]"), "/metadata/1", json!(2)),
        (
            "meta whole obj",
            whole(r#"{"a":{"b":1}}"#),
            "/metadata/a.b",
            json!(1),
        ),
        ("meta dots+obj", dots(), "/metadata/a", json!({ "b": 1 })),
        ("meta dots+obj", dots(), "/metadata/a.c", json!(2)),
        (
            "meta proto",
            vec![("langfuse.observation.metadata.a.__proto__", text("v"))],
            "/metadata/a.__proto__",
            json!("v"),
        ),
        (
            "meta proto",
            vec![("langfuse.observation.metadata.constructor", text("v"))],
            "/metadata/constructor",
            json!("v"),
        ),
        (
            "meta proto",
            vec![("langfuse.observation.metadata.prototype.x", text("v"))],
            "/metadata/prototype.x",
            json!("v"),
        ),
        (
            "meta -2^60",
            vec![(K, json!({ "intValue": "-1152921504606846976" }))],
            "/metadata/k",
            json!(-1_152_921_504_606_847_000_i64),
        ),
        (
            "meta 2^60",
            vec![(K, json!({ "intValue": "1152921504606846976" }))],
            "/metadata/k",
            json!(1_152_921_504_606_847_000_i64),
        ),
        (
            "meta proto in json",
            vec![(K, text(r#"{"__proto__":{"x":1},"constructor":2}"#))],
            "/metadata/k",
            json!({ "__proto__": { "x": 1 }, "constructor": 2 }),
        ),
        (
            "meta json obj",
            vec![(K, text(r#"{"a":{"b":1}}"#))],
            "/metadata/k",
            json!({ "a": { "b": 1 } }),
        ),
        ("meta kvlist", vec![(K, map.clone())], "/metadata/k", map),
        ("meta none", vec![(K, json!({}))], "/metadata/k", json!({})),
        ("meta text 5", vec![(K, text("5"))], "/metadata/k", json!(5)),
        (
            "meta text true",
            vec![(K, text("true"))],
            "/metadata/k",
            json!(true),
        ),
        (
            "meta double",
            vec![(K, json!({ "doubleValue": 1.0 }))],
            "/metadata/k",
            json!(1),
        ),
    ]);
    let row = row(
        OURS,
        &[
            ("langfuse.observation.metadata.", text("v")),
            ("langfuse.observation.metadata.__proto__", text("v")),
        ],
    );
    let keys: Vec<&String> = row["metadata"].as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        ["scope.name"],
        "an empty key and a bare __proto__ are dropped"
    );
}

#[test]
fn metadata_is_cut_at_200_characters_unless_it_is_read_in_full() {
    let server = MockLangfuse::start();
    let (long, json_text) = ("y".repeat(400), json!({ "z": "y".repeat(400) }).to_string());
    let attributes = [
        ("langfuse.observation.metadata.k", text(&long)),
        ("langfuse.observation.metadata.j", text(&json_text)),
    ];
    let call = Call::to(&server).with("content-type", "application/json");
    assert_eq!(call.post(OTLP, &one_span(OURS, &attributes)).0, 200);
    for in_full in ["io,metadata", "metadata&expandMetadata=other"] {
        let metadata = read(&server, in_full)["metadata"].clone();
        assert_eq!(metadata["k"], long, "{in_full}");
        assert_eq!(metadata["j"]["z"], long, "{in_full}");
    }
    let metadata = read(&server, "metadata")["metadata"].clone();
    assert_eq!(metadata["k"], long[..200]);
    assert_eq!(
        metadata["j"],
        json_text[..200],
        "JSON that is cut is a text"
    );
}

#[test]
fn a_foreign_scope_shows_its_attributes_but_no_metadata_twice() {
    let row = row(
        "other",
        &[
            ("langfuse.observation.metadata.k", text("v")),
            ("custom", text("c")),
            ("input", text("i")),
        ],
    );
    let metadata = row["metadata"].as_object().unwrap();
    assert_eq!(metadata["k"], "v");
    assert_eq!(metadata["attributes.custom"], "c");
    for absent in [
        "attributes.langfuse.observation.metadata.k",
        "attributes.input",
    ] {
        assert!(!metadata.contains_key(absent), "{absent}");
    }
}
