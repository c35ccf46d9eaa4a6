//! The attributes of a point, by the names of the conventions.
//! Used by `collect`.

use tracefuse_exporter::provider;

use crate::facts::Operation;
use crate::series::Series;

/// Attributes of a point, in a fixed order.
pub(crate) type Labels = Vec<(&'static str, String)>;

/// Labels and one more.
pub(crate) fn with(labels: &Labels, more: Option<(&'static str, String)>) -> Labels {
    let mut labels = labels.clone();
    labels.extend(more);
    labels
}

pub(crate) fn error(series: &Series) -> Option<(&'static str, String)> {
    let [.., error] = series.key.as_ref()?;
    (!error.is_empty()).then(|| ("error.type", error.to_string()))
}

/// The attributes of a series, less `error.type`.
pub(crate) fn labels(series: &Series) -> Labels {
    let Some(key) = &series.key else {
        return vec![("otel.metric.overflow", "true".to_owned())];
    };
    let [
        operation,
        given,
        system,
        language,
        model,
        request,
        response,
        name,
        _,
    ] = key
        .each_ref()
        .map(|text| Some(&**text).filter(|text| !text.is_empty()));
    let mut labels = Labels::new();
    let mut set = |key: &'static str, text: Option<&str>| {
        labels.extend(text.map(|text| (key, text.to_owned())));
    };
    // As a response says, or as a bridge puts it where another model answered than was asked for.
    let (request, response) = match (request, response) {
        (None, None) => (model, None),
        (Some(_), None) => (request, model.filter(|model| Some(*model) != request)),
        _ => (request, response),
    };
    match series.operation {
        Operation::Tool => set("gen_ai.tool.name", name),
        Operation::Agent => {
            set("gen_ai.agent.name", name);
            set("gen_ai.request.model", request);
        }
        _ => {
            let operation = operation.unwrap_or_else(|| series.operation.name());
            set("gen_ai.operation.name", Some(operation));
            let provider = given.or_else(|| provider::of(system, model.or(request), language));
            // A retrieval need not ask a provider; the others do.
            let other = (series.operation != Operation::Retrieval).then_some(provider::OTHER);
            set("gen_ai.provider.name", provider.or(other));
            set("gen_ai.request.model", request);
            set("gen_ai.response.model", response);
        }
    }
    labels
}
