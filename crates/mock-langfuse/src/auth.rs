//! The rights of a request, by its `Authorization` header (`docs/langfuse.md` 1.1 and 2.1).
//! Called by `router` before anything of a request is looked at.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::answers::Incoming;
use crate::reply::Reply;
use crate::state::Shared;

/// What a key may do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Both keys: everything in the project.
    Project,
    /// The public key alone: scores.
    Scores,
}

const CONFIRM: &str = "Confirm that you've configured the correct host.";

/// What the keys of a request may do; if they are no keys of this server, the server's words.
pub(crate) fn access(shared: &Shared, request: &Incoming) -> Result<Access, String> {
    let header = request.header("authorization").unwrap_or_default();
    if header.is_empty() {
        return Err("No authorization header".into());
    }
    if let Some(credentials) = header.strip_prefix("Basic ") {
        let decoded = STANDARD.decode(credentials.trim()).ok();
        let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
        let mut keys = text.as_deref().unwrap_or_default().split(':');
        let (public, secret) = (
            keys.next().unwrap_or_default(),
            keys.next().unwrap_or_default(),
        );
        if public.is_empty() || secret.is_empty() {
            return Err(format!("Invalid authorization header. {CONFIRM}"));
        }
        let is_ours = public == shared.public_key && secret == shared.secret_key;
        return match is_ours {
            true => Ok(Access::Project),
            false => Err(format!("Invalid credentials. {CONFIRM}")),
        };
    }
    match header.strip_prefix("Bearer ") {
        Some(key) if key == shared.public_key => Ok(Access::Scores),
        Some(_) => Err(format!("Invalid public key. {CONFIRM}")),
        None => Err("Invalid authorization header".into()),
    }
}

/// The refusal of a request that these keys do not allow; `None` if they allow it.
pub(crate) fn refusal(shared: &Shared, request: &Incoming, allowed: &[Access]) -> Option<Reply> {
    match access(shared, request) {
        Ok(access) if allowed.contains(&access) => None,
        Ok(_) => {
            let message = "Access denied - insufficient permissions for this endpoint";
            Some(Reply::json(403, &json!({ "message": message })))
        }
        Err(message) => Some(Reply::json(401, &json!({ "message": message }))),
    }
}
