//! What the page draws and what it may say: the only types that cross between the shell and the page.
//!
//! `ui/src/bindings.ts` is generated from this file; a test fails when it is stale. Times are milliseconds since
//! 1970, amounts are fen, and both fit a JavaScript number. Reasons and to-dos cross as their stable codes: the page
//! looks their sentences up in `ui/words`, and decides nothing.

use serde::Serialize;
use ts_rs::TS;

mod act;
mod cases;
mod doctor;

pub use act::{Act, Source, Take};
pub use cases::{Case, CaseDecision, CaseRecord, CaseSide, Cases, DecidedHere};
pub use doctor::{Doctor, Figure, Finding, Habits, Heard, Scanner, TestCode, TestScan};

/// Everything on the screen.
#[derive(Clone, Debug, Serialize, TS)]
pub struct Screen {
    /// Grows with every change, so that an old screen never replaces a newer one.
    #[ts(type = "number")]
    pub revision: u64,
    /// The bar above.
    pub status: Status,
    /// The work area.
    pub stage: Stage,
    /// The last five results, newest first.
    pub recent: Vec<Row>,
}

/// The bar above: where, who, and how things stand with the server.
#[derive(Clone, Debug, Serialize, TS)]
pub struct Status {
    /// The language of the page: "zh-CN", "zh-HK" or "en".
    pub language: String,
    /// The store's name; nothing before enrolment.
    pub store: Option<String>,
    /// The till's name; nothing before enrolment.
    pub till: Option<String>,
    /// Who is signed in.
    pub clerk: Option<Clerk>,
    /// How things stand with the server.
    pub line: Line,
    /// Why the server is not heard, as a code ("unreachable" …); only while offline.
    pub silence: Option<String>,
    /// Redemptions and undos that the server has not settled yet.
    pub waiting: u32,
    /// When the server last vouched for the local copy.
    #[ts(type = "number | null")]
    pub copy_as_of: Option<i64>,
    /// How old that is (seconds).
    #[ts(type = "number | null")]
    pub copy_age_seconds: Option<i64>,
    /// Open cases of the store.
    pub cases: u32,
    /// Redeemed today at this till (coupons and cards).
    pub redeemed_today: u32,
    /// Orders picked up today at this till, in part or whole.
    pub picked_up_today: u32,
    /// Whether the backend offers practice codes (a demo chain).
    pub practice: bool,
    /// How far a new local copy has come, while one is fetched.
    pub fetching: Option<Fetching>,
    /// Something that a person must see to, as a code ("copy_rebuilt", "clock_ahead", "clock_back", "scanner_missing",
    /// "scanner_busy", "scanner_not_permitted", "scanner_failed", "scanner_wrong_baud", "scanner_no_suffix").
    pub notice: Option<String>,
    /// What this outage has at risk; nothing while there is none.
    pub exposure: Option<Exposure>,
    /// What was found out about the scanners here.
    pub scanners: Habits,
}

/// What an outage has at risk, and what it can cost at most.
#[derive(Clone, Copy, Debug, Serialize, TS)]
pub struct Exposure {
    /// Accepted without the server and not settled yet (fen).
    #[ts(type = "number")]
    pub at_risk: i64,
    /// What the outage can cost at most, however it goes on (fen); nothing where the policy sets no limit.
    #[ts(type = "number | null")]
    pub worst: Option<i64>,
}

/// How far a new local copy has come.
#[derive(Clone, Copy, Debug, Serialize, TS)]
pub struct Fetching {
    /// So many entitlements are there.
    #[ts(type = "number")]
    pub done: u64,
    /// So many there will be.
    #[ts(type = "number")]
    pub of: u64,
}

/// Somebody who is signed in or may sign in.
#[derive(Clone, Debug, Serialize, TS)]
pub struct Clerk {
    /// The id at the backend.
    pub id: String,
    /// The name.
    pub name: String,
    /// Whether this is a manager.
    pub manager: bool,
}

