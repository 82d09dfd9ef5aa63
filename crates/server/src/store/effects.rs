//! What a journal line does: the till has decided, and here it is counted, disputed, taken back, or only kept.
//!
//! A line tells of something that has happened. So it is judged at the moment of the deed (never later than this
//! server's now), and where it cannot be counted it becomes a case instead of being turned away.

use model::decide::Refusal;
use model::redemption::Number;
use model::time::UnixMs;
use model::verdict::Reason;
use sqlx::Row;
use wire::api::{SettledLine, Settlement};
use wire::entitlement as w;
use wire::line::{self, Act, Line, Outcome};

use super::cases::{self, Opening};
use super::chain::signed;
use super::db::{Conn, holdable};
use super::feeds::Touched;
use super::redemptions::{self, Asked, Counted, NumberRow, State};
use super::signed::Shown;
use super::undo::{self, Undo};
use super::{Device, StoreError, TENANT};
use crate::clock::Hands;

/// The note of a case that the till itself has put right.
const TAKEN_BACK: &str = "taken back at the till";

/// Applies the lines of one till within one transaction.
pub(super) struct Effects<'a> {
    pub(super) tx: &'a mut Conn,
    pub(super) hands: &'a Hands,
    pub(super) device: &'a Device,
    pub(super) now: UnixMs,
    pub(super) touched: &'a mut Touched,
}

/// What its line Begun said of a redemption.
struct Intent {
    number: Number,
    entitlement: String,
    title: String,
    takes: Vec<w::Take>,
    value: i64,
    at: i64,
    clerk: String,
    /// The moment of the rotating code that was shown; 0: none.
    moment: i64,
}

