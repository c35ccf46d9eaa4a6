//! What a buffer keeps of what is written to it.

use super::*;

fn buffer() -> Buffer {
    let mut buffer = Buffer::default();
    buffer.begin(SpanId::random(), ObservationType::Span);
    buffer.begin_name("a span");
    buffer
}

fn metadata(buffer: &Buffer) -> Vec<(String, String)> {
    let mine = buffer.read().filter(|a| a.role == Role::Metadata);
    mine.map(|a| (a.key.to_owned(), a.value().unwrap().to_string()))
        .collect()
}

#[test]
fn the_last_value_of_a_key_takes_the_first_place() {
    let mut buffer = buffer();
    for (key, value) in [("a", 1u64), ("b", 2), ("a", 3), ("c", 4), ("b", 5)] {
        buffer.put_any(Role::Metadata, key, value);
    }
    buffer.put_any(Role::Output, "", "first");
    buffer.put_any(Role::Output, "", "second");
    buffer.seal();
    let pairs = [("a", "3"), ("b", "5"), ("c", "4")];
    assert_eq!(
        metadata(&buffer),
        pairs.map(|(k, v)| (k.to_owned(), v.to_owned()))
    );
    assert_eq!(buffer.single(Role::Output).unwrap().text(), Some("second"));
    assert_eq!(buffer.read().count(), 4);
    assert_eq!(buffer.name(), "a span");
}

#[test]
fn a_buffer_that_is_used_again_has_no_state_of_before() {
    let mut buffer = buffer();
    for n in 0..200 {
        buffer.put_any(Role::Metadata, &format!("key {n}"), n);
    }
    buffer.set_status(Status::Error("no".into()));
    buffer.seal();
    for without_attributes in [false, true] {
        buffer.empty();
        buffer.begin(SpanId::random(), ObservationType::Span);
        buffer.begin_name("next");
        assert_eq!((buffer.state.keys, buffer.state.has_replaced), (0, false));
        assert!(!buffer.state.level_of_error && !buffer.state.message_of_error);
        if !without_attributes {
            buffer.empty();
            buffer.begin(SpanId::random(), ObservationType::Span);
            buffer.begin_name("bare");
        }
        for n in 0..MAX_KEYS {
            buffer.put_any(Role::Metadata, &format!("key {n}"), n);
        }
        buffer.seal();
        assert_eq!(metadata(&buffer).len(), MAX_KEYS as usize);
    }
}

#[test]
fn keys_beyond_the_limit_are_dropped_and_counted() {
    let mut buffer = buffer();
    buffer.set_model("gpt-4o");
    for n in 0..100_000 {
        buffer.put_any(Role::Metadata, &format!("key {n}"), n);
    }
    // A key that it has can still be set, also many times.
    for n in 0..100_000 {
        buffer.put_any(Role::Metadata, "key 7", n);
    }
    buffer.seal();
    let metadata = metadata(&buffer);
    assert_eq!(metadata.len(), MAX_KEYS as usize + 1);
    assert_eq!(metadata[7], ("key 7".into(), "99999".into()));
    assert_eq!(
        metadata.last().unwrap(),
        &("_dropped.keys".into(), "99872".into())
    );
    assert_eq!(buffer.single(Role::Model).unwrap().text(), Some("gpt-4o"));
}

#[test]
fn a_key_with_the_hash_of_another_is_new_and_replaced_keys_stay_known() {
    let hash = |key: &str| limits::hash(Role::Metadata, key);
    let mut others = (0..).map(|n| format!("other {n}"));
    let other = others.find(|other| hash(other) == hash("key")).unwrap();
    let mut buffer = buffer();
    for (key, value) in [("a", 1u64), ("a", 2), ("key", 3), (&*other, 4)] {
        buffer.put_any(Role::Metadata, key, value);
    }
    buffer.seal();
    let pairs = [("a", "2"), ("key", "3"), (&*other, "4")];
    assert_eq!(
        metadata(&buffer),
        pairs.map(|(k, v)| (k.to_owned(), v.to_owned()))
    );
}

#[test]
fn the_last_usage_is_the_only_one() {
    let plain = |n| Usage::new(n, 2 * n);
    let other = |n| {
        Usage::new(n, n)
            .bucket("input_images", 7)
            .bucket("input_images", n)
    };
    for (first, last) in [
        (plain(1), plain(2).total(6)),
        (plain(1), other(2)),
        (other(1), plain(2)),
        (other(1), other(2)),
    ] {
        let mut buffer = buffer();
        for usage in [&first, &first, &last] {
            buffer.set_usage(usage);
            buffer.put_any(Role::Metadata, "input", 1);
        }
        buffer.seal();
        let usage = buffer.read().filter(|a| a.role == Role::Usage);
        let usage: Vec<_> = usage.map(|a| (a.key, a.value().unwrap())).collect();
        let expected = last.buckets();
        let expected: Vec<_> = expected.map(|(key, n)| (key, ValueRef::U64(n))).collect();
        assert_eq!(usage, expected);
        assert_eq!(metadata(&buffer), [("input".into(), "1".into())]);
    }
}

