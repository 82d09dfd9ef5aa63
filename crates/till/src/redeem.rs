//! One redemption from top to bottom: read, look up, offer; then begin, ask, decide, journal. The way back is
//! [`crate::undo`].
//!
//! Invariant: whoever gets a [`Concluded`] from here holds something that is on disk.

use std::time::Duration;

use model::decide::{self, Answer, Decision, Known, Origin, Outcome, Refusal};
use model::entitlement::{Entitlement, Kind, Use};
use model::policy::Policy;
use model::prove::Proof;
use model::redemption::{Number, Take};
use model::time::{Doubt, Effective, UnixMs};
use model::verdict::{Basis, Reason, Silence};
use wire::api::{Redeem, Redeemed};
use wire::line::{self, Act, Begun, Decided, NamedTake, Person, Settled};

use crate::ledger::State as Stand;
use crate::link::LinkError;
use crate::risk;
use crate::till::{LineState, State, Till};

/// A redemption that was decided, and whose lines are on disk.
#[derive(Clone, Debug)]
pub struct Concluded {
    /// Its number.
    pub number: Number,
    /// The decision.
    pub decision: Decision,
    /// When.
    pub at: UnixMs,
}

/// What a clerk confirms.
#[derive(Clone, Copy)]
pub struct Wish<'a> {
    /// What is known of the entitlement that was offered.
    pub known: &'a Known,
    /// So much of it.
    pub takes: &'a [Take],
    /// By whom.
    pub clerk: &'a Person,
    /// How its code came in.
    pub source: &'a str,
    /// What its signature proved, if it has one.
    pub proof: Option<Proof>,
    /// A manager's yes, for the case that the server is not heard and the policy leaves it to a manager.
    pub approval: Option<&'a Approval>,
}

/// A manager's yes. Whoever makes one has checked the PIN ([`crate::staff::Door::approve`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Who.
    pub by: Person,
    /// Why: a word of the page's list, or in the manager's own.
    pub why: String,
}

impl Till {
    /// Takes what the clerk wishes of what was offered: begins, asks the server or decides without it, and journals.
    ///
    /// An `Err` says why nothing was accepted although nobody refused it: the journal took no line.
    pub async fn confirm(&self, wish: &Wish<'_>) -> Result<Concluded, Reason> {
        match self.try_confirm(wish).await? {
            Some(concluded) => Ok(concluded),
            // An interrupted act that was to go on turned out to be voided; it begins anew, under a new number.
            None => self.try_confirm(wish).await?.ok_or(Reason::Unfinished),
        }
    }

    /// Nothing if the number of an interrupted act was voided meanwhile; that stands in the journal then.
    async fn try_confirm(&self, wish: &Wish<'_>) -> Result<Option<Concluded>, Reason> {
        let Wish { known, takes, .. } = *wish;
        let now = self.now();
        let (number, begun, begun_at) = {
            let mut guard = self.lock();
            let state = guard.as_mut().ok_or(Reason::NotEnrolled)?;
            let in_doubt = state.ledger.in_doubt_of(&known.entitlement.id.0);
            match in_doubt {
                // The program stopped in the middle of this very act: it goes on under its number, for a new
                // number could be counted beside the old one.
                Some(old) if old.takes() == takes => {
                    let resumed = (old.number, old.begun.clone(), old.begun_at);
                    state.in_hand = Some(resumed.0);
                    resumed
                }
                Some(_) => return Err(Reason::Unfinished),
                None => {
                    let number = self.new_number(now);
                    let silence = match state.line {
                        LineState::Revoked => return Err(Reason::TillRevoked),
                        LineState::Offline(silence) => Some(silence),
                        // A customer for whom the server was waited for in vain just now does not wait again.
                        LineState::Online | LineState::Slow => state.waited_for(known),
                    };
                    if let Some(silence) = silence {
                        return self.decide_alone(state, number, wish, silence).map(Some);
                    }
                    let begun =
                        begin(number, wish, known, Asking::Server, self.time().doubt, state.policy().version);
                    state.write(now, vec![Act::Begun(begun.clone())])?;
                    state.in_hand = Some(number);
                    (number, begun, now)
                }
            }
        };
        let concluded = self.ask_and_decide(number, &begun, begun_at, wish).await;
        if let Some(state) = self.lock().as_mut() {
            state.in_hand = None;
        }
        self.wake.notify_one();
        self.tell_news();
        concluded
    }

