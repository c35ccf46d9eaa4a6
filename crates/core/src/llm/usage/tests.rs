//! Costs and counts at the edges; each documented shape is a file in `crates/core/tests/data/usage/`.

use serde_json::json;

use super::*;

#[test]
fn a_cost_of_nothing_is_not_stated() {
    let cost = |report: Value| {
        let cost = stated_cost(&report)?;
        cost.buckets().map(|(_, dollars)| dollars).next()
    };
    for (name, dollars) in [
        ("total_cost", 1.0),
        ("estimated_cost", 1.0),
        ("response_cost", 1.0),
        ("cost_in_usd_ticks", 1e10),
    ] {
        assert_eq!(cost(json!({ (name): dollars })), Some(1.0), "{name}");
        assert_eq!(cost(json!({ (name): 0 })), None, "{name}");
    }
    let details = json!({ "upstream_inference_cost": 0.5 });
    for (own_key, dollars) in [(true, 0.75), (false, 0.25)] {
        let report = json!({ "cost": 0.25, "is_byok": own_key, "cost_details": details });
        assert_eq!(cost(report), Some(dollars), "{own_key}");
    }
}

#[test]
fn a_report_of_zeros_counts_unless_there_is_a_better_one() {
    let report =
        |input: u64, output: u64| json!({ "prompt_tokens": input, "completion_tokens": output });
    for (first, second, expected) in [
        (report(0, 0), Value::Null, (0, 0)),
        (report(0, 0), report(3, 4), (3, 4)),
        (report(3, 4), report(0, 0), (3, 4)),
        (report(3, 4), report(5, 6), (3, 4)),
        (report(0, 0), json!({ "total_tokens": 0 }), (0, 0)),
    ] {
        let answer = json!({ "usage": first, "x_groq": { "usage": second } });
        let usage = read(Language::OpenAi, &answer).usage.unwrap();
        let buckets: Vec<_> = usage.buckets().collect();
        assert_eq!(
            buckets,
            [("input", expected.0), ("output", expected.1)],
            "{answer}"
        );
    }
    let nothing = json!({ "usage": {} });
    assert_eq!(read(Language::OpenAi, &nothing).usage, None);
}

#[test]
fn a_cost_of_nothing_in_an_answer_is_not_stated_either() {
    for (answer, dollars) in [
        (json!({ "total_cost_usd": 0 }), None),
        (json!({ "total_cost_usd": 0.25 }), Some(0.25)),
        // Beside what a gateway put around the answer.
        (
            json!({ "result": { "content": [] }, "response_cost": 0.5 }),
            Some(0.5),
        ),
        (
            json!({ "response_cost": 0, "_hidden_params": { "response_cost": 0.5 } }),
            Some(0.5),
        ),
    ] {
        let cost = read(Language::Anthropic, &answer).cost;
        assert_eq!(cost, dollars.map(Cost::total), "{answer}");
    }
}

/// The first event of Anthropic's stream states what went in, the last one what came out.
#[test]
fn chunks_in_a_list_are_read_as_one_answer() {
    let start = json!({ "type": "message_start", "message": { "usage": { "input_tokens": 472, "output_tokens": 2 } } });
    let delta = json!({ "type": "message_delta", "usage": { "output_tokens": 89 } });
    let usage = read(Language::Anthropic, &json!([start, delta]))
        .usage
        .unwrap();
    assert_eq!(
        usage.buckets().collect::<Vec<_>>(),
        [("input", 472), ("output", 89)]
    );
    assert_eq!(
        read(Language::Anthropic, &json!([{ "type": "ping" }])).usage,
        None
    );
    let ollama = json!([{ "response": "Hi" }, { "prompt_eval_count": 4, "eval_count": 2 }]);
    let usage = read(Language::Ollama, &ollama).usage.unwrap();
    assert_eq!(
        usage.buckets().collect::<Vec<_>>(),
        [("input", 4), ("output", 2)]
    );
}

#[test]
fn a_list_of_objects_at_a_place_counts_its_elements() {
    let report =
        json!({ "list": [{ "id": 1 }, { "id": 2 }, null, "x"], "object": {}, "numbers": [3, 4] });
    for (place, found) in [
        ("list.*", Some(2)),
        ("numbers.*", Some(7)),
        ("object", None),
        ("list", None),
    ] {
        assert_eq!(units(Count::Cached, &[place], &report), found, "{place}");
    }
}

#[test]
fn units_of_nothing_are_no_bucket() {
    let answer = json!({ "usage": { "prompt_tokens": 3, "seconds": 0, "pages_processed": 2 } });
    let usage = read(Language::OpenAi, &answer).usage.unwrap();
    assert_eq!(
        usage.buckets().collect::<Vec<_>>(),
        [("input", 3), ("pages", 2)]
    );
    let nothing = json!({ "usage": { "seconds": 0 } });
    assert_eq!(read(Language::OpenAi, &nothing).usage, None);
}

/// Mistral counts the audio that went in in the total alone.
#[test]
fn what_only_the_total_has_is_audio_if_there_was_audio() {
    let report = |seconds: Value, audio: Value, total: u64| {
        json!({ "usage": { "prompt_tokens": 4, "completion_tokens": 6, "total_tokens": total,
        "prompt_audio_seconds": seconds, "prompt_tokens_details": { "audio_tokens": audio } } })
    };
    for (answer, input) in [
        (
            report(json!(2), Value::Null, 30),
            &[
                ("input", 4),
                ("input_audio_tokens", 20),
                ("output", 6),
                ("audio_seconds", 2),
                ("total", 30),
            ][..],
        ),
        (
            report(json!(2), Value::Null, 10),
            &[
                ("input", 4),
                ("output", 6),
                ("audio_seconds", 2),
                ("total", 10),
            ],
        ),
        (
            report(json!(0), Value::Null, 30),
            &[
                ("input", 4),
                ("output", 6),
                ("output_reasoning_tokens", 20),
                ("total", 30),
            ],
        ),
        (
            report(json!(2), json!(3), 10),
            &[
                ("input", 1),
                ("input_audio_tokens", 3),
                ("output", 6),
                ("audio_seconds", 2),
                ("total", 10),
            ],
        ),
    ] {
        let usage = read(Language::OpenAi, &answer).usage.unwrap();
        assert_eq!(usage.buckets().collect::<Vec<_>>(), input, "{answer}");
    }
}

/// <https://platform.openai.com/docs/guides/tools-web-search>: only the action `search` is billed.
#[test]
fn a_page_that_is_opened_is_no_search() {
    let call = |action: Value| json!({ "type": "web_search_call", "action": action });
    let answer = |calls: Value| json!({ "output": calls, "usage": { "input_tokens": 5 } });
    for (calls, searches) in [
        (
            json!([
                call(json!({ "type": "search" })),
                call(json!({ "type": "open_page" }))
            ]),
            Some(1),
        ),
        (json!([call(Value::Null)]), Some(1)),
        (json!([call(json!({ "type": "find" }))]), None),
    ] {
        let usage = read(Language::OpenAi, &answer(calls)).usage.unwrap();
        let found = usage
            .buckets()
            .find(|(name, _)| *name == "web_search_queries");
        assert_eq!(found.map(|(_, units)| units), searches);
    }
}
