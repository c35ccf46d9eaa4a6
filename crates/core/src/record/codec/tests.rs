//! What is written is read back whole; what is damaged is refused, whatever the damage.

use super::super::buffer::Buffer;
use super::super::chunk::FinishedSpan;
use super::super::exception::Exception;
use super::super::format::Role;
use super::super::link::Link;
use super::super::observation::{Level, ObservationType, StatusCode};
use super::super::place::Place;
use super::super::trace::SharedTrace;
use super::super::usage::{Cost, Usage};
use super::*;

/// A span that has something of everything.
fn full() -> SpanRecord {
    let mut b = Buffer::default();
    b.begin(SpanId::random(), ObservationType::Guardrail);
    b.begin_name("näme \u{0}\u{1f600}");
    b.head.set_parent(Some(SpanId::random()));
    b.head.set_remote_parent(true);
    b.head.set_claimed(true);
    b.head
        .set_start(Timestamp::from_unix_nanos(1_795_439_990_504_748_853));
    b.head.set_end(Timestamp::from_unix_nanos(u64::MAX));
    b.set_completion_start(Timestamp::from_unix_nanos(7));
    b.head.set_level(Some(Level::Debug));
    b.head.set_status(StatusCode::Ok);
    b.set_status_message("odd");
    b.put_string(Role::Input, "", "x".repeat(100_000));
    b.put(Role::Output, "", ValueRef::Json(r#"{"a":[1,null]}"#));
    b.set_model("gpt-4o");
    b.set_response_model("gpt-4o-2024-08-06");
    b.set_prompt("greeting", 3);
    for (key, value) in [
        ("i", ValueRef::I64(i64::MIN)),
        ("u", ValueRef::U64(u64::MAX)),
        ("f", ValueRef::F64(-0.5)),
        ("b", ValueRef::Bool(true)),
        ("", ValueRef::Str("")),
    ] {
        b.put(Role::Metadata, key, value);
        b.put(Role::ModelParameter, key, value);
    }
    b.put_string(Role::Metadata, "large", "y".repeat(9_000));
    b.add_tag("tag");
    b.set_usage(&Usage::openai(10, 3).cached_tokens(4));
    b.set_cost(&Cost::new(0.25, 0.5));
    let time = Timestamp::from_unix_nanos(9);
    b.begin_event("hit", SpanId::random(), time, Level::Warning);
    b.put(Role::EventInput, "", ValueRef::Bool(false));
    b.put(Role::EventMetadata, "score", ValueRef::F64(0.9));
    b.add_exception(
        SpanId::random(),
        Timestamp::from_unix_nanos(11),
        Exception::new("io::Error", "refused"),
        true,
    );
    b.add_link(
        Link::new(TraceId::random(), SpanId::random())
            .flags(0x301)
            .metadata("why", "retry")
            .metadata("large", "z".repeat(9_000)),
    );
    b.seal();
    let mut trace = TraceAttributes {
        name: "chat".into(),
        user_id: Some("user".into()),
        release: Some(String::new()),
        public: true,
        ..TraceAttributes::default()
    };
    trace.add_tag("a");
    trace.set_metadata("k", Value::Json("[1]".into()));
    FinishedSpan {
        buffer: &b,
        trace: &SharedTrace::new(TraceId::random(), SpanId::random(), Arc::new(trace)),
    }
    .to_record()
}

fn encoded(span: &SpanRecord) -> Vec<u8> {
    let mut bytes = Vec::new();
    span.encode(&mut bytes);
    bytes
}

/// All that a record shows, as text.
fn shown(span: &SpanRecord) -> String {
    let events: Vec<_> = span
        .events()
        .map(|e| {
            let metadata: Vec<_> = e.metadata().map(|(k, v)| format!("{k}={v:?}")).collect();
            format!(
                "{:?}{}{:?}{:?}{:?}{:?}{metadata:?}",
                e.id(),
                e.name(),
                e.time(),
                e.level(),
                e.input(),
                e.output()
            )
        })
        .collect();
    let exceptions: Vec<_> = span
        .exceptions()
        .map(|e| {
            format!(
                "{:?}{}{}{:?}{:?}{:?}{}",
                e.id(),
                e.kind(),
                e.message(),
                e.time(),
                e.sources(),
                e.stacktrace(),
                e.is_propagated()
            )
        })
        .collect();
    format!(
        "{:?} {:?} {:?} {} {} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {events:?} {exceptions:?} {:?}",
        span.trace_id(),
        span.span_id(),
        span.parent_span_id(),
        span.is_local_root(),
        span.is_app_root(),
        span.start_time(),
        span.end_time(),
        span.completion_start_time(),
        span.observation_type(),
        span.level(),
        span.status(),
        span.name(),
        span.status_message(),
        span.input(),
        span.output(),
        (span.model(), span.request_model(), span.response_model()),
        span.prompt(),
        span.metadata().collect::<Vec<_>>(),
        span.model_parameters().collect::<Vec<_>>(),
        span.usage().collect::<Vec<_>>(),
        span.cost().collect::<Vec<_>>(),
        span.tags().collect::<Vec<_>>(),
        span.trace(),
    )
}

#[test]
fn a_span_comes_back_as_it_was_and_leaves_what_follows_it() {
    let span = full();
    let mut bytes = encoded(&span);
    bytes.extend_from_slice(b"rest");
    let mut rest = bytes.as_slice();
    let back = SpanRecord::decode(&mut rest).unwrap();
    assert_eq!(shown(&back), shown(&span));
    assert_eq!(rest, b"rest");
    assert_eq!(encoded(&back), encoded(&span));
}

#[test]
fn a_resource_comes_back_as_it_was() {
    let resource = Resource {
        service_name: Some("svc".into()),
        release: Some("1".into()),
        attributes: vec![
            ("host.name".into(), Value::Str("h".into())),
            ("n".into(), Value::I64(-1)),
            ("yes".into(), Value::Bool(true)),
            ("no".into(), Value::Bool(false)),
            ("json".into(), Value::Json("[1]".into())),
            ("float".into(), Value::F64(-0.25)),
            ("count".into(), Value::U64(0)),
            ("127".into(), Value::U64(0x7f)),
            ("128".into(), Value::U64(0x80)),
            ("most".into(), Value::U64(u64::MAX)),
        ],
        ..Resource::default()
    };
    let mut bytes = Vec::new();
    resource.encode(&mut bytes);
    assert_eq!(Resource::decode(&mut bytes.as_slice()), Ok(resource));
    for len in 0..bytes.len() {
        assert_eq!(
            Resource::decode(&mut bytes.get(..len).unwrap()),
            Err(DecodeError::Damaged)
        );
    }
}

#[test]
fn every_truncation_is_refused_and_no_flipped_bit_panics() {
    let mut span = full();
    span.rewrite(|place, _| (place == Place::Input).then(|| Value::Str("short".into())));
    let bytes = encoded(&span);
    for len in 0..bytes.len() {
        assert_eq!(
            SpanRecord::decode(&mut &bytes[..len]).err(),
            Some(DecodeError::Damaged)
        );
    }
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            // It may still read as some record: the spool's checksum is what tells. It must come back as itself.
            if let Ok(span) = SpanRecord::decode(&mut damaged.as_slice()) {
                assert!(!shown(&span).is_empty());
            }
        }
    }
}

