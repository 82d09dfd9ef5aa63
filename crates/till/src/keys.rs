//! Whom this till believes: the pinned root, the trust list and the status lists, and what a signed code proves by them.
//!
//! Invariant: what is held here only moves forward. An older list, wherever it comes from, changes nothing.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use model::campaign::Campaign;
use model::profile::Profile;
use model::prove::{self, Proof};
use model::signed::status;
use model::signed::token::{self, Serial, Verified};
use model::signed::trust::{Taken, Trust};
use model::verdict::{Reason, Silence};
use wire::api::Setup;

use crate::folder::{Identity, Kept};
use crate::link::LinkError;
use crate::store::copy::CopyError;
use crate::sync::{PATIENCE, SyncError};
use crate::till::{State, Till};

/// What was kept, if it still fits the root that was given at enrolment; otherwise that root alone.
pub(crate) fn restore(identity: &Identity, kept: &Kept) -> Option<Trust> {
    let pinned = decode(&identity.root).and_then(|root| Trust::pin(&root).ok());
    let restored = decode(&kept.trust).and_then(|bytes| Trust::restore(&bytes).ok());
    match (restored, pinned) {
        (Some(restored), Some(pinned)) if restored.pinned() != pinned.pinned() => Some(pinned),
        (Some(restored), _) => Some(restored),
        (None, pinned) => pinned,
    }
}

/// The campaigns of a setup by number. One that this version cannot read is left out: its codes are then asked for.
pub(crate) fn campaigns(setup: &Setup) -> BTreeMap<u16, Campaign> {
    setup.campaigns.iter().map(|told| (told.campaign, Campaign::from(told))).collect()
}

/// The profiles of a setup in their order. One that this version cannot read is left out, and said.
pub(crate) fn profiles(setup: &Setup) -> Vec<Profile> {
    let read = |told: &wire::profile::Profile| {
        Profile::try_from(told)
            .inspect_err(|error| tracing::error!(profile = %told.name, %error, "a profile is left out"))
            .ok()
    };
    setup.profiles.iter().filter_map(read).collect()
}

fn decode(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).ok().filter(|bytes| !bytes.is_empty())
}

impl Till {
    /// Takes the roots and the list of a setup, and keeps them before they are relied on.
    pub(crate) fn take_trust(&self, state: &mut State, setup: &Setup) {
        let now = self.now();
        let roots = setup.roots.iter().filter_map(|root| decode(root));
        let mut trust = state.trust.clone();
        let mut news = false;
        for root in roots {
            let taken = match trust.as_mut() {
                Some(trust) => trust.take_root(&root),
                // The chain signed no codes when this till was enrolled: the first root it hears of is pinned.
                None => Trust::pin(&root).map(|pinned| {
                    trust = Some(pinned);
                    Taken::New
                }),
            };
            match taken {
                Ok(taken) => news |= taken == Taken::New,
                Err(error) => tracing::debug!(%error, "a root was passed over"),
            }
        }
        if let (Some(trust), Some(list)) = (trust.as_mut(), decode(&setup.trust)) {
            match trust.take_list(&list, now) {
                Ok(taken) => news |= taken == Taken::New,
                Err(error) => tracing::error!(%error, "the server's list of keys is not taken"),
            }
        }
        let Some(trust) = trust.filter(|_| news) else { return };
        match self.keep(|kept| kept.trust = BASE64.encode(trust.as_bytes())) {
            Ok(()) => state.trust = Some(trust),
            Err(error) => tracing::error!(%error, "the list of keys was not kept, and is not used"),
        }
    }

    /// What a signed code proves by what this till holds, or why it is not believed.
    pub(crate) fn prove(&self, state: &State, bytes: &[u8]) -> Result<(Verified, Proof), Reason> {
        let now = self.now();
        let trust = state.trust.as_ref().and_then(Trust::list).ok_or(Reason::KeyUnknown)?;
        let verified = token::verify(bytes, trust, now).map_err(prove::reason)?;
        let id = id_of(verified.claims.serial);
        if let Some(reason) = prove::untimely(&verified, now, state.ledger.last_moment(&id)) {
            return Err(reason);
        }
        let proof = Proof {
            kid: verified.kid,
            trust: trust.version.into(),
            status: state.copy.status_position().unwrap_or_default(),
            moment: prove::moment(&verified),
        };
        Ok((verified, proof))
    }

    /// Follows the status lists up to what the server has, and notes that it vouches for them.
    pub(crate) async fn follow_status(&self, upto: u64) -> Result<(), SyncError> {
        self.pull_status(upto).await?;
        let guard = self.lock();
        let state = guard.as_ref().ok_or(SyncError::NotEnrolled)?;
        let whole = state.trust.is_some() && state.copy.status_position().is_ok_and(|held| held >= upto);
        if whole {
            let now = self.now();
            state.copy.confirm_status(now).map_err(|error| SyncError::Disk(error.to_string()))?;
        }
        Ok(())
    }

    async fn pull_status(&self, upto: u64) -> Result<(), SyncError> {
        let disk = |error: CopyError| SyncError::Disk(error.to_string());
        loop {
            let (link, held) = {
                let guard = self.lock();
                let state = guard.as_ref().ok_or(SyncError::NotEnrolled)?;
                let held = state.copy.status_position().map_err(disk)?;
                // Without a root there is nobody to believe, and no signed code to judge either.
                if state.trust.is_none() || held >= upto {
                    return Ok(());
                }
                (state.link.clone(), held)
            };
            // A server that cannot tell this, for want of its keys perhaps, is heard all the same.
            let bytes = match self.noted(link.status(held, PATIENCE)).await {
                Err(LinkError::Silent(Silence::ServerFault) | LinkError::Problem(_)) => {
                    return Err(SyncError::NotTaken("the server has none to give".into()));
                }
                answer => answer?,
            };
            let now = self.now();
            let mut guard = self.lock();
            let state = guard.as_mut().ok_or(SyncError::NotEnrolled)?;
            let Some(trust) = &state.trust else { return Ok(()) };
            let update = match status::read_update(&bytes, trust, now) {
                Ok(update) if update.follows(held).is_ok() && update.version > held => update,
                Ok(update) => {
                    let span = format!("{}..{} after {held}", update.after, update.version);
                    return Err(SyncError::NotTaken(span));
                }
                Err(error) => {
                    tracing::error!(%error, "the server's status list is not taken");
                    return Err(SyncError::NotTaken(error.to_string()));
                }
            };
            let more = update.more;
            if let Err(error) = state.copy.apply_status(&update, now) {
                self.meet_copy_error(state, &error);
                return Err(disk(error));
            }
            drop(guard);
            if !more {
                return Ok(());
            }
        }
    }
}

/// The name of what a signed code stands for.
pub(crate) fn id_of(serial: Serial) -> String {
    model::entitlement::EntitlementId::of(serial).0
}
