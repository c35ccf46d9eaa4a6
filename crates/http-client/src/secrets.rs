//! The keys of a request, to be replaced wherever an error quotes them.
//! Filled when a call begins; used by `call` and `reading` on texts of errors. Never shown.

use std::fmt;

use http::HeaderMap;

/// Shorter values are words, not keys.
const MIN: usize = 8;

const HEADERS: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "cookie",
];

/// Parts of names of parameters that have keys.
const PARAMETERS: &[&str] = &["key", "token", "secret", "sig", "password"];

/// Texts that must not be recorded.
#[derive(Default)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    pub(crate) fn of(headers: &HeaderMap, query: Option<&str>, user: &[&str]) -> Self {
        let mut secrets = Self::default();
        for name in HEADERS {
            for value in headers.get_all(*name) {
                if let Ok(value) = value.to_str() {
                    // `Bearer sk-..`
                    secrets.add(value.split_once(' ').map_or(value, |(_, key)| key));
                }
            }
        }
        for pair in query.unwrap_or_default().split('&') {
            let (name, value) = pair.split_once('=').unwrap_or_default();
            let name = name.to_ascii_lowercase();
            if PARAMETERS.iter().any(|part| name.contains(part)) {
                secrets.add(value);
            }
        }
        user.iter().for_each(|text| secrets.add(text));
        secrets
    }

    fn add(&mut self, text: &str) {
        if text.len() >= MIN {
            self.0.push(text.to_owned());
        }
    }

    /// The text without the keys, and without the queries of addresses in it.
    pub(crate) fn hide(&self, text: &str) -> String {
        let mut hidden = text.to_owned();
        for secret in &self.0 {
            if hidden.contains(secret.as_str()) {
                hidden = hidden.replace(secret.as_str(), "***");
            }
        }
        without_queries(&hidden)
    }
}

/// Cuts the query out of each `http://..?..`.
fn without_queries(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, address) = rest.split_at(at);
        out.push_str(before);
        let ends = |c: char| c.is_whitespace() || matches!(c, ')' | '"' | '\'' | '<' | '>');
        let end = address.find(ends).unwrap_or(address.len());
        let (address, after) = address.split_at(end);
        out.push_str(address.split_once('?').map_or(address, |(path, _)| path));
        rest = after;
    }
    out.push_str(rest);
    out
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_queries_are_replaced() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", "Bearer sk-1234567890".parse().unwrap());
        headers.insert("x-api-key", "ant-1234567890".parse().unwrap());
        let secrets = Secrets::of(&headers, Some("alt=sse&key=AIza1234567"), &["pass-word-1"]);
        let text = "error for url (https://host/path?alt=sse&key=AIza1234567): sk-1234567890, ant-1234567890, \
                    AIza1234567 pass-word-1 at http://other?x=1";
        assert_eq!(
            secrets.hide(text),
            "error for url (https://host/path): ***, ***, *** *** at http://other"
        );
        assert_eq!(format!("{secrets:?}"), "Secrets(4)");
        assert_eq!(Secrets::default().hide("a://b?"), "a://b");
        assert_eq!(Secrets::default().hide("what? yes"), "what? yes");
    }
}
