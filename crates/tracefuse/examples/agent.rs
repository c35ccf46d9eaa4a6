//! An agent's loop: plan, use a tool, judge, until it is done.

use serde_json::json;
use tracefuse::{ObservationType, Span, Usage};

fn main() -> anyhow::Result<()> {
    let tracer = tracefuse::from_env().or_else(|_| tracefuse::console(Default::default()))?;

    let question = "How many days until the next leap day?";
    tracer
        .trace("agent")
        .observation_type(ObservationType::Agent)
        .input(question)
        .run(|trace| {
            let mut notes = Vec::new();
            for step in 1..=3 {
                let done = trace
                    .chain(&format!("step {step}"))
                    .metadata("step", step)
                    .run(|span| {
                        let action = plan(&span, &notes);
                        notes.push(act(&span, action));
                        judge(&span, &notes)
                    });
                if done {
                    break;
                }
            }
            trace.set_output(notes.last());
        });

    tracer.shutdown()?;
    Ok(())
}

fn plan(step: &Span, notes: &[String]) -> &'static str {
    step.generation("plan")
        .model("gpt-4o-mini")
        .input(json!({ "notes": notes }))
        .run(|span| {
            let action = if notes.is_empty() {
                "today"
            } else {
                "days_between"
            };
            span.set_usage(Usage::openai(180 + 40 * notes.len() as u64, 12));
            span.set_output(action);
            action
        })
}

fn act(step: &Span, action: &str) -> String {
    step.tool(action).run(|span| {
        let result = match action {
            "today" => "2026-11-23",
            _ => "463 days until 2028-02-29",
        };
        span.set_output(result);
        result.to_owned()
    })
}

fn judge(step: &Span, notes: &[String]) -> bool {
    step.evaluator("is it answered?")
        .input(notes.last())
        .run(|span| {
            let done = notes.len() == 2;
            span.set_output(done);
            done
        })
}
