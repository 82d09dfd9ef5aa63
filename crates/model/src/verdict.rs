//! What the clerk is told: one class, one reason from a closed list, what it rests on, and what to do now.

use crate::entitlement::{Benefit, Entitlement, Fen, Kind};
use crate::reading::{Foreign, Payment};
use crate::time::UnixMs;

/// The five classes of a verdict. Each has its colour, shape, word, sound and place; none of them is told by
/// colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Done: hand it over.
    Pass,
    /// The clerk must do something first.
    Act,
    /// Already done, here, moments ago: nothing more to do.
    Done,
    /// Do not hand anything over.
    Stop,
    /// The till cannot decide.
    Fault,
}

/// Why the server was not heard. Words for the clerk belong to each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Silence {
    /// No connection: refused, no route, name not found.
    Unreachable,
    /// No answer within the deadline.
    TimedOut,
    /// The server said that it has a fault (HTTP 5xx).
    ServerFault,
    /// Something answered, but not in our contract: half a body, another format, a portal's login page.
    Garbled,
    /// The server speaks another version of the contract.
    OtherVersion,
    /// The server's certificate is not to be trusted.
    Untrusted,
    /// What answered speaks our contract, but the chain's server has not signed it as the answer to what was asked.
    NotOurs,
}

impl Silence {
    /// Each of them, in no order.
    pub const ALL: [Silence; 7] = [
        Silence::Unreachable,
        Silence::TimedOut,
        Silence::ServerFault,
        Silence::Garbled,
        Silence::OtherVersion,
        Silence::Untrusted,
        Silence::NotOurs,
    ];

    /// The stable code, as it stands in journals, on the wire and in the word lists.
    pub fn code(self) -> &'static str {
        match self {
            Silence::Unreachable => "unreachable",
            Silence::TimedOut => "timed_out",
            Silence::ServerFault => "server_fault",
            Silence::Garbled => "garbled",
            Silence::OtherVersion => "other_version",
            Silence::Untrusted => "untrusted",
            Silence::NotOurs => "not_ours",
        }
    }

    /// The silence of that code.
    pub fn of_code(code: &str) -> Option<Silence> {
        Silence::ALL.into_iter().find(|silence| silence.code() == code)
    }
}

/// On what a decision rests. It is never better than what was really asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// The server's conditional write.
    Server,
    /// The local copy, because the server was not heard.
    Copy {
        /// When the server last vouched for the copy.
        as_of: UnixMs,
        /// Why the server was not heard.
        silence: Silence,
    },
    /// The code's own signature and the status list, because the server was not heard and the copy has no more.
    Signature {
        /// When the server last vouched for the status list.
        as_of: UnixMs,
        /// Why the server was not heard.
        silence: Silence,
    },
    /// A manager's yes, because the server was not heard and the policy leaves it to a manager.
    Override {
        /// When the server last vouched for what the manager relied on.
        as_of: UnixMs,
        /// Why the server was not heard.
        silence: Silence,
    },
}

impl Basis {
    /// Whether the goods are handed over at risk: without the server's word.
    pub fn at_risk(self) -> bool {
        !matches!(self, Basis::Server)
    }
}

