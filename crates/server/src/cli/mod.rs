//! The command line: what can be asked for, and how it ends.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use server::{Store, real};

mod chain;
mod entitlements;
mod issue;
mod reports;
mod say;
mod serve;
mod when;

use say::Out;

/// The reference backend of Counterfoil: it issues codes, decides who was first, and keeps the tills' journals.
///
/// Commands may run while `serve` runs on the same data; tills hear of a change within about a second.
#[derive(Parser)]
#[command(name = "counterfoil-server", version, after_help = EXIT_CODES)]
pub struct Args {
    /// The folder of the database [default: this system's folder for application data]
    #[arg(long, global = true, env = "COUNTERFOIL_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Answer in JSON on standard output (times in milliseconds since 1970, money in fen)
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  refused: an unknown store, code or till; standard error says what to do
  2  the command line is wrong
  3  kept for what needs a person's decision; no command uses it yet
  4  a fault: the database, the disk, the network address";

#[derive(Subcommand)]
enum Command {
    /// Answer tills until interrupted. The first line on standard output is the URL
    Serve(serve::ServeArgs),
    /// Make the demo chain 山海茶铺, with codes to practise. Does nothing if it is there
    Demo,
    /// Open a store
    AddStore {
        /// The name that clerks read
        name: String,
    },
    /// Let somebody sign in at a store. The PIN is read from standard input
    AddStaff(chain::StaffArgs),
    /// Make a code that enrols one till, once
    EnrolCode(chain::EnrolArgs),
    /// List the tills
    Tills,
    /// Bar a till
    Revoke(chain::RevokeArgs),
    /// Draw a demo chain's codes on sheets to be printed
    Sheet(reports::SheetArgs),
    /// Issue an order, a coupon, a card or a membership
    #[command(subcommand)]
    Issue(issue::IssueCommand),
    /// Show an entitlement with its uses
    Show {
        /// Its code or its id
        code_or_id: String,
    },
    /// Write down that the money went back
    Refund {
        /// Its code or its id
        code_or_id: String,
    },
    /// List what was counted, the latest first
    Redemptions(reports::RedemptionsArgs),
    /// List the redemptions that tills accepted and the server does not count, with both sides
    Cases,
}

/// How a command that did not do its work ended.
pub enum Ended {
    /// It may not be done, or not like this. The sentence says what to do.
    Refused(String),
    /// Something failed.
    Fault(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Ended {
    fn from(error: E) -> Ended {
        Ended::Fault(error.into())
    }
}

/// Shorthand for [`Ended::Refused`].
fn refused<T>(sentence: impl Into<String>) -> Result<T, Ended> {
    Err(Ended::Refused(sentence.into()))
}

/// Runs the command and says how it ended.
pub fn main(args: &Args) -> ExitCode {
    log_to_stderr(matches!(args.command, Command::Serve(_)));
    let ended = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(run(args)),
        Err(error) => Err(error.into()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(Ended::Refused(sentence)) => {
            say::complain(&sentence);
            ExitCode::from(1)
        }
        Err(Ended::Fault(error)) => {
            say::complain(&format!("{error:#}"));
            ExitCode::from(4)
        }
    }
}

async fn run(args: &Args) -> Result<(), Ended> {
    let folder = match &args.data {
        Some(folder) => folder.clone(),
        None => directories::ProjectDirs::from("", "", "counterfoil-server")
            .map(|folders| folders.data_dir().to_owned())
            .ok_or_else(|| {
                Ended::Refused("this user has no home folder: give one with --data DIR".to_owned())
            })?,
    };
    let store = Store::open(&folder, real::hands())
        .await
        .map_err(|error| anyhow::Error::from(error).context(format!("the data in {}", folder.display())))?;
    let out = Out { json: args.json };
    match &args.command {
        Command::Serve(serve) => return serve::serve(store, serve, out).await,
        Command::Demo => chain::demo(&store, out).await,
        Command::AddStore { name } => chain::add_store(&store, name, out).await,
        Command::AddStaff(staff) => chain::add_staff(&store, staff, out).await,
        Command::EnrolCode(enrol) => chain::enrol_code(&store, enrol, out).await,
        Command::Tills => chain::tills(&store, out).await,
        Command::Revoke(revoke) => chain::revoke(&store, revoke, out).await,
        Command::Sheet(sheet) => reports::sheet(&store, sheet, out).await,
        Command::Issue(issue) => issue::issue(&store, issue, out).await,
        Command::Show { code_or_id } => entitlements::show(&store, code_or_id, out).await,
        Command::Refund { code_or_id } => entitlements::refund(&store, code_or_id, out).await,
        Command::Redemptions(asked) => reports::redemptions(&store, asked, out).await,
        Command::Cases => reports::cases(&store, out).await,
    }?;
    store.close().await;
    Ok(())
}

/// Warnings and faults always, the server's doings while it serves, more if `RUST_LOG` asks for it.
fn log_to_stderr(serving: bool) {
    let default = if serving { "info" } else { "warn" };
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
}
