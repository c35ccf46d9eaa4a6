//! Where a connection is cut, how, and what an answer is in a scenario's file.
//! Part of `action`.

use std::collections::BTreeMap;

use serde::Deserialize;

/// An answer of the script.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ReplySpec {
    /// Status code.
    pub status: u16,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// `valid` (default), `empty`, `garbage`, `html`, `huge:BYTES`, `gzip_bomb`, `wrong_length`, `header_bomb`, or any text.
    #[serde(default)]
    pub body: Option<String>,
}

/// Where something is cut and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Cut {
    /// After so many bytes of the body.
    #[serde(alias = "bytes")]
    pub after_body_bytes: usize,
    /// In this way.
    #[serde(alias = "then")]
    pub how: How,
}

impl Cut {
    /// After so many bytes of the body, in this way.
    #[must_use]
    pub fn new(after_body_bytes: usize, how: How) -> Self {
        Self {
            after_body_bytes,
            how,
        }
    }
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum How {
    /// In order (FIN).
    #[serde(alias = "close")]
    Fin,
    /// With a reset (RST).
    Rst,
    /// Not at all: nothing more comes.
    Silent,
}
