//! What is used when a prompt is not available: a text or messages in code, or a file that is read then.
//! Given to `request`, which reads it.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tracefuse_exporter::plain_text;

use crate::stored::Body;

/// The largest fallback file, in bytes.
const MAX_FILE: u64 = 1024 * 1024;

#[derive(Clone, Debug)]
pub(crate) enum Fallback {
    /// A text, or a list of messages.
    Code(Value),
    /// Its text is the prompt.
    TextFile(PathBuf),
    /// A JSON list of messages, or an object that has one as `prompt`.
    ChatFile(PathBuf),
}

impl Fallback {
    /// The prompt, or what is wrong with the file.
    pub(crate) async fn read(self) -> Result<Body, String> {
        match self {
            Self::Code(prompt) => {
                Body::read(&prompt).ok_or_else(|| "the fallback is no prompt".to_owned())
            }
            Self::TextFile(path) => file(path, |text| Some(Value::String(text))).await,
            Self::ChatFile(path) => {
                file(path, |text| {
                    let read: Value = serde_json::from_str(&text).ok()?;
                    match read {
                        Value::Object(mut whole) => whole.remove("prompt"),
                        messages => Some(messages),
                    }
                    .filter(Value::is_array)
                })
                .await
            }
        }
    }
}

async fn file(path: PathBuf, parse: fn(String) -> Option<Value>) -> Result<Body, String> {
    let shown = plain_text(&path.display().to_string()).into_owned();
    // On a thread for blocking work: a disk may be slow.
    let read = tokio::task::spawn_blocking(move || contents(&path)).await;
    let text = read
        .map_err(|error| error.to_string())
        .and_then(|read| read.map_err(|error| error.to_string()))
        .map_err(|error| format!("the fallback file {shown} cannot be read: {error}"))?;
    parse(text).as_ref().and_then(Body::read).ok_or_else(|| {
        format!("the fallback file {shown} is no chat prompt: expected a JSON list of messages")
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place of this crate that reads a file, which the application names"
)]
fn contents(path: &Path) -> std::io::Result<String> {
    use std::io::Read as _;

    let mut text = String::new();
    let file = std::fs::File::open(path)?;
    file.take(MAX_FILE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE {
        return Err(std::io::Error::other("it is larger than 1 MiB"));
    }
    Ok(text)
}
