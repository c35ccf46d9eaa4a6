//! What a finished span has beside its head, its input and its output: model, usage, metadata, tags, events, errors, links.
//! Read by exporters through `SpanRecord`. Reads the format through `span` only.

use super::attribute::{PromptRef, links};
use super::buffer;
use super::format::Role;
use super::link::LinkRef;
use super::parts::{EventRef, ExceptionRef, Parts};
use super::reader::Content;
use super::span::SpanRecord;
use super::value::ValueRef;

impl SpanRecord {
    /// The model that was used.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.text(Role::Model)
    }

    /// The model that was asked for: the model that was set, also where a response named another one.
    #[must_use]
    pub fn request_model(&self) -> Option<&str> {
        self.call(buffer::REQUEST_MODEL).or_else(|| {
            let answered = self.call(buffer::RESPONSE_MODEL).is_some();
            if answered { None } else { self.model() }
        })
    }

    /// The model that the provider's response names, if a response was recorded.
    #[must_use]
    pub fn response_model(&self) -> Option<&str> {
        self.call(buffer::RESPONSE_MODEL)
    }

    /// The provider whose format the recorded response has, by the name that OpenTelemetry gives it
    /// (`openai`, `anthropic`, `gcp.gemini`). Compatible providers answer in OpenAI's format too.
    #[must_use]
    pub fn provider(&self) -> Option<&str> {
        self.call(buffer::PROVIDER)
    }

    /// The managed prompt it was made from.
    #[must_use]
    pub fn prompt(&self) -> Option<PromptRef<'_>> {
        let prompt = self.of(Role::Prompt).next()?;
        let version = match prompt.value()? {
            ValueRef::U64(version) => u32::try_from(version).ok()?,
            _ => return None,
        };
        Some(PromptRef {
            name: prompt.key,
            version,
        })
    }

    /// The user's metadata, in the order it was given, each key once.
    pub fn metadata(&self) -> impl Iterator<Item = (&str, ValueRef<'_>)> {
        self.pairs(Role::Metadata)
    }

    /// Parameters of the model call, such as `temperature`.
    pub fn model_parameters(&self) -> impl Iterator<Item = (&str, ValueRef<'_>)> {
        self.pairs(Role::ModelParameter)
    }

    /// Units used, by bucket; buckets are disjoint except `total`.
    pub fn usage(&self) -> impl Iterator<Item = (&str, u64)> {
        self.pairs(Role::Usage)
            .filter_map(|(name, value)| match value {
                ValueRef::U64(units) => Some((name, units)),
                _ => None,
            })
    }

    /// Cost in US dollars, by bucket.
    pub fn cost(&self) -> impl Iterator<Item = (&str, f64)> {
        self.pairs(Role::Cost)
            .filter_map(|(name, value)| match value {
                ValueRef::F64(dollars) => Some((name, dollars)),
                _ => None,
            })
    }

    /// Tags of this span only; a trace's tags are in [`trace`](Self::trace).
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.of(Role::Tag).map(|tag| tag.key)
    }

    /// Its events, in the order they were recorded.
    pub fn events(&self) -> impl ExactSizeIterator<Item = EventRef<'_>> {
        let parts = self.parts(Role::Event);
        parts.into_iter().map(EventRef)
    }

    /// Its errors, in the order they were recorded. The first gave it level, status and message.
    pub fn exceptions(&self) -> impl ExactSizeIterator<Item = ExceptionRef<'_>> {
        let parts = self.parts(Role::Exception);
        parts.into_iter().map(ExceptionRef)
    }

    /// Its links to other spans, in the order they were given.
    pub fn links(&self) -> impl Iterator<Item = LinkRef<'_>> {
        links(self.reader(), self.has(Role::Link))
    }

    /// The events or the errors, each with what comes after it.
    fn parts(&self, role: Role) -> Vec<Parts<'_>> {
        let (mut parts, mut reader) = (Vec::new(), self.reader());
        if !self.has(role) {
            return parts;
        }
        while let Some(attribute) = reader.next() {
            if attribute.role == role
                && let Content::Moment(moment) = attribute.content
            {
                let rest = reader.clone();
                parts.push(Parts::new(attribute.key, moment, &rest));
            }
        }
        parts
    }
}