/// How things stand with the server.
#[derive(Clone, Copy, Debug, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// It answers.
    Online,
    /// It answers slowly; it is still asked.
    Slow,
    /// It does not; the local copy decides.
    Offline,
    /// There is none yet.
    NotEnrolled,
    /// It has barred this till.
    Revoked,
}

/// What the work area shows.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(tag = "stage", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "one of them exists at a time")]
pub enum Stage {
    /// Ask for server address and enrolment code.
    Enrol {
        /// Why the last try failed, as a code ("code_used_up", "code_unknown", "code_expired", "bad_address", or a
        /// silence such as "unreachable").
        failed: Option<String>,
    },
    /// Ask who is there.
    SignIn {
        /// Who may sign in at this store.
        staff: Vec<Clerk>,
        /// Why the last try failed, as a code ("wrong_pin", "pin_locked").
        failed: Option<String>,
    },
    /// Ready for a scan.
    Ready,
    /// The server is being asked.
    Checking,
    /// What may be taken, waiting for the clerk to confirm.
    Offer(Offer),
    /// A member and the usable coupons.
    Member(Member),
    /// What a short code fits: the clerk says which it is.
    Choice(Choice),
    /// What only a manager may let pass without the server.
    Approval(Approval),
    /// The end of a scan.
    Verdict(Verdict),
    /// The data folder could not be opened: another program has it, or the disk refuses.
    Blocked {
        /// What the clerk reads out to whoever looks after the till.
        detail: String,
    },
}

/// What an offer, a member card or a verdict is about.
#[derive(Clone, Debug, Serialize, TS)]
pub struct Subject {
    /// The entitlement's id.
    pub id: String,
    /// Which kind.
    pub kind: Kind,
    /// In the merchant's words.
    pub title: String,
    /// What a coupon gives.
    pub benefit: Option<Benefit>,
    /// Whose it is, masked; may be empty.
    pub holder: String,
    /// The last four characters of the code.
    pub code_tail: String,
    /// First moment of validity.
    #[ts(type = "number | null")]
    pub valid_from: Option<i64>,
    /// Last moment of validity.
    #[ts(type = "number | null")]
    pub valid_until: Option<i64>,
    /// Names of the stores it is for; empty for every store.
    pub stores: Vec<String>,
    /// The bill it needs (fen); 0 for none.
    #[ts(type = "number")]
    pub spend_min: i64,
    /// The merchant's conditions or the customer's note.
    pub notes: Vec<String>,
}

/// The four kinds.
#[derive(Clone, Copy, Debug, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Goods to be picked up.
    Order,
    /// A benefit for one use.
    Coupon,
    /// A number of uses.
    TimesCard,
    /// A membership.
    Member,
}

/// What a coupon gives.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(tag = "benefit", rename_all = "snake_case")]
pub enum Benefit {
    /// So many fen off.
    AmountOff {
        /// Amount (fen).
        #[ts(type = "number")]
        fen: i64,
    },
    /// So many percent off.
    PercentOff {
        /// Percent, 1 to 99; 15 is 8.5 折.
        percent: u8,
    },
    /// Goods in exchange.
    Exchange {
        /// The goods.
        goods: String,
    },
}

/// A line of an offer.
#[derive(Clone, Debug, Serialize, TS)]
pub struct Item {
    /// Article number.
    pub sku: String,
    /// Name.
    pub name: String,
    /// Size, colour, temperature; may be empty.
    pub variant: String,
    /// Where it stands; may be empty.
    pub shelf: String,
    /// How many in all.
    pub quantity: u32,
    /// How many taken before.
    pub taken: u32,
    /// How many left.
    pub left: u32,
}

/// What may be taken.
#[derive(Clone, Debug, Serialize, TS)]
pub struct Offer {
    /// What it is.
    pub subject: Subject,
    /// Its lines.
    pub items: Vec<Item>,
    /// On what it rests.
    pub basis: Basis,
    /// When this card appeared.
    #[ts(type = "number")]
    pub since: i64,
}

