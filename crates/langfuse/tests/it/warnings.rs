//! What the official SDKs refuse is sent, and said once.

use std::fmt;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::support::{records, resource, sent};

/// Keeps the field `field` of every warning of ours.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "tracefuse"
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut Shown(&self.0));
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct Shown<'a>(&'a Mutex<Vec<String>>);

impl Visit for Shown<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "field" {
            self.0.lock().unwrap().push(value.to_owned());
        }
    }
    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

#[tokio::test]
async fn values_over_200_characters_are_sent_and_warned_about_once_a_field() {
    let warnings = Warnings::default();
    let _guard = tracing::subscriber::set_default(warnings.clone());
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
    assert_eq!(*warnings.0.lock().unwrap(), ["user id", "tag"]);
}
