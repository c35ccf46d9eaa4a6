//! Every kind of call with arguments that can be recognised, in a build without exporters: `cargo xtask assembly`
//! looks for them, and for calls in the functions whose names begin with `traced_`.

use std::hint::black_box;

use tracefuse::{Level, Span, Trace, Tracer, Usage, with_attributes};

fn main() {
    let tracer = black_box(Tracer::noop());
    let sum = traced_work(&tracer, black_box(1)) + traced_everything(&tracer, black_box(2));
    println!("{sum}");
}

/// The program of the README: only its own work may be left.
#[unsafe(no_mangle)]
#[inline(never)]
fn traced_work(tracer: &Tracer, number: u64) -> u64 {
    let trace = tracer.trace("MARKER-name").user_id("MARKER-user").session_id("MARKER-session");
    trace.tag("MARKER-tag").metadata("MARKER-key", "MARKER-value").run(|trace| {
        let found = trace.retriever("MARKER-child").metadata("MARKER-k", number).run(|_| number + 1);
        trace.generation("MARKER-generation").model("MARKER-model").input("MARKER-input").run(|span| {
            span.set_usage(Usage::new(812, 164));
            span.set_output("MARKER-output");
            found * 2
        })
    })
}

/// The other calls, on handles that are given as arguments.
#[inline(never)]
fn traced_everything(tracer: &Tracer, number: u64) -> u64 {
    let trace = tracer.trace("MARKER-a").version("MARKER-b").release("MARKER-c").input("MARKER-d").start();
    traced_trace(black_box(&trace), number);
    let span = trace.span("MARKER-e").model_parameter("MARKER-f", "MARKER-g").output("MARKER-h").start();
    traced_span(black_box(&span), number);
    tracer.score_session("MARKER-i", "MARKER-j", 0.5).comment("MARKER-k").record();
    with_attributes().user_id("MARKER-l").tag("MARKER-m").metadata("MARKER-n", "MARKER-o").run(|| {
        Span::current().add_metadata("MARKER-p", "MARKER-q");
        number
    })
}

#[unsafe(no_mangle)]
#[inline(never)]
fn traced_trace(trace: &Trace, number: u64) {
    trace.set_user_id("MARKER-A");
    trace.set_session_id("MARKER-B");
    trace.set_name("MARKER-C");
    trace.set_version("MARKER-D");
    trace.add_metadata("MARKER-E", "MARKER-F");
    trace.add_tag("MARKER-G");
    trace.set_input("MARKER-H");
    trace.set_output_with(|| format!("MARKER-I {number}"));
    trace.record_event("MARKER-J");
    trace.score("MARKER-K", number).comment("MARKER-L").record();
}

#[unsafe(no_mangle)]
#[inline(never)]
fn traced_span(span: &Span, number: u64) {
    span.set_name("MARKER-N");
    span.add_metadata("MARKER-O", number);
    span.add_metadata_with("MARKER-P", || format!("MARKER-Q {number}"));
    span.add_tag("MARKER-R");
    span.set_input("MARKER-S");
    span.set_output_with(|| vec!["MARKER-T"]);
    span.set_model("MARKER-U");
    span.add_model_parameter("MARKER-V", 0.5);
    span.set_level(Level::Warning);
    span.set_status_message("MARKER-W");
    span.set_prompt("MARKER-X", 1);
    span.event("MARKER-Y").metadata("MARKER-Z", "MARKER-1").input("MARKER-2").record();
    span.score("MARKER-3", 0.5).comment("MARKER-4").record();
    span.tool("MARKER-5").metadata("MARKER-6", number).start().end();
}
