//! Cases as they are told: with all sides, the lines that prove them, and what was decided.

use sqlx::{AssertSqlSafe, Row};
use wire::case::{self, Case, CasesPage};
use wire::line::{self, Act, Begun};

use super::chain::{signed, unsigned};
use super::db::Conn;
use super::world::{self, CASE_COLUMNS, Second, Wanted};
use super::{BUCKET, Device, Store, StoreError, TENANT, settle};
use crate::intake::{Bounds, CaseRow, LineAt, Side};

/// How many cases one page has at most.
const PAGE_LENGTH_MAX: i64 = 100;

impl Store {
    /// Every case, the latest first.
    pub async fn cases(&self) -> Result<Vec<Case>, StoreError> {
        let sql =
            format!("SELECT {CASE_COLUMNS} FROM cases WHERE tenant = $1 ORDER BY opened_at DESC, case_id");
        let mut tx = self.reading().await?;
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(TENANT).fetch_all(&mut *tx).await?;
        let rows = rows.iter().map(world::case_row).collect::<Result<Vec<CaseRow>, StoreError>>()?;
        told(&mut tx, rows).await
    }

    /// The case of that name.
    pub async fn case(&self, name: &str) -> Result<Option<Case>, StoreError> {
        let sql = format!("SELECT {CASE_COLUMNS} FROM cases WHERE tenant = $1 AND case_id = $2");
        let mut tx = self.reading().await?;
        let row = sqlx::query(AssertSqlSafe(sql)).bind(TENANT).bind(name).fetch_optional(&mut *tx).await?;
        let Some(row) = row else { return Ok(None) };
        let row = world::case_row(&row)?;
        Ok(told(&mut tx, vec![row]).await?.pop())
    }

