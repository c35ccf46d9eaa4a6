//! Keys of the user's metadata beside those of the exporter, and names that only one type of observation has.

use tracefuse_core::record::Resource;
use tracefuse_core::{Cost, ObservationType, Usage};
use tracefuse_otlp::Conventions;

use crate::support::{records, sent, sent_with, show, span};

#[tokio::test]
async fn only_a_key_that_is_in_use_gets_an_underscore() {
    let keys = [
        ("gen_ai.request.top", "gen_ai.request.top_"),
        ("gen_ai.request.other", "gen_ai.request.other"),
        ("tracefuse.usage.images", "tracefuse.usage.images_"),
        ("tracefuse.usage.pages", "tracefuse.usage.pages"),
        ("tracefuse.cost.input", "tracefuse.cost.input_"),
        ("tracefuse.cost.images", "tracefuse.cost.images"),
        ("tags", "tags_"),
        ("user.id", "user.id_"),
        ("session.id", "session.id"),
    ];
    let records = records(|tracer, _| {
        let trace = tracer.trace("root").user_id("u").tag("t").start();
        let mut generation = trace.generation("llm").model_parameter("top", 1);
        for (key, _) in keys {
            generation = generation.metadata(key, "mine");
        }
        generation.run(|span| {
            span.set_usage(Usage::new(1, 2).bucket("images", 3));
            span.set_cost(Cost::total(0.5).bucket("input", 0.25));
        });
    });
    let llm = span(&sent(Resource::default(), records).await, "llm");
    let lines = show(&llm.attributes);
    let mine = lines
        .iter()
        .filter_map(|line| line.strip_suffix(r#" = "mine""#));
    let expected = keys.map(|(_, key)| key);
    assert_eq!(mine.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn only_an_agent_has_an_agents_name() {
    for (kind, has_name) in [
        (ObservationType::Agent, true),
        (ObservationType::Tool, false),
        (ObservationType::Generation, false),
        (ObservationType::Span, false),
    ] {
        let records = records(|tracer, _| {
            let trace = tracer.trace("root").start();
            trace.observation("planner", kind).run(|_| {});
        });
        let openinference =
            |config: tracefuse_otlp::OtlpConfig| config.conventions(Conventions::OpenInference);
        let request = sent_with(openinference, Resource::default(), records).await;
        let lines = show(&span(&request, "planner").attributes);
        let name = lines.contains(&r#"agent.name = "planner""#.to_owned());
        assert_eq!(name, has_name, "{kind:?}: {lines:#?}");
        let tool = lines.contains(&r#"tool.name = "planner""#.to_owned());
        assert_eq!(tool, kind == ObservationType::Tool, "{kind:?}: {lines:#?}");
    }
}
