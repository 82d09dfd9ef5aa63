//! A demo chain, 山海茶铺: two stores, their staff, orders, coupons, cards and members, one of each that must
//! fail, codes of malls, and signed ones. The content is always the same; the codes are drawn for each database, and dates count from its making.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use model::code::CodeKind;
use model::time::UnixMs;
use wire::entitlement::{Kind, Line, Standing, Store as Shop, Take};

use crate::clock::Hands;
use crate::keys::KeysError;
use crate::pin;
use crate::signing::NotSigned;
use crate::store::{
    CountedBefore, Device, IssueRefused, Issued, NewEntitlement, NewStaff, PolicyRefused, PracticeCode,
    Store, StoreError,
};

mod goods;
mod malls;
mod policy;
mod signed;

use goods::{AMOUNTS, CARDS, EXCHANGES, GOODS, HOLDERS, LINES, PERCENTS, TIERS, WISHES};

/// The chain's name.
pub const CHAIN: &str = "山海茶铺";
/// Its stores.
pub const STORES: [&str; 2] = ["南山店", "福田店"];
/// Who works where: store, name, manager, PIN.
pub const STAFF: [(&str, &str, bool, &str); 4] = [
    ("南山店", "李娜", false, "1234"),
    ("南山店", "王强", true, "8888"),
    ("福田店", "张伟", false, "2345"),
    ("福田店", "刘洋", true, "9999"),
];

const DAY_SECONDS: i64 = 24 * 60 * 60;
const ORDERS_PER_STORE: usize = 20;
const MEMBERS: usize = 20;
const AMOUNT_COUPONS: usize = 16;
const PERCENT_COUPONS: usize = 12;
const EXCHANGE_COUPONS: usize = 14;
const TIMES_CARDS: usize = 18;

