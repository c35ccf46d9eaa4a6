//! `tracefuse.toml` and `.env` with anything in them: an error or settings, never a panic, never a secret.
//! Input: the first file, a NUL, the second. Run by the fuzzer and by the replay of its seeds.

use tracefuse::config::Config;

/// A unique text: if it is in an error or in `{:?}`, it has leaked.
const CANARY: &str = "sk-lf-CANARY";

pub(crate) fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (toml, dotenv) = text.split_once('\0').unwrap_or((&text, ""));
    let dotenv = format!("LANGFUSE_SECRET_KEY={CANARY}\n{dotenv}");
    let said = match Config::from_files(toml, &dotenv) {
        Ok(config) => {
            assert!(!config.effective_modes().is_empty());
            assert!(config.tracer.delivery.check().is_ok());
            format!("{config:?}")
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            format!("{error} {error:?}")
        }
    };
    assert!(!said.contains(CANARY), "{said}");
}
