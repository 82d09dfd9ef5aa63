//! Which policies make no sense, with the field named.

use super::{Cap, Caps, Ceiling, Policy, Rules, UpTo};

/// A policy that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPolicy {
    /// A figure is below zero.
    #[error("{0}: a limit cannot be below zero; say \"never\" to forbid it")]
    Negative(String),
    /// A manager may less than a clerk.
    #[error("{0}: a manager may at least what a clerk may, so `manager` cannot be below `clerk`")]
    ManagerBelowClerk(String),
    /// A figure is outside what the program can keep to.
    #[error("{field}: {found} is not within {least} to {most}")]
    OutOfRange {
        /// Which field.
        field: &'static str,
        /// What it says.
        found: u32,
        /// The least.
        least: u32,
        /// The most.
        most: u32,
    },
}

/// A customer waits no shorter and no longer for the server (milliseconds).
const DEADLINE_MS: (u32, u32) = (200, 10_000);
/// Undoing is for mistakes at the counter: a week at most (minutes).
const UNDO_MINUTES: (u32, u32) = (0, 7 * 24 * 60);

impl Policy {
    /// The first thing that can be said against it.
    pub fn check(&self) -> Result<(), BadPolicy> {
        for (name, rules) in [
            ("rules.order", &self.order),
            ("rules.coupon", &self.coupon),
            ("rules.times_card", &self.times_card),
            ("rules.member", &self.member),
        ] {
            check_rules(name, rules)?;
        }
        check_caps("home", &self.home)?;
        check_caps("away", &self.away)?;
        for (name, one) in [
            ("copy_hours", self.copy_hours),
            ("status_hours", self.status_hours),
            ("trust_hours", self.trust_hours),
            ("policy_hours", self.policy_hours),
            ("clock_minutes", self.clock_minutes),
            ("not_covered", self.not_covered),
        ] {
            ceiling(name, one)?;
        }
        range("undo_minutes_max", self.undo_minutes_max, UNDO_MINUTES)?;
        range("deadline_ms", self.deadline_ms, DEADLINE_MS)
    }
}

fn check_rules(name: &str, rules: &Rules) -> Result<(), BadPolicy> {
    ceiling(&format!("{name}.home"), rules.home)?;
    ceiling(&format!("{name}.listed"), rules.listed)?;
    ceiling(&format!("{name}.any"), rules.any)
}

fn check_caps(name: &str, caps: &Caps) -> Result<(), BadPolicy> {
    ceiling(&format!("{name}.per_redemption"), caps.per_redemption)?;
    cap(&format!("{name}.per_customer"), &caps.per_customer)?;
    cap(&format!("{name}.per_till"), &caps.per_till)
}

fn cap(name: &str, cap: &Cap) -> Result<(), BadPolicy> {
    ceiling(&format!("{name}.fen"), cap.fen)?;
    ceiling(&format!("{name}.count"), cap.count)
}

fn ceiling(name: &str, one: Ceiling) -> Result<(), BadPolicy> {
    for (who, limit) in [("clerk", one.clerk), ("manager", one.manager)] {
        if matches!(limit, UpTo::This(figure) if figure < 0) {
            return Err(BadPolicy::Negative(format!("{name}.{who}")));
        }
    }
    if one.manager < one.clerk { Err(BadPolicy::ManagerBelowClerk(name.to_owned())) } else { Ok(()) }
}

fn range(field: &'static str, found: u32, (least, most): (u32, u32)) -> Result<(), BadPolicy> {
    if (least..=most).contains(&found) {
        Ok(())
    } else {
        Err(BadPolicy::OutOfRange { field, found, least, most })
    }
}
