//! Waiting: for a condition, with a limit; and for the product's own rules that are spans of time.

use std::time::Duration;

use anyhow::{Result, anyhow};

/// How long a condition may take to come true. Generous: a busy machine must not look like a broken program.
pub const LIMIT: Duration = Duration::from_secs(30);
/// How often a waiting loop looks.
pub(crate) const LOOK: Duration = Duration::from_millis(25);

/// Looks until there is something to see; `what` says what was hoped for.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let seek = async {
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(LIMIT, seek)
        .await
        .map_err(|_| anyhow!("{} s passed without: {what}", LIMIT.as_secs()))?
}

/// A rule of the product that is a span of time: nothing on the screen tells that it is over.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// The same text again is the scanner's echo for 2.5 s.
    Echo,
    /// No click settles a card younger than 0.5 s, and no Enter one younger than 0.3 s.
    TooSoon,
}

/// Waits until the rule no longer holds. The only place that waits for time alone.
pub async fn passes(rule: Rule) {
    let span = match rule {
        Rule::Echo => Duration::from_millis(2_600),
        Rule::TooSoon => Duration::from_millis(550),
    };
    tokio::time::sleep(span).await;
}
