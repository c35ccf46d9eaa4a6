//! A canary key is in nothing that can be printed, plain or in base64.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mock_langfuse::{Action, How, MockLangfuse, Scenario};
use tracefuse_core::record::Resource;
use tracefuse_exporter::{Batch, Exporter};
use tracefuse_langfuse::{LangfuseConfig, LangfuseExporter};

use crate::support::records;

const PUBLIC: &str = "pk-lf-0000-1111-2222";
const SECRET: &str = "sk-lf-CANARY-0123456789";

#[track_caller]
fn clean(what: &str) {
    let token = STANDARD.encode(format!("{PUBLIC}:{SECRET}"));
    let halves = [&token[..token.len() / 2], &token[token.len() / 2..]];
    for secret in [SECRET, "CANARY", halves[0], halves[1]] {
        assert!(!what.contains(secret), "{what}");
    }
}

#[tokio::test]
async fn no_text_of_ours_shows_the_secret() {
    let token = STANDARD.encode(format!("{PUBLIC}:{SECRET}"));
    let echo = format!("you sent authorization: Basic {token} with {SECRET}");
    let mut scenario = Scenario::new();
    let statuses = [301, 400, 401, 403, 404, 407, 408, 413, 422, 429, 500, 503];
    for status in statuses {
        scenario = scenario.once(
            Action::status(status)
                .body(&echo)
                .header("location", &format!("https://{SECRET}@host/{SECRET}")),
        );
    }
    let broken = [
        Action::accept_then(How::Fin),
        Action::read_then(10, How::Rst),
        Action::good().delay_ms(60_000),
    ];
    let tries = statuses.len() + broken.len();
    scenario = broken.into_iter().fold(scenario, Scenario::once);
    let server = MockLangfuse::builder()
        .keys(PUBLIC, SECRET)
        .scenario(scenario)
        .start()
        .unwrap();
    let config = LangfuseConfig::new(PUBLIC, SECRET)
        .base_url(server.url())
        .timeout(Duration::from_millis(500));
    clean(&format!("{config:?} {config:#?}"));
    let exporter = LangfuseExporter::new(config).unwrap();
    clean(&format!("{exporter:?} {exporter:#?}"));
    let batch = Batch::new(
        Arc::new(Resource::default()),
        records(|recording| recording.tracer.trace("x").run(|_| {})),
    );
    clean(&format!("{batch:?}"));
    for _ in 0..tries {
        let error = exporter.export(&batch).await.unwrap_err();
        clean(&format!("{error} {error:?} {error:#?}"));
        let mut source = error.source();
        while let Some(cause) = source {
            clean(&format!("{cause} {cause:?}"));
            source = cause.source();
        }
    }
    exporter.export(&batch).await.unwrap();
    let authorization = format!("Basic {token}");
    assert_eq!(
        server.requests().last().unwrap().headers["authorization"],
        authorization,
        "it was sent all the same"
    );
}
