//! An answer as a plain value.
//! Made by the endpoints; written by hyper or by the fault injector.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;

/// Headers by lower-case name; of several of one name the last. Two hosts are joined into one that is no host:
/// a proxy in front of a server may read another of them than the server.
pub(crate) fn headers(lines: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    let mut headers = BTreeMap::<String, String>::new();
    for (name, value) in lines {
        let value = match headers.get(&name) {
            Some(first) if name == "host" => format!("{first}, {value}"),
            _ => value,
        };
        headers.insert(name, value);
    }
    headers
}

/// An answer before it is written.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json; charset=utf-8", body.to_string())
    }

    pub(crate) fn text(status: u16, body: &str) -> Self {
        Self::new(status, "text/plain; charset=utf-8", body.to_owned())
    }

    /// An error with a name of Langfuse's.
    pub(crate) fn error(status: u16, name: &str, message: &str) -> Self {
        Self::json(
            status,
            &serde_json::json!({ "message": message, "error": name }),
        )
    }

    /// A request whose query or body is not as it should be, with what is wrong.
    pub(crate) fn invalid(issues: Vec<Value>) -> Self {
        let issues = Value::from(issues);
        Self::json(
            400,
            &serde_json::json!({ "message": "Invalid request data", "error": issues }),
        )
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::error(405, "MethodNotAllowedError", "Method not allowed")
    }

    pub(crate) fn new(status: u16, kind: &str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            // A browser must not run a name that is a script.
            headers: vec![
                ("content-type".into(), kind.into()),
                ("x-content-type-options".into(), "nosniff".into()),
            ],
            body: body.into(),
        }
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}
