//! `counterfoil-ctl`: a till's data folder for scripts and for whoever looks after the tills.
//!
//! Exit codes: 0 done · 1 refused · 2 usage · 3 held, or a person is needed · 4 fault. With `--json` each command
//! prints one JSON object (or array); without, sentences in the system's language.
#![expect(clippy::print_stderr, reason = "a command line program speaks by printing")]

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use till::folder::Folder;
use till::real::{SystemClock, SystemDice};
use till::words::Language;
use till::{Till, folder::FolderError};

mod acts;
mod cases;
mod decode;
mod journal;
mod looks;
mod read;
mod say;
mod scanners;
mod serial;

/// Looks after a Counterfoil till's data folder.
///
/// Exit codes: 0 done, 1 refused, 2 usage, 3 held or needs a person, 4 fault.
#[derive(Parser)]
#[command(name = "counterfoil-ctl", version)]
struct Cli {
    /// The till's data folder; otherwise the platform's own.
    #[arg(long, env = "COUNTERFOIL_DATA", global = true)]
    data: Option<PathBuf>,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    /// "zh-CN", "zh-HK" or "en"; otherwise the system's language.
    #[arg(long, global = true)]
    lang: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Join a chain with a one-time code.
    Enrol {
        /// The server's address, such as https://counterfoil.example
        url: String,
        /// The one-time code from `counterfoil-server enrol-code`.
        code: String,
        /// The till's name; otherwise the server numbers it.
        #[arg(long, default_value = "")]
        name: String,
    },
    /// Sign a clerk in, as at the screen.
    SignIn {
        /// Name or id.
        clerk: String,
        /// The PIN.
        #[arg(long)]
        pin: String,
    },
    /// Scan a text: shows what may be taken; with --confirm, takes it.
    Scan {
        /// The scanned text.
        text: String,
        /// Take it.
        #[arg(long)]
        confirm: bool,
        /// Which of several is meant, by its id, where a short code fits several.
        #[arg(long, value_name = "ID")]
        choose: Option<String>,
        /// Take only these: SKU=N,SKU=N
        #[arg(long, value_name = "SKU=N,…")]
        lines: Option<String>,
        /// In whose name; otherwise whoever is signed in.
        #[arg(long)]
        clerk: Option<String>,
        /// A manager who lets pass what a clerk may not decide without the server.
        #[arg(long, value_name = "NAME", requires_all = ["confirm", "manager_pin", "why"])]
        manager: Option<String>,
        /// The manager's PIN.
        #[arg(long, value_name = "PIN", requires = "manager")]
        manager_pin: Option<String>,
        /// Why the manager lets it pass.
        #[arg(long, value_name = "TEXT", requires = "manager")]
        why: Option<String>,
    },
    /// Take a redemption back, or some of it.
    Undo {
        /// Its number.
        number: String,
        /// Only this line of it: LINE, all that is still taken, or LINE=QTY. LINE is the article number.
        #[arg(long = "line", value_name = "LINE[=QTY]")]
        lines: Vec<String>,
        /// Why.
        #[arg(long, default_value = "", value_name = "TEXT")]
        reason: String,
        /// In whose name; otherwise whoever is signed in.
        #[arg(long)]
        clerk: Option<String>,
    },
    /// Send what is waiting and fetch what is new.
    Sync,
    /// How the till stands: online, waiting, age of the copy, the store's open cases.
    Status,
    /// The journal's lines.
    Journal {
        /// What to do with them.
        #[command(subcommand)]
        command: JournalCommand,
    },
    /// Take this till out of its chain. Refused while anything is unsent.
    Reset,
    /// Say whether anything is unsent: exit code 0 nothing, 1 something. An uninstaller asks this first.
    Unsent,
    /// The store's open cases: all sides, what each relied on, what is at stake.
    #[command(args_conflicts_with_subcommands = true)]
    Cases {
        /// The decided ones too.
        #[arg(long)]
        all: bool,
        /// What to do about one.
        #[command(subcommand)]
        command: Option<cases::CasesCommand>,
    },
    /// Scanners on serial ports.
    Serial {
        /// What to do about them.
        #[command(subcommand)]
        command: serial::SerialCommand,
    },
    /// The scanner doctor's test codes on paper, and what it has found out.
    Scanner {
        /// What.
        #[command(subcommand)]
        command: scanners::ScannerCommand,
    },
    /// Say what a text is, without looking anything up. Needs no data folder.
    Read(read::ReadWords),
    /// Say what codes pictures show, where, and how many milliseconds it took to see it. Needs no data folder. Exit code: 0
    /// something was read in every picture, 1 in one of them nothing was, 4 one cannot be looked at.
    Decode(decode::DecodeWords),
}

#[derive(Subcommand)]
enum JournalCommand {
    /// Print every line.
    List,
    /// Check that every line is there, follows from the one before, and is signed by this till.
    Verify {
        /// An exported journal or a backup; otherwise the till's own.
        file: Option<PathBuf>,
    },
    /// Write the journal into one signed file, for another till or the server to take in.
    Export {
        /// The file, or a folder such as a USB stick.
        to: PathBuf,
        /// Another file of this till's journal: one that is damaged or was set aside, or a backup. Every line in it that
        /// is whole and signed is taken. Exit code 3 where some are missing.
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
    },
    /// Carry another till's exported journal to the server.
    Import {
        /// The file.
        file: PathBuf,
    },
    /// Copy the journal, check the copy, and keep the newest fourteen.
    Backup {
        /// The folder; otherwise `backups` in the data folder.
        dir: Option<PathBuf>,
    },
}

