//! The keys of a request, to be replaced wherever an error quotes them.
//! Filled when a call begins; used by `call` and `reading` on texts of errors. Never shown.

use std::fmt;

use http::HeaderMap;

/// Shorter values are words, not keys.
const MIN: usize = 8;

/// Parts of names of headers that have keys, such as `x-api-key` and `proxy-authorization`.
const HEADERS: &[&str] = &[
    "auth",
    "key",
    "token",
    "secret",
    "cookie",
    "signature",
    "password",
    "credential",
];

/// Parts of names of parameters that have keys.
const PARAMETERS: &[&str] = &[
    "key",
    "token",
    "secret",
    "sig",
    "password",
    "auth",
    "credential",
];

/// Texts that must not be recorded.
#[derive(Default)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    pub(crate) fn of(headers: &HeaderMap, query: Option<&str>, user: &[&str]) -> Self {
        let mut secrets = Self::default();
        for (name, value) in headers {
            let is_secret = HEADERS.iter().any(|part| name.as_str().contains(part));
            if let Ok(value) = value.to_str()
                && is_secret
            {
                // `Bearer sk-..`
                secrets.add(value.split_once(' ').map_or(value, |(_, key)| key));
            }
        }
        for pair in query.unwrap_or_default().split('&') {
            let (name, value) = pair.split_once('=').unwrap_or_default();
            let name = name.to_ascii_lowercase();
            if PARAMETERS.iter().any(|part| name.contains(part)) {
                secrets.add_encoded(value);
            }
        }
        user.iter().for_each(|text| secrets.add_encoded(text));
        secrets
    }

    /// A part of an address: an error may quote it as it was before it was encoded.
    fn add_encoded(&mut self, text: &str) {
        self.add(text);
        let decoded = decoded(text);
        if decoded != text {
            self.add(&decoded);
        }
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

/// Decodes `%XX`; what is not valid stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
        let escaped = after.split_at_checked(2).filter(|_| *first == b'%');
        match escaped.and_then(|(digits, after)| Some((hex(digits)?, after))) {
            Some((byte, after)) => {
                bytes.push(byte);
                rest = after;
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
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
    fn keys_are_replaced_in_any_header_and_decoded() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("ocp-apim-subscription-key", "azure-1234567"),
            ("helicone-auth", "Bearer heli-1234567"),
            ("x-amz-security-token", "amz-1234567890"),
            ("x-request-id", "request-1234567"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        let secrets = Secrets::of(
            &headers,
            Some("key=AI%2Fza%2B123456&x%zz=1"),
            &["pa%24sword1", ""],
        );
        assert_eq!(
            secrets.hide("azure-1234567 heli-1234567 amz-1234567890 AI/za+123456 AI%2Fza%2B123456 pa$sword1 request-1234567"),
            "*** *** *** *** *** *** request-1234567"
        );
        assert_eq!(decoded("%41%zz%4"), "A%zz%4");
    }

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