    /// The cases in which the till's store has a part and which changed after that number, each as it is now.
    pub async fn cases_page(&self, device: &Device, after: u64) -> Result<CasesPage, StoreError> {
        let feed = settle::case_feed(&device.store.id);
        let after = signed(after);
        let mut tx = self.reading().await?;
        let here = sqlx::query("SELECT seq FROM feeds WHERE tenant = $1 AND feed = $2")
            .bind(TENANT)
            .bind(&feed)
            .fetch_optional(&mut *tx)
            .await?;
        let here: i64 = here.map_or(Ok(0), |row| row.try_get("seq"))?;
        let columns = CASE_COLUMNS.replace("case_id", "c.case_id");
        let sql = format!(
            "SELECT e.seq, {columns} FROM case_entries e
             JOIN cases c ON c.tenant = e.tenant AND c.case_id = e.case_id
             WHERE e.tenant = $1 AND e.feed = $2 AND e.seq > $3 ORDER BY e.seq LIMIT $4"
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(TENANT)
            .bind(&feed)
            .bind(after)
            .bind(PAGE_LENGTH_MAX + 1)
            .fetch_all(&mut *tx)
            .await?;
        let more = rows.len() as i64 > PAGE_LENGTH_MAX;
        let (mut numbers, mut cases) = (Vec::new(), Vec::new());
        for row in rows.iter().take(PAGE_LENGTH_MAX as usize) {
            numbers.push(row.try_get::<i64, _>("seq")?);
            cases.push(world::case_row(row)?);
        }
        // A till that is ahead of this server learns so: the server was set back to an older state.
        let last = numbers.last().copied().unwrap_or(after.min(here));
        let cases = told(&mut tx, cases).await?;
        let entries = numbers.into_iter().zip(cases);
        let cases = entries.map(|(seq, case)| case::Entry { seq: unsigned(seq), case }).collect();
        Ok(CasesPage { last: unsigned(last), more, cases })
    }

    /// Gives up what is missing of a till's journal. Whatever comes of it later is taken in all the same, with a case.
    /// False if it was given up before.
    pub async fn write_off(&self, device: &Device, note: &str) -> Result<bool, StoreError> {
        let now = self.hands.now();
        self.write(|mut tx| async move {
            let row = sqlx::query(
                "UPDATE journals SET written_off_at = $3 WHERE tenant = $1 AND device = $2 AND written_off_at = 0
                   AND epoch = (SELECT d.epoch FROM devices d WHERE d.tenant = $1 AND d.device = $2)
                 RETURNING epoch, head",
            )
            .bind(TENANT)
            .bind(&device.id)
            .bind(now.0)
            .fetch_optional(&mut *tx)
            .await?;
            let Some(row) = row else { return Ok(false) };
            let (epoch, seq) = (unsigned(row.try_get("epoch")?), unsigned(row.try_get("head")?));
            let head = LineAt { epoch, seq, branch: None };
            let mut world = Wanted::default().read(&mut tx, device, now, Bounds::default()).await?;
            world.write_off(head, note);
            settle::write(&mut tx, world).await?;
            tx.commit().await?;
            self.tell_of_change();
            Ok(true)
        })
        .await
    }
}

/// The cases in the contract's words, in the order in which they came.
async fn told(tx: &mut Conn, rows: Vec<CaseRow>) -> Result<Vec<Case>, StoreError> {
    let order: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
    let mut cases = Vec::with_capacity(rows.len());
    for row in world::with_sides(tx, rows, true).await? {
        cases.push(tell(tx, row).await?);
    }
    cases.sort_by_key(|case| order.iter().position(|id| *id == case.case));
    Ok(cases)
}

async fn tell(tx: &mut Conn, row: CaseRow) -> Result<Case, StoreError> {
    let mut sides = Vec::with_capacity(row.sides.len());
    for side in row.sides {
        sides.push(tell_side(tx, side).await?);
    }
    let stands = row.decision.filter(|_| !row.open).map_or("", |decision| decision.code());
    // Of two that came in the same millisecond the one that stands came first.
    let decisions = sqlx::query(
        "SELECT decision, note, clerk, till, at FROM case_decisions WHERE tenant = $1 AND case_id = $2
         ORDER BY received_at, CASE WHEN decision = $3 THEN 0 ELSE 1 END, number",
    )
    .bind(TENANT)
    .bind(&row.id)
    .bind(stands)
    .fetch_all(tx)
    .await?;
    let decisions = decisions.iter().map(|row| {
        Ok(case::Decided {
            decision: row.try_get("decision")?,
            note: row.try_get("note")?,
            clerk: row.try_get("clerk")?,
            till: row.try_get("till")?,
            at: row.try_get("at")?,
        })
    });
    Ok(Case {
        case: row.id,
        class: row.class.code().to_owned(),
        reason: row.reason,
        state: if row.open { "open" } else { "resolved" }.to_owned(),
        opened_at: row.opened_at,
        changed_at: row.changed_at,
        entitlement: row.entitlement,
        title: row.title,
        value: row.value,
        sides,
        decisions: decisions.collect::<Result<_, sqlx::Error>>()?,
        stands: stands.to_owned(),
    })
}

async fn tell_side(tx: &mut Conn, side: Side) -> Result<case::Side, StoreError> {
    // What counted online is proved by its line once that has come.
    let at = match side.line {
        Some(at) => Some(at),
        None => line_of_number(tx, &side.number).await?,
    };
    let device = &side.who.device;
    let bytes = match at {
        Some(at) => line_bytes(tx, device, at).await?.map(|bytes| (at, bytes)),
        None => None,
    };
    let relied = match &bytes {
        Some((_, bytes)) => relied(tx, device, &side.number, bytes).await?,
        None => None,
    };
    Ok(case::Side {
        standing: side.standing.code().to_owned(),
        takes: side.takes,
        done: wire::entitlement::Circumstance {
            at: side.at,
            device: device.clone(),
            till: side.who.till,
            store: side.who.store.name,
            clerk: side.who.clerk,
        },
        store_id: side.who.store.id,
        not_before: side.not_before,
        received_at: side.received_at,
        line: bytes.map(|(at, bytes)| case::LineRef {
            device: side.who.device,
            epoch: at.epoch,
            seq: at.seq,
            hash: wire::codes::hex(&line::hash(&bytes)),
        }),
        relied,
        number: side.number,
    })
}

async fn line_of_number(tx: &mut Conn, number: &str) -> Result<Option<LineAt>, StoreError> {
    let row = sqlx::query(
        "SELECT line_epoch, line_seq, line_branch FROM redemptions WHERE tenant = $1 AND bucket = $2 AND number = $3",
    )
    .bind(TENANT)
    .bind(BUCKET)
    .bind(number)
    .fetch_optional(tx)
    .await?;
    row.map_or(Ok(None), |row| world::line_at(&row))
}

pub(super) async fn line_bytes(
    tx: &mut Conn,
    device: &str,
    at: LineAt,
) -> Result<Option<Vec<u8>>, StoreError> {
    let (of_journal, of_branch) = (
        "SELECT bytes FROM lines WHERE tenant = $1 AND device = $2 AND epoch = $3 AND seq = $4",
        "SELECT bytes FROM branches WHERE tenant = $1 AND device = $2 AND epoch = $3 AND seq = $4 AND hash = $5",
    );
    let query = sqlx::query(if at.branch.is_some() { of_branch } else { of_journal });
    let mut query = query.bind(TENANT).bind(device).bind(signed(at.epoch)).bind(signed(at.seq));
    if let Some(hash) = at.branch {
        query = query.bind(hash.to_vec());
    }
    let row = query.fetch_optional(tx).await?;
    Ok(row.map(|row| row.try_get("bytes")).transpose()?)
}

/// On what the till relied, by its own lines: told and decided in one, or the line Begun before the line Decided.
async fn relied(
    tx: &mut Conn,
    device: &str,
    number: &str,
    bytes: &[u8],
) -> Result<Option<case::Relied>, StoreError> {
    let Ok(Act::Decided(decided)) = line::peek(bytes).map(|line| line.act) else { return Ok(None) };
    let begun = match decided.begun {
        Some(begun) => Some(*begun),
        None => begun_of(tx, device, number).await?,
    };
    Ok(begun.map(|begun| case::Relied {
        basis: Some(decided.basis),
        version: begun.version,
        heard_at: begun.heard_at,
        source: begun.source,
        code_tail: begun.code_tail,
        clock: begun.clock,
        proof: begun.proof,
    }))
}

async fn begun_of(tx: &mut Conn, device: &str, number: &str) -> Result<Option<Begun>, StoreError> {
    let rows = world::rows_of(
        tx,
        "SELECT line_epoch, line_seq, line_branch FROM begun WHERE tenant = $1 AND device = $2 AND number IN (KEYS)",
        Second::Text(device),
        &[number.to_owned()],
    )
    .await?;
    let Some(at) = rows.first().map_or(Ok(None), world::line_at)? else { return Ok(None) };
    let Some(bytes) = line_bytes(tx, device, at).await? else { return Ok(None) };
    Ok(match line::peek(&bytes).map(|line| line.act) {
        Ok(Act::Begun(begun)) => Some(begun),
        _ => None,
    })
}
