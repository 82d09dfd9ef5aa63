//! What the page gets of a choice.

use std::collections::BTreeSet;

use model::decide::Origin;
use model::entitlement::{EntitlementId, Fen, Line, Standing};
use model::place::{DeviceId, StoreId};
use model::redemption::Number;
use model::time::Window;
use model::verdict::{Reason, Silence};

use super::*;

fn line(sku: &str, quantity: u32) -> Line {
    Line { sku: sku.into(), name: sku.into(), variant: String::new(), shelf: String::new(), quantity }
}

/// An order of two articles, of which so many were taken.
fn known(id: &str, taken: &[(&str, u32)], origin: Origin) -> Known {
    let takes =
        taken.iter().map(|(sku, quantity)| Take { sku: (*sku).into(), quantity: *quantity }).collect();
    let done = Circumstance {
        at: UnixMs(1),
        store: "福田中心店".into(),
        till: "2号收银机".into(),
        clerk: "张伟".into(),
        device: DeviceId("d2".into()),
    };
    let entitlement = Entitlement {
        id: EntitlementId(id.into()),
        version: 1,
        title: "自提订单 A1043".into(),
        kind: Kind::Order,
        lines: vec![line("cake", 2), line("cup", 1)],
        standing: Standing::Good,
        window: Window { from: None, until: None },
        stores: Stores::Only(vec![(StoreId("s1".into()), "南山海岸城店".into())]),
        spend_min: Fen(0),
        value: Fen(0),
        holder: "陈*".into(),
        code_tail: "4821".into(),
        notes: vec![],
        uses: vec![model::entitlement::Use { number: Number::new(UnixMs(1), [1; 10]), takes, done }],
        member: None,
    };
    Known { entitlement, heard_at: UnixMs(2_000), origin, mine: vec![], undone: BTreeSet::new() }
}

#[test]
fn a_choice_shows_what_is_left_of_each_and_rests_on_the_weakest() {
    let part = known("part", &[("cake", 1), ("cup", 1)], Origin::Server);
    let gone = known("gone", &[("cake", 2), ("cup", 1)], Origin::Copy(Silence::TimedOut));
    let card = screen::ChoiceCard::of(
        vec![
            screen::Candidate { known: gone, reason: Some(Reason::Used) },
            screen::Candidate { known: part, reason: None },
        ],
        UnixMs(5_000),
    )
    .expect("there are two");
    let stage = stage(&screen::Stage::Choice(card), UnixMs(9_000));
    let view::Stage::Choice(choice) = stage else { panic!("a choice stays one: {stage:?}") };
    assert_eq!(choice.since, 5_000, "the card is told from one before it");
    let skus = |n: usize| choice.candidates[n].items.iter().map(|item| item.sku.as_str()).collect::<Vec<_>>();
    assert_eq!(skus(0), ["cake"], "what was taken is nothing to ask the customer about");
    assert_eq!((choice.candidates[0].left, choice.candidates[0].quantity), (1, 3), "one of three pieces");
    assert_eq!(choice.candidates[0].unusable, None, "it can be taken");
    assert_eq!(skus(1), ["cake", "cup"], "where all is gone, what it was helps to tell whose it is");
    assert_eq!(choice.candidates[1].unusable.as_deref(), Some("used"), "with the reason's code");
    assert!(matches!(choice.basis.on, view::RestsOn::Copy), "one of them is from the copy");
    assert_eq!(choice.basis.age_seconds, 7, "as old as the copy");
}
