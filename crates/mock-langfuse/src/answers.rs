//! Requests as plain values, so that hyper and the fault injector share all behaviour. Answers are in `reply`.
//! Made by `server` and `faults`; read by `router` and the endpoints.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;

use crate::reply::Reply;

/// A request that has been read whole.
#[derive(Clone, Debug, Default)]
pub(crate) struct Incoming {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: BTreeMap<String, Vec<String>>,
    /// By lower-case name; of several the last, but of `host` all.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Bytes,
}

impl Incoming {
    pub(crate) fn new(
        method: &str,
        target: &str,
        headers: BTreeMap<String, String>,
        body: Bytes,
    ) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut parsed: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            parsed
                .entry(unescape(key))
                .or_default()
                .push(unescape(value));
        }
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: parsed,
            headers,
            body,
        }
    }

    /// The refusal of a request that a web page may have sent; `None` if a program on this machine sent it.
    ///
    /// A page in a browser must not reach this server, which keeps prompts: not through a name that points
    /// to loopback (DNS rebinding), and not by a form or a script of another origin.
    pub(crate) fn intruder(&self) -> Option<Reply> {
        if !self.header("host").is_some_and(is_loopback) {
            return Some(Reply::text(403, "this server answers on loopback only"));
        }
        let foreign = self.header("origin").is_some_and(|origin| {
            let host = ["http://", "https://"]
                .iter()
                .find_map(|scheme| origin.strip_prefix(scheme));
            !host.is_some_and(is_loopback)
        });
        if foreign {
            return Some(Reply::text(
                403,
                "this server answers no page of another origin",
            ));
        }
        // What a form can send without asking first.
        let kind = self.header("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        let form = [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
        ];
        (self.method == "POST" && form.iter().any(|known| kind.eq_ignore_ascii_case(known)))
            .then(|| Reply::text(400, "Invalid content type. Expected application/json"))
    }

    /// The body as JSON, as Next.js parses it before an endpoint sees it: up to `limit` bytes, a text if it is announced
    /// as something else than JSON.
    pub(crate) fn json(&self, limit: usize, limit_text: &str) -> Result<Value, Reply> {
        if self.body.len() > limit {
            return Err(Reply::text(
                413,
                &format!("Body exceeded {limit_text} limit"),
            ));
        }
        let kind = self.header("content-type").unwrap_or_default();
        let kind = kind
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_lowercase();
        if !matches!(kind.as_str(), "application/json" | "application/ld+json") {
            return Ok(String::from_utf8_lossy(&self.body).into_owned().into());
        }
        if self.body.is_empty() {
            return Ok(serde_json::json!({}));
        }
        serde_json::from_slice(&self.body).map_err(|_| Reply::text(400, "Invalid JSON"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// A parameter of the query.
    pub(crate) fn one(&self, key: &str) -> Option<&str> {
        self.query.get(key)?.last().map(String::as_str)
    }
}

/// A host, with a port or without one, that is this machine by its spelling.
fn is_loopback(host: &str) -> bool {
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let name = match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) => name,
        _ => host,
    };
    ["localhost", "127.0.0.1", "[::1]"]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
}

/// `%41` and `+` as a query has them.
fn unescape(text: &str) -> String {
    decode(text, true)
}

/// `%41` as a path has it, where `+` is itself.
pub(crate) fn unescape_path(text: &str) -> String {
    decode(text, false)
}

fn decode(text: &str, plus_is_space: bool) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::new(), 0);
    while let Some(&byte) = bytes.get(at) {
        let escaped = (byte == b'%')
            .then(|| u8::from_str_radix(text.get(at + 1..at + 3)?, 16).ok())
            .flatten();
        let plain = if plus_is_space && byte == b'+' {
            b' '
        } else {
            byte
        };
        out.push(escaped.unwrap_or(plain));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}
