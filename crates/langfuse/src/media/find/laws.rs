//! What holds for every JSON document: only media change.

use ::base64::Engine as _;
use ::base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// Any JSON, with media among it; beside it the same with the digits of a marker in the place of media.
fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        "[a-zA-Z0-9+/=\\\\\" \n]{0,20}".prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 40..90)
            .prop_map(|bytes| json!({ "mimeType": "image/png", "data": STANDARD.encode(bytes) })),
        prop::collection::vec(any::<u8>(), 40..90).prop_map(|bytes| {
            Value::from(format!(
                "ü ![a](data:image/png;base64,{}) \\",
                STANDARD.encode(bytes)
            ))
        }),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("data|images|type|[a-z]{1,5}", inner.clone(), 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
            inner.prop_map(|value| Value::from(value.to_string())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_no_media_stays_byte_by_byte(document in documents(), escaped: bool) {
        let mut text = document.to_string();
        if escaped {
            // Legal wherever these may be in JSON: in texts alone.
            text = text.replace('/', "\\/").replace('=', "\\u003d");
        }
        let found = find(&text, DEPTH);
        let mut at = 0;
        for media in &found {
            prop_assert!(media.range.start >= at, "in order, and apart");
            at = media.range.end;
        }
        // With the bytes put back as they were written the text is the same.
        let mut written = found.iter().map(|media| text[media.range.clone()].to_owned());
        let new = replace(&text, &mut |_, _| written.next().unwrap());
        prop_assert_eq!(new.unwrap_or_else(|| text.clone()), text.clone());
        // What is put is JSON still, and has no media any more.
        if let Some(new) = replace(&text, &mut |_, _| "@@@langfuseMedia:type=image/png@@@".to_owned()) {
            prop_assert!(serde_json::from_str::<Value>(&new).is_ok());
            prop_assert!(find(&new, DEPTH).is_empty());
        }
    }
}
