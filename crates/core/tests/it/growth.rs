//! Every collection that a program can grow has a limit. What does not fit is counted, and the count is in the record.

use std::collections::HashMap;

use tracefuse_core::record::{SpanAttribute, SpanRecord, TraceAttributes, ValueRef};
use tracefuse_core::{Cost, Exception, Link, SpanId, Trace, TraceId, Usage, with_attributes};

use crate::support::tracer;

/// As many as a program would give by mistake.
const MANY: u64 = 100_000;
/// The limit of tags and keys.
const KEPT: usize = 128;
const REST: u64 = MANY - KEPT as u64;

/// Keys that are not counts of what was dropped, and those counts.
fn trace_metadata(trace: &TraceAttributes) -> (usize, HashMap<String, u64>) {
    let mut counts = HashMap::new();
    let mut keys = 0;
    for (key, value) in &trace.metadata {
        match (key.strip_prefix("_dropped.trace."), value.as_ref()) {
            (Some(of), ValueRef::U64(count)) => _ = counts.insert(of.to_owned(), count),
            _ => keys += 1,
        }
    }
    (keys, counts)
}

fn dropped(span: &SpanRecord, what: &str) -> Option<u64> {
    let key = format!("_dropped.{what}");
    let found = span.metadata().find(|(known, _)| *known == key);
    found.map(|(_, value)| match value {
        ValueRef::U64(count) => count,
        other => panic!("{key} is no count: {other:?}"),
    })
}

fn counts(of: [(&str, u64); 2]) -> HashMap<String, u64> {
    of.map(|(name, count)| (name.to_owned(), count)).into()
}

#[test]
fn tags_and_metadata_of_a_trace_are_counted_beyond_the_limit() {
    let (tracer, kept, _) = tracer();
    let builder = (0..MANY).fold(tracer.trace("built"), |trace, n| {
        trace
            .tag(&format!("tag {n}"))
            .metadata(&format!("key {n}"), n)
    });
    builder.run(|_| {});
    tracer.trace("set").run(|trace| {
        for n in 0..MANY {
            trace.add_tag(&format!("tag {n}"));
            Trace::current().add_metadata(&format!("key {n}"), n);
        }
        // A key that is there can be set again, and a tag that is there can be added again.
        trace.add_metadata("key 7", "new");
        trace.add_tag("tag 127");
    });
    let tags = (0..MANY).map(|n| format!("tag {n}"));
    tracer.trace("at once").tags(tags).run(|_| {});
    for name in ["built", "set", "at once"] {
        let span = kept.named(name);
        let trace = span.trace();
        let (keys, dropped) = trace_metadata(trace);
        assert_eq!(trace.tags.len(), KEPT, "{name}");
        assert_eq!(trace.tags[127], "tag 127", "{name}");
        if name == "at once" {
            assert_eq!((keys, &dropped), (0, &[("tags".to_owned(), REST)].into()));
        } else {
            assert_eq!(keys, KEPT, "{name}");
            assert_eq!(dropped, counts([("tags", REST), ("keys", REST)]), "{name}");
        }
    }
    let set = kept.named("set");
    let seventh = set.trace().metadata.iter().find(|(key, _)| key == "key 7");
    assert_eq!(seventh.unwrap().1.as_ref(), ValueRef::Str("new"));
}

#[test]
fn tags_and_metadata_of_scopes_are_counted_beyond_the_limit() {
    let (tracer, kept, _) = tracer();
    let scope = |from: u64, to: u64| {
        (from..to).fold(with_attributes(), |scope, n| {
            scope
                .tag(&format!("tag {n}"))
                .metadata(&format!("key {n}"), n)
        })
    };
    // In nested scopes, each within its own limit, and in a scope beyond it.
    scope(0, 100).run(|| {
        scope(100, 200).run(|| tracer.trace("nested").run(|_| {}));
    });
    scope(0, MANY).run(|| tracer.trace("large").run(|_| {}));
    // On a trace that is open, from many scopes.
    tracer.trace("open").run(|_| {
        for n in 0..1_000 {
            scope(n, n + 1).run(|| {});
        }
    });
    for (name, rest) in [("nested", 72), ("large", REST), ("open", 872)] {
        let span = kept.named(name);
        let (keys, dropped) = trace_metadata(span.trace());
        assert_eq!((span.trace().tags.len(), keys), (KEPT, KEPT), "{name}");
        assert_eq!(dropped, counts([("tags", rest), ("keys", rest)]), "{name}");
    }
    assert_eq!(
        kept.named("open").trace().tags[0],
        "tag 0",
        "the first ones stay"
    );
}

#[test]
fn tags_of_a_caller_are_counted_beyond_the_limit() {
    let (tracer, kept, _) = tracer();
    let tags: Vec<String> = (0..1_000).map(|n| n.to_string()).collect();
    let headers = HashMap::from([
        (
            "traceparent".to_owned(),
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
        ),
        (
            "baggage".to_owned(),
            format!("langfuse_tags={}", tags.join("%2C")),
        ),
    ]);
    tracer.trace("called").continue_from(&headers).run(|_| {});
    let span = kept.named("called");
    assert_eq!(span.trace().tags, tags[..KEPT]);
    let (_, dropped) = trace_metadata(span.trace());
    assert_eq!(dropped, [("tags".to_owned(), 872)].into());
}

