//! What Langfuse gets: observations, attributes, scores. As its Python SDK 5.0.4 writes them.

use mock_langfuse::MockLangfuse;
use serde_json::{Value, json};
use tracefuse_core::Span;
use tracefuse_experiments::{Case, Evaluation, Experiment, Item};

use crate::support::{LONG, datasets, experiment, rows, tracer};

async fn answer(item: Item) -> Result<Value, String> {
    Span::current()
        .generation("ask")
        .model("gpt-4o")
        .run(|span| span.set_output("Paris"));
    Span::current().add_metadata("mine", true);
    Ok(json!({ "city": item.expected_output }))
}

#[tokio::test]
async fn an_item_is_a_trace_with_task_and_evaluation() {
    let server = MockLangfuse::start();
    let tracer = tracer(&server, LONG);
    let report = Experiment::new(&tracer, "capitals")
        .evaluator("length", |case: &Case| case.output_text().len())
        .evaluator_async("judge", async |_| Evaluation::new("tone", "dry"))
        .run([Item::new("France").expected("Paris")], answer)
        .await;
    assert!(report.delivery.is_ok(), "{report}");
    assert_eq!(
        server.trees(),
        "experiment-item-run\n  experiment-item-task\n    ask\n  experiment-item-evaluation\n    length\n    judge\n"
    );
    let kinds =
        ["experiment-item-task", "ask", "judge"].map(|name| rows(&server, name)[0].kind.clone());
    assert_eq!(kinds, ["SPAN", "GENERATION", "EVALUATOR"]);
    for row in server.observations() {
        assert_eq!(row.environment, "sdk-experiment", "{}", row.name);
        assert_eq!(row.level, "DEFAULT");
    }
    let judge = &rows(&server, "judge")[0];
    assert_eq!(
        serde_json::from_str::<Value>(judge.output.as_deref().unwrap()).unwrap(),
        json!([{ "name": "tone", "value": "dry", "data_type": "CATEGORICAL" }])
    );
    assert_eq!(
        (
            &judge.metadata["evaluator_kind"],
            &judge.metadata["evaluator_index"]
        ),
        (&json!("item"), &json!(1))
    );
    let input: Value = serde_json::from_str(judge.input.as_deref().unwrap()).unwrap();
    assert_eq!(
        input,
        json!({ "input": "France", "output": { "city": "Paris" }, "expected_output": "Paris", "metadata": null })
    );
}

#[tokio::test]
async fn all_rows_have_the_attributes_of_the_experiment() {
    let server = MockLangfuse::start();
    let tracer = tracer(&server, LONG);
    let item = Item::new("France")
        .expected(json!({ "city": "Paris" }))
        .metadata("region", "Europe");
    let report = Experiment::new(&tracer, "capitals")
        .run_name("run 1")
        .description("every release")
        .metadata("model", "gpt-4o")
        .evaluator("ok", |_: &Case| true)
        .run([item], answer)
        .await;
    let task = rows(&server, "experiment-item-task").remove(0);
    // Python: hashlib.sha256(b"France").hexdigest()[:16]
    let shared = json!({
        "id": report.id, "name": "run 1", "metadata": "{\"model\":\"gpt-4o\"}", "item.id": "7a1ca4ef7515f727",
        "item.metadata": "{\"region\":\"Europe\"}", "item.root_observation_id": task.id,
    });
    let mut own = shared.clone();
    own["description"] = json!("every release");
    own["item.expected_output"] = json!("{\"city\":\"Paris\"}");
    assert_eq!(report.id.len(), 16);
    assert_eq!(report.url, None);
    for row in server.observations() {
        let expected = match row.name.as_str() {
            "experiment-item-run" | "experiment-item-task" => &own,
            _ => &shared,
        };
        assert_eq!(&json!(experiment(&row)), expected, "{}", row.name);
        assert!(
            !row.metadata.keys().any(|key| key.contains("langfuse.")),
            "{:?}",
            row.metadata
        );
    }
    let root = rows(&server, "experiment-item-run").remove(0);
    for row in [&root, &task] {
        assert_eq!(
            (row.input.as_deref(), row.output.as_deref()),
            (Some("France"), Some("{\"city\":{\"city\":\"Paris\"}}"))
        );
        for (key, value) in [
            ("experiment_name", "capitals"),
            ("experiment_run_name", "run 1"),
            ("model", "gpt-4o"),
            ("region", "Europe"),
        ] {
            assert_eq!(row.metadata[key], value);
        }
    }
    assert_eq!(
        (&task.metadata["mine"], root.metadata.get("mine")),
        (&json!(true), None)
    );
}

