//! Codes that malls have made: what their pictures hold, and the orders, coupons and members that they stand for.

use jiff::Timestamp;
use jiff::tz::{TimeZone, offset};
use wire::entitlement::Store as Shop;

use super::{DemoError, Making, contents};
use crate::store::{IssueRefused, Issuing, NewCode, NewEntitlement, Turn};

/// The malls that the chain has.
pub(super) const PROFILES: [&str; 4] = ["crmeb-php", "yudao", "shopxo", "fuint"];

/// A mall's code: how its system stores it, and what its picture holds.
struct MallCode {
    profile: &'static str,
    code: String,
    order: String,
    text: String,
}

impl MallCode {
    /// A code that stands alone in its picture.
    fn alone(profile: &'static str, code: String) -> MallCode {
        MallCode { profile, text: code.clone(), code, order: String::new() }
    }
}

impl Making<'_> {
    /// One or two codes of each mall.
    pub(super) async fn malls(&mut self) -> Result<(), DemoError> {
        for name in PROFILES {
            let ready = wire::profile::ready().into_iter().find(|ready| ready.name == name);
            let ready = ready.ok_or_else(|| IssueRefused::NoProfile(name.to_owned()))?;
            self.store.use_profile(&ready, Turn::AsItIs).await?;
        }
        for (place, shop) in self.shops.clone().iter().enumerate() {
            self.mall_orders(60 + 10 * place, shop).await?;
        }
        let coupon = self.amount_off(5_000, 500, 30);
        let code = MallCode::alone("fuint", self.shown_now()?);
        self.at_mall(&coupon, &code).await?;
        self.show_text(
            "coupon",
            "coupon",
            "",
            &code.text,
            format!("fuint 优惠券 · {}", coupon.title),
            "offer",
        );
        let member = self.member(3);
        let code = MallCode::alone("fuint", format!("8{}", self.digits::<12>()));
        self.at_mall(&member, &code).await?;
        self.show_text(
            "member",
            "member",
            "",
            &code.text,
            format!("fuint 会员码 · {}", member.title),
            "member",
        );
        Ok(())
    }

    async fn mall_orders(&mut self, number: usize, shop: &Shop) -> Result<(), DemoError> {
        let order = self.order(number, shop);
        let code = MallCode::alone("crmeb-php", self.digits::<12>());
        self.at_mall(&order, &code).await?;
        self.show_text("order", "order", &shop.id, &code.text, caption("CRMEB 取货码", &order), "offer");

        let order = self.order(number + 1, shop);
        let (of, code) = (format!("1{}", self.digits::<5>()), self.digits::<4>());
        let text = format!(r#"{{"orderId":{of},"code":"{code}"}}"#);
        let code = MallCode { profile: "fuint", code, order: of, text };
        self.at_mall(&order, &code).await?;
        self.show_text("order", "order", &shop.id, &code.text, caption("fuint 取货码", &order), "offer");

        // ShopXO's codes are told apart within one order only.
        let code = MallCode::alone("shopxo", self.digits::<4>());
        for of in [number + 2, number + 3] {
            self.at_mall(&self.order(of, shop), &code).await?;
        }
        let caption = "ShopXO 取货码 · 两张订单同一个码".to_owned();
        self.show_text("order", "order", &shop.id, &code.text, caption, "choice");
        Ok(())
    }

    async fn at_mall(&self, new: &NewEntitlement, code: &MallCode) -> Result<(), DemoError> {
        let issuing = Issuing {
            new: new.clone(),
            reference: String::new(),
            request: Vec::new(),
            code: NewCode::Opaque {
                profile: code.profile.to_owned(),
                code: code.code.clone(),
                order: code.order.clone(),
            },
        };
        self.store.issue_as(&issuing).await??;
        Ok(())
    }

    /// What fuint shows of a coupon: the moment at which it is shown, in China's time, and six digits.
    fn shown_now(&self) -> Result<String, DemoError> {
        let now = Timestamp::from_millisecond(self.now.0).map_err(|_| DemoError::Past)?;
        let moment = now.to_zoned(TimeZone::fixed(offset(8))).strftime("%y%m%d%H%M%S").to_string();
        Ok(moment + &self.digits::<6>())
    }

    fn digits<const N: usize>(&self) -> String {
        self.hands().random::<N>().iter().map(|byte| char::from(b'0' + byte % 10)).collect()
    }
}

fn caption(what: &str, order: &NewEntitlement) -> String {
    format!("{what} · {}", contents(&order.lines))
}
