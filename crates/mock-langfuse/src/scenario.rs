//! A script of faults, written as TOML or by a builder.
//! Read step by step by `state`; carried out by `faults`.

use std::fmt;

use serde::Deserialize;

use crate::action::Action;

/// What the server does with the requests that come, in order. When the script is over, it behaves well.
///
/// ```
/// use mock_langfuse::{Action, Scenario};
///
/// let scenario = Scenario::new().times(3, Action::status(503)).once(Action::status(429).header("retry-after", "1"));
/// let same: Scenario = r#"
///     [[step]]
///     times = 3
///     reply = { status = 503 }
///     [[step]]
///     reply = { status = 429, headers = { retry-after = "1" } }
/// "#.parse()?;
/// assert_eq!(scenario, same);
/// # Ok::<(), mock_langfuse::ScenarioError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Scenario {
    /// Seed of everything that is random.
    #[serde(default)]
    pub seed: u64,
    /// The version of Langfuse that the server behaves as, such as `4.59.0`; 4.16.0 if absent. From 4.59 on it takes
    /// scores as a list.
    #[serde(default)]
    pub server_version: Option<String>,
    /// The steps, in order.
    #[serde(default, rename = "step")]
    pub steps: Vec<Step>,
}

/// An action and for how many requests.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Step {
    /// Requests it covers; 1 by default, `"forever"` for all that come.
    #[serde(default = "once", deserialize_with = "times")]
    pub times: u64,
    /// What is done.
    #[serde(flatten)]
    pub action: Action,
}

fn once() -> u64 {
    1
}

fn times<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Times {
        Count(u64),
        Word(String),
    }
    match Times::deserialize(deserializer)? {
        Times::Count(count) => Ok(count),
        Times::Word(word) if word == "forever" => Ok(u64::MAX),
        Times::Word(word) => Err(serde::de::Error::custom(format!(
            "times is {word:?}: expected a number or \"forever\""
        ))),
    }
}

impl Scenario {
    /// A script without steps.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Seed of everything that is random.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The version of Langfuse that the server behaves as, such as `4.59.0`.
    #[must_use]
    pub fn server_version(mut self, version: &str) -> Self {
        self.server_version = Some(version.to_owned());
        self
    }

    /// Adds an action for one request.
    #[must_use]
    pub fn once(self, action: Action) -> Self {
        self.times(1, action)
    }

    /// Adds an action for so many requests.
    #[must_use]
    pub fn times(mut self, times: u64, action: Action) -> Self {
        self.steps.push(Step { times, action });
        self
    }

    /// Adds an action for all requests that come.
    #[must_use]
    pub fn forever(self, action: Action) -> Self {
        self.times(u64::MAX, action)
    }

    /// The action for the next request.
    pub(crate) fn next(&mut self) -> Action {
        while let Some(step) = self.steps.first_mut() {
            if step.times == 0 {
                self.steps.remove(0);
                continue;
            }
            if step.times != u64::MAX {
                step.times -= 1;
            }
            return step.action.clone();
        }
        Action::default()
    }

    /// A number from 0 to 99 (splitmix64).
    pub(crate) fn percent(&mut self) -> u8 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % 100) as u8
    }
}

/// A scenario that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError(String);

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a scenario: {}", self.0)
    }
}

impl std::error::Error for ScenarioError {}

impl std::str::FromStr for Scenario {
    type Err = ScenarioError;
    fn from_str(text: &str) -> Result<Self, ScenarioError> {
        toml::from_str(text).map_err(|error| ScenarioError(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_of_the_repository_can_be_read() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
        let mut read = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let scenario: Scenario = text
                .parse()
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let says_something = !scenario.steps.is_empty() || scenario.server_version.is_some();
            assert!(says_something, "{}", path.display());
            read += 1;
        }
        assert!(read >= 10);
    }

    #[test]
    fn steps_are_taken_in_order_and_then_the_server_behaves() {
        let mut scenario = Scenario::new()
            .times(2, Action::status(503))
            .once(Action::status(429));
        let statuses: Vec<_> = (0..4)
            .map(|_| scenario.next().reply.map(|reply| reply.status))
            .collect();
        assert_eq!(statuses, [Some(503), Some(503), Some(429), None]);
        assert!("[[step]]\ntimes = \"often\"".parse::<Scenario>().is_err());
    }
}
