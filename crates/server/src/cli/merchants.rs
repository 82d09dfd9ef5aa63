//! `merchant`: the keys of merchants' programs.

use clap::{Subcommand, ValueEnum};
use serde_json::json;
use server::Store;
use server::store::{MerchantRow, Scope};

use super::chain::or_none;
use super::say::Out;
use super::{Ended, printable, refused, when};

/// What can be done with merchants' keys.
#[derive(Subcommand)]
pub enum MerchantCommand {
    /// Make a key for a merchant's program. It is shown once
    Add {
        /// What the program is called here
        name: String,
        /// What it may do
        #[arg(long, required = true, value_delimiter = ',', value_name = "ACTS")]
        may: Vec<May>,
    },
    /// List the merchants' programs
    List,
    /// Take a key back
    Revoke {
        /// What the program is called here
        name: String,
    },
}

/// What a program may do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum May {
    /// Issue entitlements
    Issue,
    /// Cancel them
    Revoke,
    /// Say that the money went back
    Refund,
    /// See how they stand
    Read,
}

impl MerchantCommand {
    /// What can be said against it before any data is touched.
    pub fn check(&self) -> Result<(), Ended> {
        match self {
            MerchantCommand::Add { name, .. } if name.trim().is_empty() => {
                super::misused("a merchant needs a name")
            }
            MerchantCommand::Add { name, .. } => printable("the name", name),
            MerchantCommand::List | MerchantCommand::Revoke { .. } => Ok(()),
        }
    }
}

/// Does it.
pub async fn merchant(store: &Store, command: &MerchantCommand, out: Out) -> Result<(), Ended> {
    match command {
        MerchantCommand::Add { name, may } => add(store, name.trim(), may, out).await,
        MerchantCommand::List => list(store, out).await,
        MerchantCommand::Revoke { name } => revoke(store, name, out).await,
    }
}

async fn add(store: &Store, name: &str, may: &[May], out: Out) -> Result<(), Ended> {
    let mut scopes: Vec<Scope> = may.iter().map(|may| scope(*may)).collect();
    scopes.sort_unstable();
    scopes.dedup();
    let Some(made) = store.add_merchant(name, &scopes).await? else {
        return refused(
            "merchant_exists",
            format!(
                "a merchant called {name} has a key already: take it back with `merchant revoke {name}` first"
            ),
        );
    };
    let value = json!({"merchant": made.merchant, "name": name, "scopes": scopes, "key": made.key});
    Ok(out.say(&value, || {
        vec![made.key.clone(), format!("is the key of {name}; it is not kept here and cannot be shown again")]
    })?)
}

async fn list(store: &Store, out: Out) -> Result<(), Ended> {
    let merchants = store.merchants().await?;
    Ok(out.say(&merchants, || {
        let line = |row: &MerchantRow| {
            let scopes: Vec<&str> = row.scopes.iter().map(|scope| scope.name()).collect();
            let revoked = if row.revoked { "  taken back" } else { "" };
            format!("{}  may {}  since {}{revoked}", row.name, scopes.join(", "), when::shown(row.made_at))
        };
        or_none(merchants.iter().map(line).collect(), "no merchants")
    })?)
}

async fn revoke(store: &Store, name: &str, out: Out) -> Result<(), Ended> {
    if !store.revoke_merchant(name).await? {
        return refused(
            "unknown_merchant",
            format!("no merchant called {name} has a key; `counterfoil-server merchant list` lists them"),
        );
    }
    let value = json!({"name": name, "revoked": true});
    Ok(out.say(&value, || vec![format!("the key of {name} opens nothing any more")])?)
}

fn scope(may: May) -> Scope {
    match may {
        May::Issue => Scope::Issue,
        May::Revoke => Scope::Revoke,
        May::Refund => Scope::Refund,
        May::Read => Scope::Read,
    }
}
