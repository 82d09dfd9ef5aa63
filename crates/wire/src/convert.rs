//! Between the contract's types and the model's values.

use model::case::Decision;
use model::decide::Refusal;
use model::entitlement as m;
use model::place::{Circumstance, DeviceId, StoreId};
use model::prove::Proof;
use model::redemption::{NotANumber, Number, Take};
use model::settlement::{CaseId, Fate, Settlement};
use model::time::{UnixMs, Window};
use model::verdict::Reason;

use crate::campaign::Campaign;
use crate::{api, entitlement as w, line};

/// Something came that is not in the contract.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotInContract {
    /// A redemption number of another form.
    #[error(transparent)]
    Number(#[from] NotANumber),
    /// A code that is in no list of this version.
    #[error("unknown reason code {0:?}")]
    Reason(String),
    /// A decision on a case that is in no list of this version.
    #[error("unknown decision {0:?}")]
    Decision(String),
}

impl From<&Take> for w::Take {
    fn from(take: &Take) -> w::Take {
        w::Take { sku: take.sku.clone(), quantity: take.quantity }
    }
}

impl From<&w::Take> for Take {
    fn from(take: &w::Take) -> Take {
        Take { sku: take.sku.clone(), quantity: take.quantity }
    }
}

impl From<&Circumstance> for w::Circumstance {
    fn from(done: &Circumstance) -> w::Circumstance {
        w::Circumstance {
            at: done.at.0,
            device: done.device.0.clone(),
            till: done.till.clone(),
            store: done.store.clone(),
            clerk: done.clerk.clone(),
        }
    }
}

impl From<&w::Circumstance> for Circumstance {
    fn from(done: &w::Circumstance) -> Circumstance {
        Circumstance {
            at: UnixMs(done.at),
            device: DeviceId(done.device.clone()),
            till: done.till.clone(),
            store: done.store.clone(),
            clerk: done.clerk.clone(),
        }
    }
}

impl From<&m::Use> for w::Use {
    fn from(use_: &m::Use) -> w::Use {
        w::Use {
            number: use_.number.to_string(),
            takes: use_.takes.iter().map(Into::into).collect(),
            done: (&use_.done).into(),
        }
    }
}

impl TryFrom<&w::Use> for m::Use {
    type Error = NotInContract;

    fn try_from(use_: &w::Use) -> Result<m::Use, NotInContract> {
        Ok(m::Use {
            number: use_.number.parse()?,
            takes: use_.takes.iter().map(Into::into).collect(),
            done: (&use_.done).into(),
        })
    }
}

impl From<w::Standing> for m::Standing {
    fn from(standing: w::Standing) -> m::Standing {
        match standing {
            w::Standing::Good => m::Standing::Good,
            w::Standing::Refunded => m::Standing::Refunded,
            w::Standing::RefundPending => m::Standing::RefundPending,
            w::Standing::Cancelled => m::Standing::Cancelled,
            w::Standing::Frozen => m::Standing::Frozen,
        }
    }
}

impl From<&w::Kind> for m::Kind {
    fn from(kind: &w::Kind) -> m::Kind {
        match kind {
            w::Kind::Order => m::Kind::Order,
            w::Kind::AmountOff { fen } => m::Kind::Coupon(m::Benefit::AmountOff(m::Fen(*fen))),
            w::Kind::PercentOff { percent } => m::Kind::Coupon(m::Benefit::PercentOff(*percent)),
            w::Kind::Exchange { goods } => m::Kind::Coupon(m::Benefit::Exchange { goods: goods.clone() }),
            w::Kind::TimesCard => m::Kind::TimesCard,
            w::Kind::Member { tier, points, balance } => m::Kind::Member(m::Membership {
                tier: tier.clone(),
                points: *points,
                balance: m::Fen(*balance),
            }),
        }
    }
}

impl From<&Proof> for line::Proof {
    fn from(proof: &Proof) -> line::Proof {
        line::Proof {
            kid: crate::codes::hex(&proof.kid.0),
            trust: proof.trust,
            status: proof.status,
            moment: proof.moment.map(|moment| moment.0),
        }
    }
}

impl From<&Campaign> for model::campaign::Campaign {
    fn from(told: &Campaign) -> model::campaign::Campaign {
        model::campaign::Campaign {
            number: told.campaign,
            title: told.title.clone(),
            kind: (&told.kind).into(),
            lines: told.lines.iter().map(line_of).collect(),
            window: Window { from: told.valid_from.map(UnixMs), until: told.valid_until.map(UnixMs) },
            stores: stores(told.stores.as_deref()),
            spend_min: m::Fen(told.spend_min),
            notes: told.notes.clone(),
            complete: told.complete,
        }
    }
}

fn line_of(told: &w::Line) -> m::Line {
    m::Line {
        sku: told.sku.clone(),
        name: told.name.clone(),
        variant: told.variant.clone(),
        shelf: told.shelf.clone(),
        quantity: told.quantity,
    }
}

fn stores(stores: Option<&[w::Store]>) -> m::Stores {
    stores.map_or(m::Stores::Any, |stores| {
        m::Stores::Only(stores.iter().map(|store| (StoreId(store.id.clone()), store.name.clone())).collect())
    })
}

impl TryFrom<&w::Entitlement> for m::Entitlement {
    type Error = NotInContract;

