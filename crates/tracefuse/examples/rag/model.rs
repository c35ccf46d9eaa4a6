//! The language model: an OpenAI-compatible endpoint, or a stand-in that quotes.

use serde_json::{Value, json};

pub(crate) enum Model {
    OpenAi {
        url: String,
        key: String,
        name: String,
    },
    /// Not a language model: it quotes the sentence of the passages that shares most words with the question.
    OfflineExtract,
}

pub(crate) struct Reply {
    pub(crate) text: String,
    pub(crate) prompt_tokens: u64,
    pub(crate) completion_tokens: u64,
}

impl Model {
    pub(crate) fn from_env() -> Self {
        match (
            std::env::var("OPENAI_BASE_URL"),
            std::env::var("OPENAI_API_KEY"),
        ) {
            (Ok(url), Ok(key)) => {
                let name = std::env::var("OPENAI_MODEL").unwrap_or_else(|_| "gpt-4o-mini".into());
                Self::OpenAi {
                    url: format!("{}/chat/completions", url.trim_end_matches('/')),
                    key,
                    name,
                }
            }
            _ => Self::OfflineExtract,
        }
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Self::OpenAi { name, .. } => name,
            Self::OfflineExtract => "offline-extractive-stand-in",
        }
    }

    /// Asks the model. `first_token` is called when it begins to answer.
    pub(crate) async fn chat(
        &self,
        messages: &Value,
        question: &str,
        first_token: impl FnOnce(),
    ) -> anyhow::Result<Reply> {
        match self {
            Self::OpenAi { url, key, name } => {
                let (url, key) = (url.clone(), format!("Bearer {key}"));
                let body = json!({ "model": name, "temperature": 0, "messages": messages });
                let answer = tokio::task::spawn_blocking(move || -> anyhow::Result<Value> {
                    let mut answer = ureq::post(&url)
                        .header("Authorization", key)
                        .send_json(body)?;
                    Ok(answer.body_mut().read_json()?)
                });
                let answer = reply(&answer.await??);
                first_token();
                answer
            }
            Self::OfflineExtract => {
                let reply = extract(messages, question);
                // At a small model's pace, so that the trace has something to show.
                let word = std::time::Duration::from_millis(4);
                tokio::time::sleep(10 * word).await;
                first_token();
                tokio::time::sleep(reply.completion_tokens as u32 * word).await;
                Ok(reply)
            }
        }
    }
}

fn reply(answer: &Value) -> anyhow::Result<Reply> {
    let text = answer["choices"][0]["message"]["content"].as_str();
    let text = text
        .ok_or_else(|| anyhow::anyhow!("the model's answer has no message"))?
        .to_owned();
    let tokens = |name: &str| answer["usage"][name].as_u64().unwrap_or_default();
    Ok(Reply {
        text,
        prompt_tokens: tokens("prompt_tokens"),
        completion_tokens: tokens("completion_tokens"),
    })
}

fn extract(messages: &Value, question: &str) -> Reply {
    let asked: Vec<String> = super::bm25::words(question).collect();
    let shared = |sentence: &&str| {
        super::bm25::words(sentence)
            .filter(|word| asked.contains(word))
            .count()
    };
    let system = messages[0]["content"].as_str().unwrap_or_default();
    let passages = system
        .split_once("\n\n")
        .unwrap_or_default()
        .1
        .replace('\n', " ")
        .replace("  ", " ");
    let sentences = passages
        .split_inclusive(['.', '|', '*'])
        .map(str::trim)
        .filter(|sentence| sentence.len() > 30);
    let best = sentences
        .max_by_key(shared)
        .unwrap_or("The documents say nothing about it.");
    let count = |text: &str| super::bm25::words(text).count() as u64;
    Reply {
        text: format!("(quoted, no language model) {best}"),
        prompt_tokens: count(&messages.to_string()),
        completion_tokens: count(best),
    }
}