/// Why no demo chain was made.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// It is there already.
    #[error("the demo chain is there already")]
    ThereAlready,
    /// A demo chain must not mix with a real one.
    #[error(
        "this database has stores of its own, or a demo chain that was interrupted while it was made: \
         choose another folder with --data"
    )]
    NotEmpty,
    /// A PIN cannot be hashed.
    #[error(transparent)]
    Pin(#[from] pin::NoHash),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A mall's code does not fit its profile.
    #[error(transparent)]
    Mall(#[from] IssueRefused),
    /// No keys could be made.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// No code could be signed.
    #[error(transparent)]
    NotSigned(#[from] NotSigned),
    /// Its policy makes no sense.
    #[error(transparent)]
    Policy(#[from] PolicyRefused),
    /// Something taken in the demo chain's past was refused.
    #[error("the demo chain's past does not fit together")]
    Past,
}

/// Makes the demo chain.
pub async fn seed(store: &Store) -> Result<(), DemoError> {
    if store.chain().await?.1 {
        return Err(DemoError::ThereAlready);
    }
    if !store.stores().await?.is_empty() {
        return Err(DemoError::NotEmpty);
    }
    let mut shops = Vec::new();
    for name in STORES {
        shops.push(store.add_store(name).await?.ok_or(DemoError::NotEmpty)?);
    }
    for (shop, name, manager, pin) in STAFF {
        let pin_hash = pin::hash(pin, store.hands().random())?;
        let shop = shops.iter().find(|known| known.name == shop).ok_or(DemoError::NotEmpty)?;
        store.add_staff(&shop.id, NewStaff { name, manager, pin_hash }).await?;
    }
    let till = store.add_silent_till(&shops[1], "3号收银机").await?;
    let mut making = Making { store, shops, till, now: store.hands().now(), practice: Vec::new() };
    making.orders().await?;
    let members = making.members().await?;
    making.coupons(&members).await?;
    making.cards(&members).await?;
    making.failures().await?;
    making.malls().await?;
    making.signed().await?;
    let practice = std::mem::take(&mut making.practice);
    store.name_chain(CHAIN).await?;
    store.set_policy(None, &policy::policy()).await?;
    store.write_practice(&practice).await?;
    Ok(())
}

/// A demo chain while it is made.
struct Making<'a> {
    store: &'a Store,
    shops: Vec<Shop>,
    /// The till of the past, at the second store.
    till: Device,
    now: UnixMs,
    practice: Vec<PracticeCode>,
}

impl Making<'_> {
    async fn orders(&mut self) -> Result<(), DemoError> {
        for (place, shop) in self.shops.clone().iter().enumerate() {
            let new: Vec<NewEntitlement> =
                (0..ORDERS_PER_STORE).map(|i| self.order(2 * i + place, shop)).collect();
            for (order, issued) in new.iter().zip(self.store.issue(&new).await?) {
                let caption = format!("{} · {}", order.title, contents(&order.lines));
                self.show("order", "order", &shop.id, &issued, caption, "offer");
            }
        }
        Ok(())
    }

    fn order(&self, number: usize, shop: &Shop) -> NewEntitlement {
        let lines: Vec<(Line, i64)> =
            (0..LINES[number % LINES.len()]).map(|place| order_line(number, place)).collect();
        let value = lines.iter().map(|(line, price)| i64::from(line.quantity) * price).sum();
        let wish = WISHES[number % WISHES.len()];
        NewEntitlement {
            title: format!("自提订单 {:03}", 101 + number),
            lines: lines.into_iter().map(|(line, _)| line).collect(),
            stores: Some(vec![shop.id.clone()]),
            value,
            holder: HOLDERS[(number * 7) % HOLDERS.len()].to_owned(),
            notes: if wish.is_empty() { Vec::new() } else { vec![wish.to_owned()] },
            ..self.plain(Kind::Order, 30 + (number as i64 * 3) % 30)
        }
    }

    async fn members(&mut self) -> Result<Vec<(Issued, String)>, DemoError> {
        let new: Vec<NewEntitlement> = (0..MEMBERS).map(|i| self.member(i)).collect();
        let issued = self.store.issue(&new).await?;
        let mut members = Vec::new();
        for (member, issued) in new.into_iter().zip(issued) {
            let caption = format!("{} · {}", member.title, member.holder);
            self.show("member", "member", "", &issued, caption, "member");
            members.push((issued, member.holder));
        }
        Ok(members)
    }

    fn member(&self, number: usize) -> NewEntitlement {
        let (tier, points, balance) = TIERS[number % TIERS.len()];
        let kind = Kind::Member {
            tier: tier.to_owned(),
            points: points + 37 * number as i64,
            balance: if balance == 0 { 0 } else { balance + 1_000 * (number as i64 % 7) },
        };
        NewEntitlement {
            title: format!("{tier}会员"),
            holder: HOLDERS[number % HOLDERS.len()].to_owned(),
            valid_until: None,
            ..self.plain(kind, 0)
        }
    }

    async fn coupons(&mut self, members: &[(Issued, String)]) -> Result<(), DemoError> {
        let amounts = (0..AMOUNT_COUPONS).map(|i| {
            let (spend_min, fen) = AMOUNTS[i % AMOUNTS.len()];
            self.amount_off(spend_min, fen, 30 + 4 * i as i64)
        });
        let percents = (0..PERCENT_COUPONS).map(|i| {
            let (title, percent) = PERCENTS[i % PERCENTS.len()];
            NewEntitlement {
                notes: vec!["不与其他优惠同享。".to_owned()],
                ..self.coupon(Kind::PercentOff { percent }, title, 1_000, 35 + 4 * i as i64)
            }
        });
        let exchanges = (0..EXCHANGE_COUPONS).map(|i| {
            let (title, goods, value) = EXCHANGES[i % EXCHANGES.len()];
            let coupon =
                self.coupon(Kind::Exchange { goods: goods.to_owned() }, title, value, 40 + 3 * i as i64);
            let at_one_store = (i % 7 == 6).then(|| vec![self.shops[0].id.clone(), self.shops[1].id.clone()]);
            NewEntitlement {
                lines: vec![Line { name: goods.to_owned(), ..coupon.lines[0].clone() }],
                stores: at_one_store,
                ..coupon
            }
        });
        let mut new: Vec<NewEntitlement> = amounts.chain(percents).chain(exchanges).collect();
        for (place, coupon) in new.iter_mut().enumerate() {
            attach(coupon, members, place);
        }
        for (coupon, issued) in new.iter().zip(self.store.issue(&new).await?) {
            self.show("coupon", "coupon", "", &issued, titled(coupon), "offer");
        }
        Ok(())
    }

    async fn cards(&mut self, members: &[(Issued, String)]) -> Result<(), DemoError> {
        let mut new: Vec<NewEntitlement> = (0..TIMES_CARDS).map(|i| self.card(i)).collect();
        for (place, card) in new.iter_mut().enumerate() {
            attach(card, members, place + 1);
        }
        for (place, (card, issued)) in new.iter().zip(self.store.issue(&new).await?).enumerate() {
            let quantity = card.lines[0].quantity;
            let gone = [0, 2, 1, 0, 3, 4][place % 6];
            for day in 0..gone {
                let at = self.now.plus_seconds(-DAY_SECONDS * (i64::from(gone - day)) + 60 * place as i64);
                self.take_one(&issued, "use", at).await?;
            }
            let holder = if card.holder.is_empty() { String::new() } else { format!(" · {}", card.holder) };
            let caption = format!("{} · 剩 {} 次{holder}", card.title, quantity - gone);
            self.show("times_card", "times_card", "", &issued, caption, "offer");
        }
        Ok(())
    }

    fn card(&self, number: usize) -> NewEntitlement {
        let (title, goods, uses, worth) = CARDS[number % CARDS.len()];
        let line = Line {
            sku: "use".to_owned(),
            name: goods.to_owned(),
            variant: String::new(),
            shelf: String::new(),
            quantity: uses,
        };
        NewEntitlement {
            title: title.to_owned(),
            lines: vec![line],
            value: worth * i64::from(uses),
            ..self.plain(Kind::TimesCard, 60 + number as i64)
        }
    }

    /// One of each that must fail.
    async fn failures(&mut self) -> Result<(), DemoError> {
        for place in 0..2 {
            let (here, there) = (self.shops[place].clone(), self.shops[1 - place].clone());
            let order = self.order(2 * ORDERS_PER_STORE + place, &there);
            let issued = self.one(&order).await?;
            let caption = format!("{}的取货单 · {}", there.name, contents(&order.lines));
            self.show("order", "fails", &here.id, &issued, caption, "wrong_store");
        }
        let coupon = self.amount_off(10_000, 2_000, 30);
        let ago = |days: i64| Some(self.now.plus_seconds(-days * DAY_SECONDS).0);
        let expired = NewEntitlement { valid_from: ago(40), valid_until: ago(2), ..coupon.clone() };
        let early = NewEntitlement { valid_from: ago(-3), ..coupon.clone() };
        let order = |number, standing| NewEntitlement { standing, ..self.order(number, &self.shops[0]) };
        let refunded = NewEntitlement { stores: None, ..order(42, Standing::Refunded) };
        let pending = NewEntitlement { stores: None, ..order(43, Standing::RefundPending) };
        let cancelled = NewEntitlement { stores: None, ..order(44, Standing::Cancelled) };
        let frozen = NewEntitlement { standing: Standing::Frozen, ..self.member(1) };
        let failing = [
            ("coupon", expired, "expired", "过期两天的券"),
            ("coupon", early, "not_yet", "三天后才能用的券"),
            ("order", refunded, "refunded", "已退款的订单"),
            ("order", pending, "refund_pending", "正在退款的订单"),
            ("order", cancelled, "cancelled", "已取消的订单"),
            ("member", frozen, "frozen", "已挂失的会员卡"),
        ];
        for (kind, new, expect, what) in failing {
            let issued = self.one(&new).await?;
            self.show(kind, "fails", "", &issued, format!("{what} · {}", new.title), expect);
        }
        let used = self.one(&coupon).await?;
        let lunch = last_lunch(self.now, &TimeZone::system()).map_err(|_| DemoError::Past)?;
        self.take_one(&used, "coupon", lunch).await?;
        self.show("coupon", "fails", "", &used, "12:41 已在福田店核销的券".to_owned(), "used");
        let never = Issued { id: String::new(), code: self.hands().code(CodeKind::Coupon) };
        self.show("coupon", "fails", "", &never, "从未发出的码".to_owned(), "never_issued");
        Ok(())
    }

    async fn one(&self, new: &NewEntitlement) -> Result<Issued, DemoError> {
        self.store.issue(std::slice::from_ref(new)).await?.pop().ok_or(DemoError::Past)
    }

    /// Takes one of a line in the past, at the second store.
    async fn take_one(&self, issued: &Issued, sku: &str, at: UnixMs) -> Result<(), DemoError> {
        let before = CountedBefore {
            entitlement: &issued.id,
            takes: vec![Take { sku: sku.to_owned(), quantity: 1 }],
            clerk: STAFF[2].1,
            at,
        };
        match self.store.count_before(&self.till, &before).await? {
            crate::store::Counted::Yes => Ok(()),
            crate::store::Counted::No(_) => Err(DemoError::Past),
        }
    }

    fn amount_off(&self, spend_min: i64, fen: i64, days: i64) -> NewEntitlement {
        let title = match spend_min {
            0 => format!("{} 元无门槛券", fen / 100),
            spend_min => format!("满 {} 减 {} 券", spend_min / 100, fen / 100),
        };
        NewEntitlement { spend_min, ..self.coupon(Kind::AmountOff { fen }, &title, fen, days) }
    }

    fn coupon(&self, kind: Kind, title: &str, value: i64, days: i64) -> NewEntitlement {
        let line = Line {
            sku: "coupon".to_owned(),
            name: title.to_owned(),
            variant: String::new(),
            shelf: String::new(),
            quantity: 1,
        };
        NewEntitlement { title: title.to_owned(), lines: vec![line], value, ..self.plain(kind, days) }
    }

    /// Good at every store, from some days ago until so many days from now.
    fn plain(&self, kind: Kind, days: i64) -> NewEntitlement {
        NewEntitlement {
            kind,
            title: String::new(),
            lines: Vec::new(),
            standing: Standing::Good,
            valid_from: Some(self.now.plus_seconds(-7 * DAY_SECONDS).0),
            valid_until: Some(self.now.plus_seconds(days * DAY_SECONDS).0),
            stores: None,
            spend_min: 0,
            value: 0,
            holder: String::new(),
            notes: Vec::new(),
            member: None,
        }
    }

    fn show(&mut self, kind: &str, group: &str, store: &str, issued: &Issued, caption: String, expect: &str) {
        self.show_text(kind, group, store, issued.code.secret(), caption, expect);
    }

    fn show_text(&mut self, kind: &str, group: &str, store: &str, text: &str, caption: String, expect: &str) {
        self.practice.push(PracticeCode {
            code: text.to_owned(),
            kind: kind.to_owned(),
            group: group.to_owned(),
            store: store.to_owned(),
            caption,
            expect: expect.to_owned(),
        });
    }

    fn hands(&self) -> &Hands {
        self.store.hands()
    }
}

fn order_line(number: usize, place: usize) -> (Line, i64) {
    // 3 has no divisor in common with the 20 articles, so an order never has one twice.
    let goods = &GOODS[(number * 7 + place * 3) % GOODS.len()];
    let variant = match goods.variants {
        [] => "",
        variants => variants[(number + place) % variants.len()],
    };
    let line = Line {
        sku: goods.sku.to_owned(),
        name: goods.name.to_owned(),
        variant: variant.to_owned(),
        shelf: goods.shelf.to_owned(),
        quantity: if (number + 2 * place).is_multiple_of(5) { 2 } else { 1 },
    };
    (line, goods.price)
}

/// Every third belongs to a member.
fn attach(new: &mut NewEntitlement, members: &[(Issued, String)], place: usize) {
    if place.is_multiple_of(3) {
        let (member, holder) = &members[(place / 3) % members.len()];
        new.member = Some(member.id.clone());
        new.holder.clone_from(holder);
    }
}

fn titled(new: &NewEntitlement) -> String {
    match new.holder.as_str() {
        "" => new.title.clone(),
        holder => format!("{} · {holder}", new.title),
    }
}

fn contents(lines: &[Line]) -> String {
    let pieces: u32 = lines.iter().map(|line| line.quantity).sum();
    match lines {
        [only] if pieces == 1 => only.name.clone(),
        [first, ..] => format!("{} 等 {pieces} 件", first.name),
        [] => String::new(),
    }
}

/// The last 12:41 of that zone: a window beside this program shows the same minute that the caption names.
fn last_lunch(now: UnixMs, zone: &TimeZone) -> Result<UnixMs, jiff::Error> {
    let here = Timestamp::from_millisecond(now.0)?.to_zoned(zone.clone());
    let lunch = |day: Date| day.at(12, 41, 0, 0).to_zoned(zone.clone());
    let today = lunch(here.date())?;
    let last = if today <= here { today } else { lunch(here.date().yesterday()?)? };
    Ok(UnixMs(last.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lunch_is_at_the_same_minute_in_every_zone_and_never_ahead() {
        let lunch = 12 * 3600 + 41 * 60;
        for hours in [-11_i8, -5, 0, 8, 14] {
            let zone = TimeZone::fixed(jiff::tz::offset(hours));
            for now in (0..48).map(|half_hour| 1_772_323_200_000 + half_hour * 1_800_000) {
                let at = last_lunch(UnixMs(now), &zone).unwrap().0;
                assert!(at <= now && now - at < DAY_SECONDS * 1000, "the last one before {now} at {hours} h");
                let clock = (at / 1000 + i64::from(hours) * 3600).rem_euclid(DAY_SECONDS);
                assert_eq!(clock, lunch, "12:41 at {hours} h");
            }
        }
    }
}
