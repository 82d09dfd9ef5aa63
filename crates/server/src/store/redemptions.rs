//! Redemptions: who was first is decided here, by one conditional write for each line that is taken.
//!
//! Every number that the server was asked about has one row, whatever the answer, so that the same number gets the
//! same answer. A number that was voided, refused or taken back never counts again through a late request;
//! only the till's own journal can say that its goods went out all the same.

use model::decide::{self, Known, Origin, Refusal};
use model::place::{DeviceId, Place, StoreId};
use model::redemption::{Number, Take};
use model::time::UnixMs;
use model::verdict::Reason;
use sqlx::{Connection, Row};
use wire::api::{Fate, Redeem, Redeemed};
use wire::entitlement as w;

use super::db::{Conn, DbRow};
use super::feeds::Touched;
use super::signed::Shown;
use super::{BUCKET, Device, Store, StoreError, TENANT, entitlements, signed};

/// What became of an online request.
pub enum Online {
    /// This is the answer, as JSON, the same for every repeat.
    Answer(String),
    /// The number was voided: it never happened and never will.
    Voided,
    /// The number was used for something else.
    NumberReused,
}

/// What is asked to be counted.
pub(super) struct Asked<'a> {
    pub(super) number: Number,
    pub(super) entitlement: &'a str,
    pub(super) takes: &'a [w::Take],
    pub(super) clerk: &'a str,
    /// By the till's clock.
    pub(super) at: i64,
    /// The online request as JSON, empty if a journal line asks.
    pub(super) request: &'a str,
    /// The moment of the rotating code that was shown.
    pub(super) shown: Shown,
}

/// What stands in the row of a number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Counted,
    Refused,
    Voided,
    Undone,
}

impl State {
    fn code(self) -> &'static str {
        match self {
            State::Counted => "counted",
            State::Refused => "refused",
            State::Voided => "voided",
            State::Undone => "undone",
        }
    }

    fn of(code: &str) -> Result<State, StoreError> {
        [State::Counted, State::Refused, State::Voided, State::Undone]
            .into_iter()
            .find(|state| state.code() == code)
            .ok_or_else(|| StoreError::Data(format!("a redemption that is {code:?}")))
    }
}

/// The row of a number.
pub(super) struct NumberRow {
    pub(super) state: State,
    pub(super) entitlement: String,
    pub(super) device: String,
    pub(super) told: w::Use,
    request: String,
    answer: String,
}

/// One redemption, for the list.
#[derive(Clone, Debug, serde::Serialize)]
pub struct RedemptionRow {
    /// Its number.
    pub number: String,
    /// Of what.
    pub entitlement: String,
    /// In the merchant's words.
    pub title: String,
    /// The last characters of its code.
    pub code_tail: String,
    /// So much of it.
    pub takes: Vec<w::Take>,
    /// By the till's clock (ms since 1970).
    pub at: i64,
    /// By the server's clock (ms since 1970).
    pub received_at: i64,
    /// The store's name.
    pub store: String,
    /// The till's name.
    pub till: String,
    /// The clerk's name.
    pub clerk: String,
    /// Whether it was taken back.
    pub undone: bool,
}

/// Something that was taken before this server was asked, for a demo chain's past.
pub struct CountedBefore<'a> {
    /// Of what.
    pub entitlement: &'a str,
    /// So much of it.
    pub takes: Vec<w::Take>,
    /// By whom.
    pub clerk: &'a str,
    /// When.
    pub at: UnixMs,
}

/// Whether it was counted.
#[derive(Debug)]
pub enum Counted {
    /// It counts.
    Yes,
    /// It does not.
    No(Refusal),
}

impl Store {
    /// Counts a redemption online, or says why not. Repeats of the number get the stored answer.
    pub async fn redeem(
        &self,
        device: &Device,
        number: Number,
        asked: &Redeem,
    ) -> Result<Online, StoreError> {
        let request = serde_json::to_string(asked)?;
        let now = self.hands.now();
        let mut tx = self.writing().await?;
        if let Some(row) = row_of(&mut tx, number).await? {
            return Ok(repeat(row, device, asked, &request));
        }
        let asked = Asked {
            number,
            entitlement: &asked.entitlement,
            takes: &asked.takes,
            clerk: &asked.clerk,
            at: asked.at,
            request: &request,
            shown: asked.moment.map_or(Shown::Nothing, Shown::Now),
        };
        let mut touched = Touched::default();
        let counted = decide_and_write(&mut tx, device, &asked, now, now, &mut touched).await?;
        touched.tell(&mut tx).await?;
        tx.commit().await?;
        if !touched.is_empty() {
            self.tell_of_change();
        }
        Ok(Online::Answer(answer_of(&counted)?))
    }

