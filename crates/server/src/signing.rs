//! Signed codes, from a merchant's request to a text, and from a text back to what it stands for.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::signed::chain::{self, OutOfStep, Reveal, STEP_SECONDS};
use model::signed::text;
use model::signed::token::{self, Claims, NotIssuable, Serial, SignedKind, Unverified, Verified};
use model::time::UnixMs;
use wire::entitlement::Entitlement;
use wire::merchant::{Card, CardSerial};

use crate::keys::{Keys, KeysError};
use crate::store::{
    self, Held, HeldCode, HeldSigned, IssueRefused, IssuedSigned, NewEntitlement, SignedForm, SignedIssue,
    SignedItem,
};
use crate::{Store, StoreError};

/// The longest that a card lasts (hours): a week. Longer chains would keep a phone busy for seconds.
pub const CARD_HOURS_MAX: u32 = 168;
/// How long a card lasts if nobody says (hours).
pub const CARD_HOURS: u32 = 24;

/// Why no code was signed.
#[derive(Debug, thiserror::Error)]
pub enum NotSigned {
    /// Keys are missing, or none may sign this.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// It may not be issued like this.
    #[error(transparent)]
    Refused(#[from] IssueRefused),
    /// Only rotating codes have cards.
    #[error(
        "this code does not rotate: its text is in the answer that issued it, and there is nothing to fetch"
    )]
    NotRotating,
    /// It is over, or not to be used any more.
    #[error("this can be used no more, so that no card is made for it")]
    Over,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Issues codes of a campaign. What was issued under a merchant's number before is given again.
pub async fn issue(
    store: &Store,
    campaign: u16,
    form: SignedForm,
    items: &[SignedItem],
) -> Result<Vec<IssuedSigned>, NotSigned> {
    let row = store.campaign(campaign).await?.ok_or(IssueRefused::NoCampaign(campaign))?;
    let now = store.hands().now();
    let mut all = Vec::with_capacity(items.len());
    for item in items {
        // Its number is still unknown, and no key's scope depends on it.
        let serial = Serial { campaign, number: 0 };
        all.push(store::claims(&store::content(&row, &item.new)?, serial, now));
    }
    let key = Keys::of(store).issuer(&all).await?;
    let asked = SignedIssue { campaign, form, items, key: &key };
    Ok(store.issue_signed(&asked).await??)
}

/// What a phone needs to show a rotating code for so many hours. It is made anew each time, and nothing of it is kept:
/// whoever has the card can show the code until it ends.
pub async fn card(store: &Store, held: &Held, hours: u32) -> Result<Card, NotSigned> {
    let HeldCode::Signed(HeldSigned { serial, form: SignedForm::Rotating, .. }) = held.code else {
        return Err(NotSigned::NotRotating);
    };
    let now = store.hands().now();
    let until = now.plus_seconds(i64::from(hours.clamp(1, CARD_HOURS_MAX)) * 3600);
    let entitlement = &held.entitlement;
    let over = entitlement.valid_until.is_some_and(|end| end < now.0);
    if over || entitlement.standing != wire::entitlement::Standing::Good {
        return Err(NotSigned::Over);
    }
    let end = entitlement.valid_until.map_or(until.0, |end| end.min(until.0));
    let bare = store::claims(&NewEntitlement { valid_until: Some(end), ..again(entitlement) }, serial, now);
    let steps = chain::length(bare.issued_at, bare.expires_at);
    let seed: chain::Link = store.hands().random();
    let claims = Claims { anchor: Some(chain::anchor(seed, serial, steps)), ..bare };
    let key = Keys::of(store).issuer(std::slice::from_ref(&claims)).await?;
    let template = token::issue(&claims, &key).map_err(IssueRefused::NotSigned)?;
    let (head, tail) = around_reveal(&template).ok_or(IssueRefused::NotSigned(NotIssuable::Chain))?;
    Ok(Card {
        serial: CardSerial { campaign: serial.campaign, number: serial.number },
        issued_at: claims.issued_at.0,
        expires_at: claims.expires_at.0,
        now: now.0,
        step_seconds: STEP_SECONDS,
        steps,
        seed: STANDARD.encode(seed),
        head: STANDARD.encode(head),
        tail: STANDARD.encode(tail),
        prefix: "CF1:".to_owned(),
        sentinel: ".".to_owned(),
    })
}

