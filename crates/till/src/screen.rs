//! Everything that a screen shows, as values: the page draws it, a script prints it, a test reads it.

use model::decide::{Known, Offer};
use model::entitlement::{Entitlement, Fen};
use model::place::Circumstance;
use model::policy::{Exposure, Facts};
use model::prove::Proof;
use model::redemption::{Number, Take};
use model::scanner::Habits;
use model::time::{Doubt, UnixMs};
use model::verdict::{Basis, Class, Reason, Silence, Todo};
use wire::api::Staff;

use crate::fetch::Fetching;
use crate::words::Language;

/// Everything on the screen at one moment.
#[derive(Clone, Debug)]
pub struct Screen {
    /// Grows with every change.
    pub revision: u64,
    /// The moment.
    pub now: UnixMs,
    /// The bar above.
    pub status: Status,
    /// The work area.
    pub stage: Stage,
    /// The last five results, newest first.
    pub recent: Vec<Row>,
}

/// Where, who, and how things stand with the server.
#[derive(Clone, Debug)]
pub struct Status {
    /// The language of the screen.
    pub language: Language,
    /// The store's name; nothing before enrolment.
    pub store: Option<String>,
    /// The till's name; nothing before enrolment.
    pub till: Option<String>,
    /// Who is signed in.
    pub clerk: Option<Staff>,
    /// How things stand with the server.
    pub line: Line,
    /// Redemptions and undos that the server has not settled.
    pub waiting: u32,
    /// When the server last vouched for the local copy.
    pub copy_as_of: Option<UnixMs>,
    /// Open cases of this till.
    pub cases: u32,
    /// Coupons and cards redeemed today at this till.
    pub redeemed_today: u32,
    /// Orders picked up today at this till, in part or whole.
    pub picked_up_today: u32,
    /// Whether there are practice codes.
    pub practice: bool,
    /// The copy was damaged and is fetched anew.
    pub copy_rebuilt: bool,
    /// How far a new copy has come, while one is built.
    pub fetching: Option<Fetching>,
    /// What is to be said about this computer's clock.
    pub clock: Doubt,
    /// What is at risk, and what this outage can cost at most.
    pub exposure: Exposure,
    /// How the scanners on serial ports stand; none where only wedges are used.
    pub serial: Vec<crate::serial::Standing>,
    /// What was found out about the scanners here.
    pub scanners: Habits,
}

/// How things stand with the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// It answers.
    Online,
    /// It answers slowly.
    Slow,
    /// It does not.
    Offline(Silence),
    /// There is none yet.
    NotEnrolled,
    /// It has barred this till.
    Revoked,
}

/// What the work area shows.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "one of them exists at a time")]
pub enum Stage {
    /// Asks for server and enrolment code.
    Enrol {
        /// Why the last try failed.
        failed: Option<String>,
    },
    /// Asks who is there.
    SignIn {
        /// Who may sign in.
        staff: Vec<Staff>,
        /// Why the last try failed.
        failed: Option<&'static str>,
    },
    /// Ready for a scan.
    Ready,
    /// The server is being asked.
    Checking,
    /// What may be taken.
    Offer(OfferCard),
    /// A member with coupons and cards.
    Member(MemberCard),
    /// A short code that fits these: the clerk says which is the customer's.
    Choice(ChoiceCard),
    /// What a clerk may not decide without the server, and a manager may.
    Approval(ApprovalCard),
    /// The end of a scan.
    Verdict(Verdict),
}

/// An offer.
#[derive(Clone, Debug)]
pub struct OfferCard {
    /// What is known of it.
    pub known: Box<Known>,
    /// What may be taken.
    pub offer: Offer,
    /// What its signature proved, if it has one.
    pub proof: Option<Proof>,
    /// When the card appeared.
    pub since: UnixMs,
}

impl OfferCard {
    /// What is taken if the clerk changes nothing: one use of a card, everything that is left of the rest.
    pub fn usual_takes(&self) -> Vec<Take> {
        crate::risk::usual_takes(&self.known)
    }
}

