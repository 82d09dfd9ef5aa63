//! The thin layer between page and desk, on Tauri's mock runtime: names, shapes of arguments, shapes of answers.

use serde_json::{Value, json};
use tauri::ipc::{CallbackFn, InvokeBody};
use tauri::test::{INVOKE_KEY, get_ipc_response, mock_builder, mock_context, noop_assets};
use tauri::webview::InvokeRequest;
use tauri::{Manager, WebviewWindow, WebviewWindowBuilder};
use till::Till;
use till::folder::Folder;
use till::real::{SystemClock, SystemDice};

use super::*;

fn page(shell: Shell) -> WebviewWindow<tauri::test::MockRuntime> {
    let app = mock_builder()
        .invoke_handler(handler())
        .build(mock_context(noop_assets()))
        .expect("the mock needs no display");
    app.manage(Sounds::silent());
    app.manage(shell);
    WebviewWindowBuilder::new(&app, "main", Default::default()).build().expect("the mock opens any window")
}

fn call(
    page: &WebviewWindow<tauri::test::MockRuntime>,
    command: &str,
    arguments: Value,
) -> Result<Value, Value> {
    let url = if cfg!(windows) { "http://tauri.localhost" } else { "tauri://localhost" };
    let request = InvokeRequest {
        cmd: command.into(),
        callback: CallbackFn(0),
        error: CallbackFn(1),
        url: url.parse().expect("a constant address"),
        body: InvokeBody::Json(arguments),
        headers: Default::default(),
        invoke_key: INVOKE_KEY.to_string(),
    };
    get_ipc_response(page, request).map(|body| body.deserialize().expect("commands answer in JSON"))
}

fn empty_till(dir: &std::path::Path) -> Shell {
    let folder = Folder::open(dir).expect("a fresh folder");
    let till = Till::open(folder, Arc::new(SystemClock), Arc::new(SystemDice)).expect("a fresh till");
    Shell::Open(Arc::new(Desk::new(Arc::new(till), Language::Chinese)))
}

#[test]
fn a_fresh_till_asks_to_be_enrolled_and_speaks_the_systems_language() {
    let dir = tempfile::tempdir().expect("a folder");
    let page = page(empty_till(dir.path()));
    let screen = call(&page, "screen", json!({})).expect("the screen is always there");
    assert_eq!(screen["stage"]["stage"], "enrol", "nothing else makes sense before: {screen}");
    assert_eq!(screen["status"]["language"], "zh-CN", "the system's language");
    let spoken = call(&page, "act", json!({ "act": { "act": "language", "language": "en" } }));
    assert_eq!(spoken.expect("done")["status"]["language"], "en", "changed without a restart");
}

#[test]
fn a_scan_before_enrolment_is_a_verdict_and_no_error() {
    let dir = tempfile::tempdir().expect("a folder");
    let page = page(empty_till(dir.path()));
    let scan = json!({ "act": { "act": "scan", "text": "hello", "source": "pad" } });
    let screen = call(&page, "act", scan).expect("a scan never fails");
    assert_eq!(screen["stage"]["reason"], "not_enrolled", "told in words: {screen}");
}

#[test]
fn an_act_that_nobody_knows_is_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    let page = page(empty_till(dir.path()));
    assert!(call(&page, "act", json!({ "act": { "act": "delete_everything" } })).is_err(), "no such act");
    let undo = call(&page, "act", json!({ "act": { "act": "undo", "number": "seven" } }));
    assert!(undo.is_err(), "and no such number: {undo:?}");
}

#[test]
fn a_folder_that_is_in_use_is_said_on_the_screen() {
    let blocked = Shell::Blocked { language: Language::English, detail: "in use".into() };
    let screen = call(&page(blocked), "screen", json!({})).expect("the screen is always there");
    assert_eq!(
        screen["stage"],
        json!({ "stage": "blocked", "detail": "in use" }),
        "with the words that say why"
    );
}

#[test]
fn the_lists_answer_before_there_is_anything_in_them() {
    let dir = tempfile::tempdir().expect("a folder");
    let page = page(empty_till(dir.path()));
    for command in ["history", "practice"] {
        assert_eq!(call(&page, command, json!({})), Ok(json!([])), "{command} is empty");
    }
    let cases = call(&page, "cases", json!({}));
    assert_eq!(cases, Ok(json!({ "managers": [], "cases": [] })), "and so are the cases");
}

#[test]
fn a_decision_answers_with_what_went_wrong() {
    let dir = tempfile::tempdir().expect("a folder");
    let page = page(empty_till(dir.path()));
    let decide = |decision: &str| json!({ "case": "c1", "decision": decision, "manager": "m", "pin": "1", "note": "" });
    let nobody = call(&page, "decide", decide("recovered"));
    assert_eq!(nobody, Ok(json!("clerk_unknown")), "nobody works here yet");
    assert!(
        call(&page, "decide", decide("taken_back")).is_err(),
        "what a till does by itself is no decision"
    );
}
