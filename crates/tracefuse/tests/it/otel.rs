//! Mode `otlp` as OpenTelemetry's variables configure it, over sockets. Langfuse's own OTLP endpoint is the backend.

use std::time::Duration;

use mock_langfuse::{Action, MockLangfuse, Scenario};
use tracefuse::{
    Builder, LangfuseConfig, OtlpConfig, Tracer,
    config::{Config, Mode},
    otlp::Conventions,
};

use crate::support::row;

/// `pk-lf-1:sk-lf-1` as `Authorization` has it.
const BASIC: &str = "Basic cGstbGYtMTpzay1sZi0x";

fn server(scenario: Scenario) -> MockLangfuse {
    let builder = MockLangfuse::builder().keys("pk-lf-1", "sk-lf-1");
    builder.scenario(scenario).start().unwrap()
}

fn tracer(server: &MockLangfuse, change: impl FnOnce(&mut Config)) -> Tracer {
    let mut config = Config::default();
    config.modes = vec![Mode::Otlp];
    config.otlp = OtlpConfig::new(format!("{}/api/public/otel/", server.url()))
        .header("authorization", BASIC);
    change(&mut config);
    Builder::from_config(config).unwrap().build().unwrap()
}

#[test]
fn any_backend_is_reached_with_address_headers_gzip_and_attributes_of_the_service() {
    let server = server(Scenario::new());
    let tracer = tracer(&server, |config| {
        config.otlp.transport.gzip = true;
        config.tracer.resource_attributes = vec![
            ("service.name".into(), "shop".into()),
            ("team".into(), "checkout".into()),
        ];
    });
    tracer.trace("request").run(|trace| {
        let llm = trace
            .generation("llm")
            .model("gpt-4o")
            .input("2+2?".repeat(1000));
        llm.run(|span| {
            span.event("cache miss").record();
            span.set_usage(tracefuse::Usage::openai(20, 5));
        });
    });
    tracer.shutdown().unwrap();
    let requests = server.requests();
    let [request] = requests.as_slice() else {
        panic!("{} requests", requests.len())
    };
    assert_eq!(request.path, "/api/public/otel/v1/traces");
    assert_eq!(request.headers["authorization"], BASIC);
    assert_eq!(request.headers["content-encoding"], "gzip");
    let llm = row(&server, "llm");
    assert_eq!(
        (llm.kind.as_str(), llm.model.as_deref()),
        ("GENERATION", Some("gpt-4o"))
    );
    assert_eq!((llm.usage["input"], llm.usage["output"]), (20, 5));
    let has = |text: &str| {
        let (body, text) = (&request.inflated, text.as_bytes());
        body.windows(text.len()).any(|window| window == text)
    };
    for text in ["service.name", "shop", "team", "checkout", "cache miss"] {
        assert!(has(text), "no {text}");
    }
    assert!(!has("unknown_service") && !has("llm.model_name"));
}

#[test]
fn openinference_is_a_switch() {
    let server = server(Scenario::new());
    let tracer = tracer(&server, |config| {
        config.otlp.conventions = Conventions::OpenInference;
    });
    tracer
        .trace("request")
        .run(|trace| trace.generation("llm").model("gpt-4o").run(|_| {}));
    tracer.shutdown().unwrap();
    let body = &server.requests()[0].inflated;
    let has = |text: &[u8]| body.windows(text.len()).any(|window| window == text);
    assert!(has(b"llm.model_name") && has(b"openinference.span.kind"));
    assert!(!has(b"gen_ai."));
}

#[test]
fn a_backend_that_does_not_answer_in_time_is_given_up() {
    let slow = Action::good().delay_ms(30_000);
    let server = server(Scenario::new().forever(slow));
    let tracer = tracer(&server, |config| {
        config.otlp.transport.http.timeout = Duration::from_millis(50);
        config.tracer.delivery.max_retries = 0;
    });
    tracer.trace("request").run(|_| {});
    let error = tracer
        .shutdown_within(Duration::from_secs(20))
        .unwrap_err()
        .to_string();
    assert!(error.contains("took more than 50ms"), "{error}");
}

#[test]
fn langfuse_and_another_backend_get_the_same_trace() {
    let (langfuse, other) = (server(Scenario::new()), server(Scenario::new()));
    let tracer = tracer(&other, |config| {
        config.modes = vec![Mode::Langfuse, Mode::Otlp];
        config.langfuse = LangfuseConfig::new("pk-lf-1", "sk-lf-1").base_url(langfuse.url());
    });
    tracer
        .trace("request")
        .run(|trace| trace.tool("search").run(|_| {}));
    tracer.shutdown().unwrap();
    assert_eq!(langfuse.trace_ids(), other.trace_ids());
    for server in [&langfuse, &other] {
        assert_eq!(row(server, "search").kind, "TOOL");
    }
}

#[test]
fn a_protocol_we_do_not_speak_is_an_error_of_mode_otlp_alone() {
    let with = |mode: &str| {
        let dotenv = format!("OTEL_EXPORTER_OTLP_PROTOCOL=grpc\nTRACING_MODE={mode}");
        Builder::from_config(Config::from_files("", &dotenv).unwrap())
    };
    assert!(with("print").is_ok());
    let error = with("otlp").unwrap_err().to_string();
    assert!(
        error.contains("OTEL_EXPORTER_OTLP_PROTOCOL") && error.contains("http/protobuf"),
        "{error}"
    );
}
