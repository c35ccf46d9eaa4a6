//! Where a request goes, and patterns of hosts and paths.
//! Used by `routes`, `table` and `model_calls`. Must not know what a request means.

use http::HeaderMap;

/// Where a request goes.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) host: &'a str,
    /// Zero if the port is not known.
    pub(crate) port: u16,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a HeaderMap,
}

/// Whether a host fits a pattern.
pub(crate) fn is_host(pattern: &str, host: &str, port: u16) -> bool {
    glob(pattern, host) || pattern.contains(':') && glob(pattern, &format!("{host}:{port}"))
}

/// Whether `text` fits `pattern`, in which `*` is any text. Letters of ASCII are compared without regard to case.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where to continue if a character does not fit: after the last `*`, which then takes one more byte of the text.
    let mut retry = None;
    while t < text.len() {
        match (pattern.get(p), text.get(t)) {
            (Some(b'*'), _) => {
                retry = Some((p + 1, t));
                p += 1;
            }
            (Some(a), Some(b)) if a.eq_ignore_ascii_case(b) => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                Some((after, from)) => {
                    retry = Some((after, from + 1));
                    p = after;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|byte| *byte == b'*')
}

/// The model that a path names: `/models/gemini-2.5-flash:generateContent`, `/deployments/gpt-4o/chat/completions`,
/// `/serving-endpoints/llama/invocations` (Databricks), `/ai/run/@cf/meta/llama-3` (Cloudflare), and of Bedrock `/model/us.anthropic.claude-opus-4-v1%3A0/converse`.
pub(crate) fn model_in_path(path: &str) -> Option<String> {
    if let Some((_, model)) = path.split_once("/ai/run/") {
        return (!model.is_empty()).then(|| model.to_owned());
    }
    let after = [
        "/models/",
        "/deployments/",
        "/serving-endpoints/",
        "/wenxinworkshop/chat/",
    ];
    let rest = after
        .iter()
        .find_map(|mark| path.split_once(mark).map(|(_, rest)| rest));
    let model = match rest {
        Some(rest) => rest.split(['/', ':']).next()?.to_owned(),
        None => {
            let (_, rest) = path.split_once("/model/")?;
            let name = rest.split('/').next()?;
            ["%3A", "%3a"]
                .iter()
                .fold(name.to_owned(), |name, colon| name.replace(colon, ":"))
        }
    };
    // The name of an inference profile is at the end of its address.
    let name = model.rsplit(['/']).next().unwrap_or_default();
    let name = name.rsplit("%2F").next().unwrap_or_default();
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_path_may_name_the_model() {
        for (path, model) in [
            (
                "/v1beta/models/gemini-2.5-flash:generateContent",
                Some("gemini-2.5-flash"),
            ),
            (
                "/openai/deployments/gpt-4o/chat/completions",
                Some("gpt-4o"),
            ),
            (
                "/serving-endpoints/databricks-claude/invocations",
                Some("databricks-claude"),
            ),
            (
                "/client/v4/accounts/a/ai/run/@cf/meta/llama-3.1-8b",
                Some("@cf/meta/llama-3.1-8b"),
            ),
            (
                "/rpc/2.0/ai_custom/v1/wenxinworkshop/chat/ernie-4",
                Some("ernie-4"),
            ),
            ("/v1/chat/completions", None),
            ("/v1/models/", None),
            (
                "/model/us.anthropic.claude-opus-4-v1%3A0/converse-stream",
                Some("us.anthropic.claude-opus-4-v1:0"),
            ),
            (
                "/model/amazon.nova-lite-v1:0/invoke",
                Some("amazon.nova-lite-v1:0"),
            ),
            (
                "/model/meta.llama3-8b-instruct-v1%3A0/invoke-with-response-stream",
                Some("meta.llama3-8b-instruct-v1:0"),
            ),
            (
                "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.anthropic.claude-opus-4-v1%3A0/converse",
                Some("us.anthropic.claude-opus-4-v1:0"),
            ),
            ("/model//converse", None),
        ] {
            assert_eq!(model_in_path(path).as_deref(), model);
        }
    }

    proptest! {
        #[test]
        fn a_pattern_of_pieces_fits_what_it_was_made_of(pieces in prop::collection::vec("[a-c/]{0,4}", 1..5), between in prop::collection::vec("[a-c/]{0,4}", 5)) {
            let pattern = pieces.join("*");
            let mut text = String::new();
            for (at, piece) in pieces.iter().enumerate() {
                if at > 0 { text.push_str(&between[at]); }
                text.push_str(piece);
            }
            prop_assert!(glob(&pattern, &text));
            let other = format!("{text}x");
            prop_assert_eq!(glob(&pattern, &other), pattern.ends_with('*'));
        }
    }
}
