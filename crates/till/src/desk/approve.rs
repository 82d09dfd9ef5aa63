//! A manager's yes: asked for where the clerk may not decide without the server, given with the manager's own PIN.

use model::decide::Decision;
use model::redemption::Take;
use model::time::UnixMs;
use wire::api::Staff;
use wire::line::Decision as Decided;

use super::Desk;
use crate::cases::NotResolved;
use crate::screen::{ApprovalCard, OfferCard, Stage};
use crate::staff::{Door, SignInError};

/// The code for a yes without a reason.
const WHY_MISSING: &str = "why_missing";

impl Desk {
    /// Shows who may let it pass. The refusal to decide is in the journal already; a yes is a redemption of its own.
    pub(super) fn ask_manager(&self, card: OfferCard, takes: Vec<Take>, decision: &Decision) {
        let Some(facts) = decision.facts.clone() else { return self.set_stage(Stage::Offer(card)) };
        self.set_stage(Stage::Approval(ApprovalCard {
            card,
            takes,
            reason: decision.reason,
            amount: facts.amount,
            facts,
            managers: self.managers(),
            failed: None,
            since: self.till().now(),
        }));
    }

    pub(super) async fn approve(&self, manager: &str, pin: &str, why: &str) {
        let card = match &self.inner().stage {
            Stage::Approval(card) => card.clone(),
            // The card was put aside meanwhile.
            _ => return,
        };
        if why.trim().is_empty() {
            return self.set_stage(Stage::Approval(ApprovalCard { failed: Some(WHY_MISSING), ..card }));
        }
        let staff = self.staff();
        match self.at_the_door(|door, now| door.approve(&staff, manager, pin, why, now)) {
            Ok(approval) => self.take(card.card, card.takes, Some(&approval)).await,
            Err(error) => {
                self.set_stage(Stage::Approval(ApprovalCard { failed: Some(error.code()), ..card }));
            }
        }
    }

    /// A manager decides on a case. Gives the code of what went wrong, if something did.
    pub async fn decide(
        &self,
        case: &str,
        decision: Decided,
        manager: &str,
        pin: &str,
        note: &str,
    ) -> Option<&'static str> {
        let _alone = self.acting.lock().await;
        let staff = self.staff();
        let failed = match self.at_the_door(|door, now| door.approve(&staff, manager, pin, note, now)) {
            Ok(yes) => self.till().resolve(case, decision, &yes).err().map(NotResolved::code),
            Err(error) => Some(error.code()),
        };
        self.bump();
        failed
    }

    /// Who may decide what a clerk may not.
    pub fn managers(&self) -> Vec<Staff> {
        self.staff().into_iter().filter(|person| person.manager).collect()
    }

    /// Lets somebody try a PIN, and keeps how often that went wrong.
    pub(super) fn at_the_door<T>(
        &self,
        attempt: impl FnOnce(&mut Door, UnixMs) -> Result<T, SignInError>,
    ) -> Result<T, SignInError> {
        let kept = self.inner().settings.clone();
        let mut door = Door { wrong: kept.wrong_pins, locked_until: kept.locked_until.map(UnixMs) };
        let before = door;
        let outcome = attempt(&mut door, self.till().now());
        if door != before {
            self.change_settings(|settings| {
                settings.wrong_pins = door.wrong;
                settings.locked_until = door.locked_until.map(|until| until.0);
            });
        }
        outcome
    }
}
