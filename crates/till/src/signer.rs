//! How a till proves its requests, and what it takes for its server's answer (see [`wire::signature`]).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::signed::token::{PublicKey, SigningKey};
use model::time::{Anchor, UnixMs};
use wire::signature::{
    Answered, Asked, DIGEST_HEADER, Digest, EPOCH_HEADER, Fields, INPUT_HEADER, Moment, SIGNATURE_HEADER,
};

use crate::folder::Identity;
use crate::real::{Clock, Dice};
use crate::transport::{HeaderName, HeaderValue, Reply, Request};

/// Signs requests with the till's key, and knows the server by the key that was pinned at enrolment.
pub struct Signer {
    key: SigningKey,
    answers: PublicKey,
    epoch: u64,
    clock: Arc<dyn Clock>,
    dice: Arc<dyn Dice>,
    /// The server's time as its last answer told it. The wall clock may be wrong by years.
    heard: Mutex<Option<Anchor>>,
}

/// A request that has gone out: only its own answer will do.
pub(crate) struct Sent {
    asked: Asked,
    fields: Fields,
}

impl Signer {
    /// Of an enrolled till; nothing if its enrolment names no key of a server.
    pub fn of(
        identity: &Identity,
        key: SigningKey,
        clock: Arc<dyn Clock>,
        dice: Arc<dyn Dice>,
    ) -> Option<Signer> {
        let answers = identity.answers()?;
        Some(Signer { key, answers, epoch: identity.epoch, clock, dice, heard: Mutex::default() })
    }

    /// Signs a request as of now.
    pub(crate) fn sign(&self, request: &mut Request) -> Sent {
        sign(request, &self.key, self.epoch, self.now(), &*self.dice)
    }

    /// Whether `reply` is the server's answer to what was sent. Its time is taken from it.
    pub(crate) fn is_answer(&self, sent: &Sent, reply: &Reply) -> bool {
        let Some(created) = sent.answered_by(reply, self.answers) else { return false };
        let server = UnixMs(created.saturating_mul(1000));
        *self.heard() = Some(Anchor { server, heard: self.clock.monotonic() });
        true
    }

    /// What time it is at the server, as far as known.
    pub(crate) fn now(&self) -> UnixMs {
        match *self.heard() {
            Some(Anchor { server, heard }) => {
                let passed = self.clock.monotonic().0.saturating_sub(heard.0);
                UnixMs(server.0.saturating_add_unsigned(passed))
            }
            None => self.clock.now(),
        }
    }

    /// The clock that only counts on.
    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    fn heard(&self) -> MutexGuard<'_, Option<Anchor>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Signs a request with `key`.
pub(crate) fn sign(
    request: &mut Request,
    key: &SigningKey,
    epoch: u64,
    now: UnixMs,
    dice: &dyn Dice,
) -> Sent {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let asked = Asked {
        method: request.method.as_str().to_owned(),
        // As the server sees it: what its address has before that is taken off by whoever stands before it.
        path: format!("/{path}"),
        query: query.to_owned(),
        digest: Digest::of(&request.body),
        epoch,
    };
    let mut nonce = [0; 16];
    dice.fill(&mut nonce);
    let fields = asked.sign(key, Moment { created: now.0.div_euclid(1000), nonce });
    for (name, value) in [
        (DIGEST_HEADER, &asked.digest.to_field()),
        (EPOCH_HEADER, &epoch.to_string()),
        (INPUT_HEADER, &fields.input),
        (SIGNATURE_HEADER, &fields.signature),
    ] {
        let value = HeaderValue::try_from(value).expect("these fields are visible ASCII");
        request.headers.insert(HeaderName::from_static(name), value);
    }
    Sent { asked, fields }
}

impl Sent {
    /// The server's time (seconds since 1970), if `reply` is what `server` has signed as the answer to this.
    pub(crate) fn answered_by(&self, reply: &Reply, server: PublicKey) -> Option<i64> {
        let field = |name| {
            let mut values = reply.headers.get_all(name).iter();
            let value = values.next()?.to_str().ok()?;
            values.next().is_none().then(|| value.to_owned())
        };
        let digest = Digest::of(&reply.body);
        if field(DIGEST_HEADER)? != digest.to_field() {
            return None;
        }
        let fields = Fields { input: field(INPUT_HEADER)?, signature: field(SIGNATURE_HEADER)? };
        let status = reply.status.as_u16();
        Answered { status, digest, to: &self.asked, to_fields: &self.fields }.verify(&fields, server)
    }
}
