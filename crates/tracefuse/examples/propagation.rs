//! A trace that begins in one service and continues in another. Here both are functions, and the headers are a map.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::collections::HashMap;

use tracefuse::{Tracer, with_attributes};

fn main() -> anyhow::Result<()> {
    let tracer = tracefuse::from_env().or_else(|_| tracefuse::console(Default::default()))?;
    let answer = with_attributes()
        .user_id("user123")
        .session_id("session456")
        .run(|| gateway(&tracer));
    println!("{answer}");
    tracer.shutdown()?;
    Ok(())
}

/// The service that receives the request; it calls another one.
fn gateway(tracer: &Tracer) -> String {
    tracer.trace("gateway").run(|trace| {
        trace.tool("ask-backend").run(|span| {
            let mut headers = HashMap::new();
            span.inject(&mut headers);
            backend(tracer, &headers)
        })
    })
}

/// In general another process: all it knows about the trace is in the headers.
fn backend(tracer: &Tracer, headers: &HashMap<String, String>) -> String {
    tracer.trace("backend").continue_from(headers).run(|trace| {
        trace.generation("answer").model("gpt-4o").run(|span| {
            span.set_output("It depends.");
            "It depends.".to_owned()
        })
    })
}
