//! Reads what an answer states about its use: tokens, cost, service tier. One table for each provider's language.
//! Called by `provider` for whole answers and for what `stream` put together; must not know spans.

mod languages;
mod number;
mod path;

use serde_json::{Map, Value};

use crate::llm::provider::envelope::unwrapped;
use crate::record::{Convention, Cost, Count, Usage};
pub(crate) use languages::Language;
use languages::Table;
pub(crate) use number::{count, dollars};

/// What an answer states about its use; empty where it states nothing.
#[derive(Debug, Default)]
pub(crate) struct UsageReading {
    pub(crate) usage: Option<Usage>,
    /// The cost that the provider or a gateway states.
    pub(crate) cost: Option<Cost>,
    /// How the provider served the call, as model parameters: `service_tier`, `speed`.
    pub(crate) parameters: Vec<(&'static str, String)>,
}

/// Reads an answer: whole, the last chunk or event of a stream, or what was put together from all of them.
/// Chunks in an array are read as one answer.
pub(crate) fn read(language: Language, answer: &Value) -> UsageReading {
    let language = language.spoken_in(answer);
    let table = language.table();
    let merged;
    let answer = match answer {
        Value::Array(chunks) => {
            merged = whole(table, chunks);
            &merged
        }
        answer => answer,
    };
    let mut reading = UsageReading::default();
    // A report is in the answer, or beside it in what is around the answer.
    let layers = Layers(answer, unwrapped(answer));
    let places = language.tables().flat_map(|table| {
        let places = table.places.iter();
        places.map(move |place| (table, place))
    });
    for (table, place) in places {
        let Some(report) = layers.find(place).pop().filter(|v| v.is_object()) else {
            continue;
        };
        // A report of zeros may be beside the full one.
        let known = reading.usage.as_ref().map_or(0, Usage::sum);
        if let Some(usage) = usage(language, table, report)
            && (reading.usage.is_none() || (known == 0 && usage.sum() > 0))
        {
            reading.usage = Some(usage);
        }
        reading.cost = reading.cost.or_else(|| stated_cost(report));
    }
    reading.cost = reading.cost.or_else(|| {
        // LiteLLM; the agents of Anthropic.
        let places = [
            "response_cost",
            "_hidden_params.response_cost",
            "total_cost_usd",
        ];
        let mut found = places.iter().flat_map(|place| layers.find(place));
        found
            .find_map(|value| dollars(value).filter(|d| *d > 0.0))
            .map(Cost::total)
    });
    let searches = table.searches.iter().map(|list| {
        let found = layers.find(list).into_iter();
        found.filter(|item| is_search(item)).count() as u64
    });
    let searches = searches.max().unwrap_or(0);
    if searches > 0
        && reading
            .usage
            .as_ref()
            .is_none_or(|usage| !usage.has(Count::Searches))
    {
        let usage = reading.usage.take().unwrap_or_default();
        reading.usage = Some(usage.count(Count::Searches, searches));
    }
    for (name, places) in table.parameters {
        let mut found = places.iter().flat_map(|place| layers.find(place));
        if let Some(text) = found.find_map(|value| value.as_str().filter(|text| !text.is_empty())) {
            reading.parameters.push((name, text.to_owned()));
        }
    }
    reading
}

/// An answer with what is around it, and the answer alone; the same where nothing is around it.
struct Layers<'a>(&'a Value, &'a Value);

impl<'a> Layers<'a> {
    /// What is at a place of the outer one, or else of the inner one.
    fn find(&self, place: &str) -> Vec<&'a Value> {
        let Self(outer, inner) = self;
        let found = path::find(outer, place);
        if !found.is_empty() || std::ptr::eq(*outer, *inner) {
            return found;
        }
        path::find(inner, place)
    }
}

/// Whether a call of the search tool was a search. Opening a page it found, or looking for a text there, is not billed.
fn is_search(call: &Value) -> bool {
    let action = call.get("action").and_then(|action| action.get("type"));
    action
        .and_then(Value::as_str)
        .is_none_or(|action| action == "search")
}

/// Reads a report without its answer: the language is the one whose names of counts it has.
pub(crate) fn reported(report: &Value) -> Option<Usage> {
    let languages = [
        // Vercel's AI SDK; without these it looks like Bedrock, which counts the cache apart.
        (
            Language::OpenAi,
            &[
                "promptTokens",
                "completionTokens",
                "cachedInputTokens",
                "reasoningTokens",
                "inputTokenDetails",
                "outputTokenDetails",
            ][..],
        ),
        (
            Language::Gemini,
            &["promptTokenCount", "prompt_token_count", "totalTokenCount"][..],
        ),
        (Language::Bedrock, &["inputTokens", "outputTokens"]),
        (Language::Cohere, &["billed_units"]),
        (Language::Anthropic, &["iterations"]),
        (Language::Ollama, &["prompt_eval_count", "eval_count"]),
        (
            Language::OpenAi,
            &[
                "prompt_tokens",
                "completion_tokens",
                "input_tokens",
                "output_tokens",
                "total_tokens",
            ],
        ),
    ];
    let has = |name: &&str| report.get(*name).is_some();
    let (language, _) = languages.iter().find(|(_, names)| names.iter().any(has))?;
    usage(*language, language.table(), report)
}

/// Takes the later of two reports of one stream into the earlier one. Counts grow, so the later one replaces the
/// earlier one; `null`, and a zero after a count, change nothing.
pub(crate) fn absorb(known: &mut Map<String, Value>, later: Map<String, Value>) {
    for (key, value) in later {
        let says_nothing = match &value {
            Value::Array(list) => list.is_empty(),
            value => value.is_null() || count(Some(value)) == Some(0),
        };
        match (known.get_mut(&key), value) {
            (Some(Value::Object(known)), Value::Object(later)) => absorb(known, later),
            (Some(_), _) if says_nothing => {}
            (_, value) => {
                known.insert(key, value);
            }
        }
    }
}

