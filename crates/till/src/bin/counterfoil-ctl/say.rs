//! Verdicts and offers as JSON and as sentences.

use model::decide::Known;
use model::entitlement::Fen;
use model::policy::Exposure;
use model::verdict::{Basis, Class, Reason, Todo};
use serde_json::{Value, json};
use till::desk::class_code;
use till::words::{Language, sentence};

use crate::Exit;

/// What a script learns of an entitlement.
pub fn subject(known: &Known) -> Value {
    let entitlement = &known.entitlement;
    let lines: Vec<Value> = entitlement
        .lines
        .iter()
        .map(|line| {
            json!({ "sku": line.sku, "name": line.name, "variant": line.variant, "shelf": line.shelf,
                    "quantity": line.quantity, "left": known.left(line) })
        })
        .collect();
    json!({
        "id": entitlement.id.0, "version": entitlement.version, "title": entitlement.title,
        "kind": till::redeem::kind_code(&entitlement.kind), "holder": entitlement.holder,
        "code_tail": entitlement.code_tail, "lines": lines,
    })
}

/// On what something rests.
pub fn basis(basis: Option<Basis>) -> Value {
    match basis {
        None => Value::Null,
        Some(Basis::Server) => json!({ "basis": "server" }),
        Some(Basis::Copy { as_of, silence }) => {
            json!({ "basis": "copy", "as_of": as_of.0, "silence": silence.code() })
        }
        Some(Basis::Signature { as_of, silence }) => {
            json!({ "basis": "signature", "as_of": as_of.0, "silence": silence.code() })
        }
        Some(Basis::Override { as_of, silence }) => {
            json!({ "basis": "override", "as_of": as_of.0, "silence": silence.code() })
        }
    }
}

/// The short sentence of a reason.
pub fn reason_words(language: Language, reason: Reason) -> String {
    sentence(language, &format!("reason_short.{}", reason.code()))
}

/// What a text is and what to do about it; only for reasons of a reading, whose sentences have no figures in them.
pub fn full_words(language: Language, reason: Reason) -> String {
    let what = sentence(language, &format!("reason.{}", reason.code()));
    let todo = sentence(language, &format!("todo.{}", Todo::about(reason).code()));
    match language {
        Language::English => format!("{what}. {todo}"),
        Language::Chinese | Language::HongKong => format!("{what}。{todo}"),
    }
}

/// What a verdict for `reason` ends with.
pub fn exit_of(reason: Reason) -> Exit {
    match (reason.class(), reason) {
        (Class::Pass, _) | (_, Reason::Undone) => Exit::Done,
        (
            _,
            Reason::JournalBroken
            | Reason::Quarantined
            | Reason::NoKey
            | Reason::JournalFailed
            | Reason::DiskFull,
        ) => Exit::Fault,
        (Class::Stop | Class::Done, _) | (_, Reason::NotEnrolled | Reason::TillRevoked) => Exit::Refused,
        (Class::Act | Class::Fault, _) => Exit::Held,
    }
}

/// A verdict as JSON, to which the caller adds.
pub fn verdict(language: Language, reason: Reason) -> Value {
    json!({
        "stage": "verdict", "class": class_code(reason.class()), "reason": reason.code(),
        "sentence": reason_words(language, reason),
    })
}

/// An entitlement as a person reads it: what it is, its lines with what is left, and on what that rests.
pub fn subject_words(language: Language, known: &Known) -> String {
    let entitlement = &known.entitlement;
    let mut words =
        vec![format!("{} · {} · …{}", entitlement.title, entitlement.holder, entitlement.code_tail)];
    for line in &entitlement.lines {
        let name = [line.name.as_str(), line.variant.as_str()].join(" ");
        words.push(format!("  {:<12} {} {}/{}", line.sku, name.trim_end(), known.left(line), line.quantity));
    }
    words.extend(entitlement.notes.iter().map(|note| format!("  {note}")));
    words.push(format!("  {}", basis_words(language, known.basis())));
    words.join("\n")
}

/// On what something rests, in words.
pub fn basis_words(language: Language, basis: Basis) -> String {
    match basis {
        Basis::Server => sentence(language, "basis.server"),
        Basis::Copy { as_of, silence } => {
            let why = sentence(language, &format!("silence.{}", silence.code()));
            let copy = match language {
                Language::English => "offline, local copy of",
                Language::Chinese => "离线，本机名单",
                Language::HongKong => "離線，本機名單",
            };
            format!("{copy} {} ({why})", clock_words(as_of))
        }
        Basis::Signature { as_of, silence } => {
            let why = sentence(language, &format!("silence.{}", silence.code()));
            let list = match language {
                Language::English => "offline, signature checked, status list of",
                Language::Chinese => "离线验签，名单",
                Language::HongKong => "離線驗簽，名單",
            };
            format!("{list} {} ({why})", clock_words(as_of))
        }
        Basis::Override { as_of, silence } => {
            let why = sentence(language, &format!("silence.{}", silence.code()));
            let by = sentence(language, "verdict.override");
            format!("{by}, {} ({why})", clock_words(as_of))
        }
    }
}

/// What is at risk, as JSON: fen, and nothing where there is no limit.
pub fn exposure(exposure: Exposure) -> Value {
    json!({ "at_risk": exposure.at_risk.0, "worst_case": exposure.worst.map(|worst| worst.0) })
}

/// What is at risk, in words.
pub fn exposure_words(language: Language, exposure: Exposure) -> String {
    let at_risk = sentence(language, "exposure.at_risk");
    let worst = sentence(language, "exposure.worst");
    let most = exposure.worst.map_or_else(|| sentence(language, "exposure.no_limit"), yuan);
    format!("{at_risk}: {} · {worst}: {most}", yuan(exposure.at_risk))
}

/// An amount of money.
pub fn yuan(fen: Fen) -> String {
    format!("¥{}.{:02}", fen.0 / 100, fen.0 % 100)
}

/// By whom, where and when something was redeemed.
pub fn earlier_words(done: &model::place::Circumstance) -> String {
    format!("{} · {} · {} · {}", clock_words(done.at), done.store, done.till, done.clerk)
}

/// A moment in the machine's time zone.
pub fn clock_words(moment: model::time::UnixMs) -> String {
    let zone = jiff::tz::TimeZone::system();
    let zoned = jiff::Timestamp::from_millisecond(moment.0).map(|moment| moment.to_zoned(zone));
    zoned.map_or_else(|_| moment.to_string(), |zoned| zoned.strftime("%Y-%m-%d %H:%M:%S").to_string())
}
