//! `redemptions`, `cases` and `sheet`: what was counted, what needs a person, and codes to be printed.

use std::path::PathBuf;

use clap::Args;
use model::time::UnixMs;
use server::store::{Case, RedemptionRow};
use server::{Store, sheet};
use wire::entitlement::Use;

use super::chain::{or_none, store_named};
use super::say::{self, Out};
use super::{Ended, refused, when};

/// What `redemptions` takes.
#[derive(Args)]
pub struct RedemptionsArgs {
    /// Only at that store
    #[arg(long, value_name = "NAME")]
    store: Option<String>,
    /// Only what the server received since that day or moment
    #[arg(long, value_parser = when::from, value_name = "DATE")]
    since: Option<UnixMs>,
}

/// What `sheet` takes.
#[derive(Args)]
pub struct SheetArgs {
    /// Where the pictures go
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The store at whose tills the codes do what is printed below them [default: the first]
    #[arg(long, value_name = "NAME")]
    store: Option<String>,
}

/// Lists what was counted.
pub async fn redemptions(store: &Store, args: &RedemptionsArgs, out: Out) -> Result<(), Ended> {
    let shop = match &args.store {
        Some(name) => Some(store_named(store, name).await?.id),
        None => None,
    };
    let rows = store.redemptions(shop.as_deref(), args.since.unwrap_or_default()).await?;
    Ok(out.say(&rows, || {
        let line = |row: &RedemptionRow| {
            let pieces: u32 = row.takes.iter().map(|take| take.quantity).sum();
            format!(
                "{}  …{}  …{}  {}  {}  {}  {} × {pieces}{}",
                when::shown(row.at),
                end(&row.number),
                row.code_tail,
                row.store,
                row.till,
                row.clerk,
                row.title,
                if row.undone { "  taken back" } else { "" }
            )
        };
        or_none(rows.iter().map(line).collect(), "nothing was counted")
    })?)
}

/// Lists the cases.
pub async fn cases(store: &Store, out: Out) -> Result<(), Ended> {
    let cases = store.cases().await?;
    Ok(out.say(&cases, || or_none(cases.iter().flat_map(case_lines).collect(), "no cases"))?)
}

/// Draws the demo chain's codes.
pub async fn sheet(store: &Store, args: &SheetArgs, out: Out) -> Result<(), Ended> {
    let (chain, demo) = store.chain().await?;
    if !demo {
        return refused(
            "not_a_demo",
            "only a demo chain has practice codes: make one with `demo`, in a folder of its own",
        );
    }
    let shop = match (&args.store, store.stores().await?.into_iter().next()) {
        (Some(name), _) => store_named(store, name).await?,
        (None, Some(first)) => first,
        (None, None) => return refused("unknown_store", "this demo chain has no store"),
    };
    let codes = store.practice(&shop.id).await?;
    let sheets = sheet::write(&chain, &shop.name, &codes, &args.out)?;
    if let Some(warning) = sheets.warning {
        say::complain(warning);
    }
    Ok(out.say(&sheets.codes, || {
        let mut files: Vec<String> =
            sheets.codes.iter().map(|code| code.file.display().to_string()).collect();
        files.dedup();
        files
    })?)
}

/// The last eight characters of a number, as tills show it.
fn end(number: &str) -> &str {
    number.char_indices().nth_back(7).map_or(number, |(place, _)| &number[place..])
}

fn case_lines(case: &Case) -> Vec<String> {
    let mut lines = vec![format!(
        "{}  {} ({})  {}  {}{}",
        case.case,
        case.kind,
        case.reason,
        case.title,
        when::yuan(case.value),
        if case.resolved_at.is_some() { format!("  resolved: {}", case.note) } else { String::new() }
    )];
    lines.push(format!("  accepted  {}", side(&case.accepted)));
    lines.extend(case.winner.iter().map(|winner| format!("  counted   {}", side(winner))));
    lines
}

fn side(use_: &Use) -> String {
    let done = &use_.done;
    format!("{}  {}  {}  {}", when::shown(done.at), done.store, done.till, done.clerk)
}
