//! Commands that do something: enrol, sign in, scan, undo, sync.

use std::convert::Infallible;
use std::sync::Arc;

use model::decide::{Item, Known, Offer, Outcome};
use model::entitlement::Kind;
use model::reading::{RawText, Scan, Source};
use model::redemption::Take;
use model::verdict::Reason;
use serde_json::{Value, json};
use till::Till;
use till::desk::{Act, Desk};
use till::fetch::Fetching;
use till::redeem::{Approval, Concluded, Wish};
use till::screen::Stage;
use till::see::{Seen, Sight, Told};
use till::sync::SyncError;
use till::words::sentence;
use wire::line::{NamedTake, Person};

use crate::say;
use crate::{Exit, Voice};

/// The words of `scan`.
pub struct ScanWords {
    pub text: String,
    pub confirm: bool,
    pub choose: Option<String>,
    pub lines: Option<String>,
    pub clerk: Option<String>,
    pub yes: Option<Yes>,
}

/// A manager's yes, given beforehand.
pub struct Yes {
    pub manager: String,
    pub pin: String,
    pub why: String,
}

pub async fn enrol(voice: &Voice, till: &Arc<Till>, url: &str, code: &str, name: &str) -> Exit {
    if let Err(error) = till.enrol(url, code, name).await {
        let exit = match error.code().as_str() {
            "code_unknown" | "code_used_up" | "code_expired" | "already_enrolled" => Exit::Refused,
            "bad_address" => Exit::Usage,
            _ => Exit::Fault,
        };
        return voice.complain(exit, &error.code(), &failed_words(voice, &error.code(), &error.to_string()));
    }
    // The staff and the first copy; a line that fails here is tried again by whatever runs next.
    let fetched = till.round().await.is_ok();
    let identity = till.folder().identity().ok().flatten();
    let (store, name) = identity.map(|known| (known.store.name, known.till)).unwrap_or_default();
    voice.say(json!({ "enrolled": true, "store": store, "till": name, "copy_fetched": fetched }), || {
        format!("{store} · {name}")
    });
    Exit::Done
}

/// The page's sentence for a failure, or the program's own.
fn failed_words(voice: &Voice, code: &str, otherwise: &str) -> String {
    let key = format!("failed.{code}");
    let words = sentence(voice.language, &key);
    if words == key { otherwise.to_owned() } else { words }
}

pub async fn sign_in(voice: &Voice, till: &Arc<Till>, clerk: &str, pin: &str) -> Exit {
    let desk = Desk::new(till.clone(), voice.language);
    let act = Act::SignIn { clerk: clerk.into(), pin: pin.into() };
    let screen = desk.act(act).await;
    if let Stage::SignIn { failed: Some(code), .. } = screen.stage {
        return voice.complain(Exit::Refused, code, &failed_words(voice, code, code));
    }
    match screen.status.clerk {
        Some(person) => {
            voice.say(json!({ "clerk": person.name, "id": person.id }), || person.name.clone());
            Exit::Done
        }
        None => voice.complain(Exit::Refused, "not_enrolled", "enrol this till first"),
    }
}

pub async fn scan(voice: &Voice, till: &Arc<Till>, words: ScanWords) -> Exit {
    let sight = till.see(&Scan { text: RawText::new(words.text), source: Source::Script }).await;
    let sight = match (sight, &words.choose) {
        (Sight::Choice(seen), Some(id)) if seen.iter().any(|(known, _)| known.entitlement.id.0 == *id) => {
            till.see_id(id).await
        }
        (sight, _) => sight,
    };
    let (known, offer, proof) = match sight {
        Sight::Offer { known, offer, proof } => (known, offer, proof),
        Sight::Member { known, coupons } => {
            let json = json!({ "stage": "member", "subject": say::subject(&known), "coupons": seen_values(&coupons) });
            let all = std::iter::once(&*known).chain(coupons.iter().map(|(coupon, _)| coupon));
            voice.say(json, || listed_words(voice, all));
            return Exit::Done;
        }
        Sight::Choice(seen) => {
            let json = json!({ "stage": "choice", "candidates": seen_values(&seen) });
            voice.say(json, || listed_words(voice, seen.iter().map(|(known, _)| known)));
            return Exit::Held;
        }
        Sight::Refused(told) => {
            till.note_refused(&told, Source::Script.code(), till.clerk(words.clerk.as_deref()));
            return refused(voice, &told);
        }
    };
    if !words.confirm {
        let basis = say::basis(Some(known.basis()));
        let json = json!({ "stage": "offer", "subject": say::subject(&known), "basis": basis });
        voice.say(json, || say::subject_words(voice.language, &known));
        return Exit::Done;
    }
    let takes = match takes(words.lines.as_deref(), &known.entitlement.kind, &offer) {
        Ok(takes) => takes,
        Err(wrong) => {
            let skus: Vec<&str> = offer.items.iter().map(|item| item.line.sku.as_str()).collect();
            let message = format!("--lines wants SKU=N,SKU=N of {}; {wrong:?} is none", skus.join(", "));
            return voice.complain(Exit::Usage, "lines", &message);
        }
    };
    let clerk = match clerk(voice, till, words.clerk.as_deref()) {
        Ok(clerk) => clerk,
        Err(exit) => return exit,
    };
    let approval = match words.yes.map(|yes| approval(voice, till, &yes)).transpose() {
        Ok(approval) => approval,
        Err(exit) => return exit,
    };
    let source = Source::Script.code();
    let approval = approval.as_ref();
    match till.confirm(&Wish { known: &known, takes: &takes, clerk: &clerk, source, proof, approval }).await {
        Ok(concluded) => conclude(voice, &known, &concluded),
        Err(reason) => {
            voice.say(say::verdict(voice.language, reason), || say::reason_words(voice.language, reason));
            say::exit_of(reason)
        }
    }
}

