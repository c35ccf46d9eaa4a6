//! The header `baggage` (W3C Baggage): the entries `langfuse_*` that the official SDKs write and read.
//! Values are percent-encoded; entries of others are passed on as they are.

use crate::record::{TraceAttributes, TraceId, Value};

/// Of every entry that is Langfuse's.
pub(crate) const PREFIX: &str = "langfuse_";
/// What the specification lets every party carry; beyond, entries are left out.
const MAX_BYTES: usize = 8192;
const MAX_ENTRIES: usize = 180;

/// Key and decoded value of every entry that can be read; properties are left out.
pub(crate) fn parse(header: &str) -> Vec<(String, String)> {
    let mut left = MAX_BYTES;
    // An entry that reaches over the bound is left out, not cut: half a user is another user.
    let fits = |entry: &&str| {
        let fits = entry.len() <= left;
        left = left.saturating_sub(entry.len() + 1);
        fits
    };
    header
        .split(',')
        .take(MAX_ENTRIES)
        .take_while(fits)
        .filter_map(|entry| {
            let pair = entry.split(';').next().unwrap_or_default();
            let (key, value) = pair.split_once('=')?;
            Some((key.trim().to_owned(), decode(value.trim())?))
        })
        .collect()
}

/// Percent-decoding. A `+` is a space: so the Python SDK writes it, and the JS SDK never writes a bare one.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'%' => {
                let (digits, after) = rest.split_at_checked(2)?;
                // Not by parsing a number: that takes a sign.
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                let [high, low] = digits else { return None };
                bytes.push(u8::try_from(digit(high)? * 16 + digit(low)?).ok()?);
                rest = after;
            }
            b'+' => bytes.push(b' '),
            byte => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).ok()
}

fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

/// Tags as Python writes a list (`['a', 'b']`), as JSON, or separated by commas.
pub(crate) fn tags(text: &str) -> Vec<String> {
    if let Ok(tags) = serde_json::from_str(text) {
        return tags;
    }
    let inner = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    inner
        .unwrap_or(text)
        .split(',')
        .map(|tag| tag.trim().trim_matches(['\'', '"']).to_owned())
        .filter(|tag| !tag.is_empty())
        .collect()
}

/// The header with our entries in place of those it had; what would make it too long is left out.
pub(crate) fn write(known: &str, trace: TraceId, attributes: &TraceAttributes) -> String {
    let foreign = known.split(',').map(str::trim);
    let foreign = foreign.filter(|entry| !entry.is_empty() && !entry.starts_with(PREFIX));
    let mut header = String::new();
    let mut count = 0;
    let mut add = |header: &mut String, entry: &str| {
        if count < MAX_ENTRIES && header.len() + 1 + entry.len() <= MAX_BYTES {
            if count > 0 {
                header.push(',');
            }
            header.push_str(entry);
            count += 1;
        }
    };
    for entry in foreign {
        add(&mut header, entry);
    }
    let mut ours = |key: &str, value: &str| {
        // A key is a token; one that is not cannot be carried.
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!#$&'*+^`|~".contains(&byte);
        if key.bytes().all(token) {
            let mut entry = format!("{PREFIX}{key}=");
            encode(value, &mut entry);
            add(&mut header, &entry);
        }
    };
    // Whoever goes on with it knows that the trace has its root here.
    ours("trace_id", &trace.to_string());
    for (key, value) in [
        ("user_id", &attributes.user_id),
        ("session_id", &attributes.session_id),
        ("version", &attributes.version),
        ("environment", &attributes.environment),
    ] {
        if let Some(value) = value {
            ours(key, value);
        }
    }
    if !attributes.name.is_empty() {
        ours("trace_name", &attributes.name);
    }
    if !attributes.tags.is_empty() {
        ours("tags", &attributes.tags.join(","));
    }
    for (key, value) in &attributes.metadata {
        // As the SDKs: text only, and what is short.
        if let Value::Str(value) = value
            && value.chars().count() <= 200
        {
            ours(&format!("metadata_{key}"), value);
        }
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn entries_are_read_as_either_sdk_writes_them() {
        let header = "langfuse_user_id=user+1, langfuse_session_id=a%2Fb;property=1 ,broken,other=%zz,third=3";
        assert_eq!(
            parse(header),
            [
                ("langfuse_user_id".to_owned(), "user 1".to_owned()),
                ("langfuse_session_id".to_owned(), "a/b".to_owned()),
                ("third".to_owned(), "3".to_owned()),
            ]
        );
        assert_eq!(parse("signed=%+f,cut=%4"), []);
        for (text, expected) in [
            ("['a', 'b c']", vec!["a", "b c"]),
            (r#"["a","b c"]"#, vec!["a", "b c"]),
            ("a,b c", vec!["a", "b c"]),
            ("", vec![]),
        ] {
            assert_eq!(tags(text), expected, "{text}");
        }
    }

    #[test]
    fn what_others_put_there_stays_and_the_header_stays_within_its_bounds() {
        let mut attributes = TraceAttributes {
            user_id: Some("ü,=;".into()),
            metadata: vec![
                ("long".into(), Value::Str("x".repeat(201))),
                ("no token".into(), Value::Str("x".into())),
                ("k".into(), Value::Str("v".into())),
            ],
            ..TraceAttributes::default()
        };
        let id = TraceId::random();
        let header = write("a=1,langfuse_user_id=old", id, &attributes);
        assert_eq!(
            header,
            format!(
                "a=1,langfuse_trace_id={id},langfuse_user_id=%C3%BC%2C%3D%3B,langfuse_metadata_k=v"
            )
        );
        attributes.session_id = Some("s".repeat(9000));
        assert!(write(&header, id, &attributes).len() <= MAX_BYTES);
    }

    #[test]
    fn what_is_beyond_the_bound_is_left_out_and_nothing_is_cut() {
        let long = format!("a=1,b={}é,c=3", "é".repeat(MAX_BYTES / 2));
        assert_eq!(parse(&long), [("a".to_owned(), "1".to_owned())]);
        assert_eq!(parse(&"a=1,".repeat(1_000)).len(), MAX_ENTRIES);
    }

    proptest! {
        #[test]
        fn any_value_survives_the_way(value in "\\PC{0,60}") {
            let attributes = TraceAttributes {
                user_id: Some(value.clone()),
                ..TraceAttributes::default()
            };
            let header = write("", TraceId::random(), &attributes);
            prop_assert!(header.is_ascii());
            let read = parse(&header);
            prop_assert!(read.contains(&("langfuse_user_id".to_owned(), value)));
        }

        #[test]
        fn no_header_panics(text in "\\PC{0,200}") {
            let read = parse(&text);
            prop_assert!(read.len() <= text.len());
        }
    }
}
