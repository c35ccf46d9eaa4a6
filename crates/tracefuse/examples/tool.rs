//! Tools: one that works, one that fails and is tried again.

use serde_json::{Value, json};
use tracefuse::Trace;

fn main() -> anyhow::Result<()> {
    let tracer = tracefuse::from_env().or_else(|_| tracefuse::console(Default::default()))?;

    tracer.trace("tools").run(|trace| {
        let sum = call(&trace, "calculator", &json!({ "expression": "17 * 3" }));
        let weather = (0..2).find_map(|_| call(&trace, "weather", &json!({ "city": "Lyon" })).ok());
        trace.set_output(json!({ "sum": sum.ok(), "weather": weather }));
    });

    tracer.shutdown()?;
    Ok(())
}

fn call(trace: &Trace, tool: &str, arguments: &Value) -> anyhow::Result<Value> {
    trace.tool(tool).input(arguments).try_run(|span| {
        let result = match tool {
            "calculator" => Ok(json!(51)),
            _ => Err(anyhow::anyhow!("connection refused").context("the weather service is down")),
        }?;
        span.set_output(&result);
        Ok(result)
    })
}
