//! Takes an attribute of a span and gives it to the file that knows its names.
//! Called by the bridges for each attribute. Names of no family are read here.

use tracefuse_core::Status;

use crate::names::{GEN_AI, LANGFUSE, TRACELOOP, VERCEL};
use crate::observation::Observation;
use crate::value::Value;
use crate::{frameworks, gen_ai, langfuse, openinference, traceloop, vercel};

impl Observation {
    /// Takes an attribute. Its value is formatted already, so no user code runs here.
    pub fn record(&self, name: &str, value: Value<'_>) {
        if let Some(rest) = name.strip_prefix(GEN_AI) {
            gen_ai::record(self, name, rest, value);
        } else if let Some(rest) = name.strip_prefix(LANGFUSE) {
            langfuse::record(self, name, rest, value);
        } else {
            let rest = |prefix| name.strip_prefix(prefix);
            let left = match (rest(TRACELOOP), rest(VERCEL)) {
                (Some(rest), _) => traceloop::record(self, rest, value),
                (None, Some(rest)) => vercel::record(self, name, rest, value),
                (None, None) => openinference::record(self, name, value)
                    .and_then(|value| traceloop::record_pydantic(self, name, value))
                    .and_then(|value| frameworks::record(self, name, value)),
            };
            if let Some(value) = left {
                self.record_other(name, value);
            }
        }
    }

    fn record_other(&self, name: &str, value: Value<'_>) {
        match name {
            "otel.name" => self.rename(&value.text()),
            "otel.kind" => {}
            "otel.status_code" => match &*value.text() {
                text if text.eq_ignore_ascii_case("error") => self.fail(None),
                text if text.eq_ignore_ascii_case("ok") => self.span.set_status(Status::Ok),
                _ => {}
            },
            "otel.status_message" | "otel.status_description" => self.note(value.into_text()),
            "error.type" => {
                self.span.add_metadata(name, &value);
                self.fail(Some(&value.text()));
            }
            "user.id" | "session.id" => langfuse::record(self, name, name, value),
            "openai.response.service_tier" => self.span.add_model_parameter("service_tier", &value),
            _ => self.span.add_metadata(name, &value),
        }
    }
}
