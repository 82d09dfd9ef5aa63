//! What may be decided without the server, as the server tells it and as a merchant writes it down. See
//! [`model::policy`]; the two say the same, field by field.
//!
//! A limit is a number in the unit of its field, `"never"` or `"always"`. What is left out is as
//! [`model::policy::Policy::default`] has it.

use model::policy as m;
use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use model::policy::BadPolicy;

/// See [`m::Policy`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Policy {
    /// Given by the server.
    pub version: u64,
    /// Minutes.
    pub undo_minutes_max: u32,
    /// Milliseconds.
    pub deadline_ms: u32,
    /// Hours.
    pub copy_hours: Ceiling,
    /// Hours.
    pub status_hours: Ceiling,
    /// Hours.
    pub trust_hours: Ceiling,
    /// Hours.
    pub policy_hours: Ceiling,
    /// Minutes.
    pub clock_minutes: Ceiling,
    /// Fen.
    pub not_covered: Ceiling,
    /// By kind and store.
    pub rules: Kinds,
    /// For what only this store can give out.
    pub home: Caps,
    /// For what other stores can give out as well.
    pub away: Caps,
}

/// The rules by kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kinds {
    /// Orders.
    pub order: Rules,
    /// Coupons.
    pub coupon: Rules,
    /// Uses of cards.
    pub times_card: Rules,
    /// What a membership itself gives.
    pub member: Rules,
}

/// See [`m::Rules`]. What a redemption may be worth (fen).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// For this store alone.
    pub home: Ceiling,
    /// For several stores.
    pub listed: Ceiling,
    /// For every store.
    pub any: Ceiling,
}

/// See [`m::Caps`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caps {
    /// Fen.
    pub per_redemption: Ceiling,
    /// For one customer in one outage.
    pub per_customer: Cap,
    /// For one till in one outage.
    pub per_till: Cap,
}

/// See [`m::Cap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cap {
    /// Fen.
    pub fen: Ceiling,
    /// How many.
    pub count: Ceiling,
}

/// See [`m::Ceiling`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ceiling {
    /// What a clerk decides alone.
    pub clerk: UpTo,
    /// What a manager decides.
    pub manager: UpTo,
}

/// See [`m::UpTo`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpTo(pub m::UpTo);

const NEVER: &str = "never";
const ALWAYS: &str = "always";

impl Serialize for UpTo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            m::UpTo::Never => serializer.serialize_str(NEVER),
            m::UpTo::This(most) => serializer.serialize_i64(most),
            m::UpTo::Always => serializer.serialize_str(ALWAYS),
        }
    }
}

impl<'de> Deserialize<'de> for UpTo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<UpTo, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Told {
            This(i64),
            Word(String),
        }
        const WANTED: &str = "a whole number, \"never\" or \"always\"";
        let told =
            Told::deserialize(deserializer).map_err(|_| Error::custom(format!("expected {WANTED}")))?;
        Ok(UpTo(match told {
            Told::This(most) => m::UpTo::This(most),
            Told::Word(word) if word == NEVER => m::UpTo::Never,
            Told::Word(word) if word == ALWAYS => m::UpTo::Always,
            Told::Word(word) => return Err(Error::invalid_value(Unexpected::Str(&word), &WANTED)),
        }))
    }
}

impl Default for Policy {
    fn default() -> Policy {
        (&m::Policy::default()).into()
    }
}

impl Default for Kinds {
    fn default() -> Kinds {
        Policy::default().rules
    }
}

impl From<m::Ceiling> for Ceiling {
    fn from(from: m::Ceiling) -> Ceiling {
        Ceiling { clerk: UpTo(from.clerk), manager: UpTo(from.manager) }
    }
}

impl From<Ceiling> for m::Ceiling {
    fn from(from: Ceiling) -> m::Ceiling {
        m::Ceiling { clerk: from.clerk.0, manager: from.manager.0 }
    }
}

impl From<m::Rules> for Rules {
    fn from(from: m::Rules) -> Rules {
        Rules { home: from.home.into(), listed: from.listed.into(), any: from.any.into() }
    }
}

impl From<Rules> for m::Rules {
    fn from(from: Rules) -> m::Rules {
        m::Rules { home: from.home.into(), listed: from.listed.into(), any: from.any.into() }
    }
}

impl From<m::Cap> for Cap {
    fn from(from: m::Cap) -> Cap {
        Cap { fen: from.fen.into(), count: from.count.into() }
    }
}

impl From<Cap> for m::Cap {
    fn from(from: Cap) -> m::Cap {
        m::Cap { fen: from.fen.into(), count: from.count.into() }
    }
}

impl From<m::Caps> for Caps {
    fn from(from: m::Caps) -> Caps {
        Caps {
            per_redemption: from.per_redemption.into(),
            per_customer: from.per_customer.into(),
            per_till: from.per_till.into(),
        }
    }
}

impl From<Caps> for m::Caps {
    fn from(from: Caps) -> m::Caps {
        m::Caps {
            per_redemption: from.per_redemption.into(),
            per_customer: from.per_customer.into(),
            per_till: from.per_till.into(),
        }
    }
}

