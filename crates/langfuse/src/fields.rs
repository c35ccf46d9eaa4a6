//! The attributes of a record by kind, read in one pass. Filled and read by `mapping`; knows no names of attributes.

use tracefuse_exporter::record::{
    EventRef, ExceptionRef, LinkRef, PromptRef, SpanAttribute, SpanRecord, Timestamp, ValueRef,
};

/// What one record has. Its lists are used again for the next record.
#[derive(Default)]
pub(crate) struct Fields<'a> {
    pub(crate) one: Single<'a>,
    pub(crate) metadata: Vec<(&'a str, ValueRef<'a>)>,
    pub(crate) parameters: Vec<(&'a str, ValueRef<'a>)>,
    pub(crate) usage: Vec<(&'a str, u64)>,
    pub(crate) cost: Vec<(&'a str, f64)>,
    pub(crate) tags: Vec<&'a str>,
    pub(crate) events: Vec<EventRef<'a>>,
    pub(crate) exceptions: Vec<ExceptionRef<'a>>,
    pub(crate) links: Vec<LinkRef<'a>>,
}

/// What a record has at most once.
#[derive(Clone, Copy, Default)]
pub(crate) struct Single<'a> {
    pub(crate) input: Option<ValueRef<'a>>,
    pub(crate) output: Option<ValueRef<'a>>,
    pub(crate) model: Option<&'a str>,
    pub(crate) status_message: Option<&'a str>,
    pub(crate) prompt: Option<PromptRef<'a>>,
    pub(crate) completion_start: Option<Timestamp>,
}

impl<'a> Fields<'a> {
    /// Replaces what was read before by what `record` has.
    pub(crate) fn read(&mut self, record: &'a SpanRecord) {
        self.one = Single::default();
        self.metadata.clear();
        self.parameters.clear();
        self.usage.clear();
        self.cost.clear();
        self.tags.clear();
        self.events.clear();
        self.exceptions.clear();
        self.links.clear();
        for attribute in record.attributes() {
            match attribute {
                SpanAttribute::Metadata(key, value) => self.metadata.push((key, value)),
                SpanAttribute::Input(value) => self.one.input = Some(value),
                SpanAttribute::Output(value) => self.one.output = Some(value),
                SpanAttribute::Model(model) => self.one.model = Some(model),
                SpanAttribute::Usage(bucket, units) => self.usage.push((bucket, units)),
                SpanAttribute::Cost(bucket, dollars) => self.cost.push((bucket, dollars)),
                SpanAttribute::ModelParameter(key, value) => self.parameters.push((key, value)),
                SpanAttribute::Tag(tag) => self.tags.push(tag),
                SpanAttribute::StatusMessage(text) => self.one.status_message = Some(text),
                SpanAttribute::CompletionStart(time) => self.one.completion_start = Some(time),
                SpanAttribute::Prompt(prompt) => self.one.prompt = Some(prompt),
                SpanAttribute::Event(event) => self.events.push(event),
                SpanAttribute::Exception(exception) => self.exceptions.push(exception),
                SpanAttribute::Link(link) => self.links.push(link),
                _ => {}
            }
        }
    }
}
