//! The one writer: what lines and requests have changed goes into the database, on condition that it still says what
//! was read.
//!
//! Each kind of change is one statement for many rows. How many rows it met is compared with how many it was meant
//! for; where they differ the whole transaction is given up and tried again, so that there is never a silent half.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::Row;

use super::chain::signed;
use super::db::Conn;
use super::feeds::Touched;
use super::many::{Statement, of_bucket, run};
use super::world::state_code;
use super::{Device, StoreError, TENANT};
use crate::intake::{
    CaseRow, Changes, DecisionRow, Intent, LineAt, Moment, NumberChange, NumberRow, Side, TakenChange,
    VersionChange, World,
};

/// Writes what has changed. Whether there is news for anybody who waits.
pub(super) async fn write(tx: &mut Conn, world: World) -> Result<bool, StoreError> {
    let (device, now) = (world.device.clone(), world.now.0);
    let changes = world.into_changes();
    write_numbers(tx, &device, now, &changes.numbers).await?;
    write_intents(tx, &device, &changes.intents).await?;
    write_taken(tx, &changes.taken).await?;
    write_versions(tx, &changes.versions).await?;
    write_moments(tx, &changes.moments).await?;
    write_cases(tx, &changes).await?;
    let mut touched = Touched::default();
    changes.touched.iter().for_each(|entitlement| touched.add(entitlement));
    touched.tell(tx).await?;
    Ok(!touched.is_empty() || !changes.cases.is_empty())
}

/// As many rows as were meant, or the transaction has to begin anew.
fn all(met: u64, meant: usize, what: &'static str) -> Result<(), StoreError> {
    if met == meant as u64 { Ok(()) } else { Err(StoreError::Moved(what)) }
}

async fn write_numbers(
    tx: &mut Conn,
    device: &Device,
    now: i64,
    changes: &[NumberChange],
) -> Result<(), StoreError> {
    let (old, new): (Vec<&NumberChange>, Vec<&NumberChange>) =
        changes.iter().partition(|change| change.before.is_some());
    let (device, till, store) = (device.id.clone(), device.till.clone(), device.store.clone());
    let met = run(
        tx,
        "INSERT INTO redemptions (tenant, bucket, device, till, store, store_name, received_at, number, state,
                                  entitlement, takes, taken_back, at, clerk, request, answer, undo, undone_at,
                                  undone_by, line_epoch, line_seq, line_branch, handed_over_at)
         VALUES ROWS ON CONFLICT (tenant, bucket, number) DO NOTHING",
        (7, 16),
        &new,
        |query| {
            of_bucket(query)
                .bind(device.clone())
                .bind(till.clone())
                .bind(store.id.clone())
                .bind(store.name.clone())
                .bind(now)
        },
        |query, change| {
            let row = &change.row;
            let query = query.bind(row.number.to_string()).bind(state_code(row.state));
            bind_number(query, row, |query| query.bind(&row.request).bind(&row.answer))
        },
    )
    .await?;
    all(met, new.len(), "a number that had no row")?;
    let met = run(
        tx,
        "WITH v (tenant, bucket, number, was, state, received_at, entitlement, takes, taken_back, at, clerk, answer,
                 undo, undone_at, undone_by, line_epoch, line_seq, line_branch, handed_over_at) AS (VALUES ROWS)
         UPDATE redemptions
         SET state = v.state, received_at = v.received_at, entitlement = v.entitlement, takes = v.takes,
             taken_back = v.taken_back, at = v.at, clerk = v.clerk, answer = v.answer, undo = v.undo,
             undone_at = v.undone_at, undone_by = v.undone_by, line_epoch = v.line_epoch, line_seq = v.line_seq,
             line_branch = v.line_branch, handed_over_at = v.handed_over_at
         FROM v WHERE redemptions.tenant = v.tenant AND redemptions.bucket = v.bucket
           AND redemptions.number = v.number AND redemptions.state = v.was",
        (2, 17),
        &old,
        of_bucket,
        |query, change| {
            let row = &change.row;
            let query = query
                .bind(row.number.to_string())
                .bind(change.before.map(state_code).unwrap_or_default())
                .bind(state_code(row.state))
                .bind(row.received_at);
            bind_number(query, row, |query| query.bind(&row.answer))
        },
    )
    .await?;
    all(met, old.len(), "the row of a number")
}

/// The columns of a number from its entitlement on; `answer` binds what was asked and answered.
fn bind_number<'q>(
    query: Statement<'q>,
    row: &'q NumberRow,
    answer: impl FnOnce(Statement<'q>) -> Statement<'q>,
) -> Result<Statement<'q>, StoreError> {
    let query = query
        .bind(&row.entitlement)
        .bind(serde_json::to_string(&row.takes)?)
        .bind(serde_json::to_string(&row.taken_back)?)
        .bind(row.at)
        .bind(&row.who.clerk);
    let query = answer(query).bind(&row.undo).bind(row.undone_at).bind(&row.undone_by);
    let query = bind_line(query, row.handed_over.map(|handed_over| handed_over.line));
    Ok(query.bind(row.handed_over.map_or(0, |handed_over| handed_over.at)))
}

