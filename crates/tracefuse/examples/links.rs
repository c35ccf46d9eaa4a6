//! Links to other spans: a retry to the attempt before it, and a job to the requests that it answers. The `tracestate` of the
//! caller goes on to the next service. `cargo run --example links`

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::collections::HashMap;

use tracefuse::propagation::{Link, RemoteContext};
use tracefuse::{Status, Tracer};

/// The headers of a request, or the attributes of a message in a queue.
type Headers = HashMap<String, String>;

fn main() -> anyhow::Result<()> {
    let tracer = tracefuse::from_env().or_else(|_| tracefuse::console(Default::default()))?;
    let caller = Headers::from([
        (
            "traceparent".into(),
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into(),
        ),
        ("tracestate".into(), "vendor=opaque".into()),
    ]);
    let queue = [request(&tracer, &caller), request(&tracer, &Headers::new())];
    println!(
        "sent on: {:?}",
        queue.first().and_then(|sent| sent.get("tracestate"))
    );
    job(&tracer, &queue);
    tracer.shutdown()?;
    Ok(())
}

/// Answers at the second attempt, and returns what it puts into the queue.
fn request(tracer: &Tracer, caller: &Headers) -> Headers {
    tracer.trace("request").continue_from(caller).run(|trace| {
        let first = trace.generation("answer").model("gpt-4o").start();
        first.set_status(Status::error("429 Too Many Requests"));
        first.end();
        let again = trace.generation("answer").model("gpt-4o").link(&first);
        again.run(|span| span.set_output("It depends."));
        let mut message = Headers::new();
        trace.inject(&mut message); // traceparent, tracestate and baggage
        message
    })
}

/// Runs later, in another trace: a link to each request says what it belongs to.
fn job(tracer: &Tracer, queue: &[Headers]) {
    tracer.trace("summaries").run(|trace| {
        let mut summary = trace.generation("summarize").model("gpt-4o");
        for (at, message) in queue.iter().enumerate() {
            let request = RemoteContext::extract(message);
            let link = request.as_ref().and_then(Option::<Link>::from);
            summary = summary.link(link.map(|link| link.metadata("position", at)));
        }
        summary.run(|span| span.set_output("Two requests."));
    });
}
