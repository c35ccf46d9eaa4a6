//! Makes a finished record smaller than cut values make it: fewer events and errors, shorter names.
//! Called by delivery for a record that no batch has room for; the limit is an argument.

use super::format::{Attribute, Content, Raw, Role};
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
            let mut head = longest_name;
            while !text.is_char_boundary(head) {
                head -= 1;
            }
            format!("{}… {names}", text.get(..head).unwrap_or_default())
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
