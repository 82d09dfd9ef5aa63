//! Signed codes, from a merchant's request to a text, and from a text back to what it stands for.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::prove;
use model::signed::chain::{self, Reveal, STEP_SECONDS};
use model::signed::text;
use model::signed::token::{self, Claims, NotIssuable, Serial, SignedKind, Verified};
use model::signed::trust::{self, TrustList};
use model::time::UnixMs;
use model::verdict::Reason;
use wire::entitlement::Entitlement;
use wire::merchant::{Card, CardSerial};

use crate::keys::{Keys, KeysError};
use crate::store::{
    self, Held, HeldCode, HeldSigned, IssueRefused, IssuedSigned, KeyRow, NewEntitlement, SignedForm,
    SignedIssue, SignedItem,
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
    card_from(store, held, hours, store.hands().now()).await
}

/// The same, with a first step that begins at `now`.
pub(crate) async fn card_from(
    store: &Store,
    held: &Held,
    hours: u32,
    now: UnixMs,
) -> Result<Card, NotSigned> {
    let HeldCode::Signed(HeldSigned { serial, form: SignedForm::Rotating, .. }) = held.code else {
        return Err(NotSigned::NotRotating);
    };
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
        code_tail: serial.tail(),
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

/// What a code stands for that one of this chain's keys has signed, at whatever moment; or what a clerk is told.
pub async fn stands_for(store: &Store, token: &[u8]) -> Result<Result<Serial, Reason>, StoreError> {
    Ok(verified(store, token).await?.map(|verified| verified.claims.serial))
}

/// What a signed code stands for, or what a clerk is told. It must be in time; one that rotates must be of this moment
/// and not have been accepted.
pub async fn read(store: &Store, token: &[u8]) -> Result<Result<Serial, Reason>, StoreError> {
    let verified = match verified(store, token).await? {
        Ok(verified) => verified,
        Err(why) => return Ok(Err(why)),
    };
    let serial = verified.claims.serial;
    let last = store.signed_state(serial).await?.and_then(|state| state.last_moment);
    // A membership's code opens several coupons: it may be shown again within its moment.
    let again = i64::from(verified.claims.kind == SignedKind::Member);
    let last = last.map(|last| UnixMs(last - again));
    let untimely = prove::untimely(&verified, store.hands().now(), last);
    Ok(untimely.map_or(Ok(serial), Err))
}

async fn verified(store: &Store, token: &[u8]) -> Result<Result<Verified, Reason>, StoreError> {
    let Some(trust) = store.trust().await? else { return Ok(Err(Reason::KeyUnknown)) };
    let Some(list) = trust.list() else { return Ok(Err(Reason::KeyUnknown)) };
    // The list is this chain's own and needs no renewal to be believed here.
    let why = match token::verify(token, list, list.issued) {
        Ok(verified) => return Ok(Ok(verified)),
        Err(why) => prove::reason(why),
    };
    Ok(Err(if why == Reason::KeyUnknown { withdrawn(store, token, list).await? } else { why }))
}

/// What a clerk is told of a code whose key is not in the list: a list forgets the keys that were withdrawn, but this
/// server does not. Only what such a key has really signed is said to be its.
async fn withdrawn(store: &Store, token: &[u8], list: &TrustList) -> Result<Reason, StoreError> {
    let mut keys: Vec<trust::Key> = store.keys().await?.iter().filter_map(KeyRow::withdrawn).collect();
    keys.sort_by_key(|key| key.public);
    let withdrawn = TrustList { keys, ..list.clone() };
    Ok(match token::verify(token, &withdrawn, list.issued) {
        Ok(_) => Reason::KeyWithdrawn,
        Err(why) => match prove::reason(why) {
            // It signed that, though it never should have.
            Reason::KeyOutOfScope | Reason::CodeStale => Reason::KeyWithdrawn,
            why => why,
        },
    })
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
    use model::signed::token::SigningKey;

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
        let template = token::issue(&claims, &SigningKey::from_seed([1; 32])).unwrap();
        let (head, tail) = around_reveal(&template).unwrap();
        let card = Card {
            serial: CardSerial { campaign: 7, number: 42 },
            code_tail: serial.tail(),
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
            let now = UnixMs(issued_at.plus_seconds(30 * i64::from(step) - 30).0 + 29_999);
            let reveal = chain::reveal([9; 16], serial, 120, step).unwrap();
            let expected = text::write_cf1(&token::splice(&template, reveal).unwrap());
            assert_eq!(shown(&card, now), Some(expected), "until the last millisecond of step {step}");
        }
        assert_eq!(shown(&card, claims.expires_at), None, "a card that is over shows nothing");
    }
}