/// Why, from a closed list with stable codes. Where several apply, the one that stands first here is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The journal cannot be read: nothing may be accepted on this till.
    JournalBroken,
    /// The journal was set back to an older state, or the till runs twice: nothing may be accepted until the chain
    /// lets this till in again.
    Quarantined,
    /// The key that signs the lines is out of reach: nothing may be accepted.
    NoKey,
    /// The disk is full: nothing was accepted, nothing is lost.
    DiskFull,
    /// The disk refused the line: nothing was accepted.
    JournalFailed,
    /// The till does not belong to a chain yet.
    NotEnrolled,
    /// The chain has barred this till.
    TillRevoked,
    /// Nobody is signed in.
    SignInFirst,
    /// There was nothing in the scan.
    Empty,
    /// Longer than any code.
    TooLong,
    /// Control characters and the like: no text.
    Binary,
    /// Part of one of our codes.
    Damaged,
    /// A payment code, whole or damaged. It is kept nowhere.
    PaymentCode(Payment),
    /// An enrolment code, shown to a till that is enrolled.
    EnrolmentCode,
    /// A staff badge, scanned where a customer's code was expected.
    StaffBadge,
    /// A command code that has nothing to do now, such as "undo" without a redemption.
    CommandIdle,
    /// Something else of this world.
    NotOurs(Foreign),
    /// A signed code whose signature does not hold: forged or garbled.
    NotGenuine,
    /// Signed with a key that this till has not heard of.
    KeyUnknown,
    /// Signed with a key that the chain has withdrawn, or outside its time.
    KeyWithdrawn,
    /// Signed with a key that may not sign this: another kind, campaign, store or a higher value.
    KeyOutOfScope,
    /// The list of keys is older than it may be.
    TrustOutdated,
    /// The clock has jumped so far that no time can be relied on without the server.
    ClockUnsure,
    /// A rotating code of an earlier or later moment: a picture of one, or a telephone with a wrong clock.
    CodeStale,
    /// A rotating code that was accepted at this very step before.
    CodeSeen,
    /// Genuine, but what it stands for is not known here.
    ContentsUnknown,
    /// Genuine, but newer than the status list: whether it was used is not known.
    NotCovered,
    /// The server has never issued it.
    NeverIssued,
    /// Not in the local copy, and the server cannot be asked.
    UnknownOffline,
    /// An act on it was interrupted, and what became of that is not known yet.
    Unfinished,
    /// The money went back.
    Refunded,
    /// A refund is being looked at.
    RefundPending,
    /// Cancelled by merchant or customer.
    Cancelled,
    /// A lost or blocked card.
    Frozen,
    /// The issuer has revoked it, or the money went back.
    Revoked,
    /// Set aside for another store.
    Reserved,
    /// Used up by this till within the last minute.
    UsedHereJustNow,
    /// Used up before.
    Used,
    /// For other stores.
    WrongStore,
    /// Its time has not come.
    NotYet,
    /// Its time is over.
    Expired,
    /// Nothing was chosen to be taken.
    NothingChosen,
    /// More was asked than is left.
    NotEnoughLeft,
    /// The local copy, or the status list, is older than the chain allows.
    CopyTooOld,
    /// Nothing was heard for too long of what the chain allows.
    PolicyTooOld,
    /// The chain does not let this be taken without the server.
    OfflineForbidden,
    /// Worth more than the chain lets one redemption risk without the server.
    OverRedemptionCap,
    /// More than the chain lets one customer take in one outage.
    OverCustomerCap,
    /// More than the chain lets this till risk in one outage.
    OverTillCap,
    /// The local copy is not what the server told: it is fetched anew.
    CopyDoubtful,
    /// There is nothing to be undone under that number on this till.
    UndoUnknown,
    /// It was undone before.
    UndoneBefore,
    /// The time for undoing is over.
    UndoTooLate,
    /// More was to be taken back than had been taken.
    UndoTooMuch,
    /// Redeemed: a coupon or a use of a card.
    Redeemed,
    /// Everything of the order is picked up.
    PickedUp,
    /// Part of the order is picked up, the rest stays.
    PartlyPickedUp,
    /// Taken back.
    Undone,
    /// The till stopped in the middle; the server had counted it although nothing was handed over.
    CountedUnseen,
}

/// How long an own redemption answers "you did this a moment ago" instead of "used" (seconds).
pub const JUST_NOW_SECONDS: i64 = 60;