/// A redemption that waits for a manager's yes.
#[derive(Clone, Debug, Serialize, TS)]
pub struct Approval {
    /// What it is.
    pub subject: Subject,
    /// Why the clerk may not decide, as a reason code.
    pub reason: String,
    /// What is lost at most if it should not have been handed over (fen).
    #[ts(type = "number")]
    pub amount: i64,
    /// What this till has accepted at risk in this outage, of the same kind of stores.
    pub till: Tally,
    /// What of it is this customer's.
    pub customer: Tally,
    /// Who may say yes.
    pub managers: Vec<Clerk>,
    /// Why the last try failed, as a code ("wrong_pin", "pin_locked", "not_a_manager", "why_missing").
    pub failed: Option<String>,
    /// On what the facts rest.
    pub basis: Basis,
    /// When this card appeared.
    #[ts(type = "number")]
    pub since: i64,
}

/// So many, worth so much.
#[derive(Clone, Copy, Debug, Serialize, TS)]
pub struct Tally {
    /// How many.
    pub count: u32,
    /// Worth so much (fen).
    #[ts(type = "number")]
    pub fen: i64,
}

/// Who said yes, and why.
#[derive(Clone, Debug, Serialize, TS)]
pub struct Approved {
    /// The manager's name.
    pub by: String,
    /// A word of the page's list ("regular", "payment_seen", "head_office"), or the manager's own.
    pub why: String,
}

/// A member card.
#[derive(Clone, Debug, Serialize, TS)]
pub struct Member {
    /// The membership.
    pub subject: Subject,
    /// Tier, in the merchant's words.
    pub tier: String,
    /// Points.
    #[ts(type = "number")]
    pub points: i64,
    /// Stored value (fen).
    #[ts(type = "number")]
    pub balance: i64,
    /// Coupons and cards of this member: usable first, then soonest expiry.
    pub coupons: Vec<MemberCoupon>,
    /// On what it rests.
    pub basis: Basis,
}

/// One coupon on a member card.
#[derive(Clone, Debug, Serialize, TS)]
pub struct MemberCoupon {
    /// What it is.
    pub subject: Subject,
    /// Uses left.
    pub left: u32,
    /// Uses in all.
    pub quantity: u32,
    /// Why it cannot be used here and now, as a reason code; nothing if it can.
    pub unusable: Option<String>,
}

/// What a short code fits.
#[derive(Clone, Debug, Serialize, TS)]
pub struct Choice {
    /// At least one, in the order in which they are shown: what can be taken first.
    pub candidates: Vec<Candidate>,
    /// On what the weakest of them rests.
    pub basis: Basis,
    /// When this card appeared.
    #[ts(type = "number")]
    pub since: i64,
}

/// One of those that a short code fits.
#[derive(Clone, Debug, Serialize, TS)]
pub struct Candidate {
    /// What it is.
    pub subject: Subject,
    /// What is left of its lines; where nothing is left, what there was.
    pub items: Vec<Item>,
    /// Pieces or uses left.
    pub left: u32,
    /// Pieces or uses in all.
    pub quantity: u32,
    /// Why it cannot be taken here and now, as a reason code; nothing if it can.
    pub unusable: Option<String>,
}

/// Who said so.
#[derive(Clone, Copy, Debug, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum RestsOn {
    /// The server.
    Server,
    /// The local copy.
    Copy,
    /// The code's signature and the status list.
    Signature,
    /// A manager's yes.
    Override,
}

/// On what an offer or a verdict rests.
#[derive(Clone, Debug, Serialize, TS)]
pub struct Basis {
    /// Who said so.
    pub on: RestsOn,
    /// When the server last vouched for it.
    #[ts(type = "number")]
    pub as_of: i64,
    /// How long before this moment that was (seconds).
    #[ts(type = "number")]
    pub age_seconds: i64,
    /// Why the server was not heard, as a code; nothing when it was.
    pub silence: Option<String>,
}

/// The five classes.
#[derive(Clone, Copy, Debug, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Done: hand it over.
    Pass,
    /// Do something first.
    Act,
    /// Already done here, moments ago.
    Done,
    /// Do not hand over.
    Stop,
    /// The till cannot decide.
    Fault,
}

