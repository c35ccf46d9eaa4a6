//! Parameters of the read API: what is no valid value is collected as an issue, as the server reports it.
//! Used by `read` and `score_list`.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Value, json};

use crate::answers::Incoming;
use crate::reply::Reply;
use crate::time;

/// The parameters of one request, and what is wrong with them so far.
pub(crate) struct Query<'a> {
    request: &'a Incoming,
    issues: Vec<Value>,
}

impl<'a> Query<'a> {
    /// Every parameter may come once, except those of `lists`.
    pub(crate) fn new(request: &'a Incoming, lists: &[&str]) -> Self {
        let mut query = Self {
            request,
            issues: Vec::new(),
        };
        for (key, values) in &request.query {
            if values.len() > 1 && !lists.contains(&key.as_str()) {
                query.issue(key, "Invalid input: expected string, received array");
            }
        }
        query
    }

    pub(crate) fn issue(&mut self, path: &str, message: &str) {
        let path: Vec<&str> = [path].into_iter().filter(|path| !path.is_empty()).collect();
        self.issues
            .push(json!({ "code": "custom", "path": path, "message": message }));
    }

    /// The refusal, if anything is wrong.
    pub(crate) fn refusal(self) -> Option<Reply> {
        (!self.issues.is_empty()).then(|| Reply::invalid(self.issues))
    }

    pub(crate) fn text(&self, key: &str) -> Option<&'a str> {
        self.request.one(key)
    }

    /// A text that is not empty.
    pub(crate) fn filled(&self, key: &str) -> Option<&'a str> {
        self.text(key).filter(|text| !text.is_empty())
    }

    /// The parts of a text between commas that are not empty; `None` if there is none.
    pub(crate) fn list(&self, key: &str) -> Option<Vec<&'a str>> {
        let parts = self.text(key)?.split(',').map(str::trim);
        let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
        (!parts.is_empty()).then_some(parts)
    }

    /// One of these words, spelled as they are.
    pub(crate) fn word(&mut self, key: &str, words: &[&str]) -> Option<&'a str> {
        let given = self.text(key)?;
        if !words.contains(&given) {
            let words: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
            self.issue(
                key,
                &format!("Invalid option: expected one of {}", words.join("|")),
            );
        }
        Some(given)
    }

    /// An integer; an empty text counts as `empty`.
    pub(crate) fn integer(
        &mut self,
        key: &str,
        default: usize,
        empty: usize,
        range: (usize, usize),
    ) -> usize {
        let (least, most) = range;
        let number = match self.text(key) {
            None => Some(default),
            Some("") => Some(empty),
            Some(text) => text.trim().parse().ok(),
        };
        match number {
            Some(number) if (least..=most).contains(&number) => number,
            Some(number) if number > most => {
                self.issue(key, &format!("Too big: expected number to be <={most}"));
                most
            }
            Some(_) => {
                self.issue(key, &format!("Too small: expected number to be >={least}"));
                least
            }
            None => {
                self.issue(key, "Invalid input: expected number");
                least
            }
        }
    }

    /// A number; an empty text is none.
    pub(crate) fn number(&mut self, key: &str) -> Option<f64> {
        let text = self.filled(key)?;
        let number = text
            .trim()
            .parse::<f64>()
            .ok()
            .filter(|number| number.is_finite());
        if number.is_none() {
            self.issue(key, "Invalid input: expected number");
        }
        number
    }

    /// Milliseconds since 1970 of a time with `T` and an offset.
    pub(crate) fn datetime(&mut self, key: &str) -> Option<i64> {
        let time = time::strict(self.text(key)?);
        if time.is_none() {
            self.issue(key, "Invalid ISO datetime");
        }
        time
    }

    /// Milliseconds since 1970 of anything that JavaScript takes for a date; an empty text is none.
    pub(crate) fn date(&mut self, key: &str) -> Option<i64> {
        let time = time::javascript(&self.filled(key)?.into());
        if time.is_none() {
            self.issue(key, "Invalid input: expected date, received Date");
        }
        time
    }

    /// What a cursor says: a time and an id, and what else is in it.
    pub(crate) fn cursor(&mut self, time_key: &str) -> Result<Option<(i64, String, Value)>, Reply> {
        let Some(text) = self.text("cursor") else {
            return Ok(None);
        };
        let Some(cursor) = decode_cursor(text) else {
            return Err(Reply::error(
                400,
                "InvalidRequestError",
                "Invalid cursor format",
            ));
        };
        let time = cursor.get(time_key).and_then(time::javascript);
        let id = cursor["lastId"].as_str().map(str::to_owned);
        match time.zip(id) {
            Some((time, id)) => Ok(Some((time, id, cursor))),
            None => {
                self.issue("cursor", "Invalid input: expected object");
                Ok(None)
            }
        }
    }
}

/// A place in a list as text.
pub(crate) fn encode_cursor(cursor: &Value) -> String {
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(cursor.to_string())
}

/// Base64 of either alphabet, with anything else in it passed over, as Node.js reads it.
fn decode_cursor(text: &str) -> Option<Value> {
    let lenient = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let is_url = text.contains(['-', '_']);
    let alphabet = if is_url { URL_SAFE } else { STANDARD };
    let known =
        |c: &char| c.is_ascii_alphanumeric() || (if is_url { "-_" } else { "+/" }).contains(*c);
    let text: String = text.chars().filter(known).collect();
    let bytes = GeneralPurpose::new(&alphabet, lenient).decode(text).ok()?;
    serde_json::from_slice(&bytes).ok()
}
