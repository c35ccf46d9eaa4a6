//! The header `baggage` (W3C Baggage): the members `langfuse_*` that Langfuse's official SDKs write and read.
//! Values are percent-encoded; members of others are forwarded unchanged. Called by `propagation`.

use super::python::python_list;
use crate::record::{TraceAttributes, TraceId, Value};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// The beginning of each key that is Langfuse's.
pub(crate) const PREFIX: &str = "langfuse_";
/// The limits up to which every party must send members on (W3C Baggage 3.3.2); members beyond them are left out.
const MAX_BYTES: usize = 8192;
const MAX_ENTRIES: usize = 64;

/// The members of a header that are valid: visible ASCII, within the bounds. Only the member with another
/// byte is left out (W3C Baggage 3.2.1); a member that exceeds the bound is left out as a whole, because a truncated user
/// id is the id of another user.
fn members(header: &str) -> impl Iterator<Item = &str> {
    let mut left = MAX_BYTES;
    let fits = move |member: &&str| {
        let fits = member.len() <= left;
        left = left.saturating_sub(member.len() + 1);
        fits
    };
    let is_valid = |member: &&str| {
        let is_visible = |byte: u8| byte == b'\t' || (0x20..0x7f).contains(&byte);
        !member.is_empty() && member.bytes().all(is_visible)
    };
    header
        .split(',')
        .take(MAX_ENTRIES)
        .take_while(fits)
        .map(str::trim)
        .filter(is_valid)
}

/// The members that can be sent on, as they are.
pub(crate) fn valid(header: &str) -> String {
    let mut valid = String::new();
    for member in members(header) {
        push(&mut valid, member);
    }
    valid
}

fn push(header: &mut String, member: &str) {
    if !header.is_empty() {
        header.push(',');
    }
    header.push_str(member);
}

fn key(member: &str) -> &str {
    member
        .split(['=', ';'])
        .next()
        .unwrap_or_default()
        .trim_end()
}

/// Key and decoded value of every member that can be read; properties are left out.
pub(crate) fn parse(header: &str) -> Vec<(String, String)> {
    members(header)
        .filter_map(|member| {
            let pair = member.split(';').next().unwrap_or_default();
            let (key, value) = pair.split_once('=')?;
            Some((key.trim().to_owned(), decode(value.trim())?))
        })
        .collect()
}

/// `more` after `known`, without the keys that are known.
pub(crate) fn join(known: &str, more: &str) -> String {
    let mut joined = valid(known);
    let new = |member: &&str| !members(known).any(|other| key(other) == key(member));
    for member in members(more).filter(new) {
        if joined.len() + 1 + member.len() <= MAX_BYTES {
            push(&mut joined, member);
        }
    }
    joined
}