/// The end of a scan.
#[derive(Clone, Debug, Serialize, TS)]
pub struct Verdict {
    /// Which class.
    pub class: Class,
    /// Why, as a reason code.
    pub reason: String,
    /// What to do now, as a to-do code.
    pub todo: String,
    /// The amount of "deduct_amount" (fen).
    #[ts(type = "number | null")]
    pub amount: Option<i64>,
    /// The percentage of "deduct_percent".
    pub percent: Option<u8>,
    /// What it is about; nothing for a text that is not ours.
    pub subject: Option<Subject>,
    /// What was taken by this redemption.
    pub taken: Vec<Taken>,
    /// Pieces or uses left afterwards, in all.
    pub left: u32,
    /// Pieces or uses in all.
    pub quantity: u32,
    /// On what it rests; nothing where nothing had to be asked.
    pub basis: Option<Basis>,
    /// The manager's yes that it rests on.
    pub approved: Option<Approved>,
    /// The redemption that stands in the way, or that was undone.
    pub earlier: Option<Earlier>,
    /// This redemption's number.
    pub number: Option<String>,
    /// When it was decided.
    #[ts(type = "number")]
    pub at: i64,
    /// Decided from the local copy and not yet confirmed by the server.
    pub unsent: bool,
    /// It was decided before the program was restarted.
    pub before_restart: bool,
    /// Number of the redemption that the undo button takes back; nothing where undoing is not offered.
    pub undo: Option<String>,
    /// Until when undoing is offered.
    #[ts(type = "number | null")]
    pub undo_until: Option<i64>,
    /// Number of the redemption that "hand over now" settles; only with reason "counted_unseen".
    pub hand_over: Option<String>,
}

/// So many of one article.
#[derive(Clone, Debug, Serialize, TS)]
pub struct Taken {
    /// Name with variant.
    pub name: String,
    /// How many.
    pub quantity: u32,
}

/// An earlier redemption.
#[derive(Clone, Debug, Serialize, TS)]
pub struct Earlier {
    /// When.
    #[ts(type = "number")]
    pub at: i64,
    /// How long before the verdict (seconds).
    #[ts(type = "number")]
    pub ago_seconds: i64,
    /// Whether it was at this till.
    pub here: bool,
    /// At which till.
    pub till: String,
    /// At which store.
    pub store: String,
    /// By whom.
    pub clerk: String,
}

/// One row of the strip and of the history.
#[derive(Clone, Debug, Serialize, TS)]
pub struct Row {
    /// When.
    #[ts(type = "number")]
    pub at: i64,
    /// Which class.
    pub class: Class,
    /// Why, as a reason code.
    pub reason: String,
    /// What it was about; empty for a text that is not ours.
    pub title: String,
    /// By whom; may be empty.
    pub clerk: String,
    /// Its number, if it is a redemption or an undo.
    pub number: Option<String>,
    /// How it stands at the server.
    pub sync: Sync,
    /// Whether the undo button is offered.
    pub undoable: bool,
    /// If so: what was handed over, and what of it is left to be taken back.
    pub items: Vec<Item>,
}

/// How a redemption stands at the server.
#[derive(Clone, Copy, Debug, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Sync {
    /// Nothing to send.
    None,
    /// Waiting to be sent or answered.
    Waiting,
    /// Settled.
    Settled,
    /// It became a case.
    Case,
    /// It was undone.
    Undone,
}

/// A practice code of the demo chain.
#[derive(Clone, Debug, Serialize, TS)]
pub struct PracticeCode {
    /// What a scan of it types.
    pub text: String,
    /// Its picture, as SVG text.
    pub svg: String,
    /// "order", "coupon", "times_card", "member" or "fails".
    pub group: String,
    /// What it is.
    pub caption: String,
    /// What must happen on a first scan, as a reason code or "offer" or "member".
    pub expect: String,
}

#[cfg(test)]
mod tests;
