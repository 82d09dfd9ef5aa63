//! From the till's values to what the page draws, and from what the page says to the till's acts.

use model::decide::{Item, Known};
use model::entitlement::{Benefit, Entitlement, Kind, Stores};
use model::place::Circumstance;
use model::policy::{Exposure, Tally};
use model::reading::burst::Burst;
use model::reading::{RawText, Scan, Source};
use model::redemption::Take;
use model::scanner::Habits;
use model::time::{Doubt, UnixMs};
use model::verdict::{Basis, Class};
use till::desk::{self, todo_figures};
use till::fetch::Fetching;
use till::screen;
use till::serial::ports::Closed;
use till::serial::{Finding, Standing, State};
use till::words::Language;

use crate::view;

mod cases;
mod doctor;

pub use cases::{cases, decision_of};
pub use doctor::{doctor, habits, heard};

/// The page's screen.
pub fn screen(from: &screen::Screen) -> view::Screen {
    view::Screen {
        revision: from.revision,
        status: status(&from.status, from.now),
        stage: stage(&from.stage, from.now),
        recent: from.recent.iter().map(row).collect(),
    }
}

/// The screen of a program whose data folder could not be opened.
pub fn blocked(language: Language, detail: &str) -> view::Screen {
    let status = screen::Status {
        language,
        store: None,
        till: None,
        clerk: None,
        line: screen::Line::NotEnrolled,
        waiting: 0,
        copy_as_of: None,
        cases: 0,
        redeemed_today: 0,
        picked_up_today: 0,
        practice: false,
        copy_rebuilt: false,
        fetching: None,
        clock: Doubt::None,
        exposure: Exposure::NOTHING,
        serial: vec![],
        scanners: Habits::default(),
    };
    view::Screen {
        revision: 1,
        status: self::status(&status, UnixMs(0)),
        stage: view::Stage::Blocked { detail: detail.to_owned() },
        recent: vec![],
    }
}

fn status(from: &screen::Status, now: UnixMs) -> view::Status {
    view::Status {
        language: from.language.tag().into(),
        store: from.store.clone(),
        till: from.till.clone(),
        clerk: from.clerk.as_ref().map(clerk),
        line: match from.line {
            screen::Line::Online => view::Line::Online,
            screen::Line::Slow => view::Line::Slow,
            screen::Line::Offline(_) => view::Line::Offline,
            screen::Line::NotEnrolled => view::Line::NotEnrolled,
            screen::Line::Revoked => view::Line::Revoked,
        },
        silence: match from.line {
            screen::Line::Offline(silence) => Some(silence.code().into()),
            screen::Line::Online | screen::Line::Slow | screen::Line::NotEnrolled | screen::Line::Revoked => {
                None
            }
        },
        waiting: from.waiting,
        copy_as_of: from.copy_as_of.map(|as_of| as_of.0),
        copy_age_seconds: from.copy_as_of.map(|as_of| now.seconds_since(as_of)),
        cases: from.cases,
        redeemed_today: from.redeemed_today,
        picked_up_today: from.picked_up_today,
        practice: from.practice,
        fetching: from.fetching.map(|Fetching { done, of }| view::Fetching { done, of }),
        notice: notice(from).map(Into::into),
        exposure: (from.exposure != Exposure::NOTHING).then(|| view::Exposure {
            at_risk: from.exposure.at_risk.0,
            worst: from.exposure.worst.map(|worst| worst.0),
        }),
        scanners: habits(from.scanners),
    }
}

fn approval(card: &screen::ApprovalCard, now: UnixMs) -> view::Stage {
    let tally = |from: Tally| view::Tally { count: from.count, fen: from.fen.0 };
    view::Stage::Approval(view::Approval {
        subject: subject(&card.card.known.entitlement),
        reason: card.reason.code().into(),
        amount: card.amount.0,
        till: tally(card.facts.till),
        customer: tally(card.facts.customer),
        managers: card.managers.iter().map(clerk).collect(),
        failed: card.failed.map(str::to_owned),
        basis: basis(card.card.known.basis(), card.card.since, now),
        since: card.since.0,
    })
}

fn clerk(from: &till::staff::Staff) -> view::Clerk {
    view::Clerk { id: from.id.clone(), name: from.name.clone(), manager: from.manager }
}

