//! The documents of the repository, so that the tests compile their code. A page whose snippets need features is
//! compiled with these alone, since a snippet cannot name features of this crate.

#[cfg(feature = "tracing")]
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

#[cfg(all(feature = "signal", feature = "spool", feature = "tower"))]
#[doc = include_str!("../../../docs/guide/services.md")]
struct Services;

#[doc = include_str!("../../../docs/guide/privacy-and-sampling.md")]
struct PrivacyAndSampling;
#[cfg(feature = "tower")]
#[doc = include_str!("../../../docs/guide/propagation.md")]
struct Propagation;

#[doc = include_str!("../../../docs/guide/streaming.md")]
struct Streaming;

#[cfg(all(feature = "axum", feature = "signal"))]
#[doc = include_str!("../../../docs/guide/web-servers.md")]
struct WebServers;

#[cfg(feature = "macros")]
#[doc = include_str!("../../../docs/guide/no-current-trace.md")]
struct NoCurrentTrace;

#[cfg(all(feature = "macros", feature = "testing"))]
#[doc = include_str!("../../../docs/guide/testing.md")]
struct Testing;

#[cfg(feature = "tracing")]
#[doc = include_str!("../../../docs/guide/tracing.md")]
struct Tracing;

#[cfg(feature = "opentelemetry")]
#[doc = include_str!("../../../docs/guide/opentelemetry.md")]
struct OpenTelemetry;

#[cfg(feature = "console")]
#[doc = include_str!("../../../docs/guide/terminal.md")]
struct Terminal;

#[doc = include_str!("../../../docs/guide/scores.md")]
struct Scores;

#[doc = include_str!("../../../docs/guide/media.md")]
#[cfg(feature = "langfuse")]
struct Media;

#[cfg(feature = "langfuse")]
#[doc = include_str!("../../../docs/guide/troubleshooting.md")]
struct Troubleshooting;
