//! Signed codes of the demo chain: good in two forms, revoked, forged, and a picture of a code that rotates.

use model::signed::text::{self, Recognised};
use wire::entitlement::{Kind, Standing};

use super::{DAY_SECONDS, DemoError, Making};
use crate::keys::Keys;
use crate::picture::{Form, text_of};
use crate::signing;
use crate::store::{HeldCode, KeyScope, NewCampaign, NewEntitlement, SignedForm, SignedItem};

/// The coupons' campaign, of which each code says everything.
const COUPONS: u16 = 1;
/// The members' campaign.
const MEMBERS: u16 = 2;
/// How old the picture of a rotating code is (seconds): it is of another moment, however soon somebody scans it.
const PICTURE_SECONDS: i64 = 600;

impl Making<'_> {
    pub(super) async fn signed(&mut self) -> Result<(), DemoError> {
        let kinds = ["order", "coupon", "times_card", "member"].map(str::to_owned).to_vec();
        let scope = KeyScope { kinds, campaigns: None, stores: None, value_max: 1_000_000, from: None };
        Keys::of(self.store).init(scope).await?;
        let coupon = self.amount_off(5_000, 800, 60);
        let valid = self.now.plus_seconds(60 * DAY_SECONDS).0;
        self.campaign(COUPONS, &coupon, Some(valid)).await?;
        let coupon = NewEntitlement { valid_from: None, valid_until: Some(valid), ..coupon };
        for (form, what) in [(Form::Cf1, "签名券"), (Form::Cfn, "签名券（纯数字）")] {
            let text = self.signed_text(&coupon, form).await?.1;
            self.show_text("coupon", "coupon", "", &text, format!("{what} · {}", coupon.title), "offer");
        }
        let (id, text) = self.signed_text(&coupon, Form::Cf1).await?;
        self.store.set_standing(&id, Standing::Cancelled).await?;
        let caption = format!("已作废的签名券 · {}", coupon.title);
        self.show_text("coupon", "fails", "", &text, caption, "cancelled");
        let text = forged(&self.signed_text(&coupon, Form::Cf1).await?.1).ok_or(DemoError::Past)?;
        let caption = format!("伪造的签名券 · {}", coupon.title);
        self.show_text("coupon", "fails", "", &text, caption, "not_genuine");
        self.picture_of_a_member().await
    }

    /// A membership whose code rotates, as a picture that somebody has passed on.
    async fn picture_of_a_member(&mut self) -> Result<(), DemoError> {
        let member = self.member(7);
        self.campaign(MEMBERS, &member, None).await?;
        let item =
            SignedItem { new: member.clone(), reference: "demo-member".to_owned(), request: Vec::new() };
        let issued = signing::issue(self.store, MEMBERS, SignedForm::Rotating, &[item]).await?;
        let id = issued.first().map(|one| one.id.clone()).ok_or(DemoError::Past)?;
        let held = self.store.by_id(&id).await?.ok_or(DemoError::Past)?;
        let then = self.now.plus_seconds(-PICTURE_SECONDS);
        let card = signing::card_from(self.store, &held, 24, then).await?;
        let text = signing::shown(&card, then).ok_or(DemoError::Past)?;
        let caption = format!("动态会员码的截图 · {}", member.title);
        self.show_text("member", "fails", "", &text, caption, "code_stale");
        Ok(())
    }

    async fn campaign(
        &self,
        number: u16,
        like: &NewEntitlement,
        valid_until: Option<i64>,
    ) -> Result<(), DemoError> {
        let new = NewCampaign {
            campaign: Some(number),
            title: like.title.clone(),
            kind: like.kind.clone(),
            lines: like.lines.clone(),
            valid_from: None,
            valid_until,
            stores: None,
            spend_min: like.spend_min,
            value: like.value,
            notes: Vec::new(),
            complete: !matches!(like.kind, Kind::Member { .. }),
        };
        self.store.put_campaign(&new).await?.map(|_| ()).map_err(|_| DemoError::Past)
    }

    async fn signed_text(&self, new: &NewEntitlement, form: Form) -> Result<(String, String), DemoError> {
        let item = SignedItem { new: new.clone(), reference: String::new(), request: Vec::new() };
        let issued = signing::issue(self.store, COUPONS, SignedForm::Fixed, &[item]).await?;
        let id = issued.into_iter().next().ok_or(DemoError::Past)?.id;
        let held = self.store.by_id(&id).await?.ok_or(DemoError::Past)?;
        let code: &HeldCode = &held.code;
        Ok((id, text_of(code, form).map_err(|_| DemoError::Past)?))
    }
}

/// The same code with one bit of its signature changed.
fn forged(text: &str) -> Option<String> {
    let Recognised::Token(mut token) = text::recognise(text) else { return None };
    *token.last_mut()? ^= 1;
    Some(text::write_cf1(&token))
}
