//! A chain that signs its codes: keys, campaigns, and codes as customers show them.

use model::signed::token::SignedKind;
use server::keys::Keys;
use server::signing;
use server::store::{Held, KeyScope, NewCampaign, NewEntitlement, SignedForm, SignedItem, of_campaign};
use wire::entitlement::{Kind, Line};

use crate::hands::TurnedClock;
use crate::{Shop, goods};

/// Coupons of which a signed code says everything: 满 50 减 8.
pub const COUPONS: u16 = 7;
/// Cards with uses, of which each is told in the feed.
pub const CARDS: u16 = 8;
/// Exchange coupons of high value, which rotate.
pub const GIFTS: u16 = 9;

impl Shop {
    /// Lets the chain sign codes: its first keys, and three campaigns.
    pub async fn sign_codes(&self) {
        self.keys().init(everything()).await.expect("the first keys are made");
        let until = Some(TurnedClock::START.plus_seconds(60 * 24 * 3600).0);
        let coupon = goods::coupon();
        for (campaign, kind, lines, complete) in [
            (COUPONS, Kind::AmountOff { fen: 800 }, coupon.lines.clone(), true),
            (CARDS, Kind::TimesCard, vec![], false),
            (GIFTS, Kind::Exchange { goods: "礼盒".into() }, vec![one("礼盒")], true),
        ] {
            let new = NewCampaign {
                campaign: Some(campaign),
                title: "满 50 减 8".into(),
                kind,
                lines,
                valid_from: None,
                valid_until: until,
                stores: None,
                spend_min: 0,
                value: 800,
                notes: vec![],
                complete,
            };
            let put = self.store().put_campaign(&new).await.expect("the database works");
            put.expect("the campaign may be like that");
        }
    }

    /// The chain's keys.
    pub fn keys(&self) -> Keys<'_> {
        Keys::of(self.store())
    }

    /// Signs so many codes of a complete campaign: id and text of each.
    pub async fn sign(&self, campaign: u16, count: usize) -> Vec<(String, String)> {
        self.sign_as(campaign, SignedForm::Fixed, None, count).await
    }

    /// Signs a card with so many uses, told in the feed: id and text.
    pub async fn sign_card(&self, uses: u32) -> (String, String) {
        self.sign_as(CARDS, SignedForm::Fixed, Some(goods::times_card(uses)), 1).await.remove(0)
    }

    /// Issues a code that rotates: its entitlement.
    pub async fn sign_rotating(&self) -> Held {
        let (id, _) = self.sign_as(GIFTS, SignedForm::Rotating, None, 1).await.remove(0);
        self.store().by_id(&id).await.expect("the database works").expect("it was just issued")
    }

    /// What a customer's telephone got for a rotating code, for a day.
    pub async fn card_of(&self, held: &Held) -> wire::merchant::Card {
        signing::card(self.store(), held, signing::CARD_HOURS).await.expect("a card is made")
    }

    async fn sign_as(
        &self,
        campaign: u16,
        form: SignedForm,
        new: Option<NewEntitlement>,
        count: usize,
    ) -> Vec<(String, String)> {
        let row = self.store().campaign(campaign).await.expect("the database works");
        let new = new.unwrap_or_else(|| of_campaign(&row.expect("the campaign is there")));
        let item = SignedItem { new, reference: String::new(), request: vec![] };
        let items = vec![item; count];
        let issued = signing::issue(self.store(), campaign, form, &items).await.expect("a key may sign it");
        issued.into_iter().map(|one| (one.id, one.text)).collect()
    }
}

/// A key that may sign everything up to 10,000 yuan.
pub fn everything() -> KeyScope {
    let kinds = SignedKind::ALL.map(|kind| kind.code().to_owned()).into();
    KeyScope { kinds, campaigns: None, stores: None, value_max: 1_000_000, from: None }
}

fn one(name: &str) -> Line {
    Line {
        sku: "coupon".into(),
        name: name.into(),
        variant: String::new(),
        shelf: String::new(),
        quantity: 1,
    }
}
