//! Values in the forms of the OpenTelemetry specification: lists of pairs, its boolean.
//! Called by `table` and, for the attributes of the resource, by `builder`.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;
use tracefuse_core::record::{Resource, Value};

/// `key=value,key2=value2`, percent-encoded, as `OTEL_EXPORTER_OTLP_HEADERS` and `OTEL_RESOURCE_ATTRIBUTES`
/// have it. `None` if a pair has no `=` or no key.
pub(super) fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    text.split(',')
        .filter(|pair| !pair.trim().is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=')?;
            let key = decode(key.trim());
            (!key.is_empty()).then(|| (key, decode(value.trim())))
        })
        .collect()
}

/// Percent-decoded by the rules of W3C Baggage: invalid UTF-8 becomes U+FFFD, a `%` without two hex digits stays.
fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// The pairs as a text.
pub(super) fn show_pairs(pairs: &[(String, String)]) -> String {
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    pairs.join(",")
}

/// Only `true`, in any case, is true; every other text is false.
pub(super) fn is_true(text: &str) -> bool {
    text.eq_ignore_ascii_case("true")
}

/// Adds the attributes to the resource. A setting for the same attribute wins.
pub(crate) fn describe(resource: &mut Resource, attributes: &[(String, String)]) {
    // Resource attributes have no limit (OpenTelemetry's rule), so a repeated key is found by its hash.
    let mut known: HashMap<&str, usize> = HashMap::new();
    for (key, value) in attributes {
        let own = match key.as_str() {
            "service.name" => {
                resource.service_name.get_or_insert_with(|| value.clone());
                continue;
            }
            "deployment.environment.name" => resource.environment.is_some(),
            "service.version" => resource.version.is_some(),
            _ => false,
        };
        if !own {
            let value = Value::Str(value.clone());
            let at = *known.entry(key).or_insert(resource.attributes.len());
            match resource.attributes.get_mut(at) {
                Some((_, known)) => *known = value,
                None => resource.attributes.push((key.clone(), value)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_percent_decoded() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            pairs(" api-key = a%2Cb%3dc , authorization=Basic%20cGs6c2s= ,, empty=,100%=5%zz"),
            Some(vec![
                pair("api-key", "a,b=c"),
                pair("authorization", "Basic cGs6c2s="),
                pair("empty", ""),
                pair("100%", "5%zz"),
            ])
        );
        assert_eq!(pairs("name=caf%C3%A9"), Some(vec![pair("name", "café")]));
        assert_eq!(pairs("name=%FF+"), Some(vec![pair("name", "\u{fffd}+")]));
        assert_eq!(pairs(""), Some(vec![]));
        for malformed in ["a", "a=1,b", "=1"] {
            assert_eq!(pairs(malformed), None, "{malformed}");
        }
    }

    #[test]
    fn many_attributes_are_read_in_linear_time() {
        let text: Vec<String> = (0..200_000)
            .map(|n| format!("key{}={n}", n % 100_000))
            .collect();
        let mut resource = Resource::default();
        describe(&mut resource, &pairs(&text.join(",")).unwrap());
        assert_eq!(resource.attributes.len(), 100_000);
        let last = resource.attributes.last().unwrap();
        assert_eq!(last, &("key99999".into(), Value::Str("199999".into())));
    }

    #[test]
    fn the_more_special_setting_wins_over_an_attribute() {
        let attributes = pairs("service.name=a,team=x,team=y,service.version=1").unwrap();
        let mut resource = Resource::default();
        describe(&mut resource, &attributes);
        assert_eq!(resource.service_name.as_deref(), Some("a"));
        let text = |text: &str| Value::Str(text.into());
        assert_eq!(
            resource.attributes,
            [
                ("team".into(), text("y")),
                ("service.version".into(), text("1"))
            ]
        );
        let mut resource = Resource::default();
        resource.service_name = Some("b".into());
        resource.version = Some("2".into());
        describe(&mut resource, &attributes);
        assert_eq!(resource.service_name.as_deref(), Some("b"));
        assert_eq!(resource.attributes, [("team".into(), text("y"))]);
    }
}