    /// Says what became of a number. If it was not counted it is voided, so that a late copy of its request can do
    /// nothing.
    pub async fn ask(&self, device: &Device, number: Number) -> Result<Fate, StoreError> {
        let mut tx = self.writing().await?;
        let fate = match row_of(&mut tx, number).await? {
            Some(row) if row.state == State::Counted => Fate::Counted(row.told.done),
            Some(_) => Fate::Voided,
            None => {
                void(&mut tx, device, number, self.hands.now()).await?;
                Fate::Voided
            }
        };
        tx.commit().await?;
        Ok(fate)
    }

    /// What was counted, the latest first: of one store or all, received since then.
    pub async fn redemptions(
        &self,
        store: Option<&str>,
        since: UnixMs,
    ) -> Result<Vec<RedemptionRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT r.number, r.entitlement, e.title, c.tail, r.takes, r.at, r.received_at, r.store_name, r.till,
                    r.clerk, r.state
             FROM redemptions r
             JOIN entitlements e ON e.tenant = r.tenant AND e.bucket = r.bucket AND e.entitlement = r.entitlement
             JOIN codes c ON c.tenant = r.tenant AND c.bucket = r.bucket AND c.entitlement = r.entitlement
             WHERE r.tenant = $1 AND r.received_at >= $2 AND r.state IN ('counted', 'undone')
               AND ($3 = '' OR r.store = $3)
             ORDER BY r.received_at DESC, r.number DESC",
        )
        .bind(TENANT)
        .bind(since.0)
        .bind(store.unwrap_or(""))
        .fetch_all(&self.read)
        .await?;
        rows.iter().map(listed).collect()
    }

    /// Counts something that was taken in the past.
    pub async fn count_before(
        &self,
        device: &Device,
        before: &CountedBefore<'_>,
    ) -> Result<Counted, StoreError> {
        let asked = Asked {
            number: Number::new(before.at, self.hands.random()),
            entitlement: before.entitlement,
            takes: &before.takes,
            clerk: before.clerk,
            at: before.at.0,
            request: "",
            shown: Shown::Nothing,
        };
        let mut tx = self.writing().await?;
        let mut touched = Touched::default();
        let counted = decide_and_write(&mut tx, device, &asked, before.at, before.at, &mut touched).await?;
        touched.tell(&mut tx).await?;
        tx.commit().await?;
        self.tell_of_change();
        Ok(counted)
    }
}

/// A number that has a row gets what stands in the row, if it is asked for the same thing.
fn repeat(row: NumberRow, device: &Device, asked: &Redeem, request: &str) -> Online {
    let same = if row.request.is_empty() {
        row.entitlement == asked.entitlement && row.told.takes == asked.takes
    } else {
        row.request == request
    };
    match row.state {
        State::Voided => Online::Voided,
        _ if row.device != device.id || !same => Online::NumberReused,
        State::Counted | State::Refused | State::Undone => Online::Answer(row.answer),
    }
}

/// Decides at `moment` whether it counts, and writes the number's row with the answer, received at `now`.
pub(super) async fn decide_and_write(
    tx: &mut Conn,
    device: &Device,
    asked: &Asked<'_>,
    moment: UnixMs,
    now: UnixMs,
    touched: &mut Touched,
) -> Result<Counted, StoreError> {
    let counted = count(tx, device, asked, moment).await?;
    let state = match counted {
        Counted::Yes => {
            touched.add(asked.entitlement);
            State::Counted
        }
        Counted::No(_) => State::Refused,
    };
    write_row(tx, device, asked, state, &answer_of(&counted)?, now).await?;
    Ok(counted)
}