/// Checks the manager's PIN. Whether the yes is needed shows when the server has not answered.
pub fn approval(voice: &Voice, till: &Arc<Till>, yes: &Yes) -> Result<Approval, Exit> {
    if yes.why.trim().is_empty() {
        let message = failed_words(voice, "why_missing", "say why with --why");
        return Err(voice.complain(Exit::Usage, "why_missing", &message));
    }
    till.approve(&yes.manager, &yes.pin, &yes.why)
        .map_err(|error| voice.complain(Exit::Refused, error.code(), &failed_words(voice, error.code(), "")))
}

/// What may be chosen from, each with why it cannot be used, if it cannot.
fn seen_values(seen: &[Seen]) -> Vec<Value> {
    let value = |(known, unusable): &Seen| {
        let mut value = say::subject(known);
        value["unusable"] = json!(unusable.map(Reason::code));
        value
    };
    seen.iter().map(value).collect()
}

fn listed_words<'a>(voice: &Voice, listed: impl Iterator<Item = &'a Known>) -> String {
    listed.map(|known| say::subject_words(voice.language, known)).collect::<Vec<_>>().join("\n")
}

fn refused(voice: &Voice, told: &Told) -> Exit {
    let mut json = say::verdict(voice.language, told.reason);
    json["basis"] = say::basis(told.basis);
    json["earlier"] = json!(told.earlier.as_ref().map(wire::entitlement::Use::from));
    json["subject"] = told.known.as_ref().map_or(Value::Null, |known| say::subject(known));
    voice.say(json, || match &told.earlier {
        None => say::full_words(voice.language, told.reason),
        Some(earlier) => format!(
            "{}\n  {}",
            say::reason_words(voice.language, told.reason),
            say::earlier_words(&earlier.done)
        ),
    });
    say::exit_of(told.reason)
}

fn conclude(voice: &Voice, known: &Known, concluded: &Concluded) -> Exit {
    let decision = &concluded.decision;
    let mut json = say::verdict(voice.language, decision.reason);
    json["outcome"] = json!(match decision.outcome {
        Outcome::Accepted => "accepted",
        Outcome::Refused => "refused",
        Outcome::Held => "held",
    });
    json["number"] = json!(concluded.number.to_string());
    json["basis"] = say::basis(Some(decision.basis));
    json["manager_may"] = json!(decision.may_ask);
    json["earlier"] = json!(decision.earlier.as_ref().map(wire::entitlement::Use::from));
    json["subject"] = say::subject(known);
    voice.say(json, || {
        let words = say::reason_words(voice.language, decision.reason);
        let earlier =
            decision.earlier.as_ref().map(|earlier| format!("\n  {}", say::earlier_words(&earlier.done)));
        let basis = say::basis_words(voice.language, decision.basis);
        let title = &known.entitlement.title;
        let ask = if decision.may_ask {
            format!("\n  {} (--manager, --manager-pin, --why)", sentence(voice.language, "approval.title"))
        } else {
            String::new()
        };
        format!("{words} · {title} · {}{}\n  {basis}{ask}", concluded.number, earlier.unwrap_or_default())
    });
    match decision.outcome {
        Outcome::Held => Exit::Held,
        Outcome::Accepted | Outcome::Refused => say::exit_of(decision.reason),
    }
}

/// What `--lines` names; without it everything that is left of an order, or one use of anything else.
fn takes(lines: Option<&str>, kind: &Kind, offer: &Offer) -> Result<Vec<Take>, String> {
    let Some(lines) = lines else {
        let wanted = |left: u32| if matches!(kind, Kind::Order) { left } else { left.min(1) };
        let take = |item: &Item| Take { sku: item.line.sku.clone(), quantity: wanted(item.left) };
        return Ok(offer.items.iter().filter(|item| item.left > 0).map(take).collect());
    };
    lines
        .split(',')
        .map(|part| {
            let (sku, quantity) = part.split_once('=').ok_or_else(|| part.to_owned())?;
            let quantity = quantity.trim().parse().map_err(|_| part.to_owned())?;
            let known = offer.items.iter().any(|item| item.line.sku == sku.trim());
            if known { Ok(Take { sku: sku.trim().to_owned(), quantity }) } else { Err(part.to_owned()) }
        })
        .collect()
}

