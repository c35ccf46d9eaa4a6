//! The end of an observation: what its facts say together is written, then the span ends.
//! Called by bridges. Decides which of several statements wins, and where a usage would be counted twice.

use tracefuse_core::Timestamp;
use tracefuse_core::bridge::captures_content;

use crate::facts::{Facts, Rank, with_system, with_tools};
use crate::names::GEN_AI;
use crate::observation::Observation;
use crate::usage::Tokens;

impl Observation {
    /// Writes what is left and ends the span. `counted` tells whether a span below has tokens, which would be counted
    /// twice here; returns the same for the span above.
    pub fn finish(&self, counted: bool) -> bool {
        let counted = self.conclude(counted);
        self.span.end();
        counted
    }

    /// [`finish`](Self::finish) at a time that another system measured.
    pub fn finish_at(&self, counted: bool, time: Timestamp) -> bool {
        let counted = self.conclude(counted);
        self.span.end_at(time);
        counted
    }

    fn conclude(&self, counted: bool) -> bool {
        let facts = self.lock().take();
        facts.is_some_and(|facts| self.settle(*facts, counted)) || counted
    }

    fn settle(&self, mut facts: Facts, counted: bool) -> bool {
        self.name_by(&facts);
        if let Some(messages) = std::mem::take(&mut facts.input_parts).text()
            && Rank::Messages > facts.input
        {
            facts.messages = Some(messages);
        }
        if let Some(messages) = std::mem::take(&mut facts.output_parts).text()
            && Rank::Messages > facts.output
        {
            self.span.set_output(messages);
        }
        if let Some(records) = facts.memory.take() {
            match facts.operation.as_deref() {
                Some("create_memory" | "update_memory" | "upsert_memory")
                    if facts.input == Rank::None =>
                {
                    self.span.set_input(records);
                }
                _ if facts.output == Rank::None => self.span.set_output(records),
                _ => self.span.add_metadata("gen_ai.memory.records", records),
            }
        }
        if let Some(answer) = facts.take_answer()
            && Rank::Messages > facts.output
        {
            self.span.set_output(answer);
        }
        let (system, tools) = match facts.messages.take() {
            Some(messages) => {
                let (messages, system) = with_system(messages, facts.system.take());
                let (input, tools) = with_tools(messages, facts.tools.take());
                self.span.set_input(input);
                (system, tools)
            }
            None => (facts.system.take(), facts.tools.take()),
        };
        // Instructions and tools are part of the input, also where they go to the metadata.
        for (name, part) in [
            ("gen_ai.system_instructions", system),
            ("gen_ai.tool.definitions", tools),
        ] {
            if let Some(part) = part.filter(|_| captures_content(&self.span)) {
                self.span.add_metadata(name, part);
            }
        }
        match facts.prompt.clone() {
            (Some(name), Some(version)) => self.span.set_prompt(&name, version),
            // Without a version it is not known which prompt it was, so nothing is linked.
            (Some(name), None) => self.span.add_metadata("gen_ai.prompt.name", name),
            (None, _) => {}
        }
        if let Some(version) = facts.prompt_version.take() {
            self.span.add_metadata("gen_ai.prompt.version", version);
        }
        self.settle_usage(facts, counted)
    }

    /// Writes usage and cost; whether there was a usage or a reported cost.
    fn settle_usage(&self, facts: Facts, counted: bool) -> bool {
        let reported = facts.tokens.cost();
        let mut has_any = facts.usage.is_some() || reported.is_some();
        match (facts.cost, reported) {
            (Some(cost), _) => self.span.set_cost(cost),
            // A span below has stated it already.
            (None, Some(cost)) if counted => {
                for (name, dollars) in cost.buckets() {
                    let name = match name {
                        "total" => "gen_ai.usage.cost".to_owned(),
                        part => format!("{GEN_AI}usage.{part}_cost"),
                    };
                    self.span.add_metadata(&name, dollars);
                }
            }
            (None, Some(cost)) => self.span.set_cost(cost),
            (None, None) => {}
        }
        if let Some(usage) = facts.usage {
            self.span.set_usage(usage);
        } else if !facts.tokens.is_empty() {
            has_any = true;
            self.settle_tokens(&facts.tokens, counted);
        }
        has_any
    }

    fn settle_tokens(&self, tokens: &Tokens, counted: bool) {
        let (usage, left) = tokens.to_usage();
        match usage.filter(|_| !counted) {
            Some(usage) => {
                self.span.set_usage(usage);
                for (name, units) in left {
                    self.span.add_metadata(name, units);
                }
            }
            None => {
                for (name, units) in tokens.reported().filter(|(_, units)| *units > 0) {
                    self.span.add_metadata(name, units);
                }
            }
        }
    }
}
