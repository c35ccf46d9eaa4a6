//! Masks over any text and any JSON: known secrets are gone, valid JSON stays valid, nothing panics.
//! Input: text around the secrets. Run by the fuzzer and by the replay of its seeds.

use std::sync::LazyLock;

use tracefuse_core::record::ValueRef;
use tracefuse_core::testing::Recorder;
use tracefuse_mask::Mask;
use tracefuse_mask::apply::{MaskMemo, mask_span};

static MASK: LazyLock<Mask> = LazyLock::new(|| Mask::standard().keys(["diagnosis"]));

/// By its form an e-mail address, a card, a key.
const SECRETS: [&str; 3] = [
    "canary@example.com",
    "4111 1111 1111 1111",
    "sk-proj-CANARY0CANARY1CANARY2CANARY3CANARY",
];

pub(crate) fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (before, after) = text.split_once('\0').unwrap_or((&text, ""));
    let recorder = Recorder::new();
    let tracer = recorder.tracer();
    for secret in SECRETS {
        // Spaces: without them the start of a secret inside other text is undefined.
        let around = format!("{before} \n {secret} \n {after}");
        let document =
            serde_json::json!({ "a": [&around, { before: after }], "diagnosis": before });
        let trace = tracer.trace("fuzz").input(&document).start();
        trace.set_output(&around);
        trace.add_metadata("arguments", document.to_string());
        trace.add_metadata("raw", before);
        trace.finish();
    }
    let spans = recorder.spans();
    assert_eq!(spans.len(), SECRETS.len());
    let mut memo = MaskMemo::default();
    for (mut span, secret) in spans.into_iter().zip(SECRETS) {
        assert_eq!(mask_span(&mut span, &*MASK, &mut memo).failed, 0);
        let values = [span.input(), span.output()].into_iter().flatten();
        let values = values.chain(span.metadata().map(|(_, value)| value));
        for value in values {
            let shown = value.to_string();
            let given = before.contains(secret) || after.contains(secret);
            assert!(given || !shown.contains(secret), "{secret} in {shown:?}");
            if let ValueRef::Json(json) = value {
                let parsed = serde_json::from_str::<serde_json::Value>(json);
                assert!(parsed.is_ok(), "{json:?}");
            }
        }
    }
}
