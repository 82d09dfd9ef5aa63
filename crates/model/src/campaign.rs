//! Campaigns: what every code of one issue stands for, so that a signed code alone can be offered without a copy.

use crate::entitlement::{Entitlement, EntitlementId, Fen, Kind, Line, Standing, Stores};
use crate::place::StoreId;
use crate::signed::token::{Claims, SignedKind};
use crate::time::Window;

/// What the codes of one campaign have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Campaign {
    /// Its number, as it stands in each signed code.
    pub number: u16,
    /// In the merchant's words.
    pub title: String,
    /// Which of the four kinds.
    pub kind: Kind,
    /// Goods or uses.
    pub lines: Vec<Line>,
    /// When its codes may be used, whatever they say themselves.
    pub window: Window,
    /// Where they may be used.
    pub stores: Stores,
    /// The bill that they need.
    pub spend_min: Fen,
    /// Conditions, one sentence each.
    pub notes: Vec<String>,
    /// Whether a code says everything about what it stands for.
    pub complete: bool,
}

impl Campaign {
    /// What a verified code of this campaign stands for, from nothing but the two of them. Nothing if that is not
    /// enough: the campaign's codes differ from each other, the kinds do not fit, or there are several uses, of which
    /// a status list does not tell how many are left.
    pub fn entitlement(&self, claims: &Claims) -> Option<Entitlement> {
        let single = self.lines.iter().map(|line| u64::from(line.quantity)).sum::<u64>() == 1;
        if !self.complete || !single || self.number != claims.serial.campaign || !self.is_of(claims.kind) {
            return None;
        }
        Some(Entitlement {
            id: EntitlementId::of(claims.serial),
            version: 0,
            title: self.title.clone(),
            kind: self.kind.clone(),
            lines: self.lines.clone(),
            standing: Standing::Good,
            window: self.window_of(claims),
            stores: self.stores_of(claims),
            spend_min: self.spend_min,
            value: claims.value,
            holder: String::new(),
            code_tail: claims.serial.tail(),
            notes: self.notes.clone(),
            uses: vec![],
            member: None,
        })
    }

    fn is_of(&self, kind: SignedKind) -> bool {
        let own = match self.kind {
            Kind::Order => SignedKind::Order,
            Kind::Coupon(_) => SignedKind::Coupon,
            Kind::TimesCard => SignedKind::TimesCard,
            Kind::Member(_) => SignedKind::Member,
        };
        own == kind
    }

    /// The narrower of both.
    fn window_of(&self, claims: &Claims) -> Window {
        let begins = claims.not_before.unwrap_or(claims.issued_at);
        Window {
            from: Some(self.window.from.map_or(begins, |from| from.max(begins))),
            until: Some(self.window.until.map_or(claims.expires_at, |until| until.min(claims.expires_at))),
        }
    }

    /// The store that the code names, if the campaign is for it; otherwise the campaign's.
    fn stores_of(&self, claims: &Claims) -> Stores {
        let Some(store) = &claims.store else { return self.stores.clone() };
        let name = match &self.stores {
            Stores::Any => store.0.clone(),
            Stores::Only(stores) => match stores.iter().find(|(id, _)| id == store) {
                Some((_, name)) => name.clone(),
                None => return Stores::Only(vec![]),
            },
        };
        Stores::Only(vec![(StoreId(store.0.clone()), name)])
    }
}
