//! What the chain has issued in a run, and how a customer comes to a counter with it: what is new is shown most, and
//! what was shown a moment ago is shown again elsewhere.

use std::collections::VecDeque;

use server::store::NewEntitlement;
use wire::entitlement::{Kind, Line};

use super::world::World;
use crate::goods;

/// So many shown codes are remembered for whoever copies them.
const COPIED: usize = 4;

/// Something that was issued.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) code: String,
}

/// Everything that was issued.
#[derive(Default)]
pub(super) struct Goods {
    pub(super) items: Vec<Item>,
    shown: VecDeque<String>,
}

impl Goods {
    /// A code that a customer shows now.
    pub(super) fn code(&mut self, world: &World) -> Option<String> {
        let newest = self.items.len().saturating_sub(8);
        let copied: Vec<String> = self.shown.iter().cloned().collect();
        let code = match world.below(100) {
            0..30 if !copied.is_empty() => world.one_of(&copied)?.clone(),
            0..75 => world.one_of(&self.items[newest..])?.code.clone(),
            75..97 => world.one_of(&self.items)?.code.clone(),
            _ => "https://example.com/menu".to_owned(),
        };
        self.shown.push_back(code.clone());
        if self.shown.len() > COPIED {
            self.shown.pop_front();
        }
        Some(code)
    }
}

/// Something new to be issued: a coupon, an order, a card; for one store or all, for long or not.
pub(super) fn something(world: &World, stores: &[String]) -> NewEntitlement {
    let mut new = match world.below(10) {
        0..6 => goods::coupon(),
        6..8 => goods::order(&[("D01", "茉莉奶绿", 2), ("C01", "桂花糕", 1)]),
        _ => goods::times_card(2 + world.below(3) as u32),
    };
    let now = world.time.now();
    match world.below(10) {
        // Over within the run, so that the time decides.
        0..3 => new.valid_until = Some(now.plus_seconds(600 + world.below(3_000) as i64).0),
        3 => new.valid_from = Some(now.plus_seconds(world.below(1_200) as i64).0),
        _ => {}
    }
    if world.percent(25)
        && let Some(store) = world.one_of(stores)
    {
        new.stores = Some(vec![store.clone()]);
    }
    new
}

/// A membership.
pub(super) fn member() -> NewEntitlement {
    goods::member()
}

/// A coupon that stands on that member's card.
pub(super) fn of_member(member: &str) -> NewEntitlement {
    let line = Line {
        sku: "coupon".into(),
        name: "生日券".into(),
        variant: String::new(),
        shelf: String::new(),
        quantity: 1,
    };
    NewEntitlement {
        kind: Kind::Exchange { goods: "蛋糕".into() },
        lines: vec![line],
        member: Some(member.to_owned()),
        ..goods::coupon()
    }
}