fn stage(from: &screen::Stage, now: UnixMs) -> view::Stage {
    match from {
        screen::Stage::Enrol { failed } => view::Stage::Enrol { failed: failed.clone() },
        screen::Stage::SignIn { staff, failed } => view::Stage::SignIn {
            staff: staff.iter().map(clerk).collect(),
            failed: failed.map(str::to_owned),
        },
        screen::Stage::Ready => view::Stage::Ready,
        screen::Stage::Checking => view::Stage::Checking,
        screen::Stage::Offer(card) => view::Stage::Offer(view::Offer {
            subject: subject(&card.known.entitlement),
            items: card.offer.items.iter().map(item).collect(),
            basis: basis(card.known.basis(), card.since, now),
            since: card.since.0,
        }),
        screen::Stage::Member(card) => member(card, now),
        screen::Stage::Choice(card) => choice(card, now),
        screen::Stage::Approval(card) => approval(card, now),
        screen::Stage::Verdict(shown) => view::Stage::Verdict(verdict(shown, now)),
    }
}

fn member(card: &screen::MemberCard, now: UnixMs) -> view::Stage {
    let (tier, points, balance) = match &card.known.entitlement.kind {
        Kind::Member(member) => (member.tier.clone(), member.points, member.balance.0),
        Kind::Order | Kind::Coupon(_) | Kind::TimesCard => (String::new(), 0, 0),
    };
    let mut coupons: Vec<view::MemberCoupon> = card
        .coupons
        .iter()
        .map(|(known, unusable)| view::MemberCoupon {
            subject: subject(&known.entitlement),
            left: known.left_in_all(),
            quantity: quantity(known),
            unusable: unusable.map(|reason| reason.code().into()),
        })
        .collect();
    coupons.sort_by_key(|coupon| {
        (
            coupon.unusable.is_some(),
            coupon.subject.valid_until.unwrap_or(i64::MAX),
            coupon.subject.title.clone(),
        )
    });
    view::Stage::Member(view::Member {
        subject: subject(&card.known.entitlement),
        tier,
        points,
        balance,
        coupons,
        basis: basis(card.known.basis(), card.known.heard_at, now),
    })
}

fn choice(card: &screen::ChoiceCard, now: UnixMs) -> view::Stage {
    let candidate = |one: &screen::Candidate| view::Candidate {
        subject: subject(&one.known.entitlement),
        items: items(&one.known),
        left: one.known.left_in_all(),
        quantity: quantity(&one.known),
        unusable: one.reason.map(|reason| reason.code().into()),
    };
    let rests = card.weakest().map_or((Basis::Server, now), |one| (one.known.basis(), one.known.heard_at));
    view::Stage::Choice(view::Choice {
        candidates: card.candidates().iter().map(candidate).collect(),
        basis: basis(rests.0, rests.1, now),
        since: card.since().0,
    })
}

/// What is left of each line; where nothing is left any more, what there was.
fn items(known: &Known) -> Vec<view::Item> {
    let all = known.entitlement.lines.iter().map(|line| Item {
        line: line.clone(),
        taken: known.taken(line),
        left: known.left(line),
    });
    let gone = known.left_in_all() == 0;
    all.filter(|one| gone || one.left > 0).map(|one| item(&one)).collect()
}

fn quantity(known: &Known) -> u32 {
    known.entitlement.lines.iter().map(|line| line.quantity).sum()
}

fn subject(from: &Entitlement) -> view::Subject {
    view::Subject {
        id: from.id.0.clone(),
        kind: match &from.kind {
            Kind::Order => view::Kind::Order,
            Kind::Coupon(_) => view::Kind::Coupon,
            Kind::TimesCard => view::Kind::TimesCard,
            Kind::Member(_) => view::Kind::Member,
        },
        title: from.title.clone(),
        benefit: match &from.kind {
            Kind::Coupon(Benefit::AmountOff(amount)) => Some(view::Benefit::AmountOff { fen: amount.0 }),
            Kind::Coupon(Benefit::PercentOff(percent)) => {
                Some(view::Benefit::PercentOff { percent: *percent })
            }
            Kind::Coupon(Benefit::Exchange { goods }) => {
                Some(view::Benefit::Exchange { goods: goods.clone() })
            }
            Kind::Order | Kind::TimesCard | Kind::Member(_) => None,
        },
        holder: from.holder.clone(),
        code_tail: from.code_tail.clone(),
        valid_from: from.window.from.map(|moment| moment.0),
        valid_until: from.window.until.map(|moment| moment.0),
        stores: match &from.stores {
            Stores::Any => vec![],
            Stores::Only(stores) => stores.iter().map(|(_, name)| name.clone()).collect(),
        },
        spend_min: from.spend_min.0,
        notes: from.notes.clone(),
    }
}

