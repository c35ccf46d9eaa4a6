//! The attributes of a finished span as a typed list: what an exporter reads in one pass.
//! Created by `SpanRecord::attributes`; read by exporters. Reads the format through `reader` only.

use super::buffer;
use super::format::Role;
use super::link::LinkRef;
use super::parts::{EventRef, ExceptionRef, Parts};
use super::place::Place;
use super::reader::{Attribute, Content, Reader};
use super::time::Timestamp;
use super::value::ValueRef;

/// The prompt a generation was made from, as Langfuse's prompt management names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PromptRef<'a> {
    /// Name of the prompt.
    pub name: &'a str,
    /// Version of the prompt.
    pub version: u32,
}

/// One attribute of a finished span, as [`SpanRecord::attributes`](super::SpanRecord::attributes) returns it.
///
/// A field such as the input comes at most once, a key of metadata, a bucket of usage and so on at most once each.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum SpanAttribute<'a> {
    /// What went in.
    Input(ValueRef<'a>),
    /// What came out.
    Output(ValueRef<'a>),
    /// The model that was used.
    Model(&'a str),
    /// The requested model, if the response named another one.
    RequestModel(&'a str),
    /// The model that the provider's response names.
    ResponseModel(&'a str),
    /// The provider whose format the recorded response has.
    Provider(&'a str),
    /// Another fact about the model call, by its name. A new fact needs no new variant.
    Call(&'a str, ValueRef<'a>),
    /// How many chunks of a streamed answer came after the first one; recorded where spans are measured.
    OutputChunks(u64),
    /// A short message about how the span ended.
    StatusMessage(&'a str),
    /// The managed prompt that a generation was made from.
    Prompt(PromptRef<'a>),
    /// When the first token of the answer arrived.
    CompletionStart(Timestamp),
    /// A key of the user's metadata.
    Metadata(&'a str, ValueRef<'a>),
    /// A parameter of the model call, such as `temperature`.
    ModelParameter(&'a str, ValueRef<'a>),
    /// A tag of this span only.
    Tag(&'a str),
    /// Units used, by bucket.
    Usage(&'a str, u64),
    /// Cost in US dollars, by bucket.
    Cost(&'a str, f64),
    /// Something that happened during the span.
    Event(EventRef<'a>),
    /// An error that was recorded on the span.
    Exception(ExceptionRef<'a>),
    /// A link to another span.
    Link(LinkRef<'a>),
}

/// Reads a record's attributes one after another.
#[derive(Clone, Debug)]
pub(super) struct SpanAttributes<'a>(pub(super) Reader<'a>);

impl<'a> Iterator for SpanAttributes<'a> {
    type Item = SpanAttribute<'a>;

    #[inline]
    fn next(&mut self) -> Option<SpanAttribute<'a>> {
        loop {
            let attribute = self.0.next()?;
            if let Some(typed) = self.typed(&attribute) {
                return Some(typed);
            }
        }
    }
}

impl<'a> SpanAttributes<'a> {
    /// `None` for what is not an attribute by itself: another name of the span, and parts of an event or an error.
    #[inline]
    fn typed(&self, attribute: &Attribute<'a>) -> Option<SpanAttribute<'a>> {
        let key = attribute.key;
        let value = match attribute.content {
            Content::Value(value) => value,
            Content::Moment(moment) => {
                let parts = Parts::new(key, moment, &self.0);
                return match attribute.role {
                    Role::Event => Some(SpanAttribute::Event(EventRef(parts))),
                    Role::Exception => Some(SpanAttribute::Exception(ExceptionRef(parts))),
                    _ => None,
                };
            }
            Content::Link(words) => {
                return LinkRef::new(words, &self.0).map(SpanAttribute::Link);
            }
        };
        Some(match (attribute.role, value) {
            (Role::Metadata, value) => SpanAttribute::Metadata(key, value),
            (Role::Input, value) => SpanAttribute::Input(value),
            (Role::Output, value) => SpanAttribute::Output(value),
            (Role::ModelParameter, value) => SpanAttribute::ModelParameter(key, value),
            (Role::Tag, _) => SpanAttribute::Tag(key),
            (Role::Usage, ValueRef::U64(units)) => SpanAttribute::Usage(key, units),
            (Role::Cost, ValueRef::F64(dollars)) => SpanAttribute::Cost(key, dollars),
            (Role::Model, _) => SpanAttribute::Model(attribute.text()?),
            (Role::StatusMessage, _) => SpanAttribute::StatusMessage(attribute.text()?),
            (Role::CompletionStart, ValueRef::U64(nanos)) => {
                SpanAttribute::CompletionStart(Timestamp::from_unix_nanos(nanos))
            }
            (Role::Prompt, ValueRef::U64(version)) => SpanAttribute::Prompt(PromptRef {
                name: key,
                version: u32::try_from(version).ok()?,
            }),
            (Role::Call, ValueRef::U64(chunks)) if key == buffer::OUTPUT_CHUNKS => {
                SpanAttribute::OutputChunks(chunks)
            }
            (Role::Call, value) => match key {
                buffer::REQUEST_MODEL => SpanAttribute::RequestModel(attribute.text()?),
                buffer::RESPONSE_MODEL => SpanAttribute::ResponseModel(attribute.text()?),
                buffer::PROVIDER => SpanAttribute::Provider(attribute.text()?),
                _ => SpanAttribute::Call(key, value),
            },
            _ => return None,
        })
    }
}

/// The links among the attributes, if there may be any.
pub(super) fn links(reader: Reader<'_>, any: bool) -> impl Iterator<Item = LinkRef<'_>> {
    let attributes = any.then_some(SpanAttributes(reader)).into_iter().flatten();
    attributes.filter_map(|attribute| match attribute {
        SpanAttribute::Link(link) => Some(link),
        _ => None,
    })
}

/// The place of a value that may contain a user's text.
pub(super) fn place<'a>(attribute: &Attribute<'a>) -> Option<Place<'a>> {
    Some(match attribute.role {
        Role::Input => Place::Input,
        Role::Output => Place::Output,
        Role::StatusMessage => Place::StatusMessage,
        Role::Metadata => Place::Metadata(attribute.key),
        Role::ModelParameter => Place::ModelParameter(attribute.key),
        Role::EventInput => Place::EventInput,
        Role::EventOutput => Place::EventOutput,
        Role::EventMetadata => Place::EventMetadata(attribute.key),
        Role::LinkMetadata => Place::LinkMetadata(attribute.key),
        Role::Message | Role::Sources => Place::ExceptionMessage,
        Role::Stacktrace => Place::Stacktrace,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::format::Attributes;

    #[test]
    fn attributes_come_typed_and_in_order() {
        let mut written = Attributes::default();
        written.push(Role::Name, "", ValueRef::Str("another name"));
        written.push(Role::Metadata, "k", ValueRef::U64(1));
        written.push(Role::Input, "", ValueRef::Json("{}"));
        written.push(Role::Usage, "input", ValueRef::U64(7));
        written.push(Role::Tag, "t", ValueRef::Bool(true));
        written.push(Role::Call, buffer::PROVIDER, ValueRef::Str("openai"));
        written.push(Role::Call, "region", ValueRef::Str("eu"));
        written.push(Role::EventInput, "", ValueRef::Str("part"));
        let shown: Vec<String> = SpanAttributes(written.read(0))
            .map(|attribute| format!("{attribute:?}"))
            .collect();
        assert_eq!(
            shown,
            [
                "Metadata(\"k\", U64(1))",
                "Input(Json(\"{}\"))",
                "Usage(\"input\", 7)",
                "Tag(\"t\")",
                "Provider(\"openai\")",
                "Call(\"region\", Str(\"eu\"))",
            ]
        );
    }
}