/// A redemption that waits for a manager's yes.
#[derive(Clone, Debug)]
pub struct ApprovalCard {
    /// What was offered.
    pub card: OfferCard,
    /// What the clerk chose of it.
    pub takes: Vec<Take>,
    /// Why the clerk may not decide.
    pub reason: Reason,
    /// What is lost at most if it should not have been handed over.
    pub amount: Fen,
    /// What was weighed beside it.
    pub facts: Box<Facts>,
    /// Who may say yes.
    pub managers: Vec<Staff>,
    /// Why the last try failed.
    pub failed: Option<&'static str>,
    /// When the card appeared.
    pub since: UnixMs,
}

/// Who said yes, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approved {
    /// The manager's name.
    pub by: String,
    /// A word of the page's list, or in the manager's own.
    pub why: String,
}

/// A member card.
#[derive(Clone, Debug)]
pub struct MemberCard {
    /// What is known of the membership.
    pub known: Box<Known>,
    /// Each coupon and card, with why it cannot be used here and now.
    pub coupons: Vec<(Known, Option<Reason>)>,
}

/// What a short code fits: never nothing, and never chosen without a look at the customer, even if it is only one.
#[derive(Clone, Debug)]
pub struct ChoiceCard {
    candidates: Vec<Candidate>,
    since: UnixMs,
}

impl ChoiceCard {
    /// A card of these, as of `since`: what can be taken first, then what ends soonest, then by title. Nothing if
    /// there is nothing to choose from.
    pub fn of(mut candidates: Vec<Candidate>, since: UnixMs) -> Option<ChoiceCard> {
        candidates.sort_by(|one, other| one.place_in_line().cmp(&other.place_in_line()));
        (!candidates.is_empty()).then_some(ChoiceCard { candidates, since })
    }

    /// Those that the code fits, in the order in which they are shown.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// When the card appeared.
    pub fn since(&self) -> UnixMs {
        self.since
    }

    /// Whether `id` stands on the card and can be taken.
    pub fn can_choose(&self, id: &str) -> bool {
        self.candidates.iter().any(|one| one.known.entitlement.id.0 == id && one.reason.is_none())
    }

    /// The candidate whose facts are the weakest: the card is no better than that one.
    pub fn weakest(&self) -> Option<&Candidate> {
        self.candidates.iter().find(|one| one.known.basis() != Basis::Server).or(self.candidates.first())
    }
}

/// One of those that a short code fits.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// What is known of it.
    pub known: Known,
    /// Why it cannot be taken here and now, if it cannot.
    pub reason: Option<Reason>,
}

impl Candidate {
    fn place_in_line(&self) -> (bool, i64, &str, &str) {
        let entitlement = &self.known.entitlement;
        let until = entitlement.window.until.map_or(i64::MAX, |until| until.0);
        (self.reason.is_some(), until, &entitlement.title, &entitlement.id.0)
    }
}

/// What a verdict is about.
#[derive(Clone, Debug)]
pub enum Subject {
    /// The entitlement is at hand.
    Whole(Box<Entitlement>),
    /// Only what the journal kept of it.
    Kept {
        /// The entitlement's id.
        id: String,
        /// "order", "coupon", "times_card", "member".
        kind: String,
        /// In the merchant's words.
        title: String,
        /// The last four characters of the code.
        code_tail: String,
    },
}

impl Subject {
    /// In the merchant's words.
    pub fn title(&self) -> &str {
        match self {
            Subject::Whole(entitlement) => &entitlement.title,
            Subject::Kept { title, .. } => title,
        }
    }
}

/// The end of a scan.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Why; the class follows from it.
    pub reason: Reason,
    /// What to do now.
    pub todo: Todo,
    /// What it is about.
    pub subject: Option<Subject>,
    /// What was taken: name and quantity.
    pub taken: Vec<(String, u32)>,
    /// Pieces or uses left afterwards.
    pub left: u32,
    /// Pieces or uses in all.
    pub quantity: u32,
    /// On what it rests.
    pub basis: Option<Basis>,
    /// The manager's yes that it rests on.
    pub approved: Option<Approved>,
    /// The redemption that stands in the way, or that was undone.
    pub earlier: Option<Circumstance>,
    /// Whether that was at this till.
    pub earlier_here: bool,
    /// This redemption's, or undo's, number.
    pub number: Option<Number>,
    /// When it was decided.
    pub at: UnixMs,
    /// Not yet confirmed by the server.
    pub unsent: bool,
    /// Decided before the program was started.
    pub before_restart: bool,
    /// What the undo button takes back, and until when it is offered.
    pub undo: Option<(Number, UnixMs)>,
    /// What "hand over now" settles.
    pub hand_over: Option<Number>,
}