impl From<&m::Policy> for Policy {
    fn from(from: &m::Policy) -> Policy {
        Policy {
            version: from.version,
            undo_minutes_max: from.undo_minutes_max,
            deadline_ms: from.deadline_ms,
            copy_hours: from.copy_hours.into(),
            status_hours: from.status_hours.into(),
            trust_hours: from.trust_hours.into(),
            policy_hours: from.policy_hours.into(),
            clock_minutes: from.clock_minutes.into(),
            not_covered: from.not_covered.into(),
            rules: Kinds {
                order: from.order.into(),
                coupon: from.coupon.into(),
                times_card: from.times_card.into(),
                member: from.member.into(),
            },
            home: from.home.into(),
            away: from.away.into(),
        }
    }
}

impl TryFrom<&Policy> for m::Policy {
    type Error = BadPolicy;

    fn try_from(from: &Policy) -> Result<m::Policy, BadPolicy> {
        let policy = m::Policy {
            version: from.version,
            order: from.rules.order.into(),
            coupon: from.rules.coupon.into(),
            times_card: from.rules.times_card.into(),
            member: from.rules.member.into(),
            home: from.home.into(),
            away: from.away.into(),
            copy_hours: from.copy_hours.into(),
            status_hours: from.status_hours.into(),
            trust_hours: from.trust_hours.into(),
            policy_hours: from.policy_hours.into(),
            clock_minutes: from.clock_minutes.into(),
            not_covered: from.not_covered.into(),
            undo_minutes_max: from.undo_minutes_max,
            deadline_ms: from.deadline_ms,
        };
        policy.check()?;
        Ok(policy)
    }
}

/// What a till goes by that was told `told`. A server that tells only the two oldest fields, or something that makes
/// no sense to this program, leaves the rest as the program came with it.
pub fn of_setup(told: &crate::api::Policy) -> m::Policy {
    match told.offline.as_deref().map(m::Policy::try_from) {
        Some(Ok(policy)) => policy,
        Some(Err(_)) | None => {
            let hours = i64::from(told.copy_age_hours_max);
            let came_with = m::Policy::default();
            let most = m::UpTo::This(hours);
            m::Policy {
                copy_hours: m::Ceiling { clerk: came_with.copy_hours.clerk.min(most), manager: most },
                undo_minutes_max: told.undo_minutes_max,
                ..came_with
            }
        }
    }
}

/// How a server tells `policy`, to new tills and to old ones.
pub fn to_setup(policy: &m::Policy) -> crate::api::Policy {
    let hours = match policy.copy_hours.clerk {
        m::UpTo::Never => 0,
        m::UpTo::This(hours) => u32::try_from(hours).unwrap_or(u32::MAX),
        m::UpTo::Always => u32::MAX,
    };
    crate::api::Policy {
        copy_age_hours_max: hours,
        undo_minutes_max: policy.undo_minutes_max,
        offline: Some(Box::new(policy.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_reads_back_and_what_is_left_out_is_as_the_program_came_with_it() {
        let policy = Policy::default();
        let text = serde_json::to_string(&policy).unwrap();
        assert_eq!(serde_json::from_str::<Policy>(&text).unwrap(), policy, "what was written can be read");
        let sparse = r#"{"version": 3, "not_covered": {"clerk": 2000, "manager": "always"}}"#;
        let read: Policy = serde_json::from_str(sparse).unwrap();
        let whole = m::Policy::try_from(&read).unwrap();
        let covered = m::Ceiling { clerk: m::UpTo::This(2_000), manager: m::UpTo::Always };
        assert_eq!((whole.version, whole.not_covered), (3, covered), "what is said is taken");
        assert_eq!(whole.away, m::Policy::default().away, "and the rest is not");
    }

    #[test]
    fn a_limit_is_a_number_or_one_of_two_words() {
        let wrong = r#"{"copy_hours": {"clerk": "sometimes", "manager": 24}}"#;
        let error = serde_json::from_str::<Policy>(wrong).unwrap_err().to_string();
        assert!(
            error.contains("sometimes") && error.contains("\"never\""),
            "it says what may stand: {error}"
        );
        for wrong in ["1.5", "true", "[]"] {
            let text = format!(r#"{{"copy_hours": {{"clerk": {wrong}, "manager": 24}}}}"#);
            assert!(serde_json::from_str::<Policy>(&text).is_err(), "{wrong} is none");
        }
    }

    #[test]
    fn an_older_server_and_an_older_till_understand_each_other() {
        let old: crate::api::Policy =
            serde_json::from_str(r#"{"copy_age_hours_max": 12, "undo_minutes_max": 5}"#).unwrap();
        let policy = of_setup(&old);
        assert_eq!(policy.copy_hours, m::Ceiling::of(12, 12), "the old limit counts for everybody");
        assert_eq!(policy.undo_minutes_max, 5, "and the old window");
        let told = to_setup(&m::Policy { version: 4, ..m::Policy::default() });
        assert_eq!(told.copy_age_hours_max, 16, "an old till has no manager to ask");
        assert_eq!(of_setup(&told).version, 4, "and a new one hears all of it");
    }

    #[test]
    fn a_policy_that_makes_no_sense_here_is_not_half_believed() {
        let mut told = to_setup(&m::Policy { version: 4, ..m::Policy::default() });
        let offline = told.offline.as_mut().unwrap();
        offline.away.per_till.fen = Ceiling { clerk: UpTo(m::UpTo::Always), manager: UpTo(m::UpTo::Never) };
        assert_eq!(of_setup(&told).away, m::Policy::default().away, "the program's own limits hold");
    }
}
