//! `status` and `restored`: how the database stands, and that it was set back.

use serde_json::json;
use server::Store;
use server::store::{FeedState, SetBack};

use super::say::Out;
use super::{Ended, when};

/// Shows the feeds and every time that they were begun anew.
pub async fn status(store: &Store, out: Out) -> Result<(), Ended> {
    let (name, _) = store.chain().await?;
    let (epoch, feeds) = store.feed_states().await?;
    let set_backs = store.set_backs().await?;
    let value = json!({ "chain": name, "epoch": epoch, "feeds": feeds, "set_backs": set_backs });
    Ok(out.say(&value, || {
        let feed =
            |feed: &FeedState| format!("{}  {} entitlements, change {}", feed.feed, feed.rows, feed.seq);
        let mut lines = vec![format!("{name}  epoch {epoch}")];
        lines.extend(feeds.iter().map(feed));
        lines.extend(set_backs.iter().map(set_back_line));
        lines
    })?)
}

/// Begins all feeds anew.
pub async fn restored(store: &Store, out: Out) -> Result<(), Ended> {
    let epoch = store.begin_feeds_anew().await?;
    Ok(out.say(&json!({ "epoch": epoch }), || {
        vec![format!("epoch {epoch}: every till fetches everything and offers every line again")]
    })?)
}

fn set_back_line(one: &SetBack) -> String {
    let by = one
        .till
        .as_deref()
        .map_or("said so on this command line".to_owned(), |till| format!("proved by {till}"));
    format!("SET BACK to an older state; noticed {}, {by}: epoch {} began", when::shown(one.at), one.epoch)
}
