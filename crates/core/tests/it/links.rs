//! Links between spans: what can be linked, their limits, and what crosses a wire beside them.

use std::collections::HashMap;

use proptest::prelude::*;
use tracefuse_core::propagation::RemoteContext;
use tracefuse_core::record::{LinkRef, SpanRecord, Value, ValueRef};
use tracefuse_core::{Link, Span, SpanId, TraceId};

use crate::support::{Recorder, tracer};

fn ids(link: LinkRef<'_>) -> (TraceId, SpanId) {
    (link.trace_id(), link.span_id())
}

fn links(span: &SpanRecord) -> Vec<(TraceId, SpanId)> {
    span.links().map(ids).collect()
}

#[test]
fn a_retry_a_root_and_a_late_link_are_recorded() {
    let (tracer, kept, _) = tracer();
    let request = tracer.trace("request").start();
    let first = request.generation("first").start();
    request.generation("second").link(&first).run(|second| {
        second.add_link(&request);
        second.add_link(second.clone().as_ref());
    });
    tracer
        .trace("job")
        .link(&request)
        .link(&first)
        .run(|job| job.root().add_link(&first));
    let of = |span: &Span| (span.trace_id().unwrap(), span.id().unwrap());
    let second = kept.named("second");
    assert_eq!(
        links(&second),
        [
            of(&first),
            of(request.root()),
            (second.trace_id(), second.span_id())
        ]
    );
    assert!(second.links().all(|link| link.flags() == 0x101));
    let job = kept.named("job");
    assert_ne!(Some(job.trace_id()), request.id());
    assert_eq!(links(&job), [of(request.root()), of(&first), of(&first)]);
}

#[test]
fn what_is_not_recorded_links_to_nothing() {
    let (tracer, kept, _) = tracer();
    let off = tracefuse_core::Tracer::noop();
    let unrecorded = off.trace("off").link(&Span::noop()).start();
    tracer.trace("t").link(&unrecorded).run(|trace| {
        trace.span("s").link(&Span::noop()).run(|span| {
            span.add_link(&unrecorded);
            span.add_link(None);
        });
    });
    assert!(kept.spans().iter().all(|span| span.links().count() == 0));
}

#[test]
fn links_lie_between_events_without_mixing_with_them() {
    let (tracer, kept, _) = tracer();
    let (trace, span) = (TraceId::random(), SpanId::random());
    let link = || {
        Link::new(trace, span)
            .metadata("why", "retry")
            .metadata("try", 1)
    };
    tracer.trace("t").run(|root| {
        root.event("before").metadata("k", 1).record();
        root.root()
            .add_link(link().metadata("try", 2).metadata("null", None::<u8>));
        root.event("after").metadata("k", 2).record();
        root.record_error("failed");
        root.root().add_link(link().flags(u32::MAX));
        root.root().add_metadata("own", "x".repeat(100_000));
        root.root().add_metadata("own", "y".repeat(100_000));
    });
    let record = kept.only();
    let shown: Vec<Vec<_>> = record
        .links()
        .map(|link| link.metadata().collect())
        .collect();
    let why = ("why", ValueRef::Str("retry"));
    assert_eq!(
        shown,
        [
            vec![why, ("try", ValueRef::I64(2))],
            vec![why, ("try", ValueRef::I64(1))]
        ]
    );
    assert_eq!(
        record.links().map(|link| link.flags()).collect::<Vec<_>>(),
        [0, 0x3ff]
    );
    let events: Vec<_> = record
        .events()
        .map(|event| event.metadata().count())
        .collect();
    assert_eq!(events, [1, 1]);
    assert_eq!(record.metadata().count(), 1);
    assert_eq!(record.exceptions().next().unwrap().message(), "failed");
}

fn dropped(kept: &Recorder, name: &str, key: &str) -> Option<u64> {
    let span = kept.named(name);
    let found = span.metadata().find(|(known, _)| *known == key);
    found.map(|(_, value)| match value {
        ValueRef::U64(count) => count,
        other => panic!("a count, not {other:?}"),
    })
}

