//! From a scanned text to what may be taken: read, prove, look up at the server or in the copy, offer.
//!
//! Invariant: nothing here changes anything but what is known of the line. A mall's code leaves this file as a
//! stretched hash only, and a text that may be a payment code does not leave [`model::reading`].

use std::sync::Arc;

use model::code::Code;
use model::decide::{self, Known, Offer, Origin, Refusal};
use model::entitlement::{EntitlementId, Kind, Use};
use model::policy::{self, Ruling};
use model::prove::{self, Proof};
use model::reading::burst::{self, Burst, Chosen, Layout};
use model::reading::{self, Command, Opaque, Reading, Scan};
use model::signed::text::write_cf1;
use model::signed::token::{self, Serial, Verified};
use model::time::UnixMs;
use model::verdict::{Basis, Reason, Silence};
use wire::api::{Found, Lookup, Wanted};
use wire::codes::{hex, stretch, stretched_hash, unhex};
use wire::entitlement::Entitlement;
use wire::line::{Act, Person, Refused};

use crate::link::{Link, LinkError};
use crate::risk::usual_takes;
use crate::store::copy::CopyError;
use crate::till::{LineState, State, Till};

/// What a scan led to.
#[derive(Clone, Debug)]
pub enum Sight {
    /// Something may be taken.
    Offer {
        /// What is known of it.
        known: Box<Known>,
        /// What may be taken.
        offer: Offer,
        /// What its signature proved, if it has one.
        proof: Option<Proof>,
    },
    /// A membership with its coupons and cards.
    Member {
        /// What is known of the membership.
        known: Box<Known>,
        /// What is known of each coupon and card, with why it cannot be used here and now, if it cannot.
        coupons: Vec<Seen>,
    },
    /// A short code that several customers may have: one of these is meant, and only a person can tell which.
    Choice(Vec<Seen>),
    /// Nothing may be taken.
    Refused(Told),
}

/// What is known of one entitlement, with why it cannot be used here and now, if it cannot.
pub type Seen = (Known, Option<Reason>);

/// A refusal with everything that its verdict shows.
#[derive(Clone, Debug)]
pub struct Told {
    /// Why.
    pub reason: Reason,
    /// The use that stands in the way.
    pub earlier: Option<Use>,
    /// What is known of the entitlement, if one was found.
    pub known: Option<Box<Known>>,
    /// On what it rests, if anybody or anything was asked.
    pub basis: Option<Basis>,
}

impl From<Reason> for Told {
    fn from(reason: Reason) -> Told {
        Told { reason, earlier: None, known: None, basis: None }
    }
}