impl Effects<'_> {
    /// What the line leads to; nothing for lines that need no settlement.
    pub(super) async fn apply(&mut self, line: &Line) -> Result<Option<SettledLine>, StoreError> {
        let settled = |number: Number, settlement: Option<Settlement>| {
            settlement.map(|settlement| SettledLine { seq: line.seq, number: number.to_string(), settlement })
        };
        match &line.act {
            Act::Begun(begun) => {
                self.remember(line, begun).await?;
                Ok(None)
            }
            Act::Decided(decided) => {
                let Ok(number) = decided.number.parse() else { return Ok(None) };
                if let Some(begun) = &decided.begun {
                    self.remember(line, begun).await?;
                }
                let settlement = match decided.outcome {
                    Outcome::Accepted => Some(self.accepted(number, line.at).await?),
                    Outcome::Refused | Outcome::Held => self.not_handed_over(number).await?,
                };
                Ok(settled(number, settlement))
            }
            Act::Undone { number, of, clerk } => {
                let (Ok(number), Ok(of)) = (number.parse(), of.parse()) else { return Ok(None) };
                let settlement = self.undone(number, of, &holdable(&clerk.name), line.at).await?;
                Ok(settled(number, Some(settlement)))
            }
            Act::Opened { .. } | Act::Settled { .. } | Act::Refused(_) => Ok(None),
        }
    }

    async fn remember(&mut self, line: &Line, begun: &line::Begun) -> Result<(), StoreError> {
        let Ok(number) = begun.number.parse::<Number>() else { return Ok(()) };
        let takes: Vec<w::Take> = begun
            .takes
            .iter()
            .map(|take| w::Take { sku: take.sku.clone(), quantity: take.quantity })
            .collect();
        sqlx::query(
            "INSERT INTO begun (tenant, device, number, entitlement, title, takes, value, at, clerk, moment)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (tenant, device, number) DO NOTHING",
        )
        .bind(TENANT)
        .bind(&self.device.id)
        .bind(number.to_string())
        .bind(&*holdable(&begun.entitlement))
        .bind(&*holdable(&begun.title))
        .bind(serde_json::to_string(&takes)?)
        .bind(begun.value)
        .bind(line.at)
        .bind(&*holdable(&begun.clerk.name))
        .bind(begun.proof.as_ref().and_then(|proof| proof.moment).unwrap_or(0))
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// The till has handed the goods over.
    async fn accepted(&mut self, number: Number, at: i64) -> Result<Settlement, StoreError> {
        let row = redemptions::row_of(self.tx, number).await?;
        let foreign = row.as_ref().is_some_and(|row| row.device != self.device.id);
        match row.map(|row| row.state) {
            _ if foreign => self.unknown(number, "", at, Reason::NeverIssued).await,
            Some(State::Counted) => Ok(Settlement::AlreadyCounted),
            // The till itself had taken this number back.
            Some(State::Undone) => self.no_count(number, at, Reason::UndoneBefore).await,
            // Voided, and yet handed over: the till asked, never heard the answer, and went on under the number when
            // the customer came back. A void stops late requests; what the journal says has happened has happened.
            Some(State::Refused | State::Voided) | None => match self.intent(number).await? {
                Some(intent) => self.count(&intent, at).await,
                None => self.unknown(number, "", at, Reason::NeverIssued).await,
            },
        }
    }

    async fn count(&mut self, intent: &Intent, at: i64) -> Result<Settlement, StoreError> {
        let moment = UnixMs(at.min(self.now.0));
        let asked = Asked {
            number: intent.number,
            entitlement: &intent.entitlement,
            takes: &intent.takes,
            clerk: &intent.clerk,
            at,
            request: "",
            shown: if intent.moment == 0 { Shown::Nothing } else { Shown::Before(intent.moment) },
        };
        let counted =
            redemptions::decide_and_write(self.tx, self.device, &asked, moment, self.now, self.touched)
                .await?;
        match counted {
            Counted::Yes => Ok(Settlement::Confirmed),
            Counted::No(refusal) => self.open_case(intent, refusal).await,
        }
    }

    /// The till has handed nothing over. A late request may have counted it: then it is taken back. If none has
    /// come yet, none may count it later.
    async fn not_handed_over(&mut self, number: Number) -> Result<Option<Settlement>, StoreError> {
        match redemptions::row_of(self.tx, number).await? {
            None => {
                redemptions::void(self.tx, self.device, number, self.now).await?;
                Ok(None)
            }
            Some(row) if row.state == State::Counted && row.device == self.device.id => {
                self.take_back(&row, number, number, "").await?;
                Ok(Some(Settlement::Undone))
            }
            Some(_) => Ok(None),
        }
    }

    async fn undone(
        &mut self,
        number: Number,
        of: Number,
        clerk: &str,
        at: i64,
    ) -> Result<Settlement, StoreError> {
        let row = redemptions::row_of(self.tx, of).await?.filter(|row| row.device == self.device.id);
        match row {
            Some(row) if row.state == State::Counted => {
                self.take_back(&row, of, number, clerk).await?;
            }
            // It never counted, or no longer does: what was a case is none any more.
            Some(_) => {}
            None => return self.unknown(number, clerk, at, Reason::UndoUnknown).await,
        }
        cases::resolve(self.tx, of, TAKEN_BACK, self.now).await?;
        Ok(Settlement::Undone)
    }

    async fn take_back(
        &mut self,
        row: &NumberRow,
        of: Number,
        number: Number,
        clerk: &str,
    ) -> Result<(), StoreError> {
        let undo = Undo { of, number, clerk, now: self.now };
        undo::take_back(self.tx, row, &undo, self.touched).await
    }

    async fn intent(&mut self, number: Number) -> Result<Option<Intent>, StoreError> {
        let row = sqlx::query(
            "SELECT entitlement, title, takes, value, at, clerk, moment FROM begun
             WHERE tenant = $1 AND device = $2 AND number = $3",
        )
        .bind(TENANT)
        .bind(&self.device.id)
        .bind(number.to_string())
        .fetch_optional(&mut *self.tx)
        .await?;
        row.map(|row| {
            Ok(Intent {
                number,
                entitlement: row.try_get("entitlement")?,
                title: row.try_get("title")?,
                takes: serde_json::from_str(row.try_get("takes")?)?,
                value: row.try_get("value")?,
                at: row.try_get("at")?,
                clerk: row.try_get("clerk")?,
                moment: row.try_get("moment")?,
            })
        })
        .transpose()
    }

    async fn no_count(&mut self, number: Number, at: i64, reason: Reason) -> Result<Settlement, StoreError> {
        match self.intent(number).await? {
            Some(intent) => self.open_case(&intent, reason.into()).await,
            None => self.unknown(number, "", at, reason).await,
        }
    }

    /// A case about a redemption, or an undo, of which nothing more is known here.
    async fn unknown(
        &mut self,
        number: Number,
        clerk: &str,
        at: i64,
        reason: Reason,
    ) -> Result<Settlement, StoreError> {
        let intent = Intent {
            number,
            entitlement: String::new(),
            title: String::new(),
            takes: Vec::new(),
            value: 0,
            at,
            clerk: clerk.to_owned(),
            moment: 0,
        };
        self.open_case(&intent, reason.into()).await
    }

    async fn open_case(&mut self, intent: &Intent, refusal: Refusal) -> Result<Settlement, StoreError> {
        let Refusal { reason, earlier } = refusal;
        let taken = matches!(reason, Reason::Used | Reason::UsedHereJustNow | Reason::NotEnoughLeft);
        let winner = earlier.as_ref().filter(|_| taken).map(w::Use::from);
        let (title, value) = cases::title_and_value(self.tx, &intent.entitlement).await?;
        let opening = Opening {
            id: self.hands.name("case"),
            device: self.device,
            number: intent.number,
            reason,
            entitlement: &intent.entitlement,
            title: if title.is_empty() { &intent.title } else { &title },
            value: if title.is_empty() { intent.value } else { value },
            takes: &intent.takes,
            clerk: &intent.clerk,
            at: intent.at,
            winner: winner.as_ref(),
            now: self.now,
        };
        cases::open(self.tx, &opening).await?;
        let case = opening.id;
        Ok(match winner {
            Some(winner) => Settlement::Disputed { case, winner },
            None => Settlement::Refused { case, reason: reason.code().to_owned() },
        })
    }
}

/// How a line's act is called in the table.
pub(super) fn act_code(act: &Act) -> &'static str {
    match act {
        Act::Opened { .. } => "opened",
        Act::Begun(_) => "begun",
        Act::Decided(_) => "decided",
        Act::Refused(_) => "refused",
        Act::Settled { .. } => "settled",
        Act::Undone { .. } => "undone",
    }
}

/// Whether the line is the next of this very journal.
pub(super) fn continues(line: &Line, device: &Device, epoch: u64, seq: i64, head_hash: &[u8]) -> bool {
    line.device == device.id
        && line.epoch == epoch
        && signed(line.seq) == seq
        && line.prev.as_slice() == head_hash
}