fn clerk(voice: &Voice, till: &Arc<Till>, name: Option<&str>) -> Result<Person, Exit> {
    match (till.clerk(name), name) {
        (Some(person), _) => Ok(person),
        (None, Some(name)) => {
            let message = format!("nobody called {name} works at this store");
            Err(voice.complain(Exit::Refused, "clerk_unknown", &message))
        }
        (None, None) => {
            let message = say::reason_words(voice.language, Reason::SignInFirst);
            Err(voice.complain(Exit::Held, "sign_in_first", &message))
        }
    }
}

/// The words of `undo`.
pub struct UndoWords {
    pub number: String,
    pub lines: Vec<String>,
    pub reason: String,
    pub clerk: Option<String>,
}

pub async fn undo(voice: &Voice, till: &Arc<Till>, words: UndoWords) -> Exit {
    let Ok(number) = words.number.parse() else {
        return voice.complain(Exit::Usage, "number", "a redemption number is 32 hexadecimal digits");
    };
    let clerk = match clerk(voice, till, words.clerk.as_deref()) {
        Ok(clerk) => clerk,
        Err(exit) => return exit,
    };
    let still = till.still_taken(number);
    let takes = match words.lines.iter().map(|line| undo_take(line, &still)).collect::<Result<Vec<Take>, _>>()
    {
        Ok(takes) => takes,
        Err(wrong) => {
            let skus: Vec<&str> = still.iter().map(|take| take.sku.as_str()).collect();
            let message = format!("--line wants LINE or LINE=QTY of {}; {wrong:?} is none", skus.join(", "));
            return voice.complain(Exit::Usage, "line", &message);
        }
    };
    match till.undo(number, &takes, &words.reason, &clerk).await {
        Ok(done) => {
            let mut json = say::verdict(voice.language, Reason::Undone);
            json["number"] = json!(done.number.to_string());
            json["settled"] = json!(done.settlement.is_some());
            let left: Vec<Value> = till
                .still_taken(number)
                .iter()
                .map(|take| json!({ "sku": take.sku, "name": take.name, "quantity": take.quantity }))
                .collect();
            json["still_taken"] = json!(left);
            let case = done.settlement.as_ref().and_then(|settlement| settlement.case());
            json["case"] = json!(case.map(|case| case.0.clone()));
            let exit = if case.is_some() { Exit::Held } else { Exit::Done };
            voice.say(json, || say::reason_words(voice.language, Reason::Undone));
            exit
        }
        Err(reason) => {
            voice.say(say::verdict(voice.language, reason), || say::reason_words(voice.language, reason));
            say::exit_of(reason)
        }
    }
}

/// What one `--line` names.
fn undo_take(line: &str, still: &[NamedTake]) -> Result<Take, String> {
    let (sku, quantity) = match line.split_once('=') {
        Some((sku, quantity)) => (sku.trim(), quantity.trim().parse().map_err(|_| line.to_owned())?),
        None => {
            let of_line = still.iter().find(|take| take.sku == line.trim());
            (line.trim(), of_line.ok_or_else(|| line.to_owned())?.quantity)
        }
    };
    Ok(Take { sku: sku.to_owned(), quantity })
}

pub async fn sync(voice: &Voice, till: &Arc<Till>) -> Exit {
    let done = tokio::select! {
        done = till.round() => done,
        never = tell_fetching(voice, till) => match never {},
    };
    match done {
        Ok(()) => {
            let standing = till.standing();
            let json = json!({ "synced": true, "waiting": standing.waiting, "cases": standing.cases });
            voice.say(json, || format!("waiting {} · cases {}", standing.waiting, standing.cases));
            Exit::Done
        }
        Err(SyncError::NotEnrolled) => voice.complain(Exit::Refused, "not_enrolled", "enrol this till first"),
        Err(error) => voice.complain(Exit::Fault, "not_synced", &error.to_string()),
    }
}

/// Says how far a new copy has come, whenever it has come a tenth further. On standard error: the answer comes after it.
async fn tell_fetching(voice: &Voice, till: &Arc<Till>) -> Infallible {
    let mut news = till.news();
    let mut told = 0;
    loop {
        if news.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        let Some(Fetching { done, of }) = till.standing().fetching else { continue };
        let tenth = done * 10 / of.max(1);
        if tenth > told {
            told = tenth;
            voice.progress(&format!("{done} / {of}"));
        }
    }
}