fn kept_subject(id: &str, kind: &str, title: &str, code_tail: &str) -> view::Subject {
    view::Subject {
        id: id.into(),
        kind: match kind {
            "order" => view::Kind::Order,
            "times_card" => view::Kind::TimesCard,
            "member" => view::Kind::Member,
            _ => view::Kind::Coupon,
        },
        title: title.into(),
        benefit: None,
        holder: String::new(),
        code_tail: code_tail.into(),
        valid_from: None,
        valid_until: None,
        stores: vec![],
        spend_min: 0,
        notes: vec![],
    }
}

/// What a person must see to, the more urgent first.
fn notice(from: &screen::Status) -> Option<&'static str> {
    match from.clock {
        Doubt::Ahead(_) => Some("clock_ahead"),
        Doubt::Back(_) => Some("clock_back"),
        Doubt::None => {
            from.serial.iter().find_map(scanner_notice).or(from.copy_rebuilt.then_some("copy_rebuilt"))
        }
    }
}

/// What a person must see to at a scanner.
fn scanner_notice(standing: &Standing) -> Option<&'static str> {
    match &standing.state {
        State::Looking => None,
        State::Connected { .. } => match standing.finding? {
            Finding::WrongBaud => Some("scanner_wrong_baud"),
            Finding::NoSuffix => Some("scanner_no_suffix"),
        },
        State::Closed(Closed::Missing) => Some("scanner_missing"),
        State::Closed(Closed::Busy) => Some("scanner_busy"),
        State::Closed(Closed::NotPermitted) => Some("scanner_not_permitted"),
        State::Closed(Closed::Failed(_)) => Some("scanner_failed"),
    }
}

fn item(from: &Item) -> view::Item {
    view::Item {
        sku: from.line.sku.clone(),
        name: from.line.name.clone(),
        variant: from.line.variant.clone(),
        shelf: from.line.shelf.clone(),
        quantity: from.line.quantity,
        taken: from.taken,
        left: from.left,
    }
}

/// What something rests on; `heard_at` is when the server spoke, if it did.
fn basis(from: Basis, heard_at: UnixMs, now: UnixMs) -> view::Basis {
    let (on, as_of, silence) = match from {
        Basis::Server => (view::RestsOn::Server, heard_at, None),
        Basis::Copy { as_of, silence } => (view::RestsOn::Copy, as_of, Some(silence.code().into())),
        Basis::Signature { as_of, silence } => (view::RestsOn::Signature, as_of, Some(silence.code().into())),
        Basis::Override { as_of, silence } => (view::RestsOn::Override, as_of, Some(silence.code().into())),
    };
    view::Basis { on, as_of: as_of.0, age_seconds: now.seconds_since(as_of), silence }
}

fn verdict(from: &screen::Verdict, now: UnixMs) -> view::Verdict {
    let (amount, percent) = todo_figures(&from.todo);
    view::Verdict {
        class: class(from.class()),
        reason: from.reason.code().into(),
        todo: from.todo.code().into(),
        amount,
        percent,
        subject: from.subject.as_ref().map(|about| match about {
            screen::Subject::Whole(entitlement) => subject(entitlement),
            screen::Subject::Kept { id, kind, title, code_tail } => kept_subject(id, kind, title, code_tail),
        }),
        taken: from
            .taken
            .iter()
            .map(|(name, quantity)| view::Taken { name: name.clone(), quantity: *quantity })
            .collect(),
        left: from.left,
        quantity: from.quantity,
        // How old the facts were when they were relied on, not how old they are by now.
        basis: from.basis.map(|rests| basis(rests, from.at, from.at)),
        approved: from
            .approved
            .as_ref()
            .map(|yes| view::Approved { by: yes.by.clone(), why: yes.why.clone() }),
        earlier: from.earlier.as_ref().map(|earlier| self::earlier(earlier, from.earlier_here, from.at)),
        number: from.number.map(|number| number.to_string()),
        at: from.at.0,
        unsent: from.unsent,
        before_restart: from.before_restart,
        undo: from.undo.filter(|(_, until)| now <= *until).map(|(of, _)| of.to_string()),
        // What may be taken back at any time has no clock to be shown.
        undo_until: from.undo.map(|(_, until)| until.0).filter(|until| *until < i64::MAX),
        hand_over: from.hand_over.map(|number| number.to_string()),
    }
}

