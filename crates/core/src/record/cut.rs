//! Makes a finished record smaller than cut values make it: fewer events and errors, shorter names.
//! Called by delivery for a record that no batch has room for; knows no limit of its own.

use super::buffer::{Buffer, EventSlots, ExceptionSlots, Role, Slot};
use super::span::SpanRecord;

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
        let Some(buffer) = self.buffer_mut() else {
            return Cut::default();
        };
        let old = buffer.take_texts();
        let mut cut = Cut {
            events: old.events.len().saturating_sub(count),
            exceptions: old.exceptions.len().saturating_sub(count),
            names: 0,
        };
        let mut name = |text: &str| {
            if text.len() <= longest_name {
                return text.to_owned();
            }
            cut.names += 1;
            let mut head = longest_name;
            while !text.is_char_boundary(head) {
                head -= 1;
            }
            format!("{}… {}", text.get(..head).unwrap_or_default(), cut.names)
        };
        buffer.name = buffer.push_text(&name(old.text(old.name)));
        buffer.model = named(buffer, &old, old.model, &mut name);
        buffer.prompt_name = named(buffer, &old, old.prompt_name, &mut name);
        buffer.input = value(buffer, &old, old.input);
        buffer.output = value(buffer, &old, old.output);
        buffer.status_message = value(buffer, &old, old.status_message);
        for event in old.events.iter().take(count) {
            let event = EventSlots {
                name: buffer.push_text(&name(old.text(event.name))),
                input: value(buffer, &old, event.input),
                output: value(buffer, &old, event.output),
                ..*event
            };
            buffer.events.push(event);
        }
        for exception in old.exceptions.iter().take(count) {
            let exception = ExceptionSlots {
                kind: buffer.push_text(&name(old.text(exception.kind))),
                message: value(buffer, &old, exception.message),
                sources: value(buffer, &old, exception.sources),
                stacktrace: value(buffer, &old, exception.stacktrace),
                ..*exception
            };
            buffer.exceptions.push(exception);
        }
        for entry in &old.entries {
            if matches!(entry.role, Role::Event(index) if index as usize >= count) {
                continue;
            }
            let key = name(old.text(entry.key));
            let slot = value(buffer, &old, entry.value);
            buffer.push_entry(entry.role, &key, slot);
        }
        cut
    }
}

fn value(to: &mut Buffer, from: &Buffer, slot: Slot) -> Slot {
    from.value(slot)
        .map_or(Slot::Absent, |value| to.push_value(value))
}

fn named(
    to: &mut Buffer,
    from: &Buffer,
    slot: Slot,
    name: &mut impl FnMut(&str) -> String,
) -> Slot {
    match from.str(slot) {
        Some(text) => to.push_string(name(text)),
        None => Slot::Absent,
    }
}