/// What the phone of that card shows at `now`; nothing when the card is over.
pub fn shown(card: &Card, now: UnixMs) -> Option<String> {
    let seed: chain::Link = STANDARD.decode(&card.seed).ok()?.try_into().ok()?;
    let step = now.0.saturating_sub(card.issued_at).div_euclid(i64::from(card.step_seconds) * 1000) + 1;
    let serial = Serial { campaign: card.serial.campaign, number: card.serial.number };
    let reveal = chain::reveal(seed, serial, card.steps, u16::try_from(step).ok()?)?;
    let mut token = STANDARD.decode(&card.head).ok()?;
    token.extend_from_slice(&reveal.step.to_be_bytes());
    token.extend_from_slice(&reveal.link);
    token.extend_from_slice(&STANDARD.decode(&card.tail).ok()?);
    Some(text::write_cf1(&token))
}

/// Why a signed code's text is not taken. The codes are the contract's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// It is none, or written for a newer program.
    NotUnderstood,
    /// Forged or garbled.
    NotGenuine,
    /// The chain has no such key.
    KeyUnknown,
    /// The key was not to be used when it was issued.
    KeyWithdrawn,
    /// The key may not sign this.
    KeyOutOfScope,
    /// It is of another moment, or over.
    Stale,
    /// It was accepted at this moment or a later one.
    Seen,
}

/// What a code stands for that one of this chain's keys has signed, at whatever moment.
pub async fn stands_for(store: &Store, token: &[u8]) -> Result<Result<Serial, NotTaken>, StoreError> {
    Ok(verified(store, token).await?.map(|verified| verified.claims.serial))
}

/// What a signed code stands for. Rotating ones must be of this moment and not have been accepted.
pub async fn read(store: &Store, token: &[u8]) -> Result<Result<Serial, NotTaken>, StoreError> {
    let verified = match verified(store, token).await? {
        Ok(verified) => verified,
        Err(why) => return Ok(Err(why)),
    };
    let now = store.hands().now();
    if verified.is_over(now) {
        return Ok(Err(NotTaken::Stale));
    }
    let serial = verified.claims.serial;
    if let Some(shown) = verified.reveal {
        let last = store.signed_state(serial).await?.and_then(|state| state.last_moment);
        if let Err(out_of_step) = in_step(&verified, shown, last, now) {
            return Ok(Err(out_of_step));
        }
    }
    Ok(Ok(serial))
}

async fn verified(store: &Store, token: &[u8]) -> Result<Result<Verified, NotTaken>, StoreError> {
    let Some(trust) = store.trust().await? else { return Ok(Err(NotTaken::KeyUnknown)) };
    let Some(list) = trust.list() else { return Ok(Err(NotTaken::KeyUnknown)) };
    // The list is this chain's own and needs no renewal to be believed here.
    Ok(token::verify(token, list, list.issued).map_err(NotTaken::from))
}

/// The moment that a shown link stands for: when its step began (ms since 1970).
pub fn moment_of(claims: &Claims, step: u16) -> i64 {
    claims.issued_at.plus_seconds((i64::from(step) - 1) * i64::from(STEP_SECONDS)).0
}

fn in_step(verified: &Verified, shown: Reveal, last: Option<i64>, now: UnixMs) -> Result<(), NotTaken> {
    let claims = &verified.claims;
    // A membership's code opens several coupons: it may be shown again within its moment.
    let again = claims.kind == SignedKind::Member;
    let seen = last.is_some_and(|last| {
        let moment = moment_of(claims, shown.step);
        moment < last || (moment == last && !again)
    });
    match chain::rotation(shown.step, now, claims, None) {
        Err(OutOfStep::Stale | OutOfStep::Ahead) => Err(NotTaken::Stale),
        Err(OutOfStep::SeenBefore) => Err(NotTaken::Seen),
        Ok(()) if seen => Err(NotTaken::Seen),
        Ok(()) => Ok(()),
    }
}