impl Verdict {
    /// A verdict without a redemption.
    pub fn of(reason: Reason, at: UnixMs) -> Verdict {
        Verdict {
            reason,
            todo: Todo::about(reason),
            subject: None,
            taken: vec![],
            left: 0,
            quantity: 0,
            basis: None,
            approved: None,
            earlier: None,
            earlier_here: false,
            number: None,
            at,
            unsent: false,
            before_restart: false,
            undo: None,
            hand_over: None,
        }
    }

    /// The class that a clerk sees.
    pub fn class(&self) -> Class {
        self.reason.class()
    }
}

/// One row of the strip or of the history.
#[derive(Clone, Debug)]
pub struct Row {
    /// When.
    pub at: UnixMs,
    /// Why; the class follows from it.
    pub reason: Reason,
    /// What it was about.
    pub title: String,
    /// By whom.
    pub clerk: String,
    /// Its number, if it is a redemption or an undo.
    pub number: Option<Number>,
    /// How it stands at the server.
    pub stands: Stands,
    /// Whether it can be undone now.
    pub undoable: bool,
    /// If so: what was handed over, and what of it is still taken.
    pub pieces: Vec<Piece>,
}

/// A line of a redemption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Article number.
    pub sku: String,
    /// Name and variant.
    pub name: String,
    /// How many were taken.
    pub quantity: u32,
    /// How many of them were not taken back.
    pub left: u32,
}

/// How a row stands at the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// There is nothing to send.
    Nothing,
    /// Not yet settled.
    Waiting,
    /// Settled.
    Settled,
    /// It became a case.
    Case,
    /// It was undone.
    Undone,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use model::decide::Origin;
    use model::entitlement::{EntitlementId, Kind, Standing, Stores};
    use model::time::Window;

    use super::*;

    fn candidate(id: &str, until: Option<i64>, reason: Option<Reason>, origin: Origin) -> Candidate {
        let entitlement = Entitlement {
            id: EntitlementId(id.into()),
            version: 1,
            title: format!("自提订单 {id}"),
            kind: Kind::Order,
            lines: vec![],
            standing: Standing::Good,
            window: Window { from: None, until: until.map(UnixMs) },
            stores: Stores::Any,
            spend_min: Fen(0),
            value: Fen(0),
            holder: "陈*".into(),
            code_tail: "4821".into(),
            notes: vec![],
            uses: vec![],
            member: None,
        };
        let known = Known { entitlement, heard_at: UnixMs(7), origin, mine: vec![], undone: BTreeSet::new() };
        Candidate { known, reason }
    }

    #[test]
    fn a_choice_shows_what_can_be_taken_first_and_soonest() {
        let card = ChoiceCard::of(
            vec![
                candidate("open", None, None, Origin::Server),
                candidate("used", Some(1), Some(Reason::Used), Origin::Server),
                candidate("late", Some(9), None, Origin::Server),
                candidate("soon", Some(5), None, Origin::Server),
            ],
            UnixMs(8),
        )
        .expect("there is something to choose from");
        let order: Vec<&str> =
            card.candidates().iter().map(|one| one.known.entitlement.id.0.as_str()).collect();
        assert_eq!(order, ["soon", "late", "open", "used"], "what cannot be taken stands last");
        assert!(card.can_choose("soon"), "what stands on the card can be chosen");
        assert!(!card.can_choose("used"), "unless something stands in the way");
        assert!(!card.can_choose("another"), "and nothing else can");
    }

    #[test]
    fn a_choice_of_nothing_does_not_exist() {
        assert!(ChoiceCard::of(vec![], UnixMs(8)).is_none(), "there would be nothing to ask the customer");
    }

    #[test]
    fn a_choice_is_no_better_than_its_weakest_candidate() {
        let copy = Origin::Copy(Silence::TimedOut);
        let both = vec![candidate("a", None, None, Origin::Server), candidate("b", None, None, copy)];
        let card = ChoiceCard::of(both, UnixMs(8)).expect("there are two");
        let rests = card.weakest().expect("there are two").known.basis();
        assert_eq!(
            rests,
            Basis::Copy { as_of: UnixMs(7), silence: Silence::TimedOut },
            "one is from the copy"
        );
    }
}
