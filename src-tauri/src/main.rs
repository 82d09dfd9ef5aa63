//! `counterfoil`: the window at the counter.
//!
//! This is the only package that knows Tauri. It hands the real clock and dice to the till, draws nothing and decides
//! nothing: each command is a line or two, and what crosses to the page stands in [`view`].
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use tauri::{Emitter, LogicalSize, Manager, WebviewUrl, WebviewWindowBuilder};
use till::Till;
use till::desk::Desk;
use till::folder::{Folder, FolderError};
use till::real::{SystemClock, SystemDice};
use till::serial::{self, Pace, Scanners};
use till::words::Language;

mod commands;
mod convert;
mod sound;
mod view;

use commands::Shell;

/// So often, four times a second, the data folder is tried before the screen says that another program has it.
const LOCK_TRIES: u32 = 12;

/// Counterfoil at the counter.
#[derive(Parser)]
#[command(name = "counterfoil", version)]
struct Cli {
    /// The till's data folder; otherwise the platform's own.
    #[arg(long, env = "COUNTERFOIL_DATA")]
    data: Option<PathBuf>,
}

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_env("COUNTERFOIL_LOG"))
        .with_writer(std::io::stderr)
        .init();
    let cli = Cli::parse();
    let language = Language::of_locale(&sys_locale::get_locale().unwrap_or_default());
    // A till that cannot be opened still gets its window, for the words that say why.
    let shell = match open(cli.data, language) {
        Ok(desk) => Shell::Open(desk),
        Err(error) => {
            tracing::error!(%error, "the data folder was not opened");
            Shell::Blocked { language, detail: error.to_string() }
        }
    };
    match run(shell) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "no window could be opened");
            ExitCode::from(4)
        }
    }
}

fn open(data: Option<PathBuf>, language: Language) -> anyhow::Result<Arc<Desk>> {
    let path = data
        .or_else(Folder::default_path)
        .ok_or_else(|| anyhow::anyhow!("this system has no place for a program's data; say --data DIR"))?;
    let till = Till::open(open_folder(&path)?, Arc::new(SystemClock), Arc::new(SystemDice))?;
    Ok(Arc::new(Desk::new(Arc::new(till), language)))
}

/// The folder, once a program that is just ending has let go of it: a clerk who closes the window and opens it again
/// is quicker than the system.
fn open_folder(path: &Path) -> Result<Folder, FolderError> {
    for _ in 0..LOCK_TRIES {
        match Folder::open(path) {
            Err(FolderError::InUse(_)) => wait_a_moment(),
            other => return other,
        }
    }
    Folder::open(path)
}

#[expect(clippy::disallowed_methods, reason = "no system tells when another program lets go of a file lock")]
fn wait_a_moment() {
    std::thread::sleep(std::time::Duration::from_millis(250));
}

fn run(shell: Shell) -> tauri::Result<()> {
    tauri::Builder::default()
        .invoke_handler(commands::handler())
        .setup(|app| {
            open_window(app)?;
            app.manage(sound::Sounds::start());
            if let Shell::Open(desk) = &shell {
                keep_going(app.handle().clone(), desk.clone());
                listen_to_scanners(app.handle().clone(), desk.clone());
            }
            app.manage(shell);
            Ok(())
        })
        .run(tauri::generate_context!())
}

/// The window fills the screen; where nobody manages windows, it takes what the screen has, up to its usual size.
fn open_window(app: &tauri::App) -> tauri::Result<()> {
    let usual = LogicalSize::new(1366.0, 768.0);
    let window = WebviewWindowBuilder::new(app, "main", WebviewUrl::default())
        .title("Counterfoil")
        .inner_size(usual.width, usual.height)
        .min_inner_size(1024.0, 700.0)
        .maximized(true)
        .build()?;
    if let Some(monitor) = window.current_monitor()? {
        let room: LogicalSize<f64> = monitor.size().to_logical(monitor.scale_factor());
        if room.width < usual.width || room.height < usual.height {
            window.set_size(LogicalSize::new(room.width.min(usual.width), room.height.min(usual.height)))?;
        }
    }
    Ok(())
}

/// The serial scanners: what they read goes to the desk and sounds, whatever the page does.
fn listen_to_scanners(app: tauri::AppHandle, desk: Arc<Desk>) {
    let settings = desk.till().folder().serial();
    let (scanners, heard) = Scanners::start(&settings, Pace::default());
    tauri::async_runtime::spawn(serial::tell(scanners.standing(), desk.clone()));
    let sounding = app.clone();
    let passing_on =
        serial::pass_on(heard, desk, move |screen| sounding.state::<sound::Sounds>().after(screen));
    tauri::async_runtime::spawn(passing_on);
    app.manage(scanners);
}

/// What goes on for as long as the window is open: the sync, and screens for the page.
fn keep_going(app: tauri::AppHandle, desk: Arc<Desk>) {
    let syncing = desk.clone();
    tauri::async_runtime::spawn(async move { syncing.till().keep_in_sync().await });
    let following = desk.clone();
    tauri::async_runtime::spawn(async move { following.follow_news().await });
    tauri::async_runtime::spawn(async move {
        let mut changes = desk.changes();
        while changes.changed().await.is_ok() {
            if let Err(error) = app.emit("screen", convert::screen(&desk.screen())) {
                tracing::warn!(%error, "a screen did not reach the page");
            }
        }
    });
}
