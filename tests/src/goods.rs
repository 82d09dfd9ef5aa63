//! What the shop of the stories sells and gives away.

use server::store::NewEntitlement;
use wire::entitlement::{Kind, Line, Standing};

use crate::hands::TurnedClock;

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// 满 100 减 20 券: good for one use at every store, for thirty days.
pub fn coupon() -> NewEntitlement {
    NewEntitlement {
        lines: vec![line("coupon", "满 100 减 20 券", 1)],
        spend_min: 10_000,
        value: 2_000,
        ..plain(Kind::AmountOff { fen: 2_000 }, "满 100 减 20 券")
    }
}

/// So many of them.
pub fn coupons(count: usize) -> Vec<NewEntitlement> {
    vec![coupon(); count]
}

/// An order of these articles: number, name, quantity.
pub fn order(lines: &[(&str, &str, u32)]) -> NewEntitlement {
    NewEntitlement {
        lines: lines.iter().map(|(sku, name, quantity)| line(sku, name, *quantity)).collect(),
        value: 5_400,
        holder: "王*".into(),
        ..plain(Kind::Order, "自提订单 101")
    }
}

/// A card with so many uses.
pub fn times_card(uses: u32) -> NewEntitlement {
    NewEntitlement {
        lines: vec![line("use", "茉莉奶绿 中杯", uses)],
        value: 1_400 * i64::from(uses),
        ..plain(Kind::TimesCard, "茉莉奶绿次卡")
    }
}

/// A membership.
pub fn member() -> NewEntitlement {
    let kind = Kind::Member { tier: "金卡".into(), points: 8_240, balance: 20_000 };
    NewEntitlement { holder: "陈*婷".into(), ..plain(kind, "金卡会员") }
}

fn line(sku: &str, name: &str, quantity: u32) -> Line {
    Line { sku: sku.into(), name: name.into(), variant: String::new(), shelf: String::new(), quantity }
}

fn plain(kind: Kind, title: &str) -> NewEntitlement {
    NewEntitlement {
        kind,
        title: title.into(),
        lines: vec![],
        standing: Standing::Good,
        valid_from: Some(TurnedClock::START.plus_seconds(-DAY_SECONDS).0),
        valid_until: Some(TurnedClock::START.plus_seconds(30 * DAY_SECONDS).0),
        stores: None,
        spend_min: 0,
        value: 0,
        holder: String::new(),
        notes: vec![],
        member: None,
    }
}
