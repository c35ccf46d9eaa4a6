//! How many bytes a record takes on the wire, before compression: delivery cuts batches by it.
//! Called by `exporter` for each record; follows what `mapping` and `openinference` write, and is never too small.

use tracefuse_exporter::record::{SpanAttribute, SpanRecord};

use crate::config::Conventions;

/// Bytes a record will take; never too few.
pub(crate) fn size_hint(record: &SpanRecord, conventions: Conventions) -> usize {
    let trace = record.trace();
    let mut names = if conventions == Conventions::OpenInference {
        200
    } else {
        0
    };
    // A conversation is sent whole and taken apart.
    let taken_apart = conventions == Conventions::OpenInference;
    for attribute in record.attributes() {
        names += match attribute {
            SpanAttribute::Input(value) | SpanAttribute::Output(value) if taken_apart => {
                3 * value.size()
            }
            // Sent twice: as an attribute and in the status.
            SpanAttribute::StatusMessage(text) => text.len(),
            SpanAttribute::Usage(..) => 32 + 256,
            SpanAttribute::Metadata(..)
            | SpanAttribute::ModelParameter(..)
            | SpanAttribute::Cost(..) => 32,
            SpanAttribute::Event(_) | SpanAttribute::Exception(_) => 160,
            SpanAttribute::Link(link) => 16 + 32 * link.metadata().count(),
            _ => 0,
        };
    }
    let texts = [
        &trace.user_id,
        &trace.session_id,
        &trace.session_id,
        &trace.version,
        &trace.release,
        &trace.environment,
    ];
    let metadata = trace
        .metadata
        .iter()
        .map(|(key, value)| key.len() + value.as_ref().size() + 16);
    record.size()
        + SPAN
        + names
        + trace.name.len()
        + texts
            .into_iter()
            .flatten()
            .map(|text| text.len() + 40)
            .sum::<usize>()
        + trace.tags.iter().map(|tag| tag.len() + 8).sum::<usize>()
        + metadata.sum::<usize>()
}

/// Ids, times and the names of what most spans have.
const SPAN: usize = 512;

#[cfg(test)]
mod tests {
    use tracefuse_core::testing::Recorder;
    use tracefuse_core::{Cost, Exception, Link, Span, SpanId, Trace, TraceId, Usage};

    use super::*;

    /// What is estimated beside the record's own size.
    fn beside(
        conventions: Conventions,
        trace: impl FnOnce(&Trace),
        fill: impl FnOnce(&Span),
    ) -> usize {
        let recorder = Recorder::new();
        let root = recorder.tracer().trace("t").start();
        trace(&root);
        let span = root.generation("s").start();
        fill(&span);
        span.end();
        let record = recorder.only();
        size_hint(&record, conventions) - record.size()
    }

    #[track_caller]
    fn check(expected: usize, fill: impl Fn(&Span)) {
        let gen_ai = beside(Conventions::GenAi, |_| {}, &fill);
        assert_eq!(gen_ai, 512 + 1 + expected);
        let open_inference = beside(Conventions::OpenInference, |_| {}, &fill);
        assert_eq!(open_inference, 512 + 1 + 200 + expected);
    }

    #[track_caller]
    fn check_trace(expected: usize, fill: impl FnOnce(&Trace)) {
        assert_eq!(beside(Conventions::GenAi, fill, |_| {}), 512 + 1 + expected);
    }

    #[test]
    fn what_is_sent_with_a_longer_name_counts_more() {
        check(0, |_| {});
        check(5, |span| span.set_status_message("12345"));
        check(2 * 288, |span| span.set_usage(Usage::new(1, 2)));
        check(3 * 32, |span| {
            span.add_metadata("k", "v");
            span.add_model_parameter("k", "v");
            span.set_cost(Cost::default().bucket("k", 0.5));
        });
        let message = "k: m".len();
        check(message + 2 * 160, |span| {
            span.record_event("e");
            span.record_exception(Exception::new("k", "m"));
        });
        check(16 + 2 * 32, |span| {
            let link = Link::new(TraceId::random(), SpanId::random());
            span.add_link(link.metadata("k", "v").metadata("l", "w"));
        });
    }

    #[test]
    fn a_conversation_counts_for_the_parts_it_is_sent_in() {
        let fill = |span: &Span| {
            span.set_input("12345");
            span.set_output("67");
        };
        let base = 512 + 1;
        assert_eq!(beside(Conventions::GenAi, |_| {}, fill), base);
        assert_eq!(
            beside(Conventions::OpenInference, |_| {}, fill),
            base + 200 + 3 * (5 + 2)
        );
    }

    #[test]
    fn attributes_of_the_trace_count_for_each_span() {
        check_trace(4, |trace| trace.set_name("12345"));
        check_trace(5 + 40, |trace| trace.set_user_id("12345"));
        // It is sent under two names.
        check_trace(2 * (5 + 40), |trace| trace.set_session_id("12345"));
        check_trace(5 + 8 + 2 + 8, |trace| {
            trace.add_tag("12345");
            trace.add_tag("67");
        });
        check_trace((1 + 1 + 16) + (2 + 8 + 16), |trace| {
            trace.add_metadata("k", "v");
            trace.add_metadata("ll", 2);
        });
    }
}