impl Reason {
    /// Every reason, in order of precedence.
    pub fn all() -> Vec<Reason> {
        use Reason::*;
        let mut all = vec![
            JournalBroken,
            Quarantined,
            NoKey,
            DiskFull,
            JournalFailed,
            NotEnrolled,
            TillRevoked,
            SignInFirst,
            Empty,
            TooLong,
            Binary,
            Damaged,
            EnrolmentCode,
            StaffBadge,
            CommandIdle,
        ];
        all.extend(Payment::ALL.map(PaymentCode));
        all.extend(Foreign::ALL.map(NotOurs));
        all.extend([
            NotGenuine,
            KeyUnknown,
            KeyWithdrawn,
            KeyOutOfScope,
            TrustOutdated,
            ClockUnsure,
            CodeStale,
            CodeSeen,
            ContentsUnknown,
            NotCovered,
            NeverIssued,
            UnknownOffline,
            Unfinished,
            Refunded,
            RefundPending,
            Cancelled,
            Frozen,
            Revoked,
            Reserved,
            UsedHereJustNow,
            Used,
            WrongStore,
            NotYet,
            Expired,
            NothingChosen,
            NotEnoughLeft,
            CopyTooOld,
            PolicyTooOld,
            OfflineForbidden,
            OverRedemptionCap,
            OverCustomerCap,
            OverTillCap,
            CopyDoubtful,
            UndoUnknown,
            UndoneBefore,
            UndoTooLate,
            UndoTooMuch,
            Redeemed,
            PickedUp,
            PartlyPickedUp,
            Undone,
            CountedUnseen,
        ]);
        all
    }

    /// The stable code, as it stands in journals, on the wire and in the word lists.
    pub fn code(self) -> &'static str {
        match self {
            Reason::JournalBroken => "journal_broken",
            Reason::Quarantined => "quarantined",
            Reason::NoKey => "no_key",
            Reason::DiskFull => "disk_full",
            Reason::JournalFailed => "journal_failed",
            Reason::NotEnrolled => "not_enrolled",
            Reason::TillRevoked => "till_revoked",
            Reason::SignInFirst => "sign_in_first",
            Reason::Empty => "empty",
            Reason::TooLong => "too_long",
            Reason::Binary => "binary",
            Reason::Damaged => "damaged",
            Reason::PaymentCode(payment) => payment.code(),
            Reason::StaffBadge => "staff_badge",
            Reason::CommandIdle => "command_idle",
            Reason::EnrolmentCode => "enrolment_code",
            Reason::NotOurs(foreign) => foreign.code(),
            Reason::NotGenuine => "not_genuine",
            Reason::KeyUnknown => "key_unknown",
            Reason::KeyWithdrawn => "key_withdrawn",
            Reason::KeyOutOfScope => "key_out_of_scope",
            Reason::TrustOutdated => "trust_outdated",
            Reason::ClockUnsure => "clock_unsure",
            Reason::CodeStale => "code_stale",
            Reason::CodeSeen => "code_seen",
            Reason::ContentsUnknown => "contents_unknown",
            Reason::NotCovered => "not_covered",
            Reason::NeverIssued => "never_issued",
            Reason::UnknownOffline => "unknown_offline",
            Reason::Unfinished => "unfinished",
            Reason::Refunded => "refunded",
            Reason::RefundPending => "refund_pending",
            Reason::Cancelled => "cancelled",
            Reason::Frozen => "frozen",
            Reason::Revoked => "code_revoked",
            Reason::Reserved => "reserved",
            Reason::UsedHereJustNow => "used_here_just_now",
            Reason::Used => "used",
            Reason::WrongStore => "wrong_store",
            Reason::NotYet => "not_yet",
            Reason::Expired => "expired",
            Reason::NothingChosen => "nothing_chosen",
            Reason::NotEnoughLeft => "not_enough_left",
            Reason::CopyTooOld => "copy_too_old",
            Reason::PolicyTooOld => "policy_too_old",
            Reason::OfflineForbidden => "offline_forbidden",
            Reason::OverRedemptionCap => "over_redemption_cap",
            Reason::OverCustomerCap => "over_customer_cap",
            Reason::OverTillCap => "over_till_cap",
            Reason::CopyDoubtful => "copy_doubtful",
            Reason::UndoUnknown => "undo_unknown",
            Reason::UndoneBefore => "undone_before",
            Reason::UndoTooLate => "undo_too_late",
            Reason::UndoTooMuch => "undo_too_much",
            Reason::Redeemed => "redeemed",
            Reason::PickedUp => "picked_up",
            Reason::PartlyPickedUp => "partly_picked_up",
            Reason::Undone => "undone",
            Reason::CountedUnseen => "counted_unseen",
        }
    }

    /// The reason of that code.
    pub fn of_code(code: &str) -> Option<Reason> {
        Reason::all().into_iter().find(|reason| reason.code() == code)
    }

    /// The class a clerk sees.
    pub fn class(self) -> Class {
        match self {
            Reason::Redeemed | Reason::PickedUp | Reason::PartlyPickedUp => Class::Pass,
            Reason::UsedHereJustNow | Reason::Undone | Reason::UndoneBefore => Class::Done,
            Reason::Empty
            | Reason::TooLong
            | Reason::Binary
            | Reason::Damaged
            | Reason::PaymentCode(_)
            | Reason::StaffBadge
            | Reason::CommandIdle
            | Reason::CodeStale
            | Reason::CodeSeen
            | Reason::EnrolmentCode
            | Reason::NotOurs(_)
            | Reason::NothingChosen
            | Reason::CountedUnseen => Class::Act,
            Reason::NeverIssued
            | Reason::Refunded
            | Reason::RefundPending
            | Reason::Cancelled
            | Reason::Frozen
            | Reason::NotGenuine
            | Reason::KeyWithdrawn
            | Reason::KeyOutOfScope
            | Reason::Revoked
            | Reason::Reserved
            | Reason::Used
            | Reason::WrongStore
            | Reason::NotYet
            | Reason::Expired
            | Reason::NotEnoughLeft
            | Reason::UndoUnknown
            | Reason::UndoTooLate
            | Reason::UndoTooMuch => Class::Stop,
            Reason::JournalBroken
            | Reason::Quarantined
            | Reason::NoKey
            | Reason::DiskFull
            | Reason::JournalFailed
            | Reason::NotEnrolled
            | Reason::TillRevoked
            | Reason::SignInFirst
            | Reason::UnknownOffline
            | Reason::Unfinished
            | Reason::KeyUnknown
            | Reason::TrustOutdated
            | Reason::ClockUnsure
            | Reason::ContentsUnknown
            | Reason::NotCovered
            | Reason::CopyTooOld
            | Reason::PolicyTooOld
            | Reason::OfflineForbidden
            | Reason::OverRedemptionCap
            | Reason::OverCustomerCap
            | Reason::OverTillCap
            | Reason::CopyDoubtful => Class::Fault,
        }
    }
}