fn bind_line(query: Statement<'_>, line: Option<LineAt>) -> Statement<'_> {
    let LineAt { epoch, seq, branch } = line.unwrap_or(LineAt::NONE);
    let branch = branch.map(|hash| wire::codes::hex(&hash)).unwrap_or_default();
    query.bind(signed(epoch)).bind(signed(seq)).bind(branch)
}

async fn write_intents(tx: &mut Conn, device: &Device, intents: &[Intent]) -> Result<(), StoreError> {
    run(
        tx,
        "INSERT INTO begun (tenant, device, number, entitlement, title, takes, value, at, clerk, moment, line_epoch,
                            line_seq, line_branch)
         VALUES ROWS ON CONFLICT (tenant, device, number) DO NOTHING",
        (2, 11),
        intents,
        |query| query.bind(TENANT).bind(device.id.clone()),
        |query, intent| {
            let query = query
                .bind(intent.number.to_string())
                .bind(&intent.entitlement)
                .bind(&intent.title)
                .bind(serde_json::to_string(&intent.takes)?)
                .bind(intent.value)
                .bind(intent.at)
                .bind(&intent.clerk)
                .bind(intent.moment);
            Ok(bind_line(query, Some(intent.line)))
        },
    )
    .await
    .map(|_| ())
}

async fn write_taken(tx: &mut Conn, changes: &[TakenChange]) -> Result<(), StoreError> {
    let met = run(
        tx,
        "WITH v (tenant, bucket, entitlement, sku, was, more) AS (VALUES ROWS)
         UPDATE entitlement_lines SET taken = taken + v.more
         FROM v WHERE entitlement_lines.tenant = v.tenant AND entitlement_lines.bucket = v.bucket
           AND entitlement_lines.entitlement = v.entitlement AND entitlement_lines.sku = v.sku
           AND taken = v.was AND taken + v.more <= quantity",
        (2, 4),
        changes,
        of_bucket,
        |query, change| {
            Ok(query.bind(&change.entitlement).bind(&change.sku).bind(change.before).bind(change.more))
        },
    )
    .await?;
    all(met, changes.len(), "what was taken of an entitlement")
}

async fn write_versions(tx: &mut Conn, changes: &[VersionChange]) -> Result<(), StoreError> {
    let met = run(
        tx,
        "WITH v (tenant, bucket, entitlement, was, more) AS (VALUES ROWS)
         UPDATE entitlements SET version = version + v.more
         FROM v WHERE entitlements.tenant = v.tenant AND entitlements.bucket = v.bucket
           AND entitlements.entitlement = v.entitlement AND version = v.was",
        (2, 3),
        changes,
        of_bucket,
        |query, change| Ok(query.bind(&change.entitlement).bind(change.before).bind(change.more)),
    )
    .await?;
    all(met, changes.len(), "the version of an entitlement")
}

async fn write_moments(tx: &mut Conn, moments: &[((i64, i64), Moment)]) -> Result<(), StoreError> {
    let met = run(
        tx,
        "WITH v (tenant, campaign, serial, was, moment) AS (VALUES ROWS)
         UPDATE signed_codes SET last_moment = v.moment
         FROM v WHERE signed_codes.tenant = v.tenant AND signed_codes.campaign = v.campaign
           AND signed_codes.serial = v.serial AND last_moment = v.was",
        (1, 4),
        moments,
        |query| query.bind(TENANT),
        |query, ((campaign, serial), moment)| {
            Ok(query.bind(*campaign).bind(*serial).bind(moment.before).bind(moment.last))
        },
    )
    .await?;
    all(met, moments.len(), "the moment of a rotating code")
}

/// A side with the case and the place that it has there.
struct Placed<'c> {
    case: &'c str,
    place: i64,
    side: &'c Side,
}

pub(super) async fn write_cases(tx: &mut Conn, changes: &Changes) -> Result<(), StoreError> {
    if changes.cases.is_empty() && changes.decisions.is_empty() {
        return Ok(());
    }
    write_heads(tx, &changes.cases).await?;
    let sides: Vec<Placed<'_>> = changes
        .cases
        .iter()
        .flat_map(|case| {
            let places = case.first..;
            places.zip(&case.sides).map(|(place, side)| Placed { case: &case.id, place, side })
        })
        .collect();
    write_sides(tx, &sides).await?;
    let fresh: Vec<&str> =
        changes.cases.iter().filter(|case| case.fresh && case.open).map(|case| case.id.as_str()).collect();
    decide_early(tx, &fresh).await?;
    write_decisions(tx, &changes.decisions).await?;
    tell_cases(tx, &changes.cases).await
}

