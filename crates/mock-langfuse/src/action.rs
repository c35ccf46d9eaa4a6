//! What is done with one request: another answer, a cut connection, a slow one. Written as TOML or by a builder.
//! A step of `scenario` has one; `faults` carries it out.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::cut::{Cut, How, ReplySpec};

/// What is done with a request. Several may be combined.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Action {
    /// Another answer than the server's own.
    pub reply: Option<ReplySpec>,
    /// The connection is closed in this way before anything is read.
    pub accept_then: Option<How>,
    /// Only so much of the body is read.
    pub read: Option<Cut>,
    /// The body is read 4 KiB at a time, this many milliseconds apart.
    pub slow_read_ms: u64,
    /// A compressed body is a 415.
    pub refuse_gzip: bool,
    /// The answer waits, in milliseconds.
    pub delay_ms: u64,
    /// The answer comes byte by byte, this many milliseconds apart.
    pub drip_ms: u64,
    /// The answer is cut.
    pub cut: Option<Cut>,
    /// A span of this name or id makes the whole request a 400.
    pub bad_span: Option<String>,
    /// A larger body is a 413.
    pub max_body: Option<usize>,
    /// The spans are stored although the answer is a failure or is cut.
    pub store: bool,
    /// A share of requests fails, by the scenario's seed.
    pub fail_percent: u8,
}

impl Action {
    /// An answer with this status.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self {
            reply: Some(ReplySpec {
                status,
                headers: BTreeMap::new(),
                body: None,
            }),
            ..Self::default()
        }
    }

    /// The server's own answer.
    #[must_use]
    pub fn good() -> Self {
        Self::default()
    }

    /// The connection ends before anything is read.
    #[must_use]
    pub fn accept_then(how: How) -> Self {
        Self {
            accept_then: Some(how),
            ..Self::default()
        }
    }

    /// Only so much of the body is read, then the connection ends.
    #[must_use]
    pub fn read_then(bytes: usize, how: How) -> Self {
        Self {
            read: Some(Cut::new(bytes, how)),
            ..Self::default()
        }
    }

    /// A span of this name or id makes the whole request a 400.
    #[must_use]
    pub fn bad_span(name: &str) -> Self {
        Self {
            bad_span: Some(name.to_owned()),
            ..Self::default()
        }
    }

    /// A larger body is a 413.
    #[must_use]
    pub fn max_body(bytes: usize) -> Self {
        Self {
            max_body: Some(bytes),
            ..Self::default()
        }
    }

    /// The body is read 4 KiB at a time, this many milliseconds apart.
    #[must_use]
    pub fn slow_read_ms(pause: u64) -> Self {
        Self {
            slow_read_ms: pause,
            ..Self::default()
        }
    }

    /// A compressed body is a 415.
    #[must_use]
    pub fn refuse_gzip() -> Self {
        Self {
            refuse_gzip: true,
            ..Self::default()
        }
    }

    /// This share of requests fails with 503, 500, 429 or a reset.
    #[must_use]
    pub fn fail_percent(percent: u8) -> Self {
        Self {
            fail_percent: percent,
            ..Self::default()
        }
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Some(reply) = &mut self.reply {
            reply.headers.insert(name.to_owned(), value.to_owned());
        }
        self
    }

    /// Another body of the answer, see [`ReplySpec::body`].
    #[must_use]
    pub fn body(mut self, body: &str) -> Self {
        if let Some(reply) = &mut self.reply {
            reply.body = Some(body.to_owned());
        }
        self
    }

    /// The answer waits, in milliseconds.
    #[must_use]
    pub fn delay_ms(mut self, delay: u64) -> Self {
        self.delay_ms = delay;
        self
    }

    /// The answer comes byte by byte, this many milliseconds apart.
    #[must_use]
    pub fn drip_ms(mut self, pause: u64) -> Self {
        self.drip_ms = pause;
        self
    }

    /// The answer is cut.
    #[must_use]
    pub fn cut(mut self, after_body_bytes: usize, how: How) -> Self {
        self.cut = Some(Cut::new(after_body_bytes, how));
        self
    }

    /// The spans are stored all the same.
    #[must_use]
    pub fn stored(mut self) -> Self {
        self.store = true;
        self
    }
}
