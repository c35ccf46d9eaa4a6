//! Makes a finished record smaller than cut values make it: fewer events and errors, shorter names.
//! Called by delivery for a record that no batch has room for; the limit is an argument.

use super::format::Role;
use super::prefix::prefix;
use super::reader::{Attribute, Content, Raw};
use super::span::SpanRecord;
use super::value::ValueRef;

/// What [`SpanRecord::cut`] left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cut {
    /// Events.
    pub events: usize,
    /// Errors.
    pub exceptions: usize,
    /// Names that were shortened: of the span and its model and prompt, of events and kinds of errors, keys and tags.
    pub names: usize,
}

impl SpanRecord {
    /// Keeps the first `count` events and the first `count` errors, and shortens names to `longest_name` bytes. A shortened
    /// name ends in its number, so that no two become one.
    pub fn cut(&mut self, count: usize, longest_name: usize) -> Cut {
        let mut names = 0;
        let mut shorten = |text: &str| {
            if text.len() <= longest_name {
                return text.to_owned();
            }
            names += 1;
            format!("{}… {names}", prefix(text, longest_name))
        };
        let (mut events, mut exceptions, mut left_out) = (0usize, 0usize, false);
        let name = shorten(self.name());
        self.copy_with(
            Some(&name),
            |buffer, _, raw| {
                let Attribute { role, key, content } = raw.attribute;
                match role {
                    Role::Event => {
                        events += 1;
                        left_out = events > count;
                    }
                    Role::Exception => {
                        exceptions += 1;
                        left_out = exceptions > count;
                    }
                    _ if role.is_part() => {}
                    // The name that is set above has replaced it.
                    Role::Name => return,
                    _ => left_out = false,
                }
                if left_out {
                    return;
                }
                let key = shorten(key);
                let model = match content {
                    Content::Value(ValueRef::Str(model)) if role == Role::Model => {
                        Some(shorten(model))
                    }
                    _ => None,
                };
                let content = match &model {
                    Some(model) => Content::Value(ValueRef::Str(model)),
                    None => content,
                };
                buffer.copy_attribute(&Raw {
                    attribute: Attribute {
                        role,
                        key: &key,
                        content,
                    },
                    large: raw.large.filter(|_| model.is_none()),
                });
            },
            |_| {},
        );
        Cut {
            events: events.saturating_sub(count),
            exceptions: exceptions.saturating_sub(count),
            names,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::format::LARGE;
    use crate::testing::Recorder;

    #[test]
    fn the_first_events_and_errors_are_kept() {
        let recorder = Recorder::new();
        recorder.tracer().trace("t").run(|trace| {
            for n in 0..3 {
                trace.event(&format!("event {n}")).metadata("n", n).record();
                trace.record_error(&format!("error {n}"));
            }
        });
        for (count, left) in [(0, 0), (2, 2), (3, 3), (4, 3)] {
            let mut span = recorder.only();
            let cut = span.cut(count, 100);
            assert_eq!(
                (cut.events, cut.exceptions, cut.names),
                (3 - left, 3 - left, 0)
            );
            let own = |n: usize| vec![("n", ValueRef::I64(n as i64))];
            for (n, event) in span.events().enumerate() {
                assert_eq!(event.metadata().collect::<Vec<_>>(), own(n));
            }
            assert_eq!(span.metadata().count(), 0);
            let events: Vec<_> = span.events().map(|event| event.name().to_owned()).collect();
            let errors: Vec<_> = span
                .exceptions()
                .map(|error| error.message().to_owned())
                .collect();
            let expected = |what| (0..left).map(|n| format!("{what} {n}")).collect::<Vec<_>>();
            assert_eq!(
                (events, errors),
                (expected("event"), expected("error")),
                "{count}"
            );
        }
    }

    #[test]
    fn metadata_of_an_event_goes_with_it() {
        let recorder = Recorder::new();
        recorder.tracer().trace("t").run(|trace| {
            trace.event("kept").metadata("of the first", 1u64).record();
            trace
                .event("left out")
                .metadata("of the second", 2u64)
                .record();
        });
        let mut span = recorder.only();
        assert_eq!(span.cut(1, 100).events, 1);
        let metadata: Vec<_> = span.events().flat_map(|event| event.metadata()).collect();
        assert_eq!(metadata, [("of the first", ValueRef::U64(1))]);
    }

    #[test]
    fn the_last_name_of_a_span_is_the_one_that_is_shortened() {
        let recorder = Recorder::new();
        recorder.tracer().trace("t").run(|trace| {
            trace.root().set_name("a longer name");
        });
        let mut span = recorder.only();
        assert_eq!(span.cut(9, 5).names, 1);
        assert_eq!(span.name(), "a lon… 1");
    }

    #[test]
    fn a_model_is_shortened_and_other_values_are_not() {
        for model in ["a longer model", &"a longer model".repeat(LARGE)] {
            let recorder = Recorder::new();
            recorder.tracer().trace("t").run(|trace| {
                trace.root().set_model(model);
                trace.set_output("a longer output");
                trace.root().add_metadata("k", "a longer value");
            });
            let mut span = recorder.only();
            assert_eq!(span.cut(9, 8).names, 1);
            assert_eq!(span.model(), Some("a longer… 1"));
            assert_eq!(span.output(), Some(ValueRef::Str("a longer output")));
            let metadata: Vec<_> = span.metadata().collect();
            assert_eq!(metadata, [("k", ValueRef::Str("a longer value"))]);
        }
    }

    #[test]
    fn a_shortened_name_ends_in_its_number() {
        let recorder = Recorder::new();
        recorder.tracer().trace("t").run(|trace| {
            for key in ["üüüa", "üüüb", "short"] {
                trace.root().add_metadata(key, 1);
            }
        });
        let mut span = recorder.only();
        // The fifth byte is in the middle of a character.
        assert_eq!(span.cut(9, 5).names, 2);
        let keys: Vec<_> = span.metadata().map(|(key, _)| key).collect();
        assert_eq!(keys, ["üü… 1", "üü… 2", "short"]);
    }
}
