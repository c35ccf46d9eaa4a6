//! What an exporter of a third party receives: spans, masked and cut to size. No key, no other exporter.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mock_langfuse::{Action, MockLangfuse, Scenario};
use tracefuse::exporter::{Batch, ExportError, ExportReport, Exporter, async_trait};
use tracefuse::{LangfuseConfig, Mask};

use crate::capture::Secret;
use crate::scenes::{PUBLIC, SECRET};

const PROMPT: &str = "canary@example.com";

/// Keeps all it is given, and misbehaves.
#[derive(Clone, Default)]
struct Nosy {
    seen: Arc<Mutex<Vec<String>>>,
    largest: Arc<Mutex<usize>>,
}

#[async_trait]
impl Exporter for Nosy {
    fn name(&self) -> &str {
        "nosy"
    }
    async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
        let mut seen = format!("{batch:?} {:?}", batch.resource());
        for span in batch.spans() {
            seen.push_str(&format!("{span:?} {:?}", span.trace()));
            for value in [span.input(), span.output()].into_iter().flatten() {
                seen.push_str(&value.to_string());
            }
            for (key, value) in span.metadata() {
                seen.push_str(&format!("{key} {value}"));
            }
            let mut largest = self.largest.lock().unwrap();
            *largest = (*largest).max(span.size());
        }
        self.seen.lock().unwrap().push(seen);
        panic!("this is what the test is about");
    }
}

#[test]
fn another_exporter_sees_masked_spans_of_a_bounded_size_and_no_key() {
    let server = MockLangfuse::builder()
        .keys(PUBLIC, SECRET)
        .scenario(Scenario::new().once(Action::status(401)))
        .start()
        .unwrap();
    let nosy = Nosy::default();
    let tracer = tracefuse::builder()
        .langfuse(LangfuseConfig::new(PUBLIC, SECRET).base_url(server.url()))
        .exporter(nosy.clone())
        .masker(Mask::standard())
        .configure(|config| {
            config.delivery.max_retries = 0;
            config.delivery.max_batch_bytes = 128 * 1024;
        })
        .build()
        .unwrap();
    tracer.trace("request").metadata("m", PROMPT).run(|trace| {
        trace.set_input(format!("{PROMPT} {}", "x ".repeat(1 << 19)));
        trace.set_output(PROMPT);
    });
    // It panics each time, so this cannot be lossless.
    assert!(tracer.shutdown_within(Duration::from_secs(5)).is_err());
    let seen = nosy.seen.lock().unwrap();
    assert!(!seen.is_empty());
    for seen in seen.iter() {
        assert!(
            seen.contains("<email>") && seen.contains("bytes left out"),
            "{}",
            seen.len()
        );
        for secret in [SECRET, PUBLIC, PROMPT] {
            Secret::new(secret).is_not_in(seen);
        }
        assert!(!seen.contains(&server.url()));
    }
    let largest = *nosy.largest.lock().unwrap();
    assert!(largest <= 128 * 1024, "{largest}");
}

#[test]
fn one_that_panics_takes_nothing_from_its_neighbour() {
    let server = MockLangfuse::start();
    let config = LangfuseConfig::new(server.public_key(), server.secret_key());
    let tracer = tracefuse::builder()
        .exporter(Nosy::default())
        .langfuse(config.base_url(server.url()))
        .configure(|config| config.delivery.max_retries = 0)
        .build()
        .unwrap();
    for _ in 0..50 {
        tracer.trace("request").run(|_| {});
    }
    assert!(tracer.shutdown_within(Duration::from_secs(5)).is_err());
    assert_eq!(server.observations().len(), 50);
    assert!(tracer.stats().is_balanced());
}
