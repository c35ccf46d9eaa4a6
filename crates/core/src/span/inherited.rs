//! The attributes that a `with_attributes()` scope sets on traces and generations that begin inside it: a stack for each
//! thread. Pushed by `trace::scope`; read when a trace or a span opens. Must not know handles.

use std::cell::RefCell;
use std::sync::Arc;

use crate::record::{Buffer, Role, TraceAttributes};

/// The attributes of a scope, merged with those of the scopes around it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inherited {
    pub(crate) attributes: TraceAttributes,
    /// Name and version of the managed prompt that generations are linked to.
    pub(crate) prompt: Option<(String, u32)>,
}

thread_local! {
    /// The innermost scope is last.
    static SCOPES: RefCell<Vec<Arc<Inherited>>> = const { RefCell::new(Vec::new()) };
}

pub(crate) fn innermost() -> Option<Arc<Inherited>> {
    SCOPES
        .try_with(|scopes| scopes.try_borrow().ok()?.last().cloned())
        .ok()
        .flatten()
}

/// Enters a scope and returns the depth to return to; `None` on a thread that is ending.
pub(crate) fn push(scope: &Arc<Inherited>) -> Option<usize> {
    let depth = SCOPES.try_with(|scopes| {
        let mut scopes = scopes.try_borrow_mut().ok()?;
        scopes.push(scope.clone());
        Some(scopes.len() - 1)
    });
    depth.ok().flatten()
}

/// Leaves the scope that was entered at `depth` and those entered after it.
pub(crate) fn truncate(depth: usize) {
    let _ = SCOPES.try_with(|scopes| {
        if let Ok(mut scopes) = scopes.try_borrow_mut() {
            scopes.truncate(depth);
        }
    });
}

/// Links a generation to the scope's prompt, unless it has one.
pub(crate) fn link_prompt(buffer: &mut Buffer) {
    if buffer.has(Role::Prompt) {
        return;
    }
    if let Some(scope) = innermost()
        && let Some((name, version)) = &scope.prompt
    {
        buffer.set_prompt(name, *version);
    }
}
