//! `keys`: who signs for the chain.

use clap::{Args, Subcommand};
use model::time::UnixMs;
use serde_json::json;
use server::Store;
use server::keys::{Keys, KeysError, THRESHOLD};
use server::store::{KeyRow, KeyScope, Role, ScopeChange};

use super::chain::{or_none, store_named};
use super::say::Out;
use super::{Ended, refused, when};

/// Each kind of code.
const KINDS: [&str; 4] = ["order", "coupon", "times_card", "member"];

/// What can be done with keys.
#[derive(Subcommand)]
pub enum KeysCommand {
    /// Make the chain's keys, once: root keys, the key that signs lists, and a first issuing key
    Init(ScopeArgs),
    /// List the keys with what each may issue
    List,
    /// Make an issuing key
    New {
        /// What it is called: lower-case letters, digits, hyphens
        name: String,
        #[command(flatten)]
        scope: ScopeArgs,
        /// Codes that are issued later are not its
        #[arg(long, value_parser = when::key_until, value_name = "DATE")]
        until: Option<UnixMs>,
    },
    /// Say anew what a key may issue. What is not named stays as it is
    Scope {
        /// Which
        name: String,
        #[command(flatten)]
        scope: RescopeArgs,
    },
    /// Codes that are issued later are not this key's any more; earlier ones stay good
    Bound {
        /// Which
        name: String,
        /// The last day, or the last moment
        #[arg(long, value_parser = when::key_until, value_name = "DATE")]
        until: UnixMs,
    },
    /// Take a key out of the list: no code that it has signed is accepted any more
    Withdraw {
        /// Which
        name: String,
    },
    /// Make a key with the same scope, and bound the old one to now
    Rotate {
        /// Which
        name: String,
    },
    /// Replace the key that signs trust lists and status lists. Needs two root keys
    RotateLists,
}

/// What a key may issue.
#[derive(Args)]
pub struct ScopeArgs {
    /// A kind of code; repeat for several; without it, every kind
    #[arg(long = "kind", value_parser = KINDS, value_name = "KIND")]
    kinds: Vec<String>,
    /// A campaign, or several as FROM-TO; repeat for several; without it, every campaign
    #[arg(long = "campaign", value_parser = campaigns, value_name = "N")]
    campaigns: Vec<(u16, u16)>,
    /// A store; repeat for several; without it, every store
    #[arg(long = "store", value_name = "NAME")]
    stores: Vec<String>,
    /// The most that one code may be worth, in yuan
    #[arg(long, value_parser = when::fen, default_value = "10000", value_name = "YUAN")]
    max_value: i64,
    /// Codes that say they are older are not its
    #[arg(long, value_parser = when::key_from, value_name = "DATE")]
    from: Option<UnixMs>,
}

/// What a key may issue from now on, as far as it changes.
#[derive(Args)]
#[group(required = true, multiple = true)]
pub struct RescopeArgs {
    /// Only this kind of code; repeat for several
    #[arg(long = "kind", value_parser = KINDS, value_name = "KIND")]
    kinds: Vec<String>,
    /// Every kind of code
    #[arg(long, conflicts_with = "kinds")]
    all_kinds: bool,
    /// Only this campaign, or several as FROM-TO; repeat for several
    #[arg(long = "campaign", value_parser = campaigns, value_name = "N")]
    campaigns: Vec<(u16, u16)>,
    /// Every campaign
    #[arg(long, conflicts_with = "campaigns")]
    all_campaigns: bool,
    /// Only this store; repeat for several
    #[arg(long = "store", value_name = "NAME")]
    stores: Vec<String>,
    /// Every store
    #[arg(long, conflicts_with = "stores")]
    all_stores: bool,
    /// The most that one code may be worth, in yuan
    #[arg(long, value_parser = when::fen, value_name = "YUAN")]
    max_value: Option<i64>,
    /// Codes that say they are older are not its
    #[arg(long, value_parser = when::key_from, value_name = "DATE")]
    from: Option<UnixMs>,
}