/// The conditional write. What was read in this transaction names the reason; the write decides.
async fn count(
    tx: &mut Conn,
    device: &Device,
    asked: &Asked<'_>,
    moment: UnixMs,
) -> Result<Counted, StoreError> {
    let Some(held) = entitlements::one(tx, asked.entitlement).await? else {
        return Ok(Counted::No(Reason::NeverIssued.into()));
    };
    let known = Known {
        entitlement: (&held.entitlement).try_into()?,
        heard_at: moment,
        origin: Origin::Server,
        mine: Vec::new(),
        undone: Default::default(),
    };
    let place = Place { store: StoreId(device.store.id.clone()), device: DeviceId(device.id.clone()) };
    let takes: Vec<Take> = asked.takes.iter().map(Into::into).collect();
    if let Some(refusal) = decide::refusal(&known, &takes, &place, moment) {
        return Ok(Counted::No(refusal));
    }
    let mut part = tx.begin().await?;
    if !signed::note_moment(&mut part, asked.entitlement, asked.shown).await? {
        part.rollback().await?;
        return Ok(Counted::No(Reason::CodeSeen.into()));
    }
    if write_takes(&mut part, asked, moment).await? {
        part.commit().await?;
        return Ok(Counted::Yes);
    }
    part.rollback().await?;
    tracing::warn!(entitlement = asked.entitlement, "the write found less than the look before it");
    Ok(Counted::No(Refusal { reason: Reason::NotEnoughLeft, earlier: known.last_use().cloned() }))
}

