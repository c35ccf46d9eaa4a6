//! Which crate depends on which: only on lower levels, and only as drawn in ARCHITECTURE.md.

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::Findings;
use crate::process::{cargo, output};

/// Level of each crate; an arrow goes to a lower one.
const LEVELS: &[(&str, u8)] = &[
    ("tracefuse-core", 0),
    ("tracefuse-macros", 0),
    ("tracefuse-semconv", 1),
    ("tracefuse-opentelemetry", 2),
    ("tracefuse-tracing", 2),
    ("mock-langfuse", 0),
    ("tracefuse-exporter", 1),
    ("tracefuse-tower", 1),
    ("tracefuse-http-client", 1),
    ("tracefuse-server", 2),
    ("tracefuse-rmcp", 1),
    ("tracefuse-mask", 1),
    ("tracefuse-http", 2),
    ("tracefuse-spool", 2),
    ("tracefuse-runtime", 3),
    ("tracefuse-console", 2),
    ("tracefuse-otlp", 3),
    ("tracefuse-langfuse", 4),
    ("tracefuse-metrics", 4),
    ("tracefuse-cli", 5),
    ("tracefuse-prompts", 5),
    ("tracefuse-experiments", 5),
    ("tracefuse", 6),
    ("xtask", 0),
    ("interop", 7),
    ("guide", 7),
    ("pages", 7),
];

/// The arrows of ARCHITECTURE.md, and no others.
const ARROWS: &[(&str, &[&str])] = &[
    ("tracefuse-core", &[]),
    ("tracefuse-macros", &[]),
    ("mock-langfuse", &[]),
    ("tracefuse-exporter", &["tracefuse-core"]),
    ("tracefuse-tower", &["tracefuse-core"]),
    ("tracefuse-http-client", &["tracefuse-core"]),
    ("tracefuse-rmcp", &["tracefuse-core"]),
    ("tracefuse-semconv", &["tracefuse-core"]),
    (
        "tracefuse-opentelemetry",
        &["tracefuse-core", "tracefuse-semconv"],
    ),
    (
        "tracefuse-tracing",
        &["tracefuse-core", "tracefuse-semconv"],
    ),
    (
        "tracefuse-runtime",
        &[
            "tracefuse-core",
            "tracefuse-exporter",
            "tracefuse-mask",
            "tracefuse-spool",
        ],
    ),
    ("tracefuse-mask", &["tracefuse-core"]),
    ("tracefuse-http", &["tracefuse-exporter"]),
    ("tracefuse-spool", &["tracefuse-exporter"]),
    ("tracefuse-console", &["tracefuse-exporter"]),
    ("tracefuse-otlp", &["tracefuse-exporter", "tracefuse-http"]),
    (
        "tracefuse-langfuse",
        &["tracefuse-exporter", "tracefuse-http", "tracefuse-otlp"],
    ),
    (
        "tracefuse-metrics",
        &[
            "tracefuse-core",
            "tracefuse-exporter",
            "tracefuse-http",
            "tracefuse-otlp",
            "tracefuse-runtime",
        ],
    ),
    (
        "tracefuse-prompts",
        &["tracefuse-core", "tracefuse-exporter", "tracefuse-langfuse"],
    ),
    (
        "tracefuse-experiments",
        &["tracefuse-core", "tracefuse-exporter", "tracefuse-langfuse"],
    ),
    (
        "tracefuse",
        &[
            "tracefuse-console",
            "tracefuse-core",
            "tracefuse-experiments",
            "tracefuse-exporter",
            "tracefuse-http",
            "tracefuse-langfuse",
            "tracefuse-macros",
            "tracefuse-mask",
            "tracefuse-metrics",
            "tracefuse-opentelemetry",
            "tracefuse-otlp",
            "tracefuse-prompts",
            "tracefuse-runtime",
            "tracefuse-tower",
            "tracefuse-tracing",
        ],
    ),
    ("tracefuse-server", &["tracefuse-core", "tracefuse-semconv"]),
    (
        "tracefuse-cli",
        &[
            "tracefuse-console",
            "tracefuse-core",
            "tracefuse-http",
            "tracefuse-langfuse",
            "tracefuse-runtime",
            "tracefuse-server",
            "tracefuse-spool",
        ],
    ),
    ("xtask", &[]),
    ("pages", &["tracefuse-server", "xtask"]),
    (
        "guide",
        &[
            "tracefuse",
            "tracefuse-core",
            "tracefuse-exporter",
            "tracefuse-http-client",
            "tracefuse-rmcp",
            "tracefuse-runtime",
            "tracefuse-server",
        ],
    ),
    (
        "interop",
        &[
            "mock-langfuse",
            "tracefuse-console",
            "tracefuse-http",
            "tracefuse-server",
            "xtask",
        ],
    ),
];

pub(super) fn check() -> Result<Findings> {
    let text = output(&mut cargo(&[
        "metadata",
        "--format-version",
        "1",
        "--no-deps",
        "--offline",
    ]))?;
    let metadata: Value = serde_json::from_str(&text).context("cargo metadata")?;
    let mut findings = Vec::new();
    let level = |name: &str| {
        LEVELS
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, level)| *level)
    };
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(own) = level(name) else {
            findings.push(format!("{name}: no level; enter it in xtask/src/tidy/arrows.rs and draw it in ARCHITECTURE.md"));
            continue;
        };
        let mut drawn = Vec::new();
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let to = dependency["name"].as_str().unwrap_or_default();
            // Its own tests turn on the feature `testing`.
            if to == name && dependency["kind"] == "dev" {
                continue;
            }
            let Some(theirs) = level(to) else {
                if matches!(to, "hyper" | "rustls" | "hyper-rustls")
                    && !matches!(name, "tracefuse-http" | "mock-langfuse")
                    && dependency["kind"].is_null()
                {
                    findings.push(format!(
                        "{name} depends on {to}: sockets and TLS belong into crates/http/"
                    ));
                }
                continue;
            };
            let dev = dependency["kind"] == "dev";
            if theirs >= own || (dev && to == "tracefuse") {
                findings.push(format!(
                    "{name} -> {to}: an arrow goes to a lower level only"
                ));
            }
            if !dev {
                drawn.push(to.to_owned());
            }
        }
        drawn.sort();
        let allowed = ARROWS
            .iter()
            .find(|(known, _)| *known == name)
            .map_or(&[][..], |(_, arrows)| arrows);
        if drawn != allowed {
            findings.push(format!(
                "{name} depends on {drawn:?}, drawn are {allowed:?}"
            ));
        }
        if !package["publish"].is_array() {
            for field in ["description", "license", "repository", "rust_version"] {
                if package[field].is_null() {
                    findings.push(format!("{name}: `{field}` is missing in its manifest"));
                }
            }
        }
    }
    Ok(findings)
}
