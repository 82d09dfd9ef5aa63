//! The store's cases: listed with everybody who has a part in them, and decided on by a manager.

use std::sync::Arc;

use clap::{Subcommand, ValueEnum};
use model::time::UnixMs;
use serde_json::{Value, json};
use till::Till;
use till::cases::{NotResolved, StoreCase};
use till::words::{Language, sentence};
use wire::case::Side;
use wire::line::{self, Basis};

use crate::acts::{self, Yes};
use crate::say;
use crate::{Exit, Voice};

#[derive(Subcommand)]
pub enum CasesCommand {
    /// Decide on a case, with a manager's PIN. Works offline: it is sent with the next sync.
    Decide {
        /// The case, as `cases` names it.
        case: String,
        /// What is decided.
        decision: Decision,
        /// The manager who decides: name or id.
        #[arg(long, value_name = "NAME")]
        manager: String,
        /// The manager's PIN.
        #[arg(long, value_name = "PIN")]
        manager_pin: String,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        note: String,
    },
}

/// What may be decided.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Decision {
    /// The goods came back.
    Recovered,
    /// The chain bears the loss.
    WrittenOff,
    /// Somebody of the chain has made it good.
    Paid,
    /// The customer has paid for it.
    CustomerCharged,
    /// Nothing was lost.
    NoFault,
}

impl From<Decision> for line::Decision {
    fn from(decision: Decision) -> line::Decision {
        match decision {
            Decision::Recovered => line::Decision::Recovered,
            Decision::WrittenOff => line::Decision::WrittenOff,
            Decision::Paid => line::Decision::Paid,
            Decision::CustomerCharged => line::Decision::CustomerCharged,
            Decision::NoFault => line::Decision::NoFault,
        }
    }
}

pub fn list(voice: &Voice, till: &Arc<Till>, all: bool) -> Exit {
    let mut cases = till.cases();
    let open = cases.iter().filter(|case| case.is_open()).count();
    cases.retain(|case| all || case.is_open());
    voice.say(Value::Array(cases.iter().map(value).collect()), || {
        if cases.is_empty() {
            return sentence(voice.language, if all { "cases.none" } else { "cases.none_open" });
        }
        cases.iter().map(|case| words(voice.language, case)).collect::<Vec<_>>().join("\n")
    });
    if open == 0 { Exit::Done } else { Exit::Held }
}

pub fn decide(voice: &Voice, till: &Arc<Till>, command: CasesCommand) -> Exit {
    let CasesCommand::Decide { case, decision, manager, manager_pin, note } = command;
    let yes = match acts::approval(voice, till, &Yes { manager, pin: manager_pin, why: note }) {
        Ok(yes) => yes,
        Err(exit) => return exit,
    };
    match till.resolve(&case, decision.into(), &yes) {
        Ok(number) => {
            let number = number.to_string();
            voice.say(json!({ "case": case, "number": number, "heard": "waiting" }), || {
                sentence(voice.language, "heard.waiting")
            });
            Exit::Done
        }
        Err(error) => {
            let exit = match error {
                NotResolved::CaseUnknown | NotResolved::Decided => Exit::Refused,
                NotResolved::NotWritten(reason) => say::exit_of(reason),
            };
            voice.complain(exit, error.code(), &sentence(voice.language, &format!("failed.{}", error.code())))
        }
    }
}

/// As the server tells it, with what this till knows besides.
fn value(case: &StoreCase) -> Value {
    let mut value = json!(case.case);
    value["open"] = json!(case.is_open());
    value["concerns_this_till"] = json!(case.concerns);
    value["decided_here"] = json!(case.here.as_ref().map(|here| {
        json!({ "number": here.resolved.number.to_string(), "decision": here.resolved.decision,
                "note": here.resolved.note, "clerk": here.resolved.clerk, "at": here.resolved.at.0,
                "heard": here.heard.code() })
    }));
    value
}

/// A word of the page's list, or the code itself where there is none.
fn coded(language: Language, groups: &[&str], code: &str) -> String {
    let sentences = groups.iter().map(|group| {
        let key = format!("{group}.{code}");
        (sentence(language, &key), key)
    });
    let mut known = sentences.filter(|(words, key)| words != key).map(|(words, _)| words);
    known.next().unwrap_or_else(|| code.to_owned())
}

fn words(language: Language, case: &StoreCase) -> String {
    let told = &case.case;
    let class = coded(language, &["case"], &told.class);
    let reason = coded(language, &["case_reason", "reason_short"], &told.reason);
    let worth = say::yuan(model::entitlement::Fen(told.value));
    let mut lines = vec![format!("{} · {class} ({reason}) · {worth} · {}", told.case, told.title)];
    lines.extend(told.sides.iter().flat_map(|side| side_words(language, side)));
    for decided in &told.decisions {
        let decision = coded(language, &["decision"], &decided.decision);
        let by = [decided.till.as_str(), decided.clerk.as_str()].join(" ");
        let at = say::clock_words(UnixMs(decided.at));
        lines.push(format!("  = {decision} · {at} · {} · {}", by.trim(), decided.note));
    }
    if let Some(here) = &case.here {
        let heard = sentence(language, &format!("heard.{}", here.heard.code()));
        lines.push(format!("  {heard}"));
    }
    lines.join("\n")
}

fn side_words(language: Language, side: &Side) -> Vec<String> {
    let standing = coded(language, &["case_standing"], &side.standing);
    let done = model::place::Circumstance::from(&side.done);
    let takes: Vec<String> =
        side.takes.iter().map(|take| format!("{} × {}", take.sku, take.quantity)).collect();
    let mut lines = vec![format!(
        "  {standing} · {} · {} · {}",
        say::earlier_words(&done),
        takes.join(", "),
        side.number
    )];
    if side.received_at > 0 {
        let from = match side.not_before {
            0 => "…".to_owned(),
            proved => say::clock_words(UnixMs(proved)),
        };
        lines.push(format!("    [{from} – {}]", say::clock_words(UnixMs(side.received_at))));
    }
    if let Some(at) = &side.line {
        lines.push(format!("    {} {}.{} {}", at.device, at.epoch, at.seq, at.hash));
    }
    if let Some(relied) = &side.relied {
        let basis = relied.basis.as_ref().map(|basis| basis_words(language, basis));
        let version = relied.version;
        lines.push(format!("    {} · v{version} · …{}", basis.unwrap_or_default(), relied.code_tail));
    }
    lines
}

fn basis_words(language: Language, basis: &Basis) -> String {
    match basis {
        Basis::Override { by, why, .. } => {
            format!("{} · {} · {why}", say::basis_words(language, till::desk::basis(basis)), by.name)
        }
        other => say::basis_words(language, till::desk::basis(other)),
    }
}
