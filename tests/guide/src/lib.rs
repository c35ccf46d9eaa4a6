//! The README and the guides, so that tests compile their code: `cargo test --doc -p guide`. A crate that is not published, since
//! the packages of the published crates do not contain the guides.
#![cfg(doctest)]

#[doc = include_str!("../../../README.md")]
struct Readme;

#[doc = include_str!("../../../docs/guide/recording.md")]
struct Recording;

#[doc = include_str!("../../../docs/guide/patterns.md")]
struct Patterns;

#[doc = include_str!("../../../docs/guide/best-practices.md")]
struct BestPractices;

#[doc = include_str!("../../../docs/guide/exporters.md")]
struct Exporters;

#[doc = include_str!("../../../docs/guide/migration.md")]
struct Migration;

#[doc = include_str!("../../../docs/guide/configuration.md")]
struct Configuration;

#[doc = include_str!("../../../docs/guide/services.md")]
struct Services;

#[doc = include_str!("../../../docs/guide/privacy-and-sampling.md")]
struct PrivacyAndSampling;
#[doc = include_str!("../../../docs/guide/propagation.md")]
struct Propagation;

#[doc = include_str!("../../../docs/guide/streaming.md")]
struct Streaming;

#[doc = include_str!("../../../docs/guide/view.md")]
struct View;

#[doc = include_str!("../../../docs/guide/http-clients.md")]
struct HttpClients;

#[doc = include_str!("../../../docs/guide/web-servers.md")]
struct WebServers;

#[doc = include_str!("../../../docs/guide/mcp.md")]
struct Mcp;

#[doc = include_str!("../../../docs/guide/no-current-trace.md")]
struct NoCurrentTrace;

#[doc = include_str!("../../../docs/guide/testing.md")]
struct Testing;

#[doc = include_str!("../../../docs/guide/tracing.md")]
struct Tracing;

#[doc = include_str!("../../../docs/guide/metrics.md")]
struct Metrics;

#[doc = include_str!("../../../docs/guide/opentelemetry.md")]
struct OpenTelemetry;

#[doc = include_str!("../../../docs/guide/terminal.md")]
struct Terminal;

#[doc = include_str!("../../../docs/guide/scores.md")]
struct Scores;

#[doc = include_str!("../../../docs/guide/media.md")]
struct Media;

#[doc = include_str!("../../../docs/guide/troubleshooting.md")]
struct Troubleshooting;

#[doc = include_str!("../../../docs/guide/prompts.md")]
struct Prompts;

#[doc = include_str!("../../../docs/guide/experiments.md")]
struct Experiments;

#[doc = include_str!("../../../docs/guide/local-server.md")]
struct LocalServer;