async fn write_heads(tx: &mut Conn, cases: &[CaseRow]) -> Result<(), StoreError> {
    run(
        tx,
        "INSERT INTO cases (tenant, case_id, about, class, reason, state, decision, opened_at, changed_at, entitlement,
                            device, title, value)
         VALUES ROWS ON CONFLICT (tenant, case_id) DO UPDATE
             SET class = excluded.class, reason = excluded.reason, title = excluded.title,
                 state = excluded.state, decision = excluded.decision, changed_at = excluded.changed_at, value = excluded.value",
        (1, 12),
        cases,
        |query| query.bind(TENANT),
        |query, case| {
            Ok(query
                .bind(&case.id)
                .bind(case.about.code())
                .bind(case.class.code())
                .bind(&case.reason)
                .bind(if case.open { "open" } else { "resolved" })
                .bind(case.decision.map(|decision| decision.code()).unwrap_or_default())
                .bind(case.opened_at)
                .bind(case.changed_at)
                .bind(&case.entitlement)
                .bind(&case.device)
                .bind(&case.title)
                .bind(case.value))
        },
    )
    .await
    .map(|_| ())
}

async fn write_sides(tx: &mut Conn, sides: &[Placed<'_>]) -> Result<(), StoreError> {
    run(
        tx,
        "INSERT INTO case_sides (tenant, case_id, place, number, standing, takes, value, at, not_before, received_at,
                                 device, till, store, store_name, clerk, line_epoch, line_seq, line_branch, told)
         VALUES ROWS ON CONFLICT (tenant, case_id, place) DO UPDATE
             SET standing = excluded.standing, takes = excluded.takes, value = excluded.value,
                 line_epoch = excluded.line_epoch, line_seq = excluded.line_seq,
                 line_branch = excluded.line_branch",
        (1, 18),
        sides,
        |query| query.bind(TENANT),
        |query, Placed { case, place, side }| {
            let query = query
                .bind(*case)
                .bind(*place)
                .bind(&side.number)
                .bind(side.standing.code())
                .bind(serde_json::to_string(&side.takes)?)
                .bind(side.value)
                .bind(side.at)
                .bind(side.not_before)
                .bind(side.received_at)
                .bind(&side.who.device)
                .bind(&side.who.till)
                .bind(&side.who.store.id)
                .bind(&side.who.store.name)
                .bind(&side.who.clerk);
            Ok(bind_line(query, side.line).bind(""))
        },
    )
    .await
    .map(|_| ())
}

/// A decision may have come before its case, where the server was set back to an older state: it takes effect now.
async fn decide_early(tx: &mut Conn, cases: &[&str]) -> Result<(), StoreError> {
    for case in cases {
        sqlx::query(
            "UPDATE cases SET state = 'resolved', decision = (
                 SELECT d.decision FROM case_decisions d WHERE d.tenant = $1 AND d.case_id = $2
                 ORDER BY d.received_at, d.number LIMIT 1)
             WHERE tenant = $1 AND case_id = $2
               AND EXISTS (SELECT 1 FROM case_decisions d WHERE d.tenant = $1 AND d.case_id = $2)",
        )
        .bind(TENANT)
        .bind(*case)
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

pub(super) async fn write_decisions(tx: &mut Conn, decisions: &[DecisionRow]) -> Result<(), StoreError> {
    run(
        tx,
        "INSERT INTO case_decisions (tenant, case_id, number, decision, note, clerk, device, till, at, received_at)
         VALUES ROWS ON CONFLICT (tenant, case_id, number) DO NOTHING",
        (1, 9),
        decisions,
        |query| query.bind(TENANT),
        |query, row| {
            Ok(query
                .bind(&row.case)
                .bind(&row.number)
                .bind(row.decision.code())
                .bind(&row.note)
                .bind(&row.clerk)
                .bind(&row.device)
                .bind(&row.till)
                .bind(row.at)
                .bind(row.received_at))
        },
    )
    .await
    .map(|_| ())
}

/// Gives each case the next number in the feed of each store that has a part in it, feed by feed in one order.
async fn tell_cases(tx: &mut Conn, cases: &[CaseRow]) -> Result<(), StoreError> {
    let mut news: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for case in cases {
        for store in case.stores.iter().filter(|store| !store.is_empty()) {
            news.entry(store).or_default().insert(&case.id);
        }
    }
    for (store, cases) in news {
        let feed = case_feed(store);
        let count = cases.len() as i64;
        let row = sqlx::query(
            "INSERT INTO feeds (tenant, feed, seq) VALUES ($1, $2, $3)
             ON CONFLICT (tenant, feed) DO UPDATE SET seq = feeds.seq + excluded.seq RETURNING seq",
        )
        .bind(TENANT)
        .bind(&feed)
        .bind(count)
        .fetch_one(&mut *tx)
        .await?;
        let first = row.try_get::<i64, _>("seq")? - count + 1;
        let numbered: Vec<(i64, &str)> = (first..).zip(cases).collect();
        run(
            tx,
            "INSERT INTO case_entries (tenant, feed, case_id, seq) VALUES ROWS
             ON CONFLICT (tenant, feed, case_id) DO UPDATE SET seq = excluded.seq",
            (2, 2),
            &numbered,
            |query| query.bind(TENANT).bind(feed.clone()),
            |query, (seq, case)| Ok(query.bind(*case).bind(*seq)),
        )
        .await?;
    }
    Ok(())
}

/// The feed of the cases in which a store has a part.
pub(super) fn case_feed(store: &str) -> String {
    format!("cases:{store}")
}