#[test]
fn metadata_of_a_score_is_counted_beyond_the_limit() {
    let (tracer, kept, _) = tracer();
    let score = tracer.score_session("chat", "quality", 1);
    let score = (0..MANY).fold(score, |score, n| score.metadata(&format!("key {n}"), n));
    score.metadata("key 3", "new").record();
    let metadata = &kept.scores()[0].metadata;
    assert_eq!(metadata.len(), KEPT + 1);
    assert_eq!(metadata[3].1.as_ref(), ValueRef::Str("new"));
    let (key, count) = &metadata[KEPT];
    assert_eq!(
        (key.as_str(), count.as_ref()),
        ("_dropped.keys", ValueRef::U64(REST))
    );
}

#[test]
fn tags_and_parameters_of_a_span_share_the_limit_of_its_keys() {
    let (tracer, kept, _) = tracer();
    tracer.trace("request").run(|trace| {
        trace
            .span("tags")
            .run(|span| (0..MANY).for_each(|n| span.add_tag(&n.to_string())));
        let built = (0..MANY).fold(trace.generation("parameters").model("m"), |span, n| {
            span.model_parameter(&n.to_string(), n)
        });
        built.run(|_| {});
        let all = (0..MANY).fold(trace.generation("all"), |span, n| {
            let key = n.to_string();
            match n % 3 {
                0 => span.tag(&key),
                1 => span.metadata(&key, n),
                _ => span.model_parameter(&key, n),
            }
        });
        all.run(|_| {});
    });
    for name in ["tags", "parameters", "all"] {
        let span = kept.named(name);
        let limited = span.attributes().filter(|attribute| match attribute {
            SpanAttribute::Tag(_) | SpanAttribute::ModelParameter(..) => true,
            SpanAttribute::Metadata(key, _) => !key.starts_with("_dropped."),
            _ => false,
        });
        assert_eq!(limited.count(), KEPT, "{name}");
        assert_eq!(dropped(&span, "keys"), Some(REST), "{name}");
    }
    assert_eq!(kept.named("parameters").model(), Some("m"));
}

#[test]
fn metadata_of_events_and_links_is_counted_beyond_the_limit() {
    let (tracer, kept, _) = tracer();
    let link = Link::new(TraceId::random(), SpanId::random());
    let link = (0..MANY).fold(link, |link, n| link.metadata(&n.to_string(), n));
    tracer.trace("linked").link(link).run(|_| {});
    tracer.trace("event").run(|trace| {
        let event = (0..MANY).fold(trace.event("tick"), |event, n| {
            event.metadata(&n.to_string(), n)
        });
        event.metadata("7", "new").record();
    });
    let (linked, event) = (kept.named("linked"), kept.named("event"));
    assert_eq!(linked.links().next().unwrap().metadata().count(), KEPT);
    let first = event.events().next().unwrap();
    assert_eq!(first.metadata().count(), KEPT);
    assert_eq!(first.metadata().nth(7), Some(("7", ValueRef::Str("new"))));
    for span in [linked, event] {
        assert_eq!(dropped(&span, "keys"), Some(REST));
    }
}

#[test]
fn events_errors_and_links_are_counted_beyond_the_limit() {
    let (tracer, kept, _) = tracer();
    tracer.trace("request").run(|trace| {
        for n in 0..MANY {
            trace.record_event("tick");
            trace.record_exception(Exception::new("E", n.to_string()));
            trace
                .root()
                .add_link(Link::new(TraceId::random(), SpanId::random()));
        }
    });
    let span = kept.only();
    assert_eq!(
        (span.events().count(), span.exceptions().count()),
        (1024, 1024)
    );
    assert_eq!(span.links().count(), KEPT);
    assert_eq!(dropped(&span, "events"), Some(MANY - 1024));
    assert_eq!(dropped(&span, "errors"), Some(MANY - 1024));
    assert_eq!(dropped(&span, "links"), Some(REST));
}

#[test]
fn buckets_of_usage_and_cost_are_counted_beyond_the_limit() {
    let (tracer, kept, _) = tracer();
    tracer.trace("request").run(|trace| {
        let (usage, cost) = (Usage::new(1, 2), Cost::default());
        let usage = (0..MANY).fold(usage, |usage, n| usage.bucket(format!("part {n}"), n));
        let cost = (0..MANY).fold(cost, |cost, n| cost.bucket(format!("part {n}"), 0.5));
        // Units of one name are added up, the cost of a name is set.
        let usage = (0..MANY).fold(usage, |usage, _| usage.bucket("part 5", 1));
        trace.root().set_usage(usage);
        trace.root().set_cost(cost.bucket("part 5", 0.25));
    });
    let span = kept.only();
    let usage: HashMap<_, _> = span.usage().collect();
    assert_eq!((usage.len(), usage["part 5"]), (KEPT + 2, MANY + 5));
    let cost: HashMap<_, _> = span.cost().collect();
    assert_eq!((cost.len(), cost["part 5"]), (KEPT, 0.25));
    assert_eq!(dropped(&span, "keys"), Some(2 * REST));
}