    fn try_from(told: &w::Entitlement) -> Result<m::Entitlement, NotInContract> {
        Ok(m::Entitlement {
            id: m::EntitlementId(told.id.clone()),
            version: told.version,
            title: told.title.clone(),
            kind: (&told.kind).into(),
            lines: told.lines.iter().map(line_of).collect(),
            standing: told.standing.into(),
            window: Window { from: told.valid_from.map(UnixMs), until: told.valid_until.map(UnixMs) },
            stores: stores(told.stores.as_deref()),
            spend_min: m::Fen(told.spend_min),
            value: m::Fen(told.value),
            holder: told.holder.clone(),
            code_tail: told.code_tail.clone(),
            notes: told.notes.clone(),
            uses: told.uses.iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            member: told.member.clone().map(m::EntitlementId),
        })
    }
}

impl From<&Refusal> for api::Redeemed {
    fn from(refusal: &Refusal) -> api::Redeemed {
        api::Redeemed::Refused {
            reason: refusal.reason.code().to_owned(),
            earlier: refusal.earlier.as_ref().map(Into::into),
        }
    }
}

impl From<line::Decision> for Decision {
    fn from(told: line::Decision) -> Decision {
        match told {
            line::Decision::Recovered => Decision::Recovered,
            line::Decision::WrittenOff => Decision::WrittenOff,
            line::Decision::Paid => Decision::Paid,
            line::Decision::CustomerCharged => Decision::CustomerCharged,
            line::Decision::NoFault => Decision::NoFault,
        }
    }
}

/// The reason of that code, or an error that names the code.
pub fn reason(code: &str) -> Result<Reason, NotInContract> {
    Reason::of_code(code).ok_or_else(|| NotInContract::Reason(code.to_owned()))
}

impl TryFrom<&api::Fate> for Fate {
    type Error = NotInContract;

    fn try_from(fate: &api::Fate) -> Result<Fate, NotInContract> {
        Ok(match fate {
            api::Fate::Counted(done) => Fate::Counted(done.into()),
            api::Fate::Voided => Fate::Voided,
        })
    }
}

impl From<&Settlement> for api::Settlement {
    fn from(settlement: &Settlement) -> api::Settlement {
        match settlement {
            Settlement::Confirmed => api::Settlement::Confirmed,
            Settlement::AlreadyCounted => api::Settlement::AlreadyCounted,
            Settlement::Disputed { case, winner } => {
                api::Settlement::Disputed { case: case.0.clone(), winner: winner.into() }
            }
            Settlement::Refused { case, reason } => {
                api::Settlement::Refused { case: case.0.clone(), reason: reason.code().to_owned() }
            }
            Settlement::Undone => api::Settlement::Undone,
            Settlement::Voided => api::Settlement::Voided,
            Settlement::Resolved => api::Settlement::Resolved,
            Settlement::ResolvedBefore { decision } => {
                api::Settlement::ResolvedBefore { decision: decision.code().to_owned() }
            }
            Settlement::CaseUnknown => api::Settlement::CaseUnknown,
        }
    }
}

impl TryFrom<&api::Settlement> for Settlement {
    type Error = NotInContract;

    fn try_from(told: &api::Settlement) -> Result<Settlement, NotInContract> {
        Ok(match told {
            api::Settlement::Confirmed => Settlement::Confirmed,
            api::Settlement::AlreadyCounted => Settlement::AlreadyCounted,
            api::Settlement::Disputed { case, winner } => {
                Settlement::Disputed { case: CaseId(case.clone()), winner: winner.try_into()? }
            }
            api::Settlement::Refused { case, reason: code } => {
                Settlement::Refused { case: CaseId(case.clone()), reason: reason(code)? }
            }
            api::Settlement::Undone => Settlement::Undone,
            api::Settlement::Voided => Settlement::Voided,
            api::Settlement::Resolved => Settlement::Resolved,
            api::Settlement::ResolvedBefore { decision: code } => {
                let decision =
                    Decision::of_code(code).ok_or_else(|| NotInContract::Decision(code.clone()))?;
                Settlement::ResolvedBefore { decision }
            }
            api::Settlement::CaseUnknown => Settlement::CaseUnknown,
        })
    }
}

/// A number as it stands in a path or a body.
pub fn number(text: &str) -> Result<Number, NotInContract> {
    Ok(text.parse()?)
}

impl line::Basis {
    /// The basis with who let it pass and why, where that was a manager.
    pub fn of(basis: model::verdict::Basis, yes: Option<(&line::Person, &str)>) -> line::Basis {
        use model::verdict::Basis;
        match basis {
            Basis::Server => line::Basis::Server,
            Basis::Copy { as_of, silence } => {
                line::Basis::Copy { as_of: as_of.0, silence: silence.code().into() }
            }
            Basis::Signature { as_of, silence } => {
                line::Basis::Signature { as_of: as_of.0, silence: silence.code().into() }
            }
            Basis::Override { as_of, silence } => {
                let nobody = line::Person { id: String::new(), name: String::new() };
                let (by, why) = yes.map_or((nobody, String::new()), |(by, why)| (by.clone(), why.to_owned()));
                line::Basis::Override { by, why, as_of: as_of.0, silence: silence.code().into() }
            }
        }
    }
}
