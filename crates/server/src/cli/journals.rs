//! Tills' journals: letting a till in again, and loading what one has exported.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;
use server::Store;
use server::store::{BATCH_LENGTH_MAX, Device, Hand, HandedIn, Intake};
use wire::api::{SettledLine, Settlement};
use wire::export::{self, EXPORT_BYTES_MAX, Export};

use super::say::Out;
use super::{Ended, chain, fault, printable, refused};

/// What `tills readmit` takes.
#[derive(Args)]
pub struct ReadmitArgs {
    /// The till's name or id
    till: String,
    /// The store's name, if several stores have a till of that name
    #[arg(long, value_name = "NAME")]
    store: Option<String>,
    /// What was found, and who decided
    #[arg(long)]
    note: String,
}

/// What may be done with journals.
#[derive(Subcommand)]
pub enum JournalsCommand {
    /// Take in what `counterfoil-ctl journal export` has written, also of a till that is barred
    Load {
        /// The file
        file: PathBuf,
    },
}

/// Lets a till in again.
pub async fn readmit(store: &Store, args: &ReadmitArgs, out: Out) -> Result<(), Ended> {
    printable("--note", &args.note)?;
    let till = chain::till_named(store, &args.till, args.store.as_deref(), |till| !till.revoked).await?;
    let Some(device) = store.device(&till.device).await? else {
        return refused("unknown_till", format!("no till of this chain has the id {}", till.device));
    };
    let epoch = store.readmit(&device, args.note.trim()).await?;
    let value = json!({
        "device": till.device, "till": till.till, "store": till.store, "epoch": epoch, "note": args.note,
        "lines_held": till.head, "branch_lines": till.branch_lines,
    });
    Ok(out.say(&value, || {
        vec![
            format!("{} at {} begins a new journal at its next contact (epoch {epoch}).", till.till, till.store),
            format!(
                "Held of the old one: {} lines, and {} of another history. What it did not send is still to be reckoned \
                 with.",
                till.head, till.branch_lines
            ),
        ]
    })?)
}

/// Takes an exported journal in.
pub async fn load(store: &Store, file: &Path, out: Out) -> Result<(), Ended> {
    let export = read(file)?;
    let Some(device) = store.device(&export.header.device).await? else {
        return refused("unknown_till", format!("no till of this chain has the id {}", export.header.device));
    };
    let (mut settlements, mut held, mut gaps) = (vec![], 0, vec![]);
    for (epoch, before, lines) in export.batches() {
        let mut after = before;
        for batch in lines.chunks(BATCH_LENGTH_MAX) {
            match take_in(store, &device, epoch, after, batch).await? {
                Ok(told) => settlements.extend(told),
                // What lies behind a line that is lost has to wait; the other pieces of the file need not.
                Err(head) => {
                    gaps.push(format!(
                        "lines {} to {after} of epoch {epoch} are neither here nor in the file",
                        head + 1
                    ));
                    break;
                }
            }
            after += batch.len() as u64;
            held += batch.len();
        }
    }
    if !gaps.is_empty() {
        let left = export.lines.len() - held;
        let message = format!(
            "{}: the {left} lines behind them cannot be taken; {held} lines of {} are held",
            gaps.join(", "),
            device.till
        );
        return refused("gap", message);
    }
    let cases = settlements
        .iter()
        .filter(|told| matches!(told.settlement, Settlement::Disputed { .. } | Settlement::Refused { .. }))
        .count();
    let value = json!({ "device": device.id, "till": device.till, "lines": export.lines.len(),
                        "settlements": settlements, "cases": cases });
    Ok(out.say(&value, || {
        vec![format!("{} lines of {} are held; {cases} of them are cases", export.lines.len(), device.till)]
    })?)
}

/// Takes lines of one epoch in. What they are told, or, where lines before them are missing, the last one that is held.
async fn take_in(
    store: &Store,
    device: &Device,
    epoch: u64,
    after: u64,
    lines: &[Vec<u8>],
) -> Result<Result<Vec<SettledLine>, u64>, Ended> {
    let handed_in = || HandedIn { epoch, after, lines: lines.to_vec() };
    let mut intake = store.take_in_from(Hand::Carrier, device, handed_in()).await?;
    if matches!(intake, Intake::Fork { .. }) {
        // It is found to be another history, and is kept as that from here on.
        intake = store.take_in_from(Hand::Carrier, device, handed_in()).await?;
    }
    match intake {
        Intake::Kept(kept) => {
            let told = kept.settlements.iter().map(|told| serde_json::from_str(told.get()));
            let told = told.collect::<Result<_, _>>();
            Ok(Ok(told
                .map_err(|error| fault("database", format!("a settlement that cannot be read: {error}")))?))
        }
        Intake::Gap { head } => Ok(Err(head)),
        Intake::Fork { .. } => refused("fork", format!("epoch {epoch} is not one of that till's")),
        Intake::NotSigned { seq } => {
            let message = format!("line {seq} of epoch {epoch} is not signed by the key of that till");
            refused("not_signed", message)
        }
    }
}

fn read(file: &Path) -> Result<Export, Ended> {
    let shown = file.display();
    let length = std::fs::metadata(file).map_err(|error| fault("file", format!("{shown}: {error}")))?.len();
    if length > EXPORT_BYTES_MAX {
        return refused("export_broken", format!("{shown}: {length} bytes are more than any export has"));
    }
    let bytes = std::fs::read(file).map_err(|error| fault("file", format!("{shown}: {error}")))?;
    export::read(&bytes).or_else(|error| refused("export_broken", format!("{shown}: {error}")))
}
