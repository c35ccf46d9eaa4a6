//! Databases behind receivers refuse NUL: wherever a record has one, it is sent as U+FFFD.

use tracefuse_core::record::Resource;

use crate::support::{records, sent};

#[tokio::test]
async fn a_nul_in_any_place_of_a_record_is_replaced() {
    let large = format!("{}\0", "x".repeat(20_000));
    for place in 0..8 {
        let nul = |at: i32, text: &str| match at == place {
            true => format!("{text}\0"),
            false => text.to_owned(),
        };
        let recorded = records(|tracer, _| {
            let trace = tracer.trace("root").user_id(&nul(0, "user"));
            let trace = trace.metadata(&nul(1, "key"), nul(2, "value")).start();
            let span = trace.span(&nul(3, "name")).start();
            span.add_metadata(&nul(4, "key of a span"), nul(5, "value of a span"));
            span.record_error(nul(6, "error").as_str());
            if place == 7 {
                span.set_input(large.clone());
            }
            span.event("event").metadata("key", "value").record();
        });
        let request = format!("{:?}", sent(Resource::default(), recorded).await);
        assert!(!request.contains("\\0"), "place {place}: {request}");
        assert!(request.contains('\u{fffd}'), "place {place}: {request}");
    }
}

#[tokio::test]
async fn a_nul_of_one_trace_is_replaced_between_others() {
    let recorded = records(|tracer, _| {
        for user in ["before", "nul\0", "after"] {
            let trace = tracer.trace("root").user_id(user).start();
            (0..2).for_each(|_| trace.span("child").run(|_| {}));
        }
    });
    let request = format!("{:?}", sent(Resource::default(), recorded).await);
    assert!(!request.contains("\\0"), "{request}");
    assert_eq!(request.matches("nul\u{fffd}").count(), 3, "{request}");
}