enum Key<'a> {
    Code(&'a Code),
    Id(&'a str),
}

/// What was found: the entitlement and, if it is a membership, its coupons.
type Joined = (Known, Vec<Known>);

impl Till {
    /// Says what a scanned text is and what may be taken for it.
    pub async fn see(&self, scan: &Scan) -> Sight {
        self.keep_mark();
        let sight = self.look(scan).await;
        if let Sight::Refused(told) = &sight
            && rests_on_the_time(told.reason)
        {
            self.keep_mark_now();
        }
        sight
    }

    /// Writes down that a scan was turned away, so that a closing report can count it. The verdict stands whether or not
    /// the disk takes the line: nothing was handed over.
    pub fn note_refused(&self, told: &Told, source: &str, clerk: Option<Person>) {
        let now = self.now();
        let mut guard = self.lock();
        let Some(state) = guard.as_mut() else { return };
        let known = told.known.as_ref().map(|known| &known.entitlement);
        let refused = Refused {
            reason: told.reason.code().into(),
            source: source.into(),
            clerk,
            entitlement: known.map(|known| known.id.0.clone()).unwrap_or_default(),
            code_tail: known.map(|known| known.code_tail.clone()).unwrap_or_default(),
            basis: told.basis.map(|basis| wire::line::Basis::of(basis, None)),
        };
        if state.write(now, vec![Act::Refused(refused)]).is_ok() {
            drop(guard);
            self.wake.notify_one();
        }
    }

    async fn look(&self, scan: &Scan) -> Sight {
        let reading = match self.lock().as_ref() {
            None => return Sight::Refused(Reason::NotEnrolled.into()),
            Some(state) => scan.read(&state.profiles, self.now()),
        };
        match (&reading, reading.refusal()) {
            (Reading::Ours(code), _) => self.see_key(&Key::Code(code)).await,
            (Reading::Signed(token), _) => self.see_signed(token).await,
            (Reading::Opaque(codes), _) => self.see_opaque(codes).await,
            // Without a copy there are no profiles, so that a mall's code looks like anything else.
            (Reading::Foreign(_), _) if self.knows_no_profiles() => Sight::Refused(self.unknown_here()),
            (_, refusal) => Sight::Refused(refusal.unwrap_or(Reason::Damaged).into()),
        }
    }

    /// Which of a burst's readings is right, by the malls' codes and the keys that this till believes in.
    pub fn choose(&self, burst: &Burst, habit: Option<Layout>) -> Chosen {
        let now = self.now();
        let guard = self.lock();
        let state = guard.as_ref();
        let profiles = state.map(|state| state.profiles.as_slice()).unwrap_or_default();
        let trust = state.and_then(|state| state.trust.as_ref()?.list());
        let genuine = |code: &[u8]| trust.is_some_and(|trust| token::verify(code, trust, now).is_ok());
        burst::choose(burst, habit, |text| reading::read(text, profiles, now), genuine)
    }

    /// The printed command that was scanned, if it is one.
    pub fn command(&self, scan: &Scan) -> Option<Command> {
        match scan.read(&[], self.now()) {
            Reading::Command(command) => Some(command),
            _ => None,
        }
    }

    /// Says what may be taken of an entitlement that a member card or a choice listed.
    pub async fn see_id(&self, id: &str) -> Sight {
        self.see_key(&Key::Id(id)).await
    }

    async fn see_key(&self, key: &Key<'_>) -> Sight {
        match self.look_up(key).await {
            Ok(found) => self.offer(found, None),
            Err(told) => Sight::Refused(told),
        }
    }

    /// What may be taken of what was found.
    fn offer(&self, (known, coupons): Joined, proof: Option<Proof>) -> Sight {
        match self.stand_against(&known) {
            Some(refusal) => Sight::Refused(Told {
                reason: refusal.reason,
                earlier: refusal.earlier,
                basis: Some(known.basis()),
                known: Some(Box::new(known)),
            }),
            None if matches!(known.entitlement.kind, Kind::Member(_)) => {
                Sight::Member { known: Box::new(known), coupons: self.with_reasons(coupons) }
            }
            None => {
                let offer = Offer::of(&known);
                Sight::Offer { known: Box::new(known), offer, proof }
            }
        }
    }

    fn with_reasons(&self, several: Vec<Known>) -> Vec<Seen> {
        let with_reason = |known: Known| {
            let reason = self.stand_against(&known).map(|refusal| refusal.reason);
            (known, reason)
        };
        several.into_iter().map(with_reason).collect()
    }

    /// Why nothing may be taken of it here and now, whatever is chosen: told before the clerk confirms.
    fn stand_against(&self, known: &Known) -> Option<Refusal> {
        let time = self.time();
        let guard = self.lock();
        let Some(state) = guard.as_ref() else { return Some(Reason::NotEnrolled.into()) };
        if let Err(refusal) = decide::offer(known, &state.place(), time.at) {
            return Some(refusal);
        }
        if matches!(known.origin, Origin::Server) {
            return None;
        }
        if state.copy.is_doubtful() {
            return Some(Reason::CopyDoubtful.into());
        }
        let (policy, takes, place) = (state.policy(), usual_takes(known), state.place());
        // Of a membership nothing is taken: its card is shown, and its coupons are judged one by one.
        let policy =
            if matches!(known.entitlement.kind, Kind::Member(_)) { policy.to_look() } else { policy };
        let alone = state.alone(&policy, known, time, false);
        match policy::judge(&decide::facts(known, &takes, &place, time.at, &alone), &policy) {
            // What a manager may let pass is offered: who has to agree is said when it is wanted.
            Ruling::Accept | Ruling::AskManager(_) => None,
            Ruling::Hold(reason) => Some(reason.into()),
        }
    }

    /// The silence that is known already, or the line to ask.
    fn line(&self) -> Result<Result<Arc<dyn Link>, Silence>, Told> {
        match self.lock().as_ref() {
            None => Err(Reason::NotEnrolled.into()),
            Some(state) => match state.line {
                LineState::Revoked => Err(Reason::TillRevoked.into()),
                LineState::Offline(silence) => Ok(Err(silence)),
                LineState::Online | LineState::Slow => Ok(Ok(state.link.clone())),
            },
        }
    }

    /// Asks the server if the line is up, otherwise the copy.
    async fn look_up(&self, key: &Key<'_>) -> Result<Joined, Told> {
        let lookup = match key {
            Key::Code(code) => Lookup::Code { code: code.secret().to_owned() },
            Key::Id(id) => Lookup::Id { id: (*id).to_owned() },
        };
        match self.ask_for(&lookup).await? {
            Ok(joined) => Ok(joined),
            Err(silence) => self.look_in_copy(key, silence),
        }
    }

    /// What the server knows, or why it was not heard.
    async fn ask_for(&self, lookup: &Lookup) -> Result<Result<Joined, Silence>, Told> {
        let link = match self.line()? {
            Ok(link) => link,
            Err(silence) => return Ok(Err(silence)),
        };
        let answer = self.timed(link.lookup(lookup, self.deadline())).await;
        match answer {
            Ok(found) => Ok(self.join_found(&found).ok_or(Silence::Garbled)),
            Err(error) => told_by(error).map(Err),
        }
    }

    fn join_found(&self, found: &Found) -> Option<Joined> {
        let guard = self.lock();
        let state = guard.as_ref()?;
        let now = self.now();
        let known = state.join(&found.entitlement, now, Origin::Server).ok()?;
        // A coupon that this version cannot read is left out; the rest of the card is still good.
        let coupons = found.coupons.iter().filter_map(|told| state.join(told, now, Origin::Server).ok());
        Some((known, coupons.collect()))
    }

    fn look_in_copy(&self, key: &Key<'_>, silence: Silence) -> Result<Joined, Told> {
        let find = |state: &State| match key {
            Key::Code(code) => state.copy.by_code_hash(&wire::code_hash(&state.store_key, code)),
            Key::Id(id) => Ok(state.copy.by_id(id)?.into_iter().collect()),
        };
        let found = self.find_in_copy(silence, find)?;
        found.into_iter().next().ok_or_else(|| self.unknown(silence))
    }

    /// What the copy holds, joined with what this till has done since.
    fn find_in_copy(
        &self,
        silence: Silence,
        find: impl Fn(&State) -> Result<Vec<Entitlement>, CopyError>,
    ) -> Result<Vec<Joined>, Told> {
        let mut guard = self.lock();
        let Some(state) = guard.as_mut() else { return Err(Reason::NotEnrolled.into()) };
        let origin = Origin::Copy(silence);
        let read = || -> Result<Vec<Joined>, CopyError> {
            let Some(heard_at) = state.copy.heard_at()? else { return Ok(vec![]) };
            let mut joined = vec![];
            for told in find(state)? {
                let coupons = state.copy.of_member(&told.id)?;
                let coupons = coupons.iter().filter_map(|told| state.join(told, heard_at, origin).ok());
                joined
                    .extend(state.join(&told, heard_at, origin).ok().map(|known| (known, coupons.collect())));
            }
            Ok(joined)
        };
        read().or_else(|error| {
            self.meet_copy_error(state, &error);
            if !state.copy.is_doubtful() {
                return Ok(vec![]);
            }
            let as_of = state.copy.heard_at().ok().flatten().unwrap_or_default();
            Err(Told { basis: Some(Basis::Copy { as_of, silence }), ..Reason::CopyDoubtful.into() })
        })
    }

    fn knows_no_profiles(&self) -> bool {
        self.lock().as_ref().is_some_and(|state| state.copy.setup().is_none())
    }

    fn unknown_here(&self) -> Told {
        match self.line() {
            Ok(Err(silence)) => self.unknown(silence),
            _ => Reason::UnknownOffline.into(),
        }
    }

    fn unknown(&self, silence: Silence) -> Told {
        let guard = self.lock();
        let heard_at = guard.as_ref().and_then(|state| state.copy.heard_at().ok().flatten());
        let basis = Basis::Copy { as_of: heard_at.unwrap_or_default(), silence };
        Told { basis: Some(basis), ..Reason::UnknownOffline.into() }
    }

    /// A mall's code: what it stands for is asked by its stretched hash.
    async fn see_opaque(&self, codes: &[Opaque]) -> Sight {
        let mut found = match self.candidates(codes).await {
            Ok(found) => found,
            Err(told) => return Sight::Refused(told),
        };
        let shared = codes.iter().any(Opaque::is_ambiguous) || found.len() > 1;
        if shared && found.iter().any(|(known, _)| self.may_be_meant(known)) {
            // A person chooses even when only one is known here: a second customer may have the same code.
            let meant = found.into_iter().map(|(known, _)| known).filter(|known| self.may_be_meant(known));
            return Sight::Choice(self.with_reasons(meant.collect()));
        }
        match found.pop() {
            Some(one) => self.offer(one, None),
            None => Sight::Refused(Told { basis: Some(Basis::Server), ..Reason::NeverIssued.into() }),
        }
    }

    /// Whether a short code can be meant for it: this store's, of these days, and not used up.
    fn may_be_meant(&self, known: &Known) -> bool {
        let refusal = self.stand_against(known).map(|refusal| refusal.reason);
        let past =
            [Reason::Used, Reason::UsedHereJustNow, Reason::WrongStore, Reason::NotYet, Reason::Expired];
        refusal.is_none_or(|reason| !past.contains(&reason))
    }

    /// What a mall's code may stand for: never empty without the server's word.
    async fn candidates(&self, codes: &[Opaque]) -> Result<Vec<Joined>, Told> {
        let salt = self.lock().as_ref().and_then(|state| unhex::<16>(&state.copy.setup()?.code_salt));
        let Some(salt) = salt else { return Err(self.unknown_here()) };
        let stretched: Vec<_> = codes.iter().map(|code| stretch(&salt, code)).collect();
        let silence = match self.line()? {
            Err(silence) => silence,
            Ok(link) => {
                let wanted = Wanted { stretched: stretched.iter().map(|code| hex(code)).collect() };
                let answer = self.timed(link.candidates(&wanted, self.deadline())).await;
                match answer {
                    Ok(found) => {
                        let joined = found.candidates.iter().filter_map(|found| self.join_found(found));
                        return Ok(joined.collect());
                    }
                    Err(error) => told_by(error)?,
                }
            }
        };
        let find = |state: &State| {
            let mut found = vec![];
            for code in &stretched {
                found.extend(state.copy.by_code_hash(&stretched_hash(&state.store_key, code))?);
            }
            Ok(found)
        };
        let found = self.find_in_copy(silence, find)?;
        if found.is_empty() { Err(self.unknown(silence)) } else { Ok(found) }
    }

    /// A signed code: judged here first, then by the server if it is heard, else by copy, campaign and status list.
    async fn see_signed(&self, token: &[u8]) -> Sight {
        let proven = match self.lock().as_ref() {
            None => return Sight::Refused(Reason::NotEnrolled.into()),
            Some(state) => self.prove(state, token),
        };
        if let Err(reason) = proven
            && !prove::may_be_known_elsewhere(reason)
        {
            return Sight::Refused(reason.into());
        }
        let silence = match self.ask_for(&Lookup::Code { code: write_cf1(token) }).await {
            Ok(Ok(joined)) => return self.offer(joined, proven.ok().map(|(_, proof)| proof)),
            Ok(Err(silence)) => silence,
            Err(told) => return Sight::Refused(told),
        };
        let decided = proven.map_err(Told::from).and_then(|(verified, proof)| {
            let joined = self.by_signature(&verified, silence)?;
            Ok((joined, proof))
        });
        match decided {
            Ok((joined, proof)) => self.offer(joined, Some(proof)),
            Err(told) => Sight::Refused(told),
        }
    }

    /// What a proven code stands for without the server. What the status list says against it outranks the copy.
    fn by_signature(&self, verified: &Verified, silence: Silence) -> Result<Joined, Told> {
        let serial = verified.claims.serial;
        let id = EntitlementId::of(serial).0;
        let (against, as_of) = self.status_of(serial);
        let in_copy = self.find_in_copy(silence, |state| Ok(state.copy.by_id(&id)?.into_iter().collect()))?;
        let known_by = in_copy.into_iter().next().map_or_else(|| self.by_campaign(verified, silence), Ok);
        let Some(reason) = against else { return known_by };
        let used_up = matches!(reason, Reason::Used | Reason::Revoked);
        match known_by {
            // The feed tells more than two bits can; but what is used up or revoked stays so.
            Ok((known, coupons)) if matches!(known.origin, Origin::Copy(_)) && !used_up => {
                Ok((known, coupons))
            }
            // Whether it may be taken all the same is the policy's business.
            Ok((known, coupons)) if reason == Reason::NotCovered => {
                Ok((Known { origin: Origin::NotCovered(silence), ..known }, coupons))
            }
            Ok((known, _)) => Err(self.refused_by_list(known, reason)),
            Err(told) if used_up => {
                Err(Told { reason, basis: Some(Basis::Signature { as_of, silence }), ..told })
            }
            Err(told) => Err(told),
        }
    }

    /// The refusal for what the status list says, unless this till knows better what has happened.
    fn refused_by_list(&self, known: Known, reason: Reason) -> Told {
        let own = self.stand_against(&known);
        let refusal = match reason {
            Reason::Revoked => None,
            Reason::Used => own.filter(|own| own.earlier.is_some()),
            _ => own,
        };
        let refusal = refusal.unwrap_or_else(|| reason.into());
        Told {
            reason: refusal.reason,
            earlier: refusal.earlier,
            basis: Some(known.basis()),
            known: Some(Box::new(known)),
        }
    }

    /// What the status list says against a serial, and as of when.
    fn status_of(&self, serial: Serial) -> (Option<Reason>, UnixMs) {
        let mut guard = self.lock();
        let Some(state) = guard.as_mut() else { return (Some(Reason::NotEnrolled), UnixMs::default()) };
        let read = state.copy.status(serial).and_then(|status| Ok((status, state.copy.status_at()?)));
        match read {
            Ok((status, as_of)) => (prove::against(status), as_of.unwrap_or_default()),
            Err(error) => {
                self.meet_copy_error(state, &error);
                (Some(Reason::NotCovered), UnixMs::default())
            }
        }
    }

    fn by_campaign(&self, verified: &Verified, silence: Silence) -> Result<Joined, Told> {
        let guard = self.lock();
        let Some(state) = guard.as_ref() else { return Err(Reason::NotEnrolled.into()) };
        let heard_at = state.copy.status_at().ok().flatten().unwrap_or_default();
        let campaign = state.campaigns.get(&verified.claims.serial.campaign);
        let entitlement = campaign.and_then(|campaign| campaign.entitlement(&verified.claims));
        let Some(entitlement) = entitlement else {
            let basis = Some(Basis::Signature { as_of: heard_at, silence });
            return Err(Told { basis, ..Reason::ContentsUnknown.into() });
        };
        let mut known = Known {
            entitlement,
            heard_at,
            origin: Origin::Signature(silence),
            mine: vec![],
            undone: Default::default(),
        };
        state.join_own(&mut known);
        Ok((known, vec![]))
    }
}

/// Refusals that somebody might undo by setting the clock back.
fn rests_on_the_time(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Expired | Reason::CodeStale | Reason::CodeSeen | Reason::CopyTooOld | Reason::TrustOutdated
    )
}

/// What the server's refusal means; a silence is for the caller to deal with.
fn told_by(error: LinkError) -> Result<Silence, Told> {
    match error {
        LinkError::Silent(silence) => Ok(silence),
        LinkError::Barred => Err(Reason::TillRevoked.into()),
        LinkError::Problem(problem) => match Reason::of_code(&problem.error) {
            Some(reason) => Err(Told { basis: Some(Basis::Server), ..reason.into() }),
            None => {
                tracing::warn!(error = %problem.error, "a look-up was not answered");
                Ok(Silence::Garbled)
            }
        },
    }
}