/// What the clerk must do now, in the imperative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Todo {
    /// Hand over what the verdict lists.
    HandOver,
    /// Take this amount off the bill at the cash register.
    DeductAmount(Fen),
    /// Take these percent off the bill at the cash register.
    DeductPercent(u8),
    /// Nothing: it is settled.
    Nothing,
    /// Take the goods back, if they were handed over.
    TakeBack,
    /// Hand nothing over.
    KeepGoods,
    /// Scan again, with the input method switched to English.
    ScanAgain,
    /// Ask the customer to open the order or coupon page and show the code there.
    AskForCode,
    /// Ask the customer to open the live code in the mini-program: a picture of it does not do.
    AskForLive,
    /// Another platform's own tool takes this.
    UsePlatform,
    /// This belongs to the cash register.
    UseCashRegister,
    /// Send the customer to the stores that the entitlement names.
    SendToStore,
    /// Choose what is taken.
    Choose,
    /// Try again when the line is back, or call the manager.
    WaitForLine,
    /// Sign in.
    SignIn,
    /// Call the manager.
    CallManager,
    /// Call whoever looks after the till.
    CallService,
    /// Hand it over now, or undo it.
    HandOverOrUndo,
}

impl Todo {
    /// Each of them once, amounts aside, so that word lists can be checked.
    pub const CODES: [&'static str; 18] = [
        "hand_over",
        "deduct_amount",
        "deduct_percent",
        "nothing",
        "take_back",
        "keep_goods",
        "scan_again",
        "ask_for_code",
        "ask_for_live",
        "use_platform",
        "use_cash_register",
        "send_to_store",
        "choose",
        "wait_for_line",
        "sign_in",
        "call_manager",
        "call_service",
        "hand_over_or_undo",
    ];

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Todo::HandOver => "hand_over",
            Todo::DeductAmount(_) => "deduct_amount",
            Todo::DeductPercent(_) => "deduct_percent",
            Todo::Nothing => "nothing",
            Todo::TakeBack => "take_back",
            Todo::KeepGoods => "keep_goods",
            Todo::ScanAgain => "scan_again",
            Todo::AskForCode => "ask_for_code",
            Todo::AskForLive => "ask_for_live",
            Todo::UsePlatform => "use_platform",
            Todo::UseCashRegister => "use_cash_register",
            Todo::SendToStore => "send_to_store",
            Todo::Choose => "choose",
            Todo::WaitForLine => "wait_for_line",
            Todo::SignIn => "sign_in",
            Todo::CallManager => "call_manager",
            Todo::CallService => "call_service",
            Todo::HandOverOrUndo => "hand_over_or_undo",
        }
    }

    /// What to do when an entitlement was accepted.
    pub fn after_acceptance(entitlement: &Entitlement) -> Todo {
        match &entitlement.kind {
            Kind::Coupon(Benefit::AmountOff(amount)) => Todo::DeductAmount(*amount),
            Kind::Coupon(Benefit::PercentOff(percent)) => Todo::DeductPercent(*percent),
            Kind::Coupon(Benefit::Exchange { .. }) | Kind::Order | Kind::TimesCard | Kind::Member(_) => {
                Todo::HandOver
            }
        }
    }

    /// What to do about a verdict that is no acceptance.
    pub fn about(reason: Reason) -> Todo {
        match reason {
            Reason::JournalBroken
            | Reason::Quarantined
            | Reason::NoKey
            | Reason::DiskFull
            | Reason::JournalFailed
            | Reason::NotEnrolled
            | Reason::TillRevoked => Todo::CallService,
            Reason::SignInFirst => Todo::SignIn,
            Reason::Empty | Reason::Binary | Reason::Damaged => Todo::ScanAgain,
            Reason::NotOurs(Foreign::Douyin | Foreign::GroupBuying) => Todo::UsePlatform,
            Reason::TooLong | Reason::NotOurs(_) | Reason::EnrolmentCode | Reason::StaffBadge => {
                Todo::AskForCode
            }
            Reason::PaymentCode(_) => Todo::UseCashRegister,
            Reason::CodeStale | Reason::CodeSeen => Todo::AskForLive,
            Reason::NeverIssued
            | Reason::Cancelled
            | Reason::Frozen
            | Reason::NotGenuine
            | Reason::Revoked => Todo::KeepGoods,
            Reason::Refunded | Reason::RefundPending | Reason::Used | Reason::NotEnoughLeft => {
                Todo::KeepGoods
            }
            Reason::UnknownOffline
            | Reason::Unfinished
            | Reason::CopyTooOld
            | Reason::PolicyTooOld
            | Reason::OfflineForbidden
            | Reason::OverRedemptionCap
            | Reason::OverCustomerCap
            | Reason::OverTillCap
            | Reason::CopyDoubtful
            | Reason::KeyUnknown
            | Reason::TrustOutdated
            | Reason::ClockUnsure
            | Reason::ContentsUnknown
            | Reason::NotCovered => Todo::WaitForLine,
            Reason::WrongStore => Todo::SendToStore,
            Reason::NotYet | Reason::Expired => Todo::KeepGoods,
            Reason::NothingChosen => Todo::Choose,
            Reason::UndoUnknown
            | Reason::UndoTooLate
            | Reason::UndoTooMuch
            | Reason::KeyWithdrawn
            | Reason::KeyOutOfScope
            | Reason::Reserved => Todo::CallManager,
            Reason::UsedHereJustNow | Reason::UndoneBefore | Reason::CommandIdle => Todo::Nothing,
            Reason::Undone => Todo::TakeBack,
            Reason::CountedUnseen => Todo::HandOverOrUndo,
            Reason::Redeemed | Reason::PickedUp | Reason::PartlyPickedUp => Todo::HandOver,
        }
    }
}

#[cfg(test)]
mod tests;
