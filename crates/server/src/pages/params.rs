//! The parameters of a page's URL, and URLs with one of them changed.
//! Read by the handlers of lists; the filters of the list are links and a form made from them.

use crate::model::{QueryError, TraceQuery};

/// Names and values, decoded, in the order of the URL; without those that are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    pub(super) fn new(mut pairs: Vec<(String, String)>) -> Self {
        pairs.retain(|(_, value)| !value.is_empty());
        Self(pairs)
    }

    pub(super) fn first(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        let named = self.0.iter().filter(move |(known, _)| known == name);
        named.map(|(_, value)| value.as_str())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// With this value alone for the name.
    pub(super) fn with(&self, name: &str, value: &str) -> Self {
        let mut params = self.without(name);
        params.0.push((name.to_owned(), value.to_owned()));
        params
    }

    pub(super) fn without(&self, name: &str) -> Self {
        let mut params = self.clone();
        params.0.retain(|(known, _)| known != name);
        params
    }

    pub(super) fn without_pair(&self, name: &str, value: &str) -> Self {
        let mut params = self.clone();
        params
            .0
            .retain(|(known, set)| (known.as_str(), set.as_str()) != (name, value));
        params
    }

    /// The path with these parameters.
    pub(super) fn url(&self, path: &str) -> String {
        let mut url = path.to_owned();
        for (place, (name, value)) in self.0.iter().enumerate() {
            url.push(if place == 0 { '?' } else { '&' });
            url.push_str(&encoded(name));
            url.push('=');
            url.push_str(&encoded(value));
        }
        url
    }

    /// The filters; a value that cannot be read is left out, and its error is returned with them.
    pub(super) fn query(&self, now_ns: i64) -> (TraceQuery, Vec<QueryError>) {
        let mut query = TraceQuery::default();
        let set = |(name, value)| query.set(name, value, now_ns).err();
        let errors = self.iter().filter_map(set).collect();
        (query, errors)
    }
}

/// A text as a part of a URL.
pub(super) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(pairs: &[(&str, &str)]) -> Params {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Params::new(pairs.iter().map(owned).collect())
    }

    #[test]
    fn a_url_changes_in_one_parameter() {
        let params = params(&[("q", "a b"), ("tag", "x"), ("tag", "ä&y"), ("name", "")]);
        assert_eq!(params.url("/"), "/?q=a%20b&tag=x&tag=%C3%A4%26y");
        assert_eq!(params.with("q", "c").url("/"), "/?tag=x&tag=%C3%A4%26y&q=c");
        assert_eq!(params.without("tag").url("/"), "/?q=a%20b");
        assert_eq!(
            params.without_pair("tag", "x").url("/"),
            "/?q=a%20b&tag=%C3%A4%26y"
        );
        assert_eq!(Params::default().url("/users"), "/users");
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_named() {
        let (query, errors) = params(&[("name", "chat"), ("level", "loud")]).query(0);
        assert_eq!(query.name.as_deref(), Some("chat"));
        assert_eq!(errors.len(), 1);
        assert_eq!(
            errors.first().map(|error| error.name.as_str()),
            Some("level")
        );
    }
}
