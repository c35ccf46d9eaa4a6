//! `import`: files of JSON lines, and what applications and `forward` have left in a spool.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tracefuse_core::Tracer;
use tracefuse_langfuse::{LangfuseConfig, LangfuseExporter};
use tracefuse_runtime::spool::SpoolConfig;
use tracefuse_runtime::{Pipeline, PipelineConfig, SpoolMode};

use crate::support::{Server, record, run, shows_trace, trace, unused};

#[test]
fn json_lines_of_the_console_are_imported() {
    let dir = tempfile::tempdir().unwrap();
    let lines = dir.path().join("console.jsonl");
    let span = json!({
        "schema": 1, "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "span_id": "00f067aa0ba902b7", "parent_span_id": null,
        "name": "answer", "type": "generation", "start_time": "2026-11-27T12:00:00.000000000Z",
        "end_time": "2026-11-27T12:00:01.500000000Z", "duration_ns": 1_500_000_000_u64, "level": "DEFAULT", "status": "unset",
        "model": "gpt-4o", "usage": {"input": 5, "output": 2}, "input": "hi", "output": {"text": "hello"},
        "trace": {"name": "chat", "user_id": "ada"}, "resource": {},
    });
    let score = json!({
        "schema": 1, "score_id": "s1", "name": "good", "value": 0.5, "data_type": "NUMERIC",
        "time": "2026-11-27T12:00:02Z", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    });
    std::fs::write(&lines, format!("{span}\n\n{score}\nnonsense\n")).unwrap();
    let store = dir.path().join("traces.db");
    let (ok, out, error) = run(&store, &["import", lines.to_str().unwrap()]);
    assert!(!ok && out.contains("3 lines"), "{out}{error}");
    assert!(error.contains("line 4: it is not JSON"), "{error}");
    let (_, document, _) = run(&store, &["show", "latest", "--json"]);
    let trace: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(
        (&trace["name"], &trace["userId"]),
        (&json!("chat"), &json!("ada"))
    );
    let observation = &trace["observations"][0];
    assert_eq!(observation["type"], "GENERATION");
    assert_eq!(observation["usageDetails"]["input"], 5);
    assert_eq!(trace["scores"][0]["value"], 0.5);
}

#[test]
fn files_of_other_forms_say_how_to_change_them() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("traces.db");
    let span = r#"{"schema": 1, "trace_id": "t", "span_id": "s", "name": "kept", "start_time": "2026-11-27T12:00:00Z"}"#;
    let marked = format!("\u{feff}{span}\r\n");
    let file = |name: &str, content: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let good = file("good.jsonl", marked.as_bytes());
    let indented = file("indented.json", b"{\n  \"batch\": []\n}\n");
    let compressed = file("lines.gz", b"\x1f\x8b\x08\x00");
    for (path, said) in [(&indented, "jq -c . FILE"), (&compressed, "gunzip")] {
        // The files before it are kept, and the output says so.
        let (ok, out, error) = run(&store, &["import", &good, path]);
        assert!(!ok && error.contains(said), "{path}: {error}");
        assert!(out.contains("2 traces, spans and scores kept"), "{out}");
    }
    assert!(run(&store, &["list"]).1.contains("kept"));
}

/// An application whose server is down: the tracer keeps what it records in a spool.
fn tracer(spool: &Path) -> Tracer {
    let config = LangfuseConfig::new("pk-lf-a", "sk-lf-a").base_url(format!("http://{}", unused()));
    let mut pipeline = PipelineConfig::default();
    pipeline.max_retries = 0;
    // One attempt, then everything waits.
    pipeline.circuit_breaker_threshold = 1;
    let pipeline = Pipeline::builder()
        .config(pipeline)
        .exporter(LangfuseExporter::new(config).unwrap())
        .spool(SpoolConfig::new(spool), SpoolMode::WriteAhead);
    Tracer::builder(pipeline.build().unwrap()).build()
}

