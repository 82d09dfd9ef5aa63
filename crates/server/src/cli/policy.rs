//! `policy` and `exposure`: what tills may decide while they cannot ask, and what that may cost.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use model::policy::Policy;
use serde_json::{Value, json};
use server::Store;
use server::store::{PolicyRefused, PolicyRow, TillExposure};

use super::chain::{or_none, store_named};
use super::say::Out;
use super::{Ended, misused, refused, when};

/// The longest policy that is read (bytes).
const LENGTH_MAX: u64 = 1024 * 1024;

/// What can be done with policies.
#[derive(Subcommand)]
pub enum PolicyCommand {
    /// Show what holds, as TOML such as `set` takes; with --json as JSON
    Show {
        /// At that store; otherwise the chain's
        #[arg(long, value_name = "NAME")]
        store: Option<String>,
    },
    /// List every version that was set, the latest first
    History,
    /// Read a policy from a TOML or JSON file and say whether it makes sense
    Check {
        /// The file; - for TOML on standard input
        file: PathBuf,
    },
    /// Let tills go by the policy of a TOML or JSON file. What it leaves out is as the program came with it
    Set {
        /// The file; - for TOML on standard input
        file: PathBuf,
        /// At that store only
        #[arg(long, value_name = "NAME")]
        store: Option<String>,
    },
    /// Let a store go by the chain's policy again
    Unset {
        /// The store
        #[arg(long, value_name = "NAME")]
        store: String,
    },
}

/// Does it.
pub async fn policy(store: &Store, command: &PolicyCommand, out: Out) -> Result<(), Ended> {
    match command {
        PolicyCommand::Show { store: name } => show(store, name.as_deref(), out).await,
        PolicyCommand::History => history(store, out).await,
        PolicyCommand::Check { file } => {
            from_file(file)?;
            Ok(out.say(&json!({"good": true}), || vec!["the policy makes sense".to_owned()])?)
        }
        PolicyCommand::Set { file, store: name } => set(store, file, name.as_deref(), out).await,
        PolicyCommand::Unset { store: name } => {
            let shop = store_named(store, name).await?;
            let version = store.unset_policy(&shop.id).await?;
            let value = json!({"version": version, "store": shop.name});
            Ok(out.say(&value, || vec![format!("{} goes by the chain's policy", shop.name)])?)
        }
    }
}

async fn show(store: &Store, name: Option<&str>, out: Out) -> Result<(), Ended> {
    let shop = match name {
        Some(name) => Some(store_named(store, name).await?.id),
        None => None,
    };
    let row = store.policy(shop.as_deref()).await?;
    let policy = wire::policy::Policy::from(&row.policy.clone().unwrap_or_default());
    let text = toml::to_string(&policy)?;
    Ok(out.say(&policy, || vec![format!("# {}", said_of(&row)), text])?)
}

/// Whose it is, and since when.
fn said_of(row: &PolicyRow) -> String {
    let whose =
        row.store.as_deref().map_or_else(|| "the chain's".to_owned(), |store| format!("{store}'s own"));
    match row.set_at {
        Some(at) => format!("{whose}, version {} of {}", row.version, when::shown(at)),
        None => "what the program came with; nothing was set yet".to_owned(),
    }
}

async fn history(store: &Store, out: Out) -> Result<(), Ended> {
    let rows = store.policy_history().await?;
    let value: Vec<Value> = rows
        .iter()
        .map(|row| {
            let policy = row.policy.as_ref().map(wire::policy::Policy::from);
            json!({"version": row.version, "store": row.store, "set_at": row.set_at, "policy": policy})
        })
        .collect();
    let line = |row: &PolicyRow| match &row.policy {
        Some(_) => said_of(row),
        None => format!("{}: given back to the chain's", said_of(row)),
    };
    Ok(out.say(&value, || or_none(rows.iter().map(line).collect(), "no policy was set"))?)
}

async fn set(store: &Store, file: &Path, name: Option<&str>, out: Out) -> Result<(), Ended> {
    let policy = from_file(file)?;
    let shop = match name {
        Some(name) => Some(store_named(store, name).await?),
        None => None,
    };
    let version = match store.set_policy(shop.as_ref().map(|shop| shop.id.as_str()), &policy).await {
        Ok(version) => version,
        Err(PolicyRefused::Bad(error)) => return refused("bad_policy", error.to_string()),
        Err(PolicyRefused::Store(error)) => return Err(error.into()),
    };
    let whose = shop.map(|shop| shop.name);
    let value = json!({"version": version, "store": whose});
    Ok(out.say(&value, || {
        let whose = whose.as_deref().unwrap_or("the chain");
        vec![format!("version {version} holds for {whose} as soon as tills hear of it")]
    })?)
}

