//! How far a new connection has come, so that a timeout can say what took so long.
//! Written by `connect`; read by `client` when the time is up.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};

/// How far an attempt has come, so that a timeout can say what it waited for.
#[derive(Debug, Default)]
pub(super) struct Progress(AtomicU8);

impl Progress {
    pub(super) fn reached(&self, step: Step) {
        self.0.store(step as u8, Ordering::Relaxed);
    }

    /// Moves on to `next` if the progress is at `step`.
    pub(super) fn passed(&self, step: Step, next: Step) {
        let (step, next) = (step as u8, next as u8);
        // A failure means that it has moved on already.
        let _ = self
            .0
            .compare_exchange(step, next, Ordering::Relaxed, Ordering::Relaxed);
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = self.0.load(Ordering::Relaxed);
        f.write_str(match step {
            _ if step == Step::Resolve as u8 => "resolving the name",
            _ if step == Step::Connect as u8 => "opening the connection",
            _ if step == Step::Proxy as u8 => "waiting for the proxy",
            _ if step == Step::Handshake as u8 => "shaking hands in TLS",
            _ if step == Step::Send as u8 => "sending the request",
            _ if step == Step::Await as u8 => "waiting for the answer",
            _ => "reading the answer",
        })
    }
}

/// The steps of an attempt, in their order.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(super) enum Step {
    Resolve,
    Connect,
    Proxy,
    Handshake,
    Send,
    Await,
    Read,
}