#[test]
fn another_version_is_named() {
    assert_eq!(
        SpanRecord::decode(&mut [9u8, 1, 2].as_slice()).err(),
        Some(DecodeError::Version(9))
    );
    assert!(DecodeError::Version(9).to_string().contains("format 9"));
}

#[test]
fn a_number_has_seven_bits_in_each_byte() {
    for (number, bytes) in [
        (0, &[0][..]),
        (0x7f, &[0x7f]),
        (0x80, &[0x80, 1]),
        (0x3fff, &[0xff, 0x7f]),
        (
            u64::MAX,
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
        ),
    ] {
        let mut written = Vec::new();
        Writer(&mut written).u64(number);
        assert_eq!(written, bytes);
        assert_eq!(Reader(&mut &written[..]).u64(), Ok(number));
    }
    // More bits than a number has, and a number without an end.
    for bytes in [
        [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2],
        [0x80; 10],
    ] {
        let read = Reader(&mut &bytes[..]).u64();
        assert_eq!(read, Err(DecodeError::Damaged));
    }
}

#[test]
fn a_byte_that_no_writer_writes_is_refused() {
    for bytes in [[0u8], [8]] {
        assert_eq!(Reader(&mut &bytes[..]).value(), Err(DecodeError::Damaged));
    }
    assert_eq!(Reader(&mut &[2u8][..]).bool(), Err(DecodeError::Damaged));
}

#[test]
fn a_count_beyond_the_bytes_asks_for_no_memory() {
    // As if it had 2^63 attributes.
    let mut bytes = vec![VERSION];
    Writer(&mut bytes).byte(0);
    bytes.extend([0; 3]);
    Writer(&mut bytes).u64(1 << 63);
    assert_eq!(
        Resource::decode(&mut bytes.as_slice()),
        Err(DecodeError::Damaged)
    );
}
