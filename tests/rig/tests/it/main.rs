//! An agent of rig with a tool, as a Langfuse server has it afterwards. Run with rig 0.44 and with the newest (`newest/`).
#![expect(clippy::disallowed_methods, reason = "what `tokio::test` makes")]

use futures::StreamExt as _;
use mock_langfuse::Observation;
use tracefuse_rig_tests::{agent, recorded};

fn all<'a>(rows: &'a [Observation], kind: &str) -> Vec<&'a Observation> {
    rows.iter().filter(|row| row.kind == kind).collect()
}

fn check(rows: &[Observation], root: &Observation) {
    let calls = all(rows, "GENERATION");
    assert_eq!(calls.len(), 2);
    for call in calls {
        assert_eq!(call.parent_id.as_deref(), Some(&*root.id));
        assert_eq!(call.model.as_deref(), Some("gpt-4o-2024-08-06"));
        let input = call.input.as_deref().unwrap();
        assert_eq!(input.matches("Use the tool to add.").count(), 1, "{input}");
        assert!(input.contains("What is 2 + 5?"), "{input}");
        serde_json::from_str::<serde_json::Value>(input).unwrap();
        assert!(
            call.output
                .as_deref()
                .is_some_and(|output| !output.is_empty())
        );
        let usage: Vec<_> = call.usage.iter().map(|(name, n)| (&**name, *n)).collect();
        assert_eq!(
            usage,
            [
                ("input", 20),
                ("input_cached_tokens", 100),
                ("output", 30),
                ("total", 150)
            ]
        );
    }
    let tools = all(rows, "TOOL");
    let [tool] = tools.as_slice() else {
        panic!("{tools:?}")
    };
    assert_eq!(tool.name, "execute_tool add");
    assert_eq!(tool.parent_id.as_deref(), Some(&*root.id));
    assert_eq!(tool.input.as_deref(), Some(r#"{"x":2,"y":5}"#));
    assert_eq!(tool.output.as_deref(), Some("7"));
    let inner = rows.iter().find(|row| row.name == "arithmetic").unwrap();
    assert_eq!(inner.parent_id.as_deref(), Some(&*tool.id));
}

#[tokio::test]
async fn an_agent_with_a_tool_is_one_trace() {
    let rows = recorded(async |_, model| {
        let agent = agent(&model.url());
        let answer = agent.prompt("What is 2 + 5?").max_turns(3).await.unwrap();
        assert_eq!(answer.output(), "2 + 5 is 7.");
    })
    .await;
    let agents = all(&rows, "AGENT");
    let [root] = agents.as_slice() else {
        panic!("{agents:?}")
    };
    assert_eq!(root.name, "invoke_agent calculator");
    assert!(root.parent_id.is_none() && root.usage.is_empty());
    let named = |row: &Observation| row.trace_name.as_deref() == Some("invoke_agent calculator");
    assert!(rows.iter().all(named));
    assert_eq!(root.input.as_deref(), Some("What is 2 + 5?"));
    assert_eq!(root.output.as_deref(), Some("2 + 5 is 7."));
    let instructions = root.metadata["gen_ai.system_instructions"].to_string();
    assert!(instructions.contains("Use the tool to add."));
    check(&rows, root);
    assert_eq!(rows.len(), 5);
}

#[tokio::test]
async fn a_streamed_agent_is_the_same_trace() {
    let rows = recorded(async |_, model| {
        let agent = agent(&model.url());
        let mut stream = agent.prompt("What is 2 + 5?").max_turns(3).stream();
        while let Some(item) = stream.next().await {
            item.unwrap();
        }
    })
    .await;
    let agents = all(&rows, "AGENT");
    let [root] = agents.as_slice() else {
        panic!("{agents:?}")
    };
    assert_eq!(root.output.as_deref(), Some("2 + 5 is 7."));
    check(&rows, root);
    assert_eq!(rows.len(), 5);
}

#[tokio::test]
async fn an_agent_below_a_span_of_ours_belongs_to_its_trace() {
    let rows = recorded(async |tracer, model| {
        let agent = agent(&model.url());
        let request = tracer.trace("support").user_id("u");
        request
            .run_async(async |_| agent.prompt("What is 2 + 5?").max_turns(3).await.unwrap())
            .await;
    })
    .await;
    let root = rows.iter().find(|row| row.parent_id.is_none()).unwrap();
    assert_eq!(root.name, "support");
    let agent = all(&rows, "AGENT")[0];
    assert_eq!(agent.parent_id.as_deref(), Some(&*root.id));
    assert!(rows.iter().all(|row| row.user_id.as_deref() == Some("u")));
    check(&rows, agent);
}