/// Percent-decoding; `None` if an escape is malformed. Bytes that are not UTF-8 become U+FFFD (W3C Baggage 3.2.1.3).
/// A `+` is a space: the Python SDK writes spaces so, and the JS SDK never writes a bare `+`.
fn decode(text: &str) -> Option<String> {
    let is_escape = |rest: &str| {
        let digits = rest.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    let well_formed = text.split('%').skip(1).all(is_escape);
    let spaced = text.replace('+', " ");
    well_formed.then(|| percent_decode_str(&spaced).decode_utf8_lossy().into_owned())
}

/// Every byte is escaped that is not unreserved (RFC 3986 section 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Tags as JSON (what this SDK writes), as Python prints a list (`['a', "b's"]`), or separated by commas.
pub(crate) fn tags(text: &str) -> Vec<String> {
    if let Ok(tags) = serde_json::from_str(text) {
        return tags;
    }
    if let Some(tags) = python_list(text.trim()) {
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

/// The header with our members in place of those it had. `known` is in the carrier already, `received` came with the
/// request that the trace continues. What would make the header too long is left out.
pub(crate) fn write(
    known: &str,
    received: &str,
    trace: TraceId,
    attributes: &TraceAttributes,
) -> String {
    let joined = join(known, received);
    let foreign = members(&joined).filter(|member| !member.starts_with(PREFIX));
    let mut header = String::new();
    let mut count = 0;
    let mut add = |header: &mut String, member: &str| {
        if count < MAX_ENTRIES && header.len() + 1 + member.len() <= MAX_BYTES {
            push(header, member);
            count += 1;
        }
    };
    for member in foreign {
        add(&mut header, member);
    }
    let mut ours = |key: &str, value: &str| {
        // A key is a token (RFC 7230); another key cannot be sent.
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!#$&'*+^`|~".contains(&byte);
        if key.bytes().all(token) {
            let mut entry = format!("{PREFIX}{key}=");
            entry.extend(utf8_percent_encode(value, ESCAPED));
            add(&mut header, &entry);
        }
    };
    // It shows the service that continues the trace that the root is here.
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
        // As JSON: a tag may contain a comma.
        let tags = serde_json::to_string(&attributes.tags);
        ours("tags", &tags.unwrap_or_default());
    }
    for (key, value) in &attributes.metadata {
        // As the official SDKs: text only, and at most 200 characters.
        if let Value::Str(value) = value
            && value.chars().count() <= 200
        {
            let key = format!("metadata_{key}");
            // The reader takes one pair of JSON quotes off, which Python writes around each text.
            match value.starts_with('"').then(|| serde_json::to_string(value)) {
                Some(Ok(quoted)) => ours(&key, &quoted),
                _ => ours(&key, value),
            }
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
            ("[]", vec![]),
            ("['p1', 'p,2']", vec!["p1", "p,2"]),
            (
                r#"["it's", 'a "b"', 'c\'d\\e\n\x41\u00e9']"#,
                vec!["it's", "a \"b\"", "c'd\\e\nAé"],
            ),
            (r"['\r\t\U0001f980', ]", vec!["\r\t🦀"]),
            ("['no end", vec!["['no end"]),
            // Python puts a comma between two texts.
            ("['a' 'b']", vec!["a' 'b"]),
            ("a,[b]", vec!["a", "[b]"]),
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
        let header = write("a=1,langfuse_user_id=old", "b=2,a=3", id, &attributes);
        assert_eq!(
            header,
            format!(
                "a=1,b=2,langfuse_trace_id={id},langfuse_user_id=%C3%BC%2C%3D%3B,langfuse_metadata_k=v"
            )
        );
        attributes.session_id = Some("s".repeat(9000));
        assert!(write(&header, "", id, &attributes).len() <= MAX_BYTES);
    }

    #[test]
    fn what_is_beyond_the_bound_is_left_out_and_nothing_is_cut() {
        let long = format!("a=1,b={}é,c=3", "é".repeat(MAX_BYTES / 2));
        assert_eq!(parse(&long), [("a".to_owned(), "1".to_owned())]);
        assert_eq!(parse(&"a=1,".repeat(1_000)).len(), MAX_ENTRIES);
    }

    #[test]
    fn members_take_the_bound_to_its_last_byte_and_entry() {
        let long = |bytes: usize| format!("b={}", "x".repeat(bytes - 2));
        let (fits, too_long) = (long(MAX_BYTES - 4), long(MAX_BYTES - 3));
        assert_eq!(valid(&format!("a=1,{fits}")).len(), MAX_BYTES);
        assert_eq!(valid(&format!("a=1,{too_long}")), "a=1");
        assert_eq!(join("a=1", &fits).len(), MAX_BYTES);
        assert_eq!(join("a=1", &too_long), "a=1");
        let (id, attributes) = (TraceId::random(), TraceAttributes::default());
        let sent = |known: &str| write(known, "", id, &attributes);
        let room = MAX_BYTES - 1 - sent("").len();
        assert_eq!(sent(&long(room)).len(), MAX_BYTES);
        assert_eq!(sent(&long(room + 1)), long(room + 1));
        let entries = |count: usize| {
            let members = (0..count).map(|n| format!("k{n}=1"));
            members.collect::<Vec<_>>().join(",")
        };
        assert_eq!(
            members(&sent(&entries(MAX_ENTRIES - 1))).count(),
            MAX_ENTRIES
        );
        assert_eq!(sent(&entries(MAX_ENTRIES)), entries(MAX_ENTRIES));
    }

    #[test]
    fn metadata_of_up_to_200_characters_is_sent_and_names_are_tokens() {
        let text = |value: &str| Value::Str(value.into());
        let attributes = TraceAttributes {
            name: "n".into(),
            metadata: vec![
                ("fits".into(), text(&"é".repeat(200))),
                ("long".into(), text(&"é".repeat(201))),
                ("a/b".into(), text("x")),
                ("-_.!#$&'*+^`|~Z9".into(), text("\"quoted\"")),
                ("number".into(), Value::I64(1)),
            ],
            ..TraceAttributes::default()
        };
        let read = parse(&write("", "", TraceId::random(), &attributes));
        let pairs = read
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()));
        let read: Vec<_> = pairs.skip(1).collect();
        let fits = "é".repeat(200);
        assert_eq!(
            read,
            [
                ("langfuse_trace_name", "n"),
                ("langfuse_metadata_fits", &*fits),
                ("langfuse_metadata_-_.!#$&'*+^`|~Z9", r#""\"quoted\"""#),
            ]
        );
    }

    #[test]
    fn a_member_with_a_byte_that_is_not_ascii_is_left_out_alone() {
        let header = "langfuse_user_id=u1,bad=\u{fffd},langfuse_session_id=s1,é=1";
        let keys: Vec<_> = parse(header).into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["langfuse_user_id", "langfuse_session_id"]);
        assert_eq!(valid(header), "langfuse_user_id=u1,langfuse_session_id=s1");
        // Escapes that are no UTF-8 are replaced, as the specification has it.
        assert_eq!(
            parse("a=x%ffy"),
            [("a".to_owned(), "x\u{fffd}y".to_owned())]
        );
    }

    #[test]
    fn members_are_joined_once_by_key_and_properties_stay() {
        assert_eq!(
            join("a=1;p=2 , b=2", "b =3,c=4;q,,a=5"),
            "a=1;p=2,b=2,c=4;q"
        );
        assert_eq!(join("", "a=1"), "a=1");
        assert_eq!(join("a=1", ""), "a=1");
    }

    fn foreign() -> impl Strategy<Value = String> {
        let member = prop_oneof![
            4 => "[a-z]{1,6} ?= ?[!-+.-:<-~]{0,20}(;[a-z]=[0-9])?",
            1 => "[a-z]=[x]{1000,3000}",
            1 => ".{0,12}",
        ];
        prop::collection::vec(member, 0..90).prop_map(|members| members.join(","))
    }

    proptest! {
        #[test]
        fn members_of_others_stay_and_never_grow(header in foreign()) {
            let sent = valid(&header);
            prop_assert!(sent.len() <= MAX_BYTES && sent.len() <= header.len());
            prop_assert!(members(&sent).count() <= MAX_ENTRIES);
            prop_assert_eq!(&valid(&sent), &sent, "the next service sends the same");
            let attributes = TraceAttributes { user_id: Some("u".into()), ..TraceAttributes::default() };
            let id = TraceId::random();
            let once = write("", &sent, id, &attributes);
            prop_assert!(once.len() <= MAX_BYTES);
            prop_assert!(members(&once).count() <= MAX_ENTRIES);
            prop_assert_eq!(&write("", &once, id, &attributes), &once);
            prop_assert_eq!(&write(&once, &once, id, &attributes), &once);
        }

        #[test]
        fn any_tags_and_metadata_survive_the_way(all in proptest::collection::vec("\\PC{1,20}", 1..4)) {
            let mut attributes = TraceAttributes::default();
            all.iter().for_each(|tag| attributes.add_tag(tag));
            attributes.set_metadata("k", Value::Str(all[0].clone()));
            let read = parse(&write("", "", TraceId::random(), &attributes));
            let of = |key: &str| {
                let found = read.iter().find(|(known, _)| known == key);
                found.map(|(_, value)| value.clone()).unwrap()
            };
            prop_assert_eq!(tags(&of("langfuse_tags")), attributes.tags);
            let metadata = of("langfuse_metadata_k");
            let metadata = serde_json::from_str(&metadata).unwrap_or(metadata);
            prop_assert_eq!(&metadata, &all[0]);
        }

        #[test]
        fn any_value_survives_the_way(value in "\\PC{0,60}") {
            let attributes = TraceAttributes {
                user_id: Some(value.clone()),
                ..TraceAttributes::default()
            };
            let header = write("", "", TraceId::random(), &attributes);
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
