//! The documents of the repository, so that their code is compiled by the tests.

#[doc = include_str!("../../../README.md")]
struct Readme;

#[doc = include_str!("../../../docs/guide/configuration.md")]
struct Configuration;

#[doc = include_str!("../../../docs/guide/services.md")]
struct Services;

#[doc = include_str!("../../../docs/guide/privacy-and-sampling.md")]
struct PrivacyAndSampling;
#[doc = include_str!("../../../docs/guide/streaming.md")]
struct Streaming;

#[doc = include_str!("../../../docs/guide/scores.md")]
struct Scores;

#[doc = include_str!("../../../docs/guide/media.md")]
#[cfg(feature = "langfuse")]
struct Media;
