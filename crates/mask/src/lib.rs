//! Masks for tracefuse: takes e-mail addresses, card numbers, API keys and secret fields out of finished records.
//!
//! Applications build a [`Mask`] from detectors and their own functions, or implement [`Masker`], and give it to the tracer's
//! builder in `tracefuse`. Delivery (`tracefuse-runtime`) calls [`apply`] before any exporter reads a
//! record. A library that is instrumented with `tracefuse-core` does not compile this crate.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]

pub mod apply;
mod card;
mod email;
mod functions;
mod json;
mod json_text;
mod keys;
mod pattern;
mod target;
mod tokens;
mod walk;

use std::fmt;
use std::sync::Arc;

use tracefuse_core::record::{Value, ValueRef};

use functions::{Rewrite, Text};

pub use pattern::PatternError;
pub use target::MaskTarget;

/// Replaces a value whose masker panicked.
const FAILED: &str = "<masking failed>";
/// Replaces the value of a secret key.
const MASKED: &str = "<masked>";

/// Takes out of values what must not leave the process; called on delivery's thread.
///
/// It is called with each value; with an object or an array first as a whole, as [`ValueRef::Json`], then
/// with every part of it. A text that is JSON itself, as tool calls' arguments are, is shown as JSON. A
/// masker that panics costs the whole value it was shown a part of, and is counted and logged.
pub trait Masker: Send + Sync + 'static {
    /// The value that replaces it; `None` keeps it.
    fn mask(&self, value: ValueRef<'_>, at: &MaskTarget<'_>) -> Option<Value>;

    /// The text that replaces a key of an object, which may be a secret as well; keys are kept by default.
    fn mask_key(&self, key: &str, at: &MaskTarget<'_>) -> Option<String> {
        let _ = (key, at);
        None
    }
}

// Masker stays usable as dyn.
const _: fn(&dyn Masker) = |_| {};

impl<M: Masker + ?Sized> Masker for Arc<M> {
    fn mask(&self, value: ValueRef<'_>, at: &MaskTarget<'_>) -> Option<Value> {
        (**self).mask(value, at)
    }

    fn mask_key(&self, key: &str, at: &MaskTarget<'_>) -> Option<String> {
        (**self).mask_key(key, at)
    }
}

/// A [`Masker`] put together from ready-made ones and your own; each gets the result of those before it.
///
/// ```
/// use tracefuse_core::record::Value;
/// use tracefuse_mask::Mask;
///
/// let mask = Mask::new()
///     .emails()
///     .credit_cards()
///     .api_keys()
///     .secret_fields()
///     .keys(["diagnosis"])
///     .regex(r"\b\d{3}-\d{2}-\d{4}\b", "<ssn>")?
///     .rewrite(|_, at| (at.path() == "metadata.customer").then(|| Value::Str("someone".into())));
/// # let _ = mask;
/// # Ok::<(), tracefuse_mask::PatternError>(())
/// ```
#[derive(Default)]
#[must_use = "a mask masks nothing until a tracer has it"]
pub struct Mask {
    maskers: Vec<Box<dyn Masker>>,
}

impl Mask {
    /// One that masks nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// All ready-made masks: e-mail addresses, credit cards, API keys and secret fields.
    pub fn standard() -> Self {
        Self::new()
            .secret_fields()
            .api_keys()
            .credit_cards()
            .emails()
    }

    /// E-mail addresses become `<email>`.
    pub fn emails(self) -> Self {
        self.rewrite_text(email::mask)
    }

    /// Credit card numbers, with a checksum that is right, become `<credit card>`; in text with spaces
    /// or dashes, and as numbers in JSON.
    pub fn credit_cards(self) -> Self {
        self.with(Text {
            mask: card::mask,
            numbers: true,
        })
    }

    /// Keys and tokens that are known by their form become `<api key>`, `<token>`, `<jwt>` or
    /// `<private key>`: `sk-..`, `ghp_..`, `AKIA..`, `Bearer ..`, JSON Web Tokens, PEM and others.
    pub fn api_keys(self) -> Self {
        self.rewrite_text(tokens::mask)
    }

    /// Values of keys that hold credentials as a rule, such as `password`, `api_key`, `authorization`
    /// or `client_secret`, become `<masked>`; see [`keys`](Self::keys).
    pub fn secret_fields(self) -> Self {
        self.with(keys::Keys::secret())
    }

    /// Values of these keys become `<masked>`, whatever they are, in metadata and at any depth of JSON.
    /// `api_key` also means `apiKey`, `API-KEY` and `openai_api_key`, but not `api_keys_left`.
    pub fn keys<K: AsRef<str>>(self, keys: impl IntoIterator<Item = K>) -> Self {
        self.with(keys::Keys::new(keys))
    }

    /// Whatever matches becomes `replacement`, where `$1` and `${name}` stand for groups. Numbers are
    /// matched as text, and become text if they match. Takes time in proportion to the text.
    ///
    /// # Errors
    /// If the pattern cannot be read. The syntax is that of the crate `regex-lite`: no Unicode classes.
    pub fn regex(self, pattern: &str, replacement: &str) -> Result<Self, PatternError> {
        let pattern = pattern::Pattern::new(pattern, replacement)?;
        Ok(self.with(Text {
            mask: move |text: &str| pattern.mask(text),
            numbers: true,
        }))
    }

    /// Replaces a text by the result of `rewrite`; `None` keeps it. It is called with keys of objects as well.
    pub fn rewrite_text(
        self,
        rewrite: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.with(Text {
            mask: rewrite,
            numbers: false,
        })
    }

    /// Replaces a value by the result of `rewrite`; `None` keeps it.
    pub fn rewrite(
        self,
        rewrite: impl Fn(ValueRef<'_>, &MaskTarget<'_>) -> Option<Value> + Send + Sync + 'static,
    ) -> Self {
        self.with(Rewrite(rewrite))
    }

    /// Another masker after these.
    pub fn with(mut self, masker: impl Masker) -> Self {
        self.maskers.push(Box::new(masker));
        self
    }
}

impl Masker for Mask {
    fn mask(&self, value: ValueRef<'_>, at: &MaskTarget<'_>) -> Option<Value> {
        let mut masked = None;
        for masker in &self.maskers {
            let seen = masked.as_ref().map_or(value, Value::as_ref);
            masked = masker.mask(seen, at).or(masked);
        }
        masked
    }

    fn mask_key(&self, key: &str, at: &MaskTarget<'_>) -> Option<String> {
        let mut masked: Option<String> = None;
        for masker in &self.maskers {
            let seen = masked.as_deref().unwrap_or(key);
            masked = masker.mask_key(seen, at).or(masked);
        }
        masked
    }
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mask")
            .field("maskers", &self.maskers.len())
            .finish()
    }
}

/// Replaces the stretches that `find` gives, which must be in order and apart; `None` if there is none.
fn replace<'a>(
    text: &str,
    mut find: impl FnMut(usize) -> Option<(std::ops::Range<usize>, &'a str)>,
) -> Option<String> {
    let (mut out, mut copied) = (String::new(), 0);
    while let Some((found, replacement)) = find(copied) {
        out.push_str(text.get(copied..found.start).unwrap_or_default());
        out.push_str(replacement);
        copied = found.end;
    }
    (copied > 0).then(|| {
        out.push_str(text.get(copied..).unwrap_or_default());
        out
    })
}