/// The policy of a file, with every field that it names known and every figure in order.
fn from_file(file: &Path) -> Result<Policy, Ended> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().take(LENGTH_MAX).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|opened| opened.take(LENGTH_MAX).read_to_string(&mut text))
    };
    if let Err(error) = read {
        return misused(format!("{} cannot be read: {error}", file.display()));
    }
    let named = if file.extension().is_some_and(|end| end == "json") {
        serde_json::from_str::<Value>(&text).map_err(|error| error.to_string())
    } else {
        toml::from_str::<Value>(&text).map_err(|error| error.to_string())
    };
    let policy = named.and_then(|named| whole(&named));
    policy.or_else(|error| refused("bad_policy", format!("{}: {error}", file.display())))
}

/// What is named, over what the program came with.
fn whole(named: &Value) -> Result<Policy, String> {
    let mut all = serde_json::to_value(wire::policy::Policy::default()).map_err(|error| error.to_string())?;
    lay_over(&mut all, named, "")?;
    let told: wire::policy::Policy = serde_json::from_value(all).map_err(|error| error.to_string())?;
    Policy::try_from(&told).map_err(|error| error.to_string())
}

fn lay_over(all: &mut Value, named: &Value, path: &str) -> Result<(), String> {
    let (Value::Object(fields), Value::Object(named)) = (&mut *all, named) else {
        let word = named.as_str().is_some_and(|word| word == "never" || word == "always");
        let number = named.as_i64().is_some();
        let limit = path.ends_with(".clerk") || path.ends_with(".manager");
        if all.is_object() || !(number || (limit && word)) {
            let wanted = match (all.is_object(), limit) {
                (true, _) => "fields of its own",
                (false, true) => "a whole number, \"never\" or \"always\"",
                (false, false) => "a whole number",
            };
            return Err(format!("{path}: {named} stands where {wanted} must stand"));
        }
        *all = named.clone();
        return Ok(());
    };
    for (name, value) in named {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let known: Vec<String> = fields.keys().cloned().collect();
        let Some(field) = fields.get_mut(name) else {
            return Err(format!("{path}: there is no such field; there are {}", known.join(", ")));
        };
        lay_over(field, value, &path)?;
    }
    Ok(())
}

/// Lists what each till may cost, and the sum of each store.
pub async fn exposure(store: &Store, out: Out) -> Result<(), Ended> {
    let tills = store.exposure().await?;
    Ok(out.say(&tills, || exposure_lines(&tills))?)
}

fn exposure_lines(tills: &[TillExposure]) -> Vec<String> {
    let most = |could: Option<i64>| could.map_or_else(|| "no limit".to_owned(), when::yuan);
    let mut by_store: BTreeMap<&str, Vec<&TillExposure>> = BTreeMap::new();
    for till in tills {
        by_store.entry(&till.store).or_default().push(till);
    }
    let mut lines = vec![];
    for (store, tills) in by_store {
        let could = tills.iter().try_fold(0i64, |sum, till| Some(sum.saturating_add(till.could?)));
        let disputed = tills.iter().map(|till| till.disputed).sum();
        lines.push(format!(
            "{store}  in dispute {}  may be lost unseen {}",
            when::yuan(disputed),
            most(could)
        ));
        lines.extend(tills.iter().map(|till| {
            let heard = match (till.in_touch, till.heard_at) {
                (true, _) => "in touch".to_owned(),
                (false, Some(at)) => format!("last heard {}", when::shown(at)),
                (false, None) => "never heard".to_owned(),
            };
            let (disputed, could) = (when::yuan(till.disputed), most(till.could));
            format!("  {}  {heard}  in dispute {disputed}  may be lost unseen {could}", till.till)
        }));
    }
    if lines.is_empty() {
        return vec!["there are no tills".to_owned()];
    }
    lines.push(
        "As far as known: a till that is not in touch may have accepted all that its policy lets it.".into(),
    );
    lines
}