fn earlier(from: &Circumstance, here: bool, at: UnixMs) -> view::Earlier {
    view::Earlier {
        at: from.at.0,
        ago_seconds: at.seconds_since(from.at),
        here,
        till: from.till.clone(),
        store: from.store.clone(),
        clerk: from.clerk.clone(),
    }
}

fn class(from: Class) -> view::Class {
    match from {
        Class::Pass => view::Class::Pass,
        Class::Act => view::Class::Act,
        Class::Done => view::Class::Done,
        Class::Stop => view::Class::Stop,
        Class::Fault => view::Class::Fault,
    }
}

/// A row of the strip or the history.
pub fn row(from: &screen::Row) -> view::Row {
    view::Row {
        at: from.at.0,
        class: class(from.reason.class()),
        reason: from.reason.code().into(),
        title: from.title.clone(),
        clerk: from.clerk.clone(),
        number: from.number.map(|number| number.to_string()),
        sync: match from.stands {
            screen::Stands::Nothing => view::Sync::None,
            screen::Stands::Waiting => view::Sync::Waiting,
            screen::Stands::Settled => view::Sync::Settled,
            screen::Stands::Case => view::Sync::Case,
            screen::Stands::Undone => view::Sync::Undone,
        },
        undoable: from.undoable,
        items: from.pieces.iter().map(piece).collect(),
    }
}

fn piece(from: &screen::Piece) -> view::Item {
    view::Item {
        sku: from.sku.clone(),
        name: from.name.clone(),
        variant: String::new(),
        shelf: String::new(),
        quantity: from.quantity,
        taken: from.quantity - from.left,
        left: from.left,
    }
}

/// A practice code.
pub fn practice(from: &till::folder::Practice) -> view::PracticeCode {
    view::PracticeCode {
        text: from.text.clone(),
        svg: from.svg.clone(),
        group: from.group.clone(),
        caption: from.caption.clone(),
        expect: from.expect.clone(),
    }
}

/// What the clerk did; an error says which word of it the till does not know.
pub fn act(from: view::Act) -> Result<desk::Act, String> {
    let take = |take: view::Take| Take { sku: take.sku, quantity: take.quantity };
    let number = |text: String| text.parse().map_err(|_| format!("{text:?} is no redemption number"));
    Ok(match from {
        view::Act::Burst { physical, logical, caps, pauses, cut } => desk::Act::Burst(Burst {
            physical: RawText::new(physical),
            logical: RawText::new(logical),
            caps_lock: caps,
            pauses: pauses.into_iter().map(|place| place as usize).collect(),
            cut,
        }),
        view::Act::Scan { text, source } => desk::Act::Scan(Scan {
            text: RawText::new(text),
            source: match source {
                view::Source::Pad => Source::Pad,
                view::Source::Practice => Source::Practice,
            },
        }),
        view::Act::Confirm { takes } => desk::Act::Confirm(takes.into_iter().map(take).collect()),
        view::Act::Approve { manager, pin, why } => desk::Act::Approve { manager, pin, why },
        view::Act::Choose { id } => desk::Act::Choose(id),
        view::Act::Undo { number: text } => desk::Act::Undo(number(text)?),
        view::Act::UndoPart { number: text, takes } => {
            desk::Act::UndoPart { of: number(text)?, takes: takes.into_iter().map(take).collect() }
        }
        view::Act::HandOver { number: text } => desk::Act::HandOver(number(text)?),
        view::Act::Next => desk::Act::Next,
        view::Act::SignIn { clerk, pin } => desk::Act::SignIn { clerk, pin },
        view::Act::SignOut => desk::Act::SignOut,
        view::Act::Enrol { address, code } => desk::Act::Enrol { address, code },
        view::Act::Sync => desk::Act::Sync,
        view::Act::Language { language } => desk::Act::Speak(Language::of_locale(&language)),
    })
}

#[cfg(test)]
mod tests;
