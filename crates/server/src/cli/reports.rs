//! `redemptions`, `cases` and `sheet`: what was counted, what needs a person, and codes to be printed.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use model::time::UnixMs;
use server::store::RedemptionRow;
use server::{Store, sheet};
use wire::case::{Case, Decided, Side};
use wire::line::Basis;

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

/// What `cases` takes.
#[derive(Args)]
pub struct CasesArgs {
    #[command(subcommand)]
    command: Option<CasesCommand>,
}

#[derive(Subcommand)]
enum CasesCommand {
    /// List them, the latest first, as without a command
    List {
        /// Only those that nobody has decided on
        #[arg(long)]
        open: bool,
    },
    /// Show one with its evidence
    Show {
        /// Its name
        case: String,
    },
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
            let back: u32 = row.taken_back.iter().map(|take| take.quantity).sum();
            let back = match (row.undone, back) {
                (true, _) => "  taken back".to_owned(),
                (false, 0) => String::new(),
                (false, back) => format!("  {back} more taken back"),
            };
            format!(
                "{}  …{}  …{}  {}  {}  {}  {} × {pieces}{back}",
                when::shown(row.at),
                end(&row.number),
                row.code_tail,
                row.store,
                row.till,
                row.clerk,
                row.title,
            )
        };
        or_none(rows.iter().map(line).collect(), "nothing was counted")
    })?)
}

/// Lists the cases, or shows one.
pub async fn cases(store: &Store, args: &CasesArgs, out: Out) -> Result<(), Ended> {
    let open = match &args.command {
        Some(CasesCommand::Show { case }) => return show_case(store, case, out).await,
        Some(CasesCommand::List { open }) => *open,
        None => false,
    };
    let mut cases = store.cases().await?;
    cases.retain(|case| !open || case.state == "open");
    Ok(out.say(&cases, || or_none(cases.iter().flat_map(case_lines).collect(), "no cases"))?)
}

async fn show_case(store: &Store, name: &str, out: Out) -> Result<(), Ended> {
    let Some(case) = store.case(name).await? else {
        return refused(
            "unknown_case",
            format!("there is no case called {name}; `counterfoil-server cases` lists them"),
        );
    };
    Ok(out.say(&case, || {
        let mut lines = case_lines(&case);
        lines.truncate(1);
        lines.push(format!("  opened {}", when::shown(case.opened_at)));
        lines.extend(case.sides.iter().flat_map(side_in_full));
        lines.extend(case.decisions.iter().map(decision));
        lines
    })?)
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
        "{}  {} ({})  {}  {}  {}",
        case.case,
        case.class,
        case.reason,
        case.state,
        when::yuan(case.value),
        case.title,
    )];
    lines.extend(case.sides.iter().map(side));
    lines.extend(case.decisions.iter().map(decision));
    lines
}

fn side(side: &Side) -> String {
    let done = &side.done;
    format!(
        "  {:<11}  {}  {}  {}  {}  …{}",
        side.standing,
        when::shown(done.at),
        done.store,
        done.till,
        done.clerk,
        end(&side.number)
    )
}

fn side_in_full(shown: &Side) -> Vec<String> {
    let mut lines = vec![side(shown)];
    let takes: Vec<String> =
        shown.takes.iter().map(|take| format!("{} × {}", take.sku, take.quantity)).collect();
    lines.push(format!("      number   {}  {}", shown.number, takes.join(", ")));
    let from = match shown.not_before {
        0 => "unknown".to_owned(),
        proved => when::shown(proved),
    };
    lines.push(format!("      provable from {from} to {}", when::shown(shown.received_at)));
    if let Some(line) = &shown.line {
        lines.push(format!("      line     {} {}.{}  {}", line.device, line.epoch, line.seq, line.hash));
    }
    if let Some(relied) = &shown.relied {
        let basis = match &relied.basis {
            Some(Basis::Server) | None => "the server".to_owned(),
            Some(Basis::Copy { as_of, silence }) => {
                format!("the copy of {} ({silence})", when::shown(*as_of))
            }
            Some(Basis::Override { by, why, as_of, silence }) => {
                format!(
                    "the yes of {} ({why}), by what was known at {} ({silence})",
                    by.name,
                    when::shown(*as_of)
                )
            }
            Some(Basis::Signature { as_of, silence }) => {
                format!("the signature, status list of {} ({silence})", when::shown(*as_of))
            }
        };
        lines.push(format!(
            "      relied on {basis}, version {}, code …{}, read by {}",
            relied.version, relied.code_tail, relied.source
        ));
    }
    lines
}

fn decision(decided: &Decided) -> String {
    let by = [decided.till.as_str(), decided.clerk.as_str()].join(" ");
    let by = if by.trim().is_empty() { "the server" } else { by.trim() };
    format!("  {}  {}  {by}  {}", decided.decision, when::shown(decided.at), decided.note)
}
