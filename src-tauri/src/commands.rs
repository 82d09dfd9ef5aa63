//! What the page may ask of the shell: nine commands, each handed straight to the desk.

use std::sync::Arc;

use tauri::State;
use till::desk::Desk;
use till::words::Language;

use crate::sound::Sounds;
use crate::{convert, view};

/// What stands behind the window.
pub enum Shell {
    /// A till.
    Open(Arc<Desk>),
    /// A data folder that could not be opened.
    Blocked {
        /// The system's language.
        language: Language,
        /// What the clerk reads out to whoever looks after the till.
        detail: String,
    },
}

impl Shell {
    fn screen(&self) -> view::Screen {
        match self {
            Shell::Open(desk) => convert::screen(&desk.screen()),
            Shell::Blocked { language, detail } => convert::blocked(*language, detail),
        }
    }
}

/// The commands, for Tauri's builder.
pub fn handler<R: tauri::Runtime>() -> impl Fn(tauri::ipc::Invoke<R>) -> bool + Send + Sync + 'static {
    tauri::generate_handler![screen, act, history, cases, decide, practice, doctor, examine, forget]
}

/// Everything on the screen.
#[tauri::command]
async fn screen(shell: State<'_, Shell>) -> Result<view::Screen, ()> {
    Ok(shell.screen())
}

/// Does what the clerk did.
#[tauri::command]
async fn act(
    shell: State<'_, Shell>,
    sounds: State<'_, Sounds>,
    act: view::Act,
) -> Result<view::Screen, String> {
    let Shell::Open(desk) = &*shell else { return Ok(shell.screen()) };
    let screen = desk.act(convert::act(act)?).await;
    sounds.after(&screen);
    Ok(convert::screen(&screen))
}

/// Redemptions and undos of this till, newest first.
#[tauri::command]
async fn history(shell: State<'_, Shell>) -> Result<Vec<view::Row>, ()> {
    let Shell::Open(desk) = &*shell else { return Ok(vec![]) };
    Ok(desk.history().iter().map(convert::row).collect())
}

/// The store's cases, and who may decide on them.
#[tauri::command]
async fn cases(shell: State<'_, Shell>) -> Result<view::Cases, ()> {
    let Shell::Open(desk) = &*shell else { return Ok(view::Cases { managers: vec![], cases: vec![] }) };
    Ok(convert::cases(desk))
}

/// A manager decides on a case. Answers with the code of what went wrong ("wrong_pin" …), if something did.
#[tauri::command]
async fn decide(
    shell: State<'_, Shell>,
    case: String,
    decision: String,
    manager: String,
    pin: String,
    note: String,
) -> Result<Option<String>, String> {
    let Shell::Open(desk) = &*shell else { return Ok(Some("folder".into())) };
    let Some(decision) = convert::decision_of(&decision) else {
        return Err(format!("{decision:?} is no decision"));
    };
    Ok(desk.decide(&case, decision, &manager, &pin, &note).await.map(str::to_owned))
}

/// A demo chain's practice codes.
#[tauri::command]
async fn practice(shell: State<'_, Shell>) -> Result<Vec<view::PracticeCode>, ()> {
    let Shell::Open(desk) = &*shell else { return Ok(vec![]) };
    Ok(desk.till().practice().iter().map(convert::practice).collect())
}

/// The scanner doctor's test codes, and what it has found out.
#[tauri::command]
async fn doctor(shell: State<'_, Shell>) -> Result<Option<view::Doctor>, ()> {
    let Shell::Open(desk) = &*shell else { return Ok(None) };
    Ok(Some(convert::doctor(desk, None)))
}

/// A text was scanned with the scanner of this number while the doctor was open.
#[tauri::command]
async fn examine(
    shell: State<'_, Shell>,
    scanner: u32,
    heard: view::Heard,
) -> Result<Option<view::Doctor>, ()> {
    let Shell::Open(desk) = &*shell else { return Ok(None) };
    let (burst, measured) = convert::heard(heard);
    let outcome = desk.examine(scanner, &burst, measured);
    Ok(Some(convert::doctor(desk, outcome.as_ref())))
}

/// The scanner of this number is examined from the beginning.
#[tauri::command]
async fn forget(shell: State<'_, Shell>, scanner: u32) -> Result<Option<view::Doctor>, ()> {
    let Shell::Open(desk) = &*shell else { return Ok(None) };
    desk.forget_scanner(scanner);
    Ok(Some(convert::doctor(desk, None)))
}

#[cfg(test)]
mod tests;