/// Chunks as one answer, as far as usage is concerned.
fn whole(table: &Table, chunks: &[Value]) -> Value {
    let mut report = Map::new();
    let mut answer = Map::new();
    for chunk in chunks {
        let found = table.places.iter().find_map(|place| {
            Layers(chunk, unwrapped(chunk))
                .find(place)
                .pop()?
                .as_object()
        });
        absorb(&mut report, found.cloned().unwrap_or_default());
        if let Value::Object(chunk) = chunk {
            absorb(&mut answer, chunk.clone());
        }
    }
    match table.places.first() {
        Some(&"") | None => Value::Object(report),
        Some(place) => {
            answer.insert((*place).to_owned(), Value::Object(report));
            Value::Object(answer)
        }
    }
}

/// The counts of a report, by the table of its language; `None` if it has none.
fn usage(language: Language, table: &Table, report: &Value) -> Option<Usage> {
    let convention = language.convention(report);
    let mut usage = Usage::counted(convention);
    for (what, places) in table.counts {
        if let Some(units) = units(*what, places, report) {
            usage = usage.count(*what, units);
        }
    }
    let mut any = [Count::Input, Count::Output, Count::Total].map(|count| usage.has(count));
    // Answers in these languages have both counts; one that is left out is zero.
    if table.has_both && (any[0] || any[1]) {
        for (count, has) in [Count::Input, Count::Output].into_iter().zip(any) {
            if !has {
                usage = usage.count(count, 0);
            }
        }
    }
    for (name, places) in table.others {
        let found = places.iter().flat_map(|place| path::find(report, place));
        if let Some(units) = found.filter_map(begun).max().filter(|units| *units > 0) {
            usage = usage.bucket(*name, units);
            any[0] = true;
        }
    }
    if language == Language::OpenAi && convention == Convention::Disjoint {
        let citations = count(report.get("citation_tokens")).unwrap_or(0);
        usage = usage.bucket("input_citation_tokens", citations);
    }
    if let Some((input, audio)) = audio_in_total(table, report) {
        usage = usage.count(Count::Input, input);
        usage = usage.count(Count::InputAudio, audio);
    }
    if !any.contains(&true) && !usage.has(Count::Searches) {
        return None;
    }
    if language != Language::Anthropic {
        usage = usage.with_plain_names();
    }
    if table
        .text_apart
        .iter()
        .any(|place| !path::find(report, place).is_empty())
    {
        usage = usage.with_text_apart();
    }
    Some(usage)
}

/// A count that may be in several places. Some are filled with zeros, so zero is the last choice. Of a part the
/// largest is taken; of a whole the first, since the places are in the order of what is billed. Several numbers at a
/// place are added up; a list of objects at a place, such as tokens, counts its elements.
fn units(what: Count, places: &[&str], report: &Value) -> Option<u64> {
    let counts = places.iter().filter_map(|place| {
        let is_list = place.ends_with(".*");
        let found = path::find(report, place).into_iter();
        found
            .filter_map(|value| {
                let element = || (is_list && value.is_object()).then_some(1);
                count(Some(value)).or_else(element)
            })
            .reduce(u64::saturating_add)
    });
    match what {
        Count::Input | Count::Output | Count::Total => {
            counts.reduce(|known, next| if known == 0 { next } else { known })
        }
        _ => counts.max(),
    }
}

/// Mistral counts audio in the total alone, and states how long it was. All input and the audio in it, if it is so.
fn audio_in_total(table: &Table, report: &Value) -> Option<(u64, u64)> {
    let seconds = path::find(report, table.audio_in_total?).pop()?;
    let stated = |what: Count| {
        let (what, places) = table.counts.iter().find(|(known, _)| *known == what)?;
        units(*what, places, report)
    };
    let (input, output) = (stated(Count::Input)?, stated(Count::Output)?);
    let audio = stated(Count::Total)?.checked_sub(input.checked_add(output)?)?;
    let is_apart = stated(Count::InputAudio).is_none() && begun(seconds)? > 0;
    is_apart.then_some((input + audio, audio))
}

/// Units of which a part is billed as a whole one: seconds.
fn begun(value: &Value) -> Option<u64> {
    count(Some(value)).or_else(|| {
        let seconds = value.as_f64().filter(|n| (0.0..1e9).contains(n))?;
        Some(seconds.ceil() as u64)
    })
}

/// The cost that a report of OpenRouter, Perplexity, DeepInfra, xAI or LiteLLM states.
fn stated_cost(report: &Value) -> Option<Cost> {
    let amount = |place: &str| path::find(report, place).pop().and_then(dollars);
    // A tick is 10^-10 dollars (xAI).
    let ticks = || Some(amount("cost_in_usd_ticks")? / 1e10);
    if let Some(cost) = amount("cost") {
        // If the user brings a key, OpenRouter states its fee here, and the provider's price beside it.
        let own_key = report.get("is_byok") == Some(&Value::Bool(true));
        let upstream = amount("cost_details.upstream_inference_cost").filter(|_| own_key);
        return Some(Cost::total(cost + upstream.unwrap_or(0.0)));
    }
    let total = [
        "cost.total_cost",
        "total_cost",
        "estimated_cost",
        "response_cost",
    ];
    let total = total.iter().find_map(|place| amount(place)).or_else(ticks);
    total.filter(|dollars| *dollars > 0.0).map(Cost::total)
}

#[cfg(test)]
mod tests;
