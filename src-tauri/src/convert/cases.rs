//! The store's cases for the page.

use model::time::UnixMs;
use till::cases::{Case, Decided, DecidedHere, Decision, Heard, LineRef, Relied, ReliedOn, Side, StoreCase};
use till::desk::{self, Desk};

use super::{basis, clerk};
use crate::view;

/// So many digits of a record's hash are shown: enough to compare on the telephone.
const HASH_DIGITS: usize = 12;

/// The store's cases, and who may decide on them.
pub fn cases(desk: &Desk) -> view::Cases {
    let here = desk.till().folder().identity().ok().flatten().map(|identity| identity.device);
    let here = here.unwrap_or_default();
    view::Cases {
        managers: desk.managers().iter().map(clerk).collect(),
        cases: desk.till().cases().iter().map(|one| case(one, &here)).collect(),
    }
}

/// A case, at the till of that device.
pub fn case(from: &StoreCase, device: &str) -> view::Case {
    let told = &from.case;
    view::Case {
        id: told.case.clone(),
        class: told.class.clone(),
        reason: told.reason.clone(),
        title: told.title.clone(),
        value: told.value,
        open: from.is_open(),
        concerns: from.concerns,
        opened_at: told.opened_at,
        sides: told.sides.iter().map(|one| side(one, from, device)).collect(),
        decisions: decisions(told),
        here: from.here.as_ref().map(decided_here),
    }
}

fn side(from: &Side, case: &StoreCase, device: &str) -> view::CaseSide {
    let named = from.takes.iter().filter_map(|take| {
        let name = case.names.get(&take.sku)?;
        Some(view::Taken { name: name.clone(), quantity: take.quantity })
    });
    view::CaseSide {
        mine: StoreCase::is_of(from, device),
        standing: from.standing.clone(),
        number: from.number.clone(),
        taken: named.collect(),
        at: from.done.at,
        store: from.done.store.clone(),
        till: from.done.till.clone(),
        clerk: from.done.clerk.clone(),
        not_before: Some(from.not_before).filter(|proved| *proved > 0),
        received_at: Some(from.received_at).filter(|heard| *heard > 0),
        basis: from.relied.as_ref().and_then(|relied| relied_on(relied, UnixMs(from.done.at))),
        approved_by: from.relied.as_ref().and_then(approved_by),
        record: from.line.as_ref().map(record),
    }
}

/// How old the facts were when they were relied on.
fn relied_on(from: &Relied, at: UnixMs) -> Option<view::Basis> {
    let rests = desk::basis(from.basis.as_ref()?);
    Some(basis(rests, at, at))
}

fn approved_by(from: &Relied) -> Option<String> {
    match from.basis.as_ref()? {
        ReliedOn::Override { by, .. } => Some(by.name.clone()),
        ReliedOn::Server | ReliedOn::Copy { .. } | ReliedOn::Signature { .. } => None,
    }
}

fn record(from: &LineRef) -> view::CaseRecord {
    let hash = from.hash.chars().take(HASH_DIGITS).collect();
    view::CaseRecord { epoch: from.epoch, seq: from.seq, hash }
}

fn decisions(case: &Case) -> Vec<view::CaseDecision> {
    let stands = case.decisions.iter().position(|one| one.decision == case.stands);
    case.decisions.iter().enumerate().map(|(at, one)| decision(one, Some(at) == stands)).collect()
}

fn decision(from: &Decided, stands: bool) -> view::CaseDecision {
    view::CaseDecision {
        stands,
        decision: from.decision.clone(),
        note: from.note.clone(),
        clerk: from.clerk.clone(),
        till: from.till.clone(),
        at: from.at,
    }
}

fn decided_here(from: &DecidedHere) -> view::DecidedHere {
    let decision: model::case::Decision = from.resolved.decision.into();
    view::DecidedHere {
        decided: view::CaseDecision {
            stands: from.heard == Heard::Stands,
            decision: decision.code().into(),
            note: from.resolved.note.clone(),
            clerk: from.resolved.clerk.clone(),
            till: String::new(),
            at: from.resolved.at.0,
        },
        heard: from.heard.code().into(),
    }
}

/// The decision of that code, of those that a person makes.
pub fn decision_of(code: &str) -> Option<Decision> {
    let all = [
        Decision::Recovered,
        Decision::WrittenOff,
        Decision::Paid,
        Decision::CustomerCharged,
        Decision::NoFault,
    ];
    all.into_iter().find(|one| model::case::Decision::from(*one).code() == code)
}