    /// Offline: begun and decided in one line, one flush of the disk.
    fn decide_alone(
        &self,
        state: &mut State,
        number: Number,
        wish: &Wish<'_>,
        silence: Silence,
    ) -> Result<Concluded, Reason> {
        let time = self.time();
        // Found out since it was offered: nothing has been begun yet that a line would have to let go.
        if let Some(reason) = state.speaks_against_acting_alone(wish.known) {
            return Err(reason);
        }
        let (known, policy, decision) = weigh(state, number, wish, time, Answer::Silent(silence));
        let begun = begin(number, wish, &known, Asking::Nobody, time.doubt, policy.version);
        let decided =
            Decided { begun: Some(begun.into()), ..decided(number, &known, wish, &decision, &policy) };
        state.write(time.at, vec![Act::Decided(decided)])?;
        self.wake.notify_one();
        self.tell_news();
        Ok(Concluded { number, decision, at: time.at })
    }

    async fn ask_and_decide(
        &self,
        number: Number,
        begun: &Begun,
        begun_at: UnixMs,
        wish: &Wish<'_>,
    ) -> Result<Option<Concluded>, Reason> {
        let answer = self.ask_server(number, begun, begun_at, wish.approval.is_some()).await;
        let mut guard = self.lock();
        let time = self.time();
        let state = guard.as_mut().ok_or(Reason::NotEnrolled)?;
        let Some(answer) = answer else {
            let voided = Settled { number: number.to_string(), settlement: wire::api::Settlement::Voided };
            state.write(time.at, vec![Act::Settled { settled: vec![voided] }])?;
            return Ok(None);
        };
        // What is at risk is read and written down under one lock: no two acceptances share what is left.
        let (known, policy, decision) = weigh(state, number, wish, time, answer);
        let decided = decided(number, &known, wish, &decision, &policy);
        state.write(time.at, vec![Act::Decided(decided)])?;
        Ok(Some(Concluded { number, decision, at: time.at }))
    }

    /// What the server says within the deadline; nothing if the number was voided, so that it can never be counted.
    /// `again`: the same was held a moment ago under another number, which the server must let go first.
    async fn ask_server(
        &self,
        number: Number,
        begun: &Begun,
        begun_at: UnixMs,
        again: bool,
    ) -> Option<Answer> {
        // One deadline for all of it: a sync that hangs with the line in its hands must not hold a customer up.
        let deadline = self.deadline();
        let asked = self.ask_server_patiently(number, begun, begun_at, deadline, again);
        let asked = tokio::time::timeout(deadline, asked).await;
        asked.unwrap_or_else(|_| {
            self.note_line::<()>(&Err(LinkError::Silent(Silence::TimedOut)), None);
            Some(Answer::Silent(Silence::TimedOut))
        })
    }