#[tokio::test]
async fn a_dataset_of_langfuse_names_dataset_and_item() {
    let server = MockLangfuse::start();
    let items: Vec<Value> = (0..3)
        .map(|n| json!({ "id": format!("item-{n}"), "input": n }))
        .collect();
    server.put_dataset("numbers", &items);
    let tracer = tracer(&server, LONG);
    let dataset = datasets(&server)
        .dataset("numbers")
        .version("2026-11-01T00:00:00Z")
        .get()
        .await
        .unwrap();
    let experiment_of = |name: &str| Experiment::new(&tracer, "numbers").run_name(name);
    let report = experiment_of("run 1")
        .run(dataset, async |item: Item| Ok::<_, String>(item.input))
        .await;
    // `mock_langfuse` makes the same id for a run item of this dataset and run.
    assert_eq!(report.id, "2e3d4c2faf0c5306");
    let address = format!(
        "{}/project/mock-project/experiments/results?baseline={}",
        server.url(),
        report.id
    );
    assert_eq!(report.url.as_deref(), Some(address.as_str()));
    let tasks = rows(&server, "experiment-item-task");
    let mut ids: Vec<String> = Vec::new();
    for task in &tasks {
        let own = experiment(task);
        assert_eq!(
            (&own["dataset.id"], &own["item.version"]),
            (&json!("mock-dataset-1"), &json!("2026-11-01T00:00:00Z"))
        );
        assert_eq!(own["item.id"], task.metadata["dataset_item_id"]);
        ids.push(own["item.id"].as_str().unwrap().to_owned());
    }
    ids.sort();
    assert_eq!(ids, ["item-0", "item-1", "item-2"]);
}

#[tokio::test]
async fn evaluations_become_scores_of_task_and_run() {
    let server = MockLangfuse::start();
    let tracer = tracer(&server, LONG);
    let tone = |_: &Case| {
        Evaluation::new("tone", "dry")
            .comment("no greeting")
            .metadata("judge", "rule")
            .config_id("cfg-1")
    };
    let report = Experiment::new(&tracer, "capitals")
        .evaluator("exact", |case: &Case| {
            Some(case.output()) == case.expected()
        })
        .evaluator("tone", tone)
        .evaluator("none", |_: &Case| None::<f64>)
        .evaluator("both", |case: &Case| {
            let [exact, tone] = case.evaluations() else {
                return 0.0;
            };
            assert_eq!(tone.name, "tone");
            exact.number().unwrap_or_default() / 2.0
        })
        .run_evaluator("share", |items| items.len() as f64 / 4.0)
        .run_evaluator_async("count", async |items| items.len())
        .run([Item::new("France").expected("Paris")], async |_| {
            Ok::<_, String>("Paris")
        })
        .await;
    assert!(report.delivery.is_ok(), "{report}");
    // The configuration is not known to the server, which drops such a score after its answer.
    let scores = server.scores();
    let find = |name: &str| scores.iter().find(|score| score["name"] == name);
    let task = rows(&server, "experiment-item-task").remove(0);
    let exact = find("exact").unwrap();
    assert_eq!(
        (&exact["value"], &exact["dataType"]),
        (&json!(1), &json!("BOOLEAN"))
    );
    assert_eq!(
        (exact["traceId"].as_str(), exact["observationId"].as_str()),
        (Some(task.trace_id.as_str()), Some(task.id.as_str()))
    );
    assert_eq!(exact["environment"], "sdk-experiment");
    assert_eq!(find("both").unwrap()["value"], 0.5);
    for (name, value) in [("share", json!(0.25)), ("count", json!(1.0))] {
        let score = find(name).unwrap();
        assert_eq!(
            (&score["datasetRunId"], &score["value"]),
            (&json!(report.id), &value)
        );
        assert!(score.get("traceId").is_none());
    }
    let evaluations = &report.items[0].evaluations;
    let names: Vec<&str> = evaluations.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["exact", "tone", "both"]);
    assert_eq!(
        (
            report.run_evaluations.len(),
            report.items[0].trace_id.unwrap().to_string()
        ),
        (2, task.trace_id)
    );
}