/// The files of all processes in a spool.
fn files(spool: &Path) -> Vec<PathBuf> {
    let entries = |path: &Path| {
        std::fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().path())
    };
    let mut files: Vec<PathBuf> = entries(&spool.join("v1"))
        .flat_map(|process| entries(&process).collect::<Vec<_>>())
        .filter(|path| path.extension().is_some())
        .collect();
    files.sort();
    files
}

#[test]
fn what_an_application_could_not_send_is_imported() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, store) = (dir.path().join("spool"), dir.path().join("traces.db"));
    let tracer = tracer(&spool);
    let id = trace(&tracer);
    tracer
        .score_trace(id.parse().unwrap(), "helpful", 0.75)
        .comment("clear")
        .record();
    // It is still there, and keeps its spool.
    let _ = tracer.flush();
    let before: Vec<Vec<u8>> = files(&spool)
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    assert!(!before.is_empty());
    let (ok, out, error) = run(&store, &["import", spool.to_str().unwrap()]);
    assert!(ok, "{out}{error}");
    assert!(
        out.contains("spans 3, scores 1; the spool is unchanged"),
        "{out}"
    );
    assert!(out.contains("4 traces, spans and scores kept"), "{out}");
    let (_, tree, _) = run(&store, &["show", &id]);
    shows_trace(&tree);
    let (_, document, _) = run(&store, &["show", &id, "--json"]);
    let shown: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(shown["scores"][0]["value"], 0.75, "{document}");
    assert_eq!(shown["scores"][0]["comment"], "clear", "{document}");
    assert_eq!(
        (&shown["sessionId"], &shown["totalTokens"]),
        (&json!("monday"), &json!(15))
    );
    let after: Vec<Vec<u8>> = files(&spool)
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    assert_eq!(before, after);

    // Once more: nothing is there twice. A score that comes again takes the place of the first.
    let (ok, out, error) = run(&store, &["import", spool.to_str().unwrap()]);
    assert!(
        ok && out.contains("3 of them were there already"),
        "{out}{error}"
    );
    let (_, again, _) = run(&store, &["show", &id]);
    assert_eq!(again, tree);
    drop(tracer);
}

#[test]
fn damaged_records_of_a_spool_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, store) = (dir.path().join("spool"), dir.path().join("traces.db"));
    let tracer = tracer(&spool);
    let id = trace(&tracer);
    let _ = tracer.shutdown();
    drop(tracer);
    // The last of three spans is cut off.
    let path = files(&spool).remove(0);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    std::fs::write(path.with_file_name("00000000000000ff.corrupt"), "x").unwrap();
    let (ok, out, error) = run(&store, &["import", spool.to_str().unwrap()]);
    assert!(!ok && out.contains("spans 2, scores 0"), "{out}{error}");
    assert!(out.contains("set apart and not read: 1"), "{out}");
    assert!(
        error.contains("1 records could not be read, the first because: batch 1:"),
        "{error}"
    );
    assert!(run(&store, &["list"]).1.contains(&id));
}

#[test]
fn what_forward_could_not_send_is_imported() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let to = format!("http://{}", unused());
    let (first, waiting) = (at("first.db"), at("waiting"));
    let forwarding = Server::start(&[
        "forward",
        "--to",
        &to,
        "--store",
        first.to_str().unwrap(),
        "--spool",
        waiting.to_str().unwrap(),
    ]);
    let id = record(&forwarding.tracer());
    forwarding.stop();
    let (ok, out, error) = run(&at("second.db"), &["import", waiting.to_str().unwrap()]);
    assert!(ok && out.contains("spans 3, scores 0"), "{out}{error}");
    let tree = |store: &str| run(&at(store), &["show", &id]).1;
    assert_eq!(tree("second.db"), tree("first.db"));
}

#[test]
fn a_folder_that_is_no_spool_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let (ok, _, error) = run(
        &dir.path().join("traces.db"),
        &["import", dir.path().to_str().unwrap()],
    );
    assert!(
        !ok && error.contains("name the directory that TRACEFUSE_SPOOL_DIR has"),
        "{error}"
    );
}
