//! A client of a local server, with a clock that the test moves.

use std::time::Duration;

use mock_langfuse::MockLangfuse;
use tracefuse_core::{Clock, ManualClock, Timestamp};
use tracefuse_prompts::{LangfuseConfig, PromptClient, PromptClientBuilder};

/// Far longer than any wait that is expected: a machine may be busy.
pub(crate) const LONG: Duration = Duration::from_secs(30);

pub(crate) fn config(server: &MockLangfuse) -> LangfuseConfig {
    LangfuseConfig::new(server.public_key(), server.secret_key()).base_url(server.url())
}

pub(crate) fn builder(server: &MockLangfuse) -> (PromptClientBuilder, ManualClock) {
    let clock = ManualClock::at(Timestamp::from_unix_nanos(1_800_000_000_000_000_000));
    let builder = PromptClient::builder(config(server)).timeout(LONG);
    (builder.clock(Clock::new(clock.clone())), clock)
}

pub(crate) fn client(server: &MockLangfuse) -> (PromptClient, ManualClock) {
    let (builder, clock) = builder(server);
    (builder.build().unwrap(), clock)
}

/// Requests for prompts that the server answered.
pub(crate) fn asked(server: &MockLangfuse) -> usize {
    server.requests().len()
}

/// Waits until the client has done so many fetches, failed ones included.
pub(crate) async fn fetches(client: &PromptClient, count: u64) {
    let done = async {
        while client.stats().fetched + client.stats().failed < count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, done).await.expect("the fetches");
}
