//! The documents of the repository, so that their code is compiled by the tests.

#[cfg(feature = "tracing")]
#[doc = include_str!("../../../README.md")]
struct Readme;

#[doc = include_str!("../../../docs/guide/configuration.md")]
struct Configuration;

#[doc = include_str!("../../../docs/guide/services.md")]
struct Services;

#[cfg(feature = "tracing")]
#[doc = include_str!("../../../docs/guide/tracing.md")]
struct Tracing;
