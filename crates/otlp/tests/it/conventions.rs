//! What the conventions have a name for only in one place: parameters of retrieval, totals, the reasons why a model stopped.

use serde_json::json;
use tracefuse_core::{Cost, Trace};
use tracefuse_otlp::{Conventions, OtlpConfig};

use crate::support::attributes_of;

/// The lines whose key begins so.
async fn lines(
    prefixes: &[&str],
    config: fn(OtlpConfig) -> OtlpConfig,
    program: fn(&Trace),
) -> Vec<String> {
    let shown = attributes_of(config, program).await.into_iter();
    let wanted = |line: &String| prefixes.iter().any(|prefix| line.starts_with(prefix));
    shown.filter(wanted).collect()
}

fn plain(config: OtlpConfig) -> OtlpConfig {
    config
}

fn older_too(config: OtlpConfig) -> OtlpConfig {
    config.conventions(Conventions::GenAiWithOlder)
}

#[tokio::test]
async fn only_top_k_of_a_retrieval_has_retrievals_name() {
    let retrieval = lines(&["gen_ai.re"], plain, |trace| {
        let span = trace.retriever("it").model_parameter("top_k", 5);
        span.model_parameter("seed", 7).run(|_| {});
    });
    assert_eq!(
        retrieval.await,
        ["gen_ai.retrieval.top_k = 5", "gen_ai.request.seed = 7"]
    );
    let generation = lines(&["gen_ai.re"], plain, |trace| {
        trace
            .generation("it")
            .model_parameter("top_k", 5)
            .run(|_| {});
    });
    assert_eq!(generation.await, ["gen_ai.request.top_k = 5"]);
}

#[tokio::test]
async fn a_retrieval_of_other_values_has_openinferences_names() {
    let prefixes = ["gen_ai.retrieval", "input", "output"];
    let shown = lines(&prefixes, plain, |trace| {
        let span = trace.retriever("it").input(json!({ "q": 1 }));
        span.run(|span| span.set_output(json!({ "id": 1 })));
    });
    assert_eq!(
        shown.await,
        [
            r#"input.value = "{\"q\":1}""#,
            r#"output.value = "{\"id\":1}""#
        ]
    );
}

#[tokio::test]
async fn a_stated_total_is_the_cost_of_a_call() {
    let shown = lines(&["gen_ai.usage.cost", "tracefuse.cost"], plain, |trace| {
        let cost = Cost::new(0.25, 0.5).bucket("total", 2.0);
        trace.generation("it").start().set_cost(cost);
    });
    assert_eq!(
        shown.await,
        [
            "tracefuse.cost.input = 0.25",
            "tracefuse.cost.output = 0.5",
            "gen_ai.usage.cost = 2.0"
        ]
    );
}

#[tokio::test]
async fn the_reasons_why_a_model_stopped_are_a_list_of_texts() {
    const KEY: &str = "gen_ai.response.finish_reasons";
    let list = |reasons: &str| format!("{KEY} = {reasons}");
    let prefixes = [KEY, "finish_reason"];
    type Case = (fn(OtlpConfig) -> OtlpConfig, fn(&Trace), Vec<String>);
    let cases: [Case; 8] = [
        (
            plain,
            |trace| {
                trace
                    .generation("it")
                    .metadata("finish_reason", "stop")
                    .run(|_| {})
            },
            vec![list(r#"["stop"]"#)],
        ),
        (
            // Receivers of older names read this one.
            older_too,
            |trace| {
                trace
                    .generation("it")
                    .metadata("finish_reason", "stop")
                    .run(|_| {})
            },
            vec![list(r#"["stop"]"#), r#"finish_reason = "stop""#.into()],
        ),
        (
            older_too,
            |trace| {
                trace
                    .generation("it")
                    .metadata(KEY, json!(["a", "b"]))
                    .run(|_| {})
            },
            vec![list(r#"["a", "b"]"#)],
        ),
        (
            plain,
            |trace| trace.generation("it").metadata(KEY, " \"a\"").run(|_| {}),
            vec![list(r#"["a"]"#)],
        ),
        (
            // The key of the conventions counts more.
            plain,
            |trace| {
                let span = trace.generation("it").metadata("finish_reason", "b");
                span.metadata(KEY, "a").run(|_| {});
            },
            vec![list(r#"["a"]"#), r#"finish_reason = "b""#.into()],
        ),
        (
            plain,
            |trace| {
                trace
                    .generation("it")
                    .metadata("finish_reason", "")
                    .run(|_| {})
            },
            vec![r#"finish_reason = """#.into()],
        ),
        (
            plain,
            |trace| {
                trace
                    .generation("it")
                    .metadata("finish_reason", "[sic")
                    .run(|_| {})
            },
            vec![r#"finish_reason = "[sic""#.into()],
        ),
        (
            plain,
            |trace| {
                trace
                    .generation("it")
                    .metadata("finish_reason", 7)
                    .run(|_| {})
            },
            vec!["finish_reason = 7".into()],
        ),
    ];
    for (number, (config, program, expected)) in cases.into_iter().enumerate() {
        let shown = lines(&prefixes, config, program).await;
        assert_eq!(shown, expected, "case {number}");
    }
}
