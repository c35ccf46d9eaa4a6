//! What the official SDKs refuse is sent, and said once.

use crate::support::{records, resource, sent};
use crate::testing::Lines;

#[tokio::test]
async fn values_over_200_characters_are_sent_and_warned_about_once_a_field() {
    let (warnings, _guard) = Lines::collect();
    let long = "ü".repeat(201);
    let fits = "ü".repeat(200);
    for _ in 0..3 {
        let records = records(|recording| {
            let trace = recording
                .tracer
                .trace(&fits)
                .user_id(&long)
                .session_id(&fits);
            trace
                .tags([&fits, &long])
                .run(|trace| trace.span("child").run(|_| {}));
        });
        let server = sent(resource(|_| {}), records).await;
        for row in server.observations() {
            assert_eq!(row.user_id.as_ref(), Some(&long));
            assert_eq!(row.tags, [fits.clone(), long.clone()]);
        }
    }
    assert_eq!(warnings.of("field"), ["user id", "tag"]);
}
