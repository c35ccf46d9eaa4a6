//! Values that are masked because of their key, such as `password`.
//! Used by `Mask::keys` and `Mask::secret_fields`.

use tracefuse_core::record::{Value, ValueRef};

use super::{MASKED, MaskTarget, Masker};

/// Keys whose values are credentials as a rule. Not `token`: that is also what models speak in.
const SECRET: &[&str] = &[
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "secret_key",
    "secret_access_key",
    "api_key",
    "access_key",
    "private_key",
    "encryption_key",
    "signing_key",
    "access_token",
    "refresh_token",
    "id_token",
    "auth_token",
    "bearer_token",
    "session_token",
    "security_token",
    "api_token",
    "authorization",
    "credential",
    "credentials",
    "cookie",
];

pub(super) struct Keys {
    /// Words put together in lower case: `apikey`.
    keys: Vec<String>,
}

impl Keys {
    pub(super) fn new<K: AsRef<str>>(keys: impl IntoIterator<Item = K>) -> Self {
        let joined = keys.into_iter().map(|key| words(key.as_ref()).concat());
        Self {
            keys: joined.filter(|key| !key.is_empty()).collect(),
        }
    }

    pub(super) fn secret() -> Self {
        Self::new(SECRET)
    }

    /// Whether the last words of `key` are those of one of ours.
    fn contains(&self, key: &str) -> bool {
        let mut last = String::new();
        words(key).iter().rev().any(|word| {
            last.insert_str(0, word);
            self.keys.contains(&last)
        })
    }
}

impl Masker for Keys {
    fn mask(&self, _: ValueRef<'_>, at: &MaskTarget<'_>) -> Option<Value> {
        self.contains(at.key()?)
            .then(|| Value::Str(MASKED.to_owned()))
    }
}

/// `userApiKey`, `user_api_key` and `USER-API-KEY` are the same three words.
fn words(key: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut before = ' ';
    let mut chars = key.chars().peekable();
    while let Some(c) = chars.next() {
        let next_is_small = chars.peek().is_some_and(|next| next.is_lowercase());
        let begins =
            c.is_uppercase() && (before.is_lowercase() || (before.is_uppercase() && next_is_small));
        if (begins || !c.is_alphanumeric()) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_compared_by_their_words() {
        let secret = Keys::secret();
        for key in [
            "password",
            "Password",
            "PASSWORD",
            "db_password",
            "userPassword",
            "api_key",
            "apiKey",
            "APIKey",
            "API-KEY",
            "apikey",
            "x-api-key",
            "OPENAI_API_KEY",
            "openaiApiKey",
            "authorization",
            "Proxy-Authorization",
            "Set-Cookie",
            "client_secret",
            "aws.secret_access_key",
            "refreshToken",
            "privateKey",
            "secretKey",
            "user credentials",
        ] {
            assert!(secret.contains(key), "{key}");
        }
        for key in [
            "",
            "_",
            "token",
            "max_tokens",
            "tokens",
            "prompt_tokens",
            "passwords_seen",
            "password_hint",
            "secretary",
            "keyboard",
            "key",
            "cookies_accepted",
            "api_key_count",
            "compass",
            "monkey",
            "primaryKey",
            "author",
        ] {
            assert!(!secret.contains(key), "{key}");
        }
        let own = Keys::new(["Diagnosis", "", "home address"]);
        assert!(own.contains("diagnosis") && own.contains("homeAddress") && !own.contains(""));
        assert!(!own.contains("address"));
    }
}
