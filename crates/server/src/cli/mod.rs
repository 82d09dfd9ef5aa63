//! The command line: what can be asked for, and how it ends.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use server::store::{Location, ServerUrl, StoreError};
use server::{Store, real};
use tracing_subscriber::filter::LevelFilter;

mod campaigns;
mod chain;
mod code;
mod entitlements;
mod issue;
mod journals;
mod keys;
mod merchants;
mod migrate;
mod policy;
mod profiles;
mod reports;
mod say;
mod serve;
mod status;
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
    /// A PostgreSQL database instead of the file in that folder: postgres://user:password@host:port/database
    ///
    /// sslmode=require (or verify-full) and sslrootcert=FILE may follow as parameters. A password may as well stand in
    /// PGPASSWORD or ~/.pgpass. The folder is used all the same: keys are in no database.
    #[arg(long, global = true, env = "COUNTERFOIL_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: Option<String>,
    /// Answer in JSON on standard output (times in milliseconds since 1970, money in fen)
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  refused: no database, an unknown store, code or till; a sentence on standard error says what to do
  2  the command line is wrong
  3  a person has to decide: `migrate --check` found a schema that is not up to date
  4  a fault: the database, the disk, the network address

With --json a command that fails prints one object on standard output instead of the sentence:
  {\"error\": \"unknown_store\", \"message\": \"there is no store called …\"}

COUNTERFOIL_LOG says what is logged on standard error, such as debug or server=debug.";

#[derive(Subcommand)]
enum Command {
    /// Answer tills until interrupted. The first line on standard output is the URL
    Serve(serve::ServeArgs),
    /// Bring the database's schema up to date, which `serve` does by itself
    Migrate {
        /// Only look: exit code 0 if it is up to date, 3 if it is not
        #[arg(long)]
        check: bool,
    },
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
    /// List the tills, give up what a lost one has not reported, or let one in again
    Tills(chain::TillsArgs),
    /// Take in journals that tills have exported
    #[command(subcommand)]
    Journals(journals::JournalsCommand),
    /// Bar a till
    Revoke(chain::RevokeArgs),
    /// Draw a demo chain's codes on sheets to be printed
    Sheet(reports::SheetArgs),
    /// Make, list, bound, withdraw and replace the keys that sign
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Make and list campaigns of signed codes
    #[command(subcommand)]
    Campaign(campaigns::CampaignCommand),
    /// Show a code, or write its picture. Of one that rotates: as the phone shows it now
    Code(Box<code::CodeArgs>),
    /// Issue an order, a coupon, a card or a membership
    #[command(subcommand)]
    Issue(Box<issue::IssueCommand>),
    /// Show an entitlement with its uses
    Show(entitlements::Which),
    /// Write down that the money went back
    Refund(entitlements::Which),
    /// Write down that it is cancelled
    #[command(visible_alias = "revoke-code")]
    Cancel(entitlements::Which),
    /// Say what the codes of the chain's malls look like
    #[command(subcommand)]
    Profile(profiles::ProfileCommand),
    /// Say what tills may decide while they cannot ask
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Say what tills that are not in touch may cost, store by store
    Exposure,
    /// Make and take back keys of merchants' programs
    #[command(subcommand)]
    Merchant(merchants::MerchantCommand),
    /// Show how the database stands: its feeds, and whether it was ever set back
    Status,
    /// Say that this database was restored from a backup: every till fetches everything and offers every line again.
    ///
    /// Tills prove it themselves as soon as one comes that was told more than the backup holds. This says it at once
    Restored,
    /// List what was counted, the latest first
    Redemptions(reports::RedemptionsArgs),
    /// List what somebody has to look at, with all sides, or show one case in full
    Cases(reports::CasesArgs),
}

/// How a command that did not do its work ended: its exit code, a stable word for scripts, and a sentence.
pub struct Ended {
    exit: u8,
    error: &'static str,
    message: String,
}

impl<E: Into<anyhow::Error>> From<E> for Ended {
    fn from(error: E) -> Ended {
        let error = error.into();
        let word = match error.downcast_ref::<StoreError>() {
            Some(StoreError::Newer { .. }) => "database_newer",
            Some(StoreError::Folder(_)) => "data_folder",
            Some(StoreError::Server(_)) => "database_server",
            Some(StoreError::Db(_) | StoreError::Moved(_) | StoreError::Data(_)) => "database",
            None => "fault",
        };
        fault(word, in_words(&error))
    }
}

/// It may not be done, or not like this. The sentence says what to do.
fn refused<T>(error: &'static str, sentence: impl Into<String>) -> Result<T, Ended> {
    Err(Ended { exit: 1, error, message: sentence.into() })
}

/// The command line is wrong in a way that its parser cannot see.
fn misused<T>(sentence: impl Into<String>) -> Result<T, Ended> {
    Err(Ended { exit: 2, error: "usage", message: sentence.into() })
}

/// Something failed.
fn fault(error: &'static str, sentence: impl Into<String>) -> Ended {
    Ended { exit: 4, error, message: sentence.into() }
}

/// The error with its causes. Many an error tells its cause itself; that is not said twice.
fn in_words(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |said, cause| {
        if said.is_empty() {
            cause
        } else if said.ends_with(&cause) {
            said
        } else {
            format!("{said}: {cause}")
        }
    })
}