/// Does it.
pub async fn keys(store: &Store, command: &KeysCommand, out: Out) -> Result<(), Ended> {
    let keys = Keys::of(store);
    match command {
        KeysCommand::Init(scope) => init(store, &keys, scope, out).await,
        KeysCommand::List => list(store, &keys, out).await,
        KeysCommand::New { name, scope, until } => {
            let scope = scope.of(store).await?;
            let version = done(keys.add(name, scope, until.map(|at| at.0)).await)?;
            let file = keys.files().path(name).display().to_string();
            let value = json!({"key": name, "file": file, "list": version});
            let lines = || vec![format!("{name} is in trust list {version}; its private half is {file}")];
            Ok(out.say(&value, lines)?)
        }
        KeysCommand::Scope { name, scope } => {
            let version = done(keys.scope(name, scope.change(store).await?).await)?;
            let row = store.keys().await?.into_iter().find(|row| row.name == *name);
            let scope = row.and_then(|row| row.scope);
            let value = json!({"key": name, "list": version, "scope": scope});
            let said = scope.as_ref().map(scope_in_words).unwrap_or_default();
            Ok(out.say(&value, || vec![format!("{name} issues {said} (trust list {version})")])?)
        }
        KeysCommand::Bound { name, until } => {
            let said = format!("signs nothing after {}", when::shown(until.0));
            changed(name, &said, done(keys.bound(name, *until).await)?, out)
        }
        KeysCommand::Withdraw { name } => {
            let said = "is withdrawn: tills refuse what it has signed";
            changed(name, said, done(keys.withdraw(name).await)?, out)
        }
        KeysCommand::Rotate { name } => {
            let (successor, version) = done(keys.rotate(name).await)?;
            let value = json!({"key": name, "successor": successor, "list": version});
            let lines = || {
                vec![format!(
                    "{successor} signs from now on; what {name} has signed stays good (trust list {version})"
                )]
            };
            Ok(out.say(&value, lines)?)
        }
        KeysCommand::RotateLists => {
            let (root, name) = done(keys.rotate_lists().await)?;
            let value = json!({"root": root, "key": name});
            let lines = || {
                vec![format!(
                    "{name} signs trust lists and status lists from now on (root {root}); take the root keys back to \
                     their safe place"
                )]
            };
            Ok(out.say(&value, lines)?)
        }
    }
}

