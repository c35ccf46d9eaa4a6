//! A batch in parts, and how often the search for a bad record may go on.
#![expect(clippy::disallowed_methods, reason = "what `tokio::test` makes")]

use tokio::time::advance;
use tracefuse_core::RejectReason;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_search_for_bad_records_costs_32_requests_a_minute() {
    let queue = queue(|_| {});
    let (mut delivery, sent) = delivery(&queue, None, |_, _| Err(ExportError::reject("400")));
    // A batch is one request; each time that a part is halved costs two more.
    for (wait, requests) in [
        (0, 33),
        (0, 1),
        (59_999, 1),
        (1, 1),
        (1, 33),
        (60_000, 1),
        (1, 33),
    ] {
        advance(milliseconds(wait)).await;
        record(&queue, 0..64);
        sent.lock().unwrap().clear();
        delivery.send().await;
        assert_eq!(sent.lock().unwrap().len(), requests, "after {wait} ms");
    }
    assert_eq!(queue.stats().rejected[&RejectReason::Invalid], 7 * 64);
}
