//! A RAG agent that answers questions about tracefuse from its own documents.
//!
//! Retrieval is real (BM25 over this repository's Markdown). The language model is whatever
//! `OPENAI_BASE_URL` and `OPENAI_API_KEY` name; without them, an extractive stand-in that says so.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "an example is an application"
)]

mod bm25;
mod model;

use serde_json::json;
use tracefuse::{ObservationType, Trace, Tracer, Usage};

use bm25::{Index, Passage};
use model::Model;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let tracer = tracefuse::from_env().or_else(|_| tracefuse::console(Default::default()))?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let question = match arguments.is_empty() {
        true => "What happens to spans while the server is down?".to_owned(),
        false => arguments.join(" "),
    };

    let index = Index::of_markdown(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))?;
    let answer = answer(&tracer, &index, &Model::from_env(), &question).await?;
    println!("{answer}");

    tracer.shutdown_async().await?;
    Ok(())
}

async fn answer(
    tracer: &Tracer,
    index: &Index,
    model: &Model,
    question: &str,
) -> anyhow::Result<String> {
    tracer
        .trace("rag-agent")
        .observation_type(ObservationType::Agent)
        .user_id("reader")
        .session_id("docs")
        .tags(["example", "rag"])
        .metadata("passages", index.len())
        .input(question)
        .try_run_async(async |trace| {
            let query = rewrite(&trace, question);
            let passages = retrieve(&trace, index, &query);
            let answer = generate(&trace, model, question, &passages).await?;
            judge(&trace, &answer, &passages);
            trace.set_output(&answer);
            Ok(match trace.id() {
                Some(id) => format!("{answer}\ntrace: {id}"),
                None => answer,
            })
        })
        .await
}

/// The words that carry the question.
fn rewrite(trace: &Trace, question: &str) -> String {
    trace.chain("rewrite").input(question).run(|span| {
        let query = bm25::words(question)
            .filter(|word| word.len() > 3)
            .collect::<Vec<_>>()
            .join(" ");
        span.set_output(&query);
        query
    })
}

fn retrieve<'a>(trace: &Trace, index: &'a Index, query: &str) -> Vec<&'a Passage> {
    trace
        .retriever("bm25")
        .input(query)
        .metadata("top_k", 3)
        .run(|span| {
            let found = index.search(query, 3);
            for (score, passage) in &found {
                span.event("hit")
                    .metadata("source", &passage.source)
                    .metadata("score", score)
                    .record();
            }
            let passages: Vec<&Passage> = found.into_iter().map(|(_, passage)| passage).collect();
            span.set_output_with(|| {
                passages
                    .iter()
                    .map(|passage| &passage.text)
                    .collect::<Vec<_>>()
            });
            passages
        })
}

async fn generate(
    trace: &Trace,
    model: &Model,
    question: &str,
    passages: &[&Passage],
) -> anyhow::Result<String> {
    let context = passages
        .iter()
        .map(|passage| passage.text.as_str())
        .collect::<Vec<_>>()
        .join("\n\n");
    let messages = json!([
        { "role": "system", "content": format!("Answer from these passages, briefly:\n\n{context}") },
        { "role": "user", "content": question },
    ]);
    trace
        .generation("answer")
        .model(model.name())
        .model_parameter("temperature", 0)
        .input(&messages)
        .try_run_async(async |span| {
            let reply = model
                .chat(&messages, question, || span.record_first_token())
                .await?;
            span.set_usage(Usage::openai(reply.prompt_tokens, reply.completion_tokens));
            span.set_output(&reply.text);
            Ok(reply.text)
        })
        .await
}

/// Whether the answer's words stand in the passages it was given.
fn judge(trace: &Trace, answer: &str, passages: &[&Passage]) {
    trace.evaluator("grounded").input(answer).run(|span| {
        let known: Vec<String> = passages
            .iter()
            .flat_map(|passage| bm25::words(&passage.text))
            .collect();
        let words: Vec<String> = bm25::words(answer).collect();
        let grounded = words.iter().filter(|word| known.contains(word)).count();
        span.set_output(json!({ "share_of_words": grounded as f64 / words.len().max(1) as f64 }));
    });
}