    async fn ask_server_patiently(
        &self,
        number: Number,
        begun: &Begun,
        begun_at: UnixMs,
        deadline: Duration,
        again: bool,
    ) -> Option<Answer> {
        let (link, waiting, line) = match self.lock().as_ref() {
            Some(state) => (state.link.clone(), state.ledger.waiting(), state.line),
            None => return Some(Answer::Refused(Reason::NotEnrolled.into())),
        };
        if let LineState::Offline(silence) = line {
            return Some(Answer::Silent(silence));
        }
        // What was taken or given back while the line was down comes first, or the server would judge without it.
        if (waiting > 0 || again)
            && let Err(error) = self.push(deadline).await
        {
            return Some(answer_of(error));
        }
        let redeem = Redeem {
            entitlement: begun.entitlement.clone(),
            takes: begun
                .takes
                .iter()
                .map(|take| wire::entitlement::Take { sku: take.sku.clone(), quantity: take.quantity })
                .collect(),
            clerk: begun.clerk.name.clone(),
            at: begun_at.0,
            moment: begun.proof.as_ref().and_then(|proof| proof.moment),
        };
        let number = number.to_string();
        let answer = self.timed(link.redeem(&number, &redeem, deadline)).await;
        Some(match answer {
            Ok(Redeemed::Counted) => Answer::Counted,
            Ok(Redeemed::Refused { reason, earlier }) => {
                let earlier = earlier.as_ref().and_then(|told| Use::try_from(told).ok());
                match Reason::of_code(&reason) {
                    Some(reason) => Answer::Refused(Refusal { reason, earlier }),
                    // It was refused, for a reason that only a newer program knows.
                    None => Answer::Refused(Reason::Cancelled.into()),
                }
            }
            Err(LinkError::Problem(problem)) if problem.error == "voided" => return None,
            Err(error) => answer_of(error),
        })
    }

    /// The goods of a redemption that was counted unseen are handed over after all.
    pub fn hand_over(&self, number: Number) -> Result<Concluded, Reason> {
        let now = self.now();
        let mut guard = self.lock();
        let state = guard.as_mut().ok_or(Reason::NotEnrolled)?;
        let redemption = state.ledger.redemption(number).ok_or(Reason::UndoUnknown)?;
        if redemption.state() != Stand::CountedUnseen {
            return Err(Reason::UndoUnknown);
        }
        // The customer may have had the money back meanwhile. What cannot be read speaks for nothing and against nothing.
        let told = state.copy.by_id(&redemption.begun.entitlement).ok().flatten();
        let told = told.and_then(|told| Entitlement::try_from(&told).ok());
        if let Some(reason) = told.and_then(|told| decide::withdrawn(told.standing)) {
            return Err(reason);
        }
        let reason = if redemption.begun.kind == "order" { Reason::PickedUp } else { Reason::Redeemed };
        let quantity = redemption.begun.takes.iter().map(|take| take.quantity).sum();
        let decided = Decided {
            number: number.to_string(),
            begun: None,
            outcome: line::Outcome::Accepted,
            reason: reason.code().into(),
            basis: line::Basis::Server,
            left: 0,
            quantity,
            earlier: None,
            risk: None,
        };
        state.write(now, vec![Act::Decided(decided)])?;
        drop(guard);
        self.tell_news();
        Ok(Concluded { number, decision: Decision::counted(reason), at: now })
    }
}

impl State {
    /// Why this till may not decide about it without the server, whatever the policy says: it was barred, or its copy is
    /// not what the server told.
    fn speaks_against_acting_alone(&self, known: &Known) -> Option<Reason> {
        if self.line == LineState::Revoked {
            return Some(Reason::TillRevoked);
        }
        let by_copy = !matches!(known.origin, Origin::Server);
        (by_copy && self.copy.is_doubtful()).then_some(Reason::CopyDoubtful)
    }
}

/// Decides from the answer and from what this till knows now, with what it has done itself meanwhile.
fn weigh(
    state: &State,
    number: Number,
    wish: &Wish<'_>,
    time: Effective,
    answer: Answer,
) -> (Known, Policy, Decision) {
    let mut known = wish.known.clone();
    state.catch_up(&mut known);
    // The feed can be quicker than the answer, and tell what an answer that was lost would have told.
    let told = known.entitlement.uses.iter().any(|use_| use_.number == number);
    let answer = if told && matches!(answer, Answer::Silent(_)) { Answer::Counted } else { answer };
    known.entitlement.uses.retain(|use_| use_.number != number);
    let policy = state.policy();
    let alone = state.alone(&policy, &known, time, wish.approval.is_some());
    let decision = decide::conclude(&known, wish.takes, &state.place(), time.at, answer, &alone);
    // Found out while the answer was awaited; as a line it lets the number go again, should it have arrived.
    let decision = match state.speaks_against_acting_alone(&known) {
        Some(reason) if decision.accepts_alone() => {
            Decision { outcome: Outcome::Held, reason, may_ask: false, facts: None, ..decision }
        }
        _ => decision,
    };
    (known, policy, decision)
}