/// The answer, or a refusal in words; what failed for reasons of its own is a fault.
pub fn done<T>(result: Result<T, KeysError>) -> Result<T, Ended> {
    let error = match result {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let word = match &error {
        KeysError::NoKey(_) | KeysError::TooFewRoots { .. } => "key_absent",
        KeysError::NoKeys => "no_keys",
        KeysError::ThereAlready => "keys_exist",
        KeysError::NotCovered(_) => "not_covered",
        KeysError::Refused(_) | KeysError::BadName(_) | KeysError::Meanwhile => "keys_refused",
        KeysError::NotSignable(_) => "not_signable",
        KeysError::Store(_) => return Err(error.into()),
    };
    refused(word, error.to_string())
}

async fn init(store: &Store, keys: &Keys<'_>, scope: &ScopeArgs, out: Out) -> Result<(), Ended> {
    let scope = scope.of(store).await?;
    done(keys.init(scope).await)?;
    let files: Vec<_> =
        ["root-1", "root-2", "root-3"].map(|name| keys.files().path(name).display().to_string()).into();
    let value = json!({"made": true, "threshold": THRESHOLD, "root_files": files});
    Ok(out.say(&value, || {
        vec![
            "The chain has its keys, and tills hear of them. Codes can be signed now.".to_owned(),
            format!(
                "Move {} and {} to a safe place that is not this machine: together they can replace every other key. \
                 They are needed for `keys rotate-lists` only.",
                files[0], files[1]
            ),
        ]
    })?)
}

async fn list(store: &Store, keys: &Keys<'_>, out: Out) -> Result<(), Ended> {
    let rows = store.keys().await?;
    let trust = store.trust().await?;
    let here = |row: &KeyRow| keys.files().load(&row.name).is_ok();
    let listed: Vec<_> = rows.iter().map(|row| json!({"key": row, "here": here(row)})).collect();
    let value = json!({
        "keys": listed,
        "root": trust.as_ref().map(|trust| json!({"version": trust.root().version, "expires": trust.root().expires.0})),
        "list": trust.as_ref().and_then(|trust| trust.list()).map(|list| json!({"version": list.version, "expires": list.expires.0})),
    });
    Ok(out.say(&value, || {
        let mut lines: Vec<String> = rows.iter().map(|row| in_words(row, here(row))).collect();
        if let Some(list) = trust.as_ref().and_then(|trust| trust.list()) {
            lines.push(format!("trust list {}, until {}", list.version, when::shown(list.expires.0)));
        }
        or_none(lines, "no keys: make them with `keys init`")
    })?)
}

fn in_words(row: &KeyRow, here: bool) -> String {
    let role = match row.role {
        Role::Root => "signs roots".to_owned(),
        Role::Lists => "signs lists".to_owned(),
        Role::Issuing => format!("issues {}", row.scope.as_ref().map(scope_in_words).unwrap_or_default()),
    };
    let until = row.until.map(|until| format!("  until {}", when::shown(until))).unwrap_or_default();
    let withdrawn = if row.withdrawn_at.is_some() { "  withdrawn" } else { "" };
    let place = if here { "" } else { "  private half elsewhere" };
    format!("{}  {}  {role}{until}{withdrawn}{place}", row.name, row.kid)
}

fn scope_in_words(scope: &KeyScope) -> String {
    let campaigns = scope.campaigns.as_ref().map_or("all campaigns".to_owned(), |ranges| {
        let range = |(first, last): &(u16, u16)| {
            if first == last { first.to_string() } else { format!("{first}-{last}") }
        };
        format!("campaigns {}", ranges.iter().map(range).collect::<Vec<_>>().join(", "))
    });
    let stores = scope.stores.as_ref().map_or("all stores".to_owned(), |stores| stores.join(", "));
    format!("{}; {campaigns}; {stores}; up to {}", scope.kinds.join(", "), when::yuan(scope.value_max))
}

fn changed(name: &str, said: &str, version: u32, out: Out) -> Result<(), Ended> {
    let value = json!({"key": name, "list": version});
    Ok(out.say(&value, || vec![format!("{name} {said} (trust list {version})")])?)
}

impl ScopeArgs {
    async fn of(&self, store: &Store) -> Result<KeyScope, Ended> {
        Ok(KeyScope {
            kinds: kinds(&self.kinds),
            campaigns: if self.campaigns.is_empty() { None } else { Some(merged(&self.campaigns)) },
            stores: ids(store, &self.stores).await?,
            value_max: self.max_value,
            from: self.from.map(|at| at.0),
        })
    }
}

impl RescopeArgs {
    async fn change(&self, store: &Store) -> Result<ScopeChange, Ended> {
        let stores = ids(store, &self.stores).await?;
        let campaigns = if self.campaigns.is_empty() { None } else { Some(merged(&self.campaigns)) };
        Ok(ScopeChange {
            kinds: (self.all_kinds || !self.kinds.is_empty()).then(|| kinds(&self.kinds)),
            campaigns: (self.all_campaigns || campaigns.is_some()).then_some(campaigns),
            stores: (self.all_stores || stores.is_some()).then_some(stores),
            value_max: self.max_value,
            from: self.from.map(|at| Some(at.0)),
        })
    }
}

/// The kinds in their order; every one if none is named.
fn kinds(named: &[String]) -> Vec<String> {
    let wanted = |kind: &&&str| named.is_empty() || named.iter().any(|asked| asked == **kind);
    KINDS.iter().filter(wanted).map(|kind| (*kind).to_owned()).collect()
}

/// The ids of the stores that are named; nothing if none is.
async fn ids(store: &Store, names: &[String]) -> Result<Option<Vec<String>>, Ended> {
    let mut ids = Vec::new();
    for name in names {
        ids.push(store_named(store, name).await?.id);
    }
    ids.sort();
    ids.dedup();
    Ok(if ids.is_empty() { None } else { Some(ids) })
}

/// The ranges in their order, those that touch each other joined.
fn merged(ranges: &[(u16, u16)]) -> Vec<(u16, u16)> {
    let mut sorted = ranges.to_vec();
    sorted.sort_unstable();
    let mut merged: Vec<(u16, u16)> = Vec::new();
    for (first, last) in sorted {
        match merged.last_mut() {
            Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
            _ => merged.push((first, last)),
        }
    }
    merged
}

fn campaigns(text: &str) -> Result<(u16, u16), String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.parse::<u16>(), last.parse::<u16>()) {
        (Ok(first), Ok(last)) if (1..=last).contains(&first) => Ok((first, last)),
        _ => Err(format!("{text:?} is no campaign; write a number from 1 to 65535, or a range such as 7-9")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_touch_are_one() {
        assert_eq!(merged(&[(7, 9), (1, 1), (2, 3), (9, 12)]), [(1, 3), (7, 12)], "in order, each once");
        assert_eq!(merged(&[(65_535, 65_535), (1, 65_534)]), [(1, 65_535)], "up to the last campaign");
        assert_eq!(campaigns("7-9"), Ok((7, 9)), "a range");
        for wrong in ["0", "9-7", "65536", "a", "1-2-3"] {
            assert!(campaigns(wrong).is_err(), "{wrong} is no campaign");
        }
    }
}