/// What a command ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    Done = 0,
    Refused = 1,
    Usage = 2,
    Held = 3,
    Fault = 4,
}

/// How a command speaks.
struct Voice {
    json: bool,
    language: Language,
}

impl Voice {
    /// Prints `json` or `words`.
    fn say(&self, json: serde_json::Value, words: impl FnOnce() -> String) {
        print(&if self.json { json.to_string() } else { words() });
    }

    /// Says how far something has come, to whoever watches.
    fn progress(&self, words: &str) {
        eprintln!("counterfoil-ctl: {words}");
    }

    /// Says what went wrong.
    fn complain(&self, exit: Exit, error: &str, message: &str) -> Exit {
        if self.json {
            print(&serde_json::json!({ "error": error, "message": message }).to_string());
        } else {
            eprintln!("counterfoil-ctl: {message}");
        }
        exit
    }
}

/// One line, flushed. A closed pipe is nobody's fault.
fn print(line: &str) {
    let mut out = std::io::stdout().lock();
    let said = writeln!(out, "{line}").and_then(|()| out.flush());
    if said.is_err() {
        std::process::exit(Exit::Done as i32);
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_env("COUNTERFOIL_LOG"))
        .with_writer(std::io::stderr)
        .init();
    let cli = Cli::parse();
    let locale = cli.lang.clone().or_else(|| std::env::var("LANG").ok()).unwrap_or_default();
    let voice = Voice { json: cli.json, language: Language::of_locale(&locale) };
    ExitCode::from(run(cli, &voice).await as u8)
}

async fn run(cli: Cli, voice: &Voice) -> Exit {
    if let Command::Read(words) = &cli.command {
        return read::read(voice, words);
    }
    if let Command::Decode(words) = &cli.command {
        return decode::decode(voice, words);
    }
    if let Command::Scanner { command: scanners::ScannerCommand::Sheet { out } } = &cli.command {
        return scanners::sheet(voice, out);
    }
    let Some(path) = cli.data.or_else(Folder::default_path) else {
        return voice.complain(Exit::Usage, "no_folder", "say where the data folder is: --data DIR");
    };
    let folder = match Folder::open(&path) {
        Ok(folder) => folder,
        Err(error @ FolderError::InUse(_)) => {
            return voice.complain(Exit::Refused, "in_use", &error.to_string());
        }
        Err(error) => return voice.complain(Exit::Fault, "folder", &error.to_string()),
    };
    match &cli.command {
        Command::Journal { command: JournalCommand::List } => return looks::journal_list(voice, &folder),
        Command::Journal { command: JournalCommand::Verify { file } } => {
            return journal::verify(voice, &folder, file.as_deref());
        }
        Command::Journal { command: JournalCommand::Export { to, from } } => {
            return journal::export(voice, &folder, to, from.as_deref());
        }
        Command::Serial { command } => return serial::serial(voice, &folder, command).await,
        _ => {}
    }
    let till = match Till::open(folder, Arc::new(SystemClock), Arc::new(SystemDice)) {
        Ok(till) => Arc::new(till),
        Err(error) => return voice.complain(Exit::Fault, "open", &error.to_string()),
    };
    match cli.command {
        Command::Enrol { url, code, name } => acts::enrol(voice, &till, &url, &code, &name).await,
        Command::SignIn { clerk, pin } => acts::sign_in(voice, &till, &clerk, &pin).await,
        Command::Scan { text, confirm, choose, lines, clerk, manager, manager_pin, why } => {
            let yes = manager.map(|name| acts::Yes {
                manager: name,
                pin: manager_pin.unwrap_or_default(),
                why: why.unwrap_or_default(),
            });
            acts::scan(voice, &till, acts::ScanWords { text, confirm, choose, lines, clerk, yes }).await
        }
        Command::Undo { number, lines, reason, clerk } => {
            acts::undo(voice, &till, acts::UndoWords { number, lines, reason, clerk }).await
        }
        Command::Sync => acts::sync(voice, &till).await,
        Command::Status => looks::status(voice, &till).await,
        Command::Cases { all, command: None } => cases::list(voice, &till, all),
        Command::Cases { command: Some(command), .. } => cases::decide(voice, &till, command),
        Command::Reset => journal::reset(voice, till),
        Command::Unsent => journal::unsent(voice, &till),
        Command::Journal { command: JournalCommand::Import { file } } => {
            journal::import(voice, &till, &file).await
        }
        Command::Journal { command: JournalCommand::Backup { dir } } => {
            journal::backup(voice, &till, dir.as_deref())
        }
        Command::Scanner { .. } => scanners::report(voice, &till),
        Command::Journal { .. } | Command::Read(_) | Command::Decode(_) | Command::Serial { .. } => {
            Exit::Usage
        }
    }
}