impl From<Unverified> for NotTaken {
    fn from(why: Unverified) -> NotTaken {
        match why {
            Unverified::Malformed | Unverified::NotUnderstood => NotTaken::NotUnderstood,
            Unverified::KeyUnknown | Unverified::TrustListOld => NotTaken::KeyUnknown,
            Unverified::NotGenuine => NotTaken::NotGenuine,
            Unverified::RevealMissing => NotTaken::Stale,
            Unverified::KeyWithdrawn => NotTaken::KeyWithdrawn,
            Unverified::OutOfScope => NotTaken::KeyOutOfScope,
        }
    }
}

impl NotTaken {
    /// The contract's code.
    pub fn code(self) -> &'static str {
        match self {
            NotTaken::NotUnderstood => "bad_request",
            NotTaken::NotGenuine => "not_genuine",
            NotTaken::KeyUnknown => "key_unknown",
            NotTaken::KeyWithdrawn => "key_withdrawn",
            NotTaken::KeyOutOfScope => "key_out_of_scope",
            NotTaken::Stale => "code_stale",
            NotTaken::Seen => "code_seen",
        }
    }
}

/// An entitlement as it was issued, as far as a code's claims need it.
fn again(entitlement: &Entitlement) -> NewEntitlement {
    let stores = entitlement.stores.as_ref();
    NewEntitlement {
        kind: entitlement.kind.clone(),
        title: String::new(),
        lines: Vec::new(),
        standing: entitlement.standing,
        valid_from: entitlement.valid_from,
        valid_until: entitlement.valid_until,
        stores: stores.map(|stores| stores.iter().map(|store| store.id.clone()).collect()),
        spend_min: entitlement.spend_min,
        value: entitlement.value,
        holder: String::new(),
        notes: Vec::new(),
        member: None,
    }
}

/// The bytes of a token before and after its step and link.
fn around_reveal(template: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let low = token::splice(template, Reveal { step: 0, link: [0; 16] })?;
    let high = token::splice(template, Reveal { step: u16::MAX, link: [u8::MAX; 16] })?;
    let from = low.iter().zip(&high).position(|(low, high)| low != high)?;
    let tail = low.get(from + 18..)?;
    Some((low[..from].to_vec(), tail.to_vec()))
}

#[cfg(test)]
mod tests {
    use model::entitlement::Fen;
    use model::signed::token::IssuingKey;

    use super::*;

    #[test]
    fn a_card_and_the_model_show_the_same_text() {
        let serial = Serial { campaign: 7, number: 42 };
        let issued_at = UnixMs(1_800_000_000_000);
        let claims = Claims {
            issuer: None,
            issued_at,
            not_before: None,
            expires_at: issued_at.plus_seconds(3600),
            kind: SignedKind::Member,
            serial,
            value: Fen(0),
            store: None,
            anchor: Some(chain::anchor([9; 16], serial, 120)),
        };
        let template = token::issue(&claims, &IssuingKey::from_seed([1; 32])).unwrap();
        let (head, tail) = around_reveal(&template).unwrap();
        let card = Card {
            serial: CardSerial { campaign: 7, number: 42 },
            issued_at: issued_at.0,
            expires_at: claims.expires_at.0,
            now: issued_at.0,
            step_seconds: 30,
            steps: 120,
            seed: STANDARD.encode([9; 16]),
            head: STANDARD.encode(head),
            tail: STANDARD.encode(tail),
            prefix: "CF1:".into(),
            sentinel: ".".into(),
        };
        for step in 1..=120u16 {
            let now = UnixMs(moment_of(&claims, step) + 29_999);
            let reveal = chain::reveal([9; 16], serial, 120, step).unwrap();
            let expected = text::write_cf1(&token::splice(&template, reveal).unwrap());
            assert_eq!(shown(&card, now), Some(expected), "until the last millisecond of step {step}");
        }
        assert_eq!(shown(&card, claims.expires_at), None, "a card that is over shows nothing");
    }
}
