//! A clerk and the customers in front of the counter: codes are shown, confirmed, left, taken back; some more than once.

use std::sync::Arc;

use model::decide::Offer;
use model::entitlement::Kind;
use model::reading::{RawText, Scan, Source};
use model::redemption::Take;
use till::cases::{Decision, StoreCase};
use till::desk::{Act, Desk};
use till::screen::{OfferCard, Row, Screen, Stage};

use super::machine::Machine;
use super::time::pass;
use super::world::World;
use crate::shop::STAFF;

/// Who says yes at every store, and with which PIN.
pub(super) const MANAGER: (&str, &str) = ("王强", "8888");

/// Works until the program ends.
pub(super) async fn work(world: Arc<World>, machine: Arc<Machine>, desk: Arc<Desk>) {
    let clerk = Clerk { world, machine, desk };
    clerk.come().await;
    loop {
        pass(clerk.world.below(2 * clerk.world.plan.think_ms)).await;
        if clerk.world.plan.pieces_and_cases && clerk.world.percent(5) {
            clerk.look_at_cases().await;
            continue;
        }
        match clerk.world.below(100) {
            0..78 => clerk.serve().await,
            78..88 => clerk.take_back().await,
            88..92 => drop(clerk.act("sync", Act::Sync).await),
            _ => drop(clerk.act("next", Act::Next).await),
        }
    }
}

struct Clerk {
    world: Arc<World>,
    machine: Arc<Machine>,
    desk: Arc<Desk>,
}

impl Clerk {
    /// Looks at what the screen shows after the start, and signs in if need be.
    async fn come(&self) {
        let screen = self.desk.screen();
        self.world.seen(&self.machine, "starts", &screen, 0);
        if matches!(screen.stage, Stage::SignIn { .. }) {
            let (_, clerk, pin) = STAFF[usize::from(self.machine.store != STAFF[0].0)];
            self.act("sign in", Act::SignIn { clerk: clerk.into(), pin: pin.into() }).await;
        }
    }

    async fn act(&self, what: &str, act: Act) -> Screen {
        let begun = self.world.time.passed_ms();
        let screen = self.desk.act(act).await;
        let waited = self.world.time.passed_ms() - begun;
        self.world.seen(&self.machine, what, &screen, waited);
        screen
    }

    /// The next customer.
    async fn serve(&self) {
        let Some(code) = self.world.goods().code(&self.world) else { return };
        let scan = Scan { text: RawText::new(&code), source: Source::Wedge };
        let mut screen = self.act("scan", Act::Scan(scan)).await;
        if let Stage::Member(card) = &screen.stage {
            let usable: Vec<String> = card
                .coupons
                .iter()
                .filter(|(_, reason)| reason.is_none())
                .map(|(known, _)| known.entitlement.id.0.clone())
                .collect();
            let Some(id) = self.world.one_of(&usable) else { return };
            screen = self.act("choose", Act::Choose(id.clone())).await;
        }
        if let Stage::Offer(card) = &screen.stage {
            self.answer(card).await;
        }
        let unseen = match &self.desk.screen().stage {
            Stage::Verdict(verdict) => verdict.hand_over,
            _ => None,
        };
        if let Some(number) = unseen {
            let act = if self.world.percent(60) { Act::HandOver(number) } else { Act::Undo(number) };
            self.act("decide what was counted unseen", act).await;
        }
    }

    /// Confirms all or a part of the offer, at once or after a while, or lets it be.
    async fn answer(&self, card: &OfferCard) {
        let takes = self.takes(card);
        // Some customers think about it, or look for their purse.
        let pause = if self.world.percent(10) { 120_000 } else { 4_000 };
        pass(self.world.below(pause)).await;
        if self.world.percent(8) {
            self.act("leave", Act::Next).await;
        } else {
            let screen = self.act("confirm", Act::Confirm(takes)).await;
            if matches!(screen.stage, Stage::Approval(_)) {
                self.ask_manager().await;
            }
        }
    }

    /// What the clerk may not decide alone a manager may, who is not always there.
    async fn ask_manager(&self) {
        pass(self.world.below(30_000)).await;
        if self.world.percent(30) {
            let (manager, pin) = MANAGER;
            let act = Act::Approve { manager: manager.into(), pin: pin.into(), why: "payment_seen".into() };
            self.act("approve", act).await;
        }
    }

    fn takes(&self, card: &OfferCard) -> Vec<Take> {
        let Offer { items } = &card.offer;
        let order = matches!(card.known.entitlement.kind, Kind::Order);
        let part = order && self.world.percent(50);
        let wanted = |left: u32| match (order, part) {
            (true, true) => self.world.below(u64::from(left) + 1) as u32,
            (true, false) => left,
            (false, _) => left.min(1),
        };
        let takes = items.iter().map(|item| (item.line.sku.clone(), wanted(item.left)));
        takes.filter(|(_, left)| *left > 0).map(|(sku, quantity)| Take { sku, quantity }).collect()
    }

    /// A customer brings something back, all of it or some pieces.
    async fn take_back(&self) {
        let undoable = || self.desk.history().into_iter().filter(|row| row.undoable);
        let left = |row: &Row| row.pieces.iter().map(|piece| piece.left).sum::<u32>();
        let several: Vec<Row> = undoable().filter(|row| left(row) > 1).collect();
        // Most come back with a part of something.
        let parts = self.world.plan.pieces_and_cases && !several.is_empty() && self.world.percent(70);
        let among = if parts { several } else { undoable().collect() };
        let Some(row) = self.world.one_of(&among) else { return };
        let Some(of) = row.number else { return };
        if parts {
            // Now and then somebody mistypes, and more would come back than is out.
            let more = u64::from(self.world.percent(5));
            let some = |left: u32| self.world.below(u64::from(left) + 1 + more) as u32;
            let takes = row.pieces.iter().map(|piece| (piece.sku.clone(), some(piece.left)));
            let takes = takes.filter(|(_, quantity)| *quantity > 0);
            let takes: Vec<Take> = takes.map(|(sku, quantity)| Take { sku, quantity }).collect();
            if !takes.is_empty() {
                self.world.figures().pieces += 1;
                self.act("undo some", Act::UndoPart { of, takes }).await;
                return;
            }
        }
        self.act("undo", Act::Undo(of)).await;
    }

    /// A manager, if one is there, decides on one of the store's cases, whether or not anybody else hears of it now.
    async fn look_at_cases(&self) {
        let cases = self.desk.till().cases();
        let open: Vec<String> =
            cases.into_iter().filter(StoreCase::is_open).map(|case| case.case.case).collect();
        let Some(case) = self.world.one_of(&open) else { return };
        const DECISIONS: [Decision; 5] = [
            Decision::Recovered,
            Decision::WrittenOff,
            Decision::Paid,
            Decision::CustomerCharged,
            Decision::NoFault,
        ];
        let Some(decision) = self.world.one_of(&DECISIONS) else { return };
        let (manager, pin) = MANAGER;
        let failed = self.desk.decide(case, *decision, manager, pin, "looked_into").await;
        self.world.decided(&self.machine, case, failed);
    }
}
