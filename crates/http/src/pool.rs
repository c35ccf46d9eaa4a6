//! Connections that wait for their next request.
//! Used by `client`. Knows neither requests nor answers, and no clock but tokio's.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::connection::{Connection, Key};

/// Idle connections, few and for a short time.
#[derive(Clone)]
pub(super) struct Pool(Arc<Shared>);

struct Shared {
    idle_timeout: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    idle: Vec<Idle>,
    /// Closes connections that are not used again.
    reaper: Option<JoinHandle<()>>,
}

struct Idle {
    key: Key,
    connection: Connection,
    until: Instant,
}

impl Pool {
    pub(super) fn new(idle_timeout: Duration) -> Self {
        Self(Arc::new(Shared {
            idle_timeout,
            state: Mutex::default(),
        }))
    }

    /// The connection used last, as the one most likely to be alive.
    pub(super) fn take(&self, key: &Key) -> Option<Connection> {
        let mut state = self.0.lock();
        close_expired(&mut state.idle, Instant::now());
        let at = state.idle.iter().rposition(|idle| idle.key == *key)?;
        Some(state.idle.remove(at).connection)
    }

    /// Keeps `connection` for the next request to `key`.
    pub(super) fn put(&self, key: Key, connection: Connection) {
        if self.0.idle_timeout.is_zero() {
            connection.close();
            return;
        }
        let mut state = self.0.lock();
        if state.idle.len() >= IDLE_CONNECTIONS {
            state.idle.remove(0).connection.close();
        }
        let until = Instant::now() + self.0.idle_timeout;
        state.idle.push(Idle {
            key,
            connection,
            until,
        });
        if state.reaper.as_ref().is_none_or(JoinHandle::is_finished) {
            state.reaper = Some(tokio::spawn(reap(Arc::downgrade(&self.0), until)));
        }
    }

    /// Closes what waits for `key`: one of them was found closed, and the others are as old.
    pub(super) fn forget(&self, key: &Key) {
        let mut state = self.0.lock();
        for idle in state.idle.extract_if(.., |idle| idle.key == *key) {
            idle.connection.close();
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("idle", &self.0.lock().idle.len())
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No code panics while the lock is locked, so the pool is consistent. With an error here the client could never send again.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends with the pool, with its runtime, or when nothing is left to wait for.
async fn reap(pool: Weak<Shared>, mut until: Instant) {
    loop {
        sleep_until(until).await;
        let Some(pool) = pool.upgrade() else { return };
        let mut state = pool.lock();
        close_expired(&mut state.idle, Instant::now());
        match state.idle.iter().map(|idle| idle.until).min() {
            Some(next) => until = next,
            None => {
                // Set under the lock, so that a connection put back now finds no reaper.
                state.reaper = None;
                return;
            }
        }
    }
}

fn close_expired(idle: &mut Vec<Idle>, now: Instant) {
    for idle in idle.extract_if(.., |idle| {
        idle.until <= now || idle.connection.sender.is_closed()
    }) {
        idle.connection.close();
    }
}

const IDLE_CONNECTIONS: usize = 8;