/// Refuses names that would break a till's screen.
fn printable(what: &str, text: &str) -> Result<(), Ended> {
    if text.chars().any(char::is_control) {
        return misused(format!("{what} holds a control character: {text:?}; write it in one plain line"));
    }
    Ok(())
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
        Err(ended) => {
            Out { json: args.json }.fail(ended.error, &ended.message);
            ExitCode::from(ended.exit)
        }
    }
}

async fn run(args: &Args) -> Result<(), Ended> {
    args.command.check()?;
    let location = location(args)?;
    let out = Out { json: args.json };
    let about = |error: StoreError| anyhow::Error::from(error).context(format!("the data in {location}"));
    let there = Store::schema_at(&location).await.map_err(about)?;
    let empty = there.as_ref().is_none_or(|schema| schema.found == 0);
    let may_create =
        args.command.creates() || matches!(args.command, Command::Migrate { .. }) && there.is_some();
    if empty && !may_create {
        return refused(
            "no_database",
            format!(
                "there is no Counterfoil database in {location}; create one with serve, demo or add-store"
            ),
        );
    }
    if let (Command::Migrate { check: true }, Some(schema)) = (&args.command, &there) {
        return migrate::check(schema, &location, out);
    }
    let store = Store::open_at(&location, real::hands()).await.map_err(about)?;
    match &args.command {
        Command::Serve(serve) => return serve::serve(store, serve, out).await,
        Command::Migrate { .. } => migrate::done(there.as_ref(), out),
        Command::Demo => chain::demo(&store, out).await,
        Command::AddStore { name } => chain::add_store(&store, name, out).await,
        Command::AddStaff(staff) => chain::add_staff(&store, staff, out).await,
        Command::EnrolCode(enrol) => chain::enrol_code(&store, enrol, out).await,
        Command::Tills(tills) => chain::tills(&store, tills, out).await,
        Command::Journals(journals::JournalsCommand::Load { file }) => {
            journals::load(&store, file, out).await
        }
        Command::Revoke(revoke) => chain::revoke(&store, revoke, out).await,
        Command::Sheet(sheet) => reports::sheet(&store, sheet, out).await,
        Command::Keys(command) => keys::keys(&store, command, out).await,
        Command::Campaign(command) => campaigns::campaign(&store, command, out).await,
        Command::Code(args) => code::code(&store, args, out).await,
        Command::Issue(issue) => issue::issue(&store, issue, out).await,
        Command::Show(which) => entitlements::show(&store, which, out).await,
        Command::Refund(which) => entitlements::refund(&store, which, out).await,
        Command::Cancel(which) => entitlements::cancel(&store, which, out).await,
        Command::Profile(command) => profiles::profile(&store, command, out).await,
        Command::Policy(command) => policy::policy(&store, command, out).await,
        Command::Exposure => policy::exposure(&store, out).await,
        Command::Merchant(command) => merchants::merchant(&store, command, out).await,
        Command::Status => status::status(&store, out).await,
        Command::Restored => status::restored(&store, out).await,
        Command::Redemptions(asked) => reports::redemptions(&store, asked, out).await,
        Command::Cases(cases) => reports::cases(&store, cases, out).await,
    }?;
    store.close().await;
    Ok(())
}

/// Where the data are.
fn location(args: &Args) -> Result<Location, Ended> {
    let folder = match &args.data {
        Some(folder) => folder.clone(),
        None => directories::ProjectDirs::from("", "", "counterfoil-server")
            .map(|folders| folders.data_dir().to_owned())
            .map_or_else(
                || refused("no_home", "this user has no home folder: give a folder with --data DIR"),
                Ok,
            )?,
    };
    match &args.database_url {
        None => Ok(Location::file(&folder)),
        Some(url) => match url.parse::<ServerUrl>() {
            Ok(url) => Ok(Location::server(url, &folder)),
            Err(error) => misused(format!("--database-url, or COUNTERFOIL_DATABASE_URL: {error}")),
        },
    }
}

impl Command {
    /// Whether it may make a database where there is none. What only reads or adds to one must not: a mistyped
    /// `--data` would look like an empty chain.
    fn creates(&self) -> bool {
        matches!(self, Command::Serve(_) | Command::Demo | Command::AddStore { .. })
    }

    /// What can be said against the command line before any data is touched.
    fn check(&self) -> Result<(), Ended> {
        match self {
            Command::AddStore { name } if name.trim().is_empty() => misused("a store needs a name"),
            Command::AddStore { name } => printable("the name", name),
            Command::AddStaff(staff) => staff.check(),
            Command::Issue(issue) => issue.check(),
            Command::Campaign(campaign) => campaign.check(),
            Command::Merchant(merchant) => merchant.check(),
            _ => Ok(()),
        }
    }
}

/// Warnings and faults always, the server's doings while it serves; or what `COUNTERFOIL_LOG` asks for.
fn log_to_stderr(serving: bool) {
    let default = if serving { LevelFilter::INFO } else { LevelFilter::WARN };
    let filter = tracing_subscriber::EnvFilter::builder()
        .with_env_var("COUNTERFOIL_LOG")
        .with_default_directive(default.into())
        .from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
}