#[test]
fn values_that_are_replaced_do_not_pile_up() {
    let mut buffer = buffer();
    for n in 0..1_000 {
        buffer.put_string(Role::Output, "", format!("{n} {}", "x".repeat(20_000)));
    }
    assert!(buffer.attributes().size() < 200_000);
    buffer.seal();
    let output = buffer.single(Role::Output).unwrap();
    assert!(output.text().unwrap().starts_with("999 "));
}

#[test]
fn events_and_errors_beyond_the_limit_are_dropped_and_counted() {
    let mut buffer = buffer();
    let (id, time) = (SpanId::random(), Timestamp::default());
    for n in 0..5_000 {
        buffer.begin_event("tick", id, time, Level::Default);
        buffer.add_exception(id, time, Exception::new("E", n.to_string()), false);
    }
    buffer.seal();
    let dropped = |kind: &str| (format!("_dropped.{kind}"), "3976".to_owned());
    assert_eq!(metadata(&buffer), [dropped("events"), dropped("errors")]);
    assert_eq!(
        buffer.read().filter(|a| a.role == Role::Exception).count(),
        1024
    );
    let message = buffer.single(Role::StatusMessage).unwrap();
    assert_eq!(message.text(), Some("E: 0"), "the first error's");
}

#[test]
fn a_buffer_that_grew_is_not_kept() {
    let filled = |fill: &dyn Fn(&mut Buffer)| {
        let mut buffer = buffer();
        fill(&mut buffer);
        buffer.empty();
        buffer.is_reusable()
    };
    assert!(filled(&|_| {}));
    let long_text = |buffer: &mut Buffer| {
        for n in 0..20 {
            buffer.put(
                Role::Metadata,
                &format!("{n}"),
                ValueRef::Str(&"x".repeat(1024)),
            );
        }
    };
    assert!(!filled(&long_text));
    let many_words =
        |buffer: &mut Buffer| (0..1024).for_each(|n| buffer.put_any(Role::Output, "", n));
    assert!(!filled(&many_words));
}

#[test]
fn keys_that_were_set_often_leave_room_for_others() {
    let mut buffer = buffer();
    for n in 0..MAX_KEYS {
        buffer.put_any(Role::Metadata, "often", n);
    }
    for n in 0..200 {
        buffer.put_any(Role::Metadata, &format!("key {n}"), n);
    }
    buffer.seal();
    let metadata = metadata(&buffer);
    assert_eq!(metadata.len(), MAX_KEYS as usize + 1);
    assert_eq!(metadata[0], ("often".into(), "127".into()));
    assert_eq!(
        metadata.last(),
        Some(&("_dropped.keys".into(), "73".into()))
    );
}

#[test]
fn an_empty_key_counts_as_a_key() {
    let mut buffer = buffer();
    for n in 0..MAX_KEYS {
        buffer.put_any(Role::Metadata, &format!("key {n}"), n);
    }
    buffer.put_any(Role::ModelParameter, "", "text");
    buffer.put_any(Role::Metadata, "", "text");
    buffer.seal();
    assert_eq!(
        buffer
            .read()
            .filter(|a| a.role == Role::ModelParameter)
            .count(),
        0
    );
    assert_eq!(
        metadata(&buffer).last(),
        Some(&("_dropped.keys".into(), "2".into()))
    );
}

#[test]
fn values_of_each_kind_are_written_with_and_without_room() {
    for room in [0, 1, 2, 3, 1_000] {
        let mut buffer = buffer();
        buffer.attributes.words.reserve_exact(room);
        buffer.put_any(Role::Metadata, "yes", true);
        buffer.put_any(Role::Metadata, "no", false);
        buffer.put_any(Role::Metadata, "number", -1i64);
        buffer.put_any(Role::Metadata, "text", "a text");
        buffer.put_any(Role::Metadata, "long", "x".repeat(LARGE).as_str());
        buffer.seal();
        let long = "x".repeat(LARGE);
        let expected = [
            ("yes", "true"),
            ("no", "false"),
            ("number", "-1"),
            ("text", "a text"),
            ("long", &long),
        ];
        assert_eq!(
            metadata(&buffer),
            expected.map(|(k, v)| (k.to_owned(), v.to_owned()))
        );
        assert_eq!(buffer.attributes.large.len(), 1);
    }
}

#[test]
fn a_stream_that_was_cut_says_how_much_is_kept() {
    for (output, cut, facts) in [
        (
            Value::Str("12345".into()),
            10,
            Some(r#"{"original_bytes":15,"kept_bytes":5}"#),
        ),
        (
            Value::Json("[1]".into()),
            4,
            Some(r#"{"original_bytes":7,"kept_bytes":3}"#),
        ),
        (
            Value::Bool(true),
            4,
            Some(r#"{"original_bytes":4,"kept_bytes":0}"#),
        ),
        (Value::Str("12345".into()), 0, None),
    ] {
        let mut buffer = buffer();
        buffer.put_streamed_output(output.clone(), cut);
        let kept = buffer.single(Role::Output).unwrap();
        assert_eq!(kept.value(), Some(output.as_ref()));
        let facts = facts.map(|facts| ("_truncated.stream".to_owned(), facts.to_owned()));
        assert_eq!(metadata(&buffer), Vec::from_iter(facts));
    }
}

#[test]
fn a_buffer_shows_nothing_of_what_it_has() {
    assert_eq!(format!("{:?}", buffer()), "Buffer { .. }");
}