/// Whether every line had enough left and the entitlement still stood.
async fn write_takes(tx: &mut Conn, asked: &Asked<'_>, moment: UnixMs) -> Result<bool, StoreError> {
    let standing = sqlx::query(
        "UPDATE entitlements SET version = version + 1
         WHERE tenant = $1 AND bucket = $2 AND entitlement = $3 AND standing = 'good'
           AND valid_from <= $4 AND valid_until >= $4",
    )
    .bind(TENANT)
    .bind(BUCKET)
    .bind(asked.entitlement)
    .bind(moment.0)
    .execute(&mut *tx)
    .await?;
    if standing.rows_affected() != 1 {
        return Ok(false);
    }
    for take in asked.takes {
        let line = sqlx::query(
            "UPDATE entitlement_lines SET taken = taken + $5
             WHERE tenant = $1 AND bucket = $2 AND entitlement = $3 AND sku = $4 AND taken + $5 <= quantity",
        )
        .bind(TENANT)
        .bind(BUCKET)
        .bind(asked.entitlement)
        .bind(&take.sku)
        .bind(i64::from(take.quantity))
        .execute(&mut *tx)
        .await?;
        if line.rows_affected() != 1 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Writes the row of a number. A number that was refused online and is now brought by its line is written anew,
/// but keeps the answer that was given.
async fn write_row(
    tx: &mut Conn,
    device: &Device,
    asked: &Asked<'_>,
    state: State,
    answer: &str,
    now: UnixMs,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO redemptions (tenant, bucket, number, state, entitlement, takes, at, received_at, device, till,
                                  store, store_name, clerk, request, answer, undo, undone_at, undone_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, '', 0, '')
         ON CONFLICT (tenant, bucket, number) DO UPDATE
             SET state = excluded.state, entitlement = excluded.entitlement, takes = excluded.takes,
                 at = excluded.at, received_at = excluded.received_at, clerk = excluded.clerk,
                 answer = CASE redemptions.state WHEN 'voided' THEN excluded.answer ELSE redemptions.answer END
             WHERE redemptions.state IN ('refused', 'voided')",
    )
    .bind(TENANT)
    .bind(BUCKET)
    .bind(asked.number.to_string())
    .bind(state.code())
    .bind(asked.entitlement)
    .bind(serde_json::to_string(asked.takes)?)
    .bind(asked.at)
    .bind(now.0)
    .bind(&device.id)
    .bind(&device.till)
    .bind(&device.store.id)
    .bind(&device.store.name)
    .bind(asked.clerk)
    .bind(asked.request)
    .bind(answer)
    .execute(tx)
    .await?;
    Ok(())
}

/// Voids a number that has no row yet.
pub(super) async fn void(
    tx: &mut Conn,
    device: &Device,
    number: Number,
    now: UnixMs,
) -> Result<(), StoreError> {
    let nothing = Asked {
        number,
        entitlement: "",
        takes: &[],
        clerk: "",
        at: now.0,
        request: "",
        shown: Shown::Nothing,
    };
    write_row(tx, device, &nothing, State::Voided, "", now).await
}

/// The row of a number, if it has one.
pub(super) async fn row_of(tx: &mut Conn, number: Number) -> Result<Option<NumberRow>, StoreError> {
    let row = sqlx::query(
        "SELECT number, state, entitlement, takes, at, device, till, store_name, clerk, request, answer
         FROM redemptions WHERE tenant = $1 AND bucket = $2 AND number = $3",
    )
    .bind(TENANT)
    .bind(BUCKET)
    .bind(number.to_string())
    .fetch_optional(tx)
    .await?;
    row.map(|row| {
        Ok(NumberRow {
            state: State::of(row.try_get("state")?)?,
            entitlement: row.try_get("entitlement")?,
            device: row.try_get("device")?,
            told: entitlements::use_of(&row)?,
            request: row.try_get("request")?,
            answer: row.try_get("answer")?,
        })
    })
    .transpose()
}

fn answer_of(counted: &Counted) -> Result<String, StoreError> {
    let answer = match counted {
        Counted::Yes => Redeemed::Counted,
        Counted::No(refusal) => refusal.into(),
    };
    Ok(serde_json::to_string(&answer)?)
}

fn listed(row: &DbRow) -> Result<RedemptionRow, StoreError> {
    Ok(RedemptionRow {
        number: row.try_get("number")?,
        entitlement: row.try_get("entitlement")?,
        title: row.try_get("title")?,
        code_tail: row.try_get("tail")?,
        takes: serde_json::from_str(row.try_get("takes")?)?,
        at: row.try_get("at")?,
        received_at: row.try_get("received_at")?,
        store: row.try_get("store_name")?,
        till: row.try_get("till")?,
        clerk: row.try_get("clerk")?,
        undone: State::of(row.try_get("state")?)? == State::Undone,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::real;
    use crate::store::NewEntitlement;

    /// The look before the write names reasons; this is what decides if the look should ever be wrong.
    #[tokio::test]
    async fn the_write_itself_takes_no_more_than_there_is() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), real::hands()).await.unwrap();
        let line = w::Line {
            sku: "a".into(),
            name: "a".into(),
            variant: String::new(),
            shelf: String::new(),
            quantity: 3,
        };
        let new = NewEntitlement {
            kind: w::Kind::Order,
            title: String::new(),
            lines: vec![line],
            standing: w::Standing::Good,
            valid_from: Some(1_000),
            valid_until: Some(2_000),
            stores: None,
            spend_min: 0,
            value: 0,
            holder: String::new(),
            notes: Vec::new(),
            member: None,
        };
        let issued = store.issue(&[new]).await.unwrap();
        let mut tx = store.writing().await.unwrap();
        for (quantity, moment, expected, why) in [
            (2, 1_500, true, "two of three"),
            (2, 1_500, false, "two of one"),
            (1, 999, false, "before its time"),
            (1, 2_001, false, "after its time"),
            (1, 2_000, true, "the last one in the last moment"),
            (1, 1_500, false, "none is left"),
        ] {
            let takes = [w::Take { sku: "a".into(), quantity }];
            let number = store.hands().number();
            let asked = Asked {
                number,
                entitlement: &issued[0].id,
                takes: &takes,
                clerk: "",
                at: 0,
                request: "",
                shown: Shown::Nothing,
            };
            let written = write_takes(&mut tx, &asked, UnixMs(moment)).await.unwrap();
            assert_eq!(written, expected, "{why}");
        }
        sqlx::query("UPDATE entitlements SET standing = 'refunded'").execute(&mut *tx).await.unwrap();
        sqlx::query("UPDATE entitlement_lines SET taken = 0").execute(&mut *tx).await.unwrap();
        let takes = [w::Take { sku: "a".into(), quantity: 1 }];
        let number = store.hands().number();
        let asked = Asked {
            number,
            entitlement: &issued[0].id,
            takes: &takes,
            clerk: "",
            at: 0,
            request: "",
            shown: Shown::Nothing,
        };
        assert!(
            !write_takes(&mut tx, &asked, UnixMs(1_500)).await.unwrap(),
            "refunded, however much is left"
        );
    }
}