#[test]
fn links_beyond_the_limit_are_dropped_and_counted() {
    let (tracer, kept, _) = tracer();
    let link = || Link::new(TraceId::random(), SpanId::random());
    let root = (0..130).fold(tracer.trace("root"), |trace, _| trace.link(link()));
    root.run(|trace| {
        trace.root().add_link(link());
        (0..200).for_each(|_| Span::current().add_link(link()));
        let keys = (0..131).fold(link(), |link, n| link.metadata(&n.to_string(), n));
        (0..128)
            .fold(trace.span("child"), |span, _| span.link(link()))
            .run(|_| {});
        trace.span("keys").link(keys).run(|_| {});
    });
    assert_eq!(kept.named("root").links().count(), 128);
    assert_eq!(dropped(&kept, "root", "_dropped.links"), Some(203));
    assert_eq!(kept.named("child").links().count(), 128);
    assert_eq!(dropped(&kept, "child", "_dropped.links"), None);
    let keys = kept
        .named("keys")
        .links()
        .next()
        .unwrap()
        .metadata()
        .count();
    assert_eq!(keys, 128);
    assert_eq!(dropped(&kept, "keys", "_dropped.keys"), Some(3));
}

#[test]
fn a_message_of_a_queue_is_linked_by_its_headers() {
    let (tracer, kept, _) = tracer();
    let mut message = HashMap::new();
    let sent = tracer.trace("request").run(|trace| {
        trace.inject(&mut message);
        (trace.id().unwrap(), trace.root().id().unwrap())
    });
    let remote = RemoteContext::extract(&message).unwrap();
    tracer.trace("job").link(&remote).run(|_| {});
    let both = tracer.trace("both").link(&remote);
    both.continue_from(&message).run(|_| {});
    for name in ["job", "both"] {
        let job = kept.named(name);
        assert_eq!(links(&job), [sent], "{name}");
        assert_eq!(job.links().next().unwrap().flags(), 0x301);
        assert_eq!(job.trace_id() == sent.0, name == "both");
    }
}

#[test]
fn a_link_is_shown_to_masks_and_survives_a_copy() {
    let (tracer, kept, _) = tracer();
    let link = Link::new(TraceId::random(), SpanId::random()).metadata("email", "a@b.c");
    tracer.trace("t").link(link).run(|_| {});
    let mut record = kept.only();
    let before = links(&record);
    let mut places = Vec::new();
    record.rewrite(|place, _| {
        places.push((place.name(), place.key().unwrap_or_default().to_owned()));
        Some(Value::Str("masked".to_owned()))
    });
    assert_eq!(places, [("link.metadata", "email".to_owned())]);
    record.set_metadata("k", &Value::Bool(true));
    let mut bytes = Vec::new();
    record.encode(&mut bytes);
    let read = SpanRecord::decode(&mut bytes.as_slice()).unwrap();
    for record in [record, read] {
        assert_eq!(links(&record), before);
        let link = record.links().next().unwrap();
        let metadata: Vec<_> = link.metadata().collect();
        assert_eq!(metadata, [("email", ValueRef::Str("masked"))]);
    }
}

proptest! {
    #[test]
    fn what_comes_in_goes_out_unchanged_through_many_services(
        state in proptest::collection::btree_map("[a-z][a-z0-9]{0,8}", "[!-+.-<>-~]{1,6}", 0..28),
        others in proptest::collection::btree_map("[a-z][a-z0-9]{0,8}", "[!-+.-:<-~]{0,40}", 0..50),
    ) {
        let join = |pairs: &std::collections::BTreeMap<String, String>| {
            let pairs: Vec<_> = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
            pairs.join(",")
        };
        let (state, others) = (join(&state), join(&others));
        let (tracer, kept, _) = tracer();
        let mut headers = HashMap::from([
            ("traceparent".to_owned(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
            ("tracestate".to_owned(), state.clone()),
            ("baggage".to_owned(), others.clone()),
        ]);
        let mut first = None;
        for _ in 0..3 {
            let mut next = HashMap::new();
            tracer.trace("t").continue_from(&headers).run(|trace| trace.span("call").run(|span| span.inject(&mut next)));
            let sent = next.get("tracestate").cloned().unwrap_or_default();
            prop_assert_eq!(&sent, &state);
            let baggage = &next["baggage"];
            let foreign: Vec<_> = baggage.split(',').filter(|member| !member.starts_with("langfuse_")).collect();
            prop_assert_eq!(foreign.join(","), others.as_str());
            let size = *first.get_or_insert(baggage.len());
            prop_assert_eq!(baggage.len(), size, "it does not grow");
            headers = next;
        }
        // None of it is content of a record.
        for span in kept.spans() {
            prop_assert_eq!(span.metadata().count() + span.links().count() + span.trace().metadata.len(), 0);
        }
    }
}
