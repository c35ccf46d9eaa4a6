//! What only the newest rig does, and an agent of swiftide with a tool, as a Langfuse server has them afterwards.
#![expect(clippy::disallowed_methods, reason = "what `tokio::test` makes")]

use mock_langfuse::Observation;
use serde_json::Value;
use tracefuse_rig_tests::{agent, recorded, swiftide_agent};

fn all<'a>(rows: &'a [Observation], kind: &str) -> Vec<&'a Observation> {
    rows.iter().filter(|row| row.kind == kind).collect()
}

fn json(text: Option<&str>) -> Value {
    serde_json::from_str(text.unwrap()).unwrap()
}

#[tokio::test]
async fn the_tools_of_rig_are_beside_the_messages() {
    let rows = recorded(async |_, model| {
        let agent = agent(&model.url());
        agent.prompt("What is 2 + 5?").max_turns(3).await.unwrap();
    })
    .await;
    let calls = all(&rows, "GENERATION");
    assert_eq!(calls.len(), 2);
    for call in calls {
        let input = json(call.input.as_deref());
        assert_eq!(input["messages"][0]["role"], "system");
        assert_eq!(input["tools"][0]["name"], "add");
        assert_eq!(input["tools"][0]["description"], "Adds x and y");
    }
}

#[tokio::test]
async fn an_agent_of_swiftide_is_a_tree_of_steps() {
    for streamed in [false, true] {
        let rows = recorded(async |_, model| {
            let mut agent = swiftide_agent(&model.url(), streamed);
            agent.query("What is 2 + 5?").await.unwrap();
        })
        .await;
        let agents = all(&rows, "AGENT");
        let [root] = agents.as_slice() else {
            panic!("{agents:?}")
        };
        assert_eq!(root.name, "agent.query");
        assert_eq!(root.input.as_deref(), Some("What is 2 + 5?"));
        assert!(root.parent_id.is_none() && root.usage.is_empty());
        let steps = all(&rows, "CHAIN");
        let names: Vec<_> = steps.iter().map(|step| &*step.name).collect();
        assert_eq!(names.len(), 2, "{names:?}");
        for step in &steps {
            assert_eq!(step.parent_id.as_deref(), Some(&*root.id));
        }
        let calls = all(&rows, "GENERATION");
        assert_eq!(calls.len(), 2, "streamed: {streamed}");
        for call in calls {
            assert_eq!(call.model.as_deref(), Some("gpt-4o"));
            let input = json(call.input.as_deref());
            assert!(input.to_string().contains("What is 2 + 5?"), "{input}");
            assert_eq!(input["tools"][0]["function"]["name"], "add");
            assert!(!call.output.as_deref().unwrap().is_empty());
            assert_eq!(call.usage.get("output"), Some(&30));
            assert_eq!(call.usage.get("total"), Some(&150));
            // swiftide leaves the parts of the count out of streams.
            let cached = call.usage.get("input_cached_tokens");
            assert_eq!(cached, (!streamed).then_some(&100));
        }
        let tools = all(&rows, "TOOL");
        let [tool] = tools.as_slice() else {
            panic!("{tools:?}")
        };
        assert_eq!(tool.name, "tool.add");
        assert_eq!(json(tool.input.as_deref())["x"], 2);
        assert_eq!(tool.output.as_deref(), Some("7"));
        let step = steps
            .iter()
            .find(|step| tool.parent_id.as_deref() == Some(&*step.id));
        assert!(step.is_some(), "a tool is below its step");
        let inner = rows.iter().find(|row| row.name == "arithmetic").unwrap();
        assert_eq!(inner.parent_id.as_deref(), Some(&*tool.id));
    }
}