fn answer_of(error: LinkError) -> Answer {
    match error {
        LinkError::Silent(silence) => Answer::Silent(silence),
        LinkError::Barred => Answer::Refused(Reason::TillRevoked.into()),
        LinkError::Problem(problem) if problem.error == "quarantined" => {
            Answer::Refused(Reason::Quarantined.into())
        }
        LinkError::Problem(problem) if problem.error == "never_issued" => {
            Answer::Refused(Reason::NeverIssued.into())
        }
        LinkError::Problem(problem) => {
            tracing::error!(error = %problem.error, "the server would not judge a redemption");
            Answer::Silent(Silence::Garbled)
        }
    }
}

/// Whether a request may be under way for a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asking {
    Server,
    Nobody,
}

fn begin(number: Number, wish: &Wish<'_>, known: &Known, asking: Asking, doubt: Doubt, policy: u64) -> Begun {
    let entitlement = &known.entitlement;
    let named = |take: &Take| {
        let name = entitlement.line(&take.sku).map_or_else(
            || take.sku.clone(),
            |line| [line.name.as_str(), line.variant.as_str()].join(" ").trim_end().to_owned(),
        );
        NamedTake { sku: take.sku.clone(), name, quantity: take.quantity }
    };
    Begun {
        number: number.to_string(),
        entitlement: entitlement.id.0.clone(),
        version: entitlement.version,
        kind: kind_code(&entitlement.kind).into(),
        title: entitlement.title.clone(),
        code_tail: entitlement.code_tail.clone(),
        takes: wish.takes.iter().map(named).collect(),
        value: entitlement.value.0,
        clerk: wish.clerk.clone(),
        source: wish.source.into(),
        heard_at: known.heard_at.0,
        copy: None,
        asking: asking == Asking::Server,
        clock: match doubt {
            Doubt::None => None,
            Doubt::Ahead(_) => Some("ahead".into()),
            Doubt::Back(_) => Some("back".into()),
        },
        proof: wish.proof.as_ref().map(Into::into),
        policy: Some(policy),
    }
}

/// The code under which a kind stands in a line.
pub fn kind_code(kind: &Kind) -> &'static str {
    match kind {
        Kind::Order => "order",
        Kind::Coupon(_) => "coupon",
        Kind::TimesCard => "times_card",
        Kind::Member(_) => "member",
    }
}

fn decided(number: Number, known: &Known, wish: &Wish<'_>, decision: &Decision, policy: &Policy) -> Decided {
    let taken_now: u32 = wish.takes.iter().map(|take| take.quantity).sum();
    let left = known.left_in_all();
    // `known` may or may not hold this very redemption already: the feed can be quicker than the answer.
    let counted = known.uses().iter().any(|use_| use_.number == number);
    let accepted = decision.outcome == Outcome::Accepted;
    let by_manager = matches!(decision.basis, Basis::Override { .. });
    let weighed = decision.facts.as_deref();
    Decided {
        number: number.to_string(),
        begun: None,
        outcome: match decision.outcome {
            Outcome::Accepted => line::Outcome::Accepted,
            Outcome::Refused => line::Outcome::Refused,
            Outcome::Held => line::Outcome::Held,
        },
        reason: decision.reason.code().into(),
        basis: line::Basis::of(decision.basis, wish.approval.map(|yes| (&yes.by, yes.why.as_str()))),
        left: if accepted && !counted { left.saturating_sub(taken_now) } else { left },
        quantity: known.entitlement.lines.iter().map(|line| line.quantity).sum(),
        earlier: decision.earlier.as_ref().map(Into::into),
        risk: weighed.map(|facts| risk::told(facts, known, policy, by_manager)),
    }
}
