//! Every example as a separate process against the local server, read back by its API.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use mock_langfuse::MockLangfuse;
use serde_json::{Value, json};
use tracefuse_http::Secret;

use crate::programs::{examples, quiet};
use crate::read_back::{Server, tree};
use xtask::process::output;

/// What the server has after an example ran: its tree, and some fields by name of the observation.
struct Expected {
    example: &'static str,
    tree: &'static str,
    fields: &'static [Field],
}

/// Name of an observation, a field of it, and its value.
type Field = (&'static str, &'static str, fn() -> Value);

const EXPECTED: &[Expected] = &[
    Expected {
        example: "quickstart",
        tree: "span quickstart\n  generation answer\n",
        fields: &[
            ("quickstart", "userId", || json!("user123")),
            ("quickstart", "tags", || json!(["example"])),
            ("quickstart", "output", || json!("Paris")),
            ("answer", "model", || json!("gpt-4o")),
            (
                "answer",
                "usageDetails",
                || json!({ "input": 14, "output": 2, "total": 16 }),
            ),
            ("answer", "userId", || json!("user123")),
        ],
    },
    Expected {
        example: "nested",
        tree: "span order\n  span charge\n  span validate\n    span check-stock\n      event cache-miss\n",
        fields: &[
            ("charge", "level", || json!("ERROR")),
            ("charge", "statusMessage", || {
                json!("std::io::error::Error: the payment service did not answer")
            }),
            ("cache-miss", "level", || json!("DEBUG")),
            ("check-stock", "sessionId", || json!("session456")),
            ("check-stock", "output", || json!("12")),
        ],
    },
    Expected {
        example: "llm_call",
        tree: "span translate\n  generation translation\n",
        fields: &[
            (
                "translation",
                "usageDetails",
                || json!({ "input": 8, "input_cached_tokens": 16, "output": 3, "total": 27 }),
            ),
            (
                "translation",
                "costDetails",
                || json!({ "total": 0.000_21 }),
            ),
            (
                "translation",
                "modelParameters",
                || json!({ "temperature": 0.2, "max_tokens": 64 }),
            ),
            ("translation", "promptName", || json!("translate")),
            ("translation", "promptVersion", || json!(3)),
            ("translation", "output", || json!("Bonjour")),
        ],
    },
    Expected {
        example: "tool",
        tree: "span tools\n  tool calculator\n  tool weather\n  tool weather\n",
        fields: &[
            ("weather", "level", || json!("ERROR")),
            ("calculator", "input", || {
                json!(r#"{"expression":"17 * 3"}"#)
            }),
        ],
    },
    Expected {
        example: "agent",
        tree: "agent agent\n  chain step 1\n    evaluator is it answered?\n    generation plan\n    tool today\n  \
               chain step 2\n    tool days_between\n    evaluator is it answered?\n    generation plan\n",
        fields: &[("agent", "output", || json!("463 days until 2028-02-29"))],
    },
    Expected {
        example: "fan_out",
        tree: "span fan-out\n  tool blocking\n  span joined\n    retriever look-up\n    retriever look-up\n  \
               retriever look-up\n  span spawned\n    retriever look-up\n",
        fields: &[("blocking", "output", || json!("42"))],
    },
    Expected {
        example: "opentelemetry",
        tree: "agent invoke_agent helper\n  generation chat gpt-4o\n  tool execute_tool orders\n",
        fields: &[
            ("invoke_agent helper", "userId", || json!("user123")),
            ("chat gpt-4o", "model", || json!("gpt-4o")),
            ("chat gpt-4o", "output", || json!("I shall look it up.")),
            (
                "chat gpt-4o",
                "usageDetails",
                || json!({ "input": 12, "output": 5, "total": 17 }),
            ),
            ("execute_tool orders", "level", || json!("ERROR")),
            ("execute_tool orders", "statusMessage", || {
                json!("the warehouse does not answer")
            }),
        ],
    },
    Expected {
        example: "rag",
        tree: "agent rag-agent\n  generation answer\n  retriever bm25\n    event hit\n    event hit\n    event hit\n  \
               evaluator grounded\n  chain rewrite\n",
        fields: &[
            ("rag-agent", "userId", || json!("reader")),
            ("hit", "sessionId", || json!("docs")),
            ("answer", "tags", || json!(["example", "rag"])),
            ("answer", "environment", || json!("integration")),
            ("answer", "traceName", || json!("rag-agent")),
        ],
    },
];

pub(crate) fn run() -> Result<()> {
    let programs = examples()?;
    let program = |name: &str| {
        programs
            .get(name)
            .with_context(|| format!("the example `{name}` was not built"))
    };
    for expected in EXPECTED {
        let mock = MockLangfuse::start();
        let mut example = Command::new(program(expected.example)?);
        quiet(&mut example)
            .env("TRACING_MODE", "langfuse")
            .env("LANGFUSE_TRACING_ENVIRONMENT", "integration");
        example.env("LANGFUSE_BASE_URL", mock.url());
        example
            .env("LANGFUSE_PUBLIC_KEY", mock.public_key())
            .env("LANGFUSE_SECRET_KEY", mock.secret_key());
        output(&mut example)?;
        check_all(expected, &mock).with_context(|| format!("example `{}`", expected.example))?;
        println!(
            "{}: {} observations in one tree",
            expected.example,
            mock.observations().len()
        );
    }
    let said = output(quiet(&mut Command::new(program("custom_exporter")?)))?;
    ensure!(
        said.contains("2 spans exported"),
        "custom_exporter said {said:?}"
    );
    println!("custom_exporter: 2 spans");
    Ok(())
}

/// The examples of which it is known what a server has of them.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    EXPECTED.iter().map(|expected| expected.example)
}

/// Whether the local server has what it should of an example, if that is known.
pub(crate) fn check_by_name(example: &str, mock: &MockLangfuse) -> Result<()> {
    let mut known = EXPECTED.iter();
    match known.find(|expected| expected.example == example) {
        Some(expected) => check_all(expected, mock),
        None => Ok(()),
    }
}

/// Whether rows of the read API are what a server should have of an example, if that is known.
pub(crate) fn check_rows(example: &str, rows: &[Value]) -> Result<()> {
    let mut known = EXPECTED.iter();
    match known.find(|expected| expected.example == example) {
        Some(expected) => check(expected, rows),
        None => Ok(()),
    }
}

fn check_all(expected: &Expected, mock: &MockLangfuse) -> Result<()> {
    let server = Server {
        url: mock.url(),
        public_key: mock.public_key().to_owned(),
        secret_key: Secret::new(mock.secret_key()),
    };
    check(expected, &server.observations(None)?)?;
    let once = mock
        .deliveries()
        .values()
        .all(|delivery| (delivery.received, delivery.acknowledged) == (1, 1));
    ensure!(once, "not every span arrived exactly once");
    Ok(())
}

fn check(expected: &Expected, rows: &[Value]) -> Result<()> {
    let tree = tree(rows);
    ensure!(
        tree == expected.tree,
        "expected\n{}got\n{tree}",
        expected.tree
    );
    for (name, field, value) in expected.fields {
        let row = rows
            .iter()
            .find(|row| row["name"] == *name)
            .with_context(|| format!("no observation {name}"))?;
        ensure!(
            row[field] == value(),
            "{name}.{field} is {}, expected {}",
            row[field],
            value()
        );
    }
    Ok(())
}
