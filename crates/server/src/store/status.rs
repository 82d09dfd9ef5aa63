//! Status lists: what became of each serial, kept in the transaction of whatever happens to it, and told in chunks.
//!
//! The feed "status" counts the changes of the whole chain. Each chunk of 65,536 serials has the number of its latest
//! change: a till that knows how far it has read is told the chunks with later numbers, whole.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Mutex;

use model::signed::status::{CHUNK_SERIALS, CampaignUpdate, ChunkUpdate, State, StatusUpdate, pack};
use model::signed::token::Serial;
use sqlx::{AssertSqlSafe, Row};

use super::chain::{signed, unsigned};
use super::db::{Conn, DbRow};
use super::feeds::{self, STATUS};
use super::{BUCKET, Store, StoreError, TENANT, many};

/// How many chunks one update has at most: each is up to 16 KiB, and an update at most 1 MiB.
const CHUNKS_MAX: i64 = 48;
/// How many compressed chunks are kept in memory: a few MiB.
const KEPT_MAX: usize = 512;

/// Chunks as they were last sent, by campaign and index, each with the number of its latest change.
pub(super) type Kept = Mutex<HashMap<(u16, u16), (i64, ChunkUpdate)>>;

/// A chunk that has changed.
struct Changed {
    campaign: u16,
    chunk: u16,
    seq: i64,
    /// How many serials the campaign has.
    covered: i64,
}

impl Store {
    /// What changed in the status lists after that number, ready to be signed.
    pub async fn status_update(&self, after: u64) -> Result<StatusUpdate, StoreError> {
        let mut tx = self.reading().await?;
        let row = sqlx::query("SELECT seq FROM feeds WHERE tenant = $1 AND feed = $2")
            .bind(TENANT)
            .bind(STATUS)
            .fetch_one(&mut *tx)
            .await?;
        let here: i64 = row.try_get("seq")?;
        // A till that is ahead learns so from the version: this server was set back to an older state.
        let after = signed(after).min(here);
        let mut changed = changed(&mut tx, after).await?;
        let more = changed.len() as i64 > CHUNKS_MAX;
        if more {
            changed.truncate(CHUNKS_MAX as usize);
        }
        let version = changed.last().filter(|_| more).map_or(here, |last| last.seq);
        let mut lists: BTreeMap<u16, (i64, BTreeMap<u16, ChunkUpdate>)> = BTreeMap::new();
        for change in &changed {
            let chunk = self.chunk(&mut tx, change).await?;
            let (_, chunks) = lists.entry(change.campaign).or_insert((change.covered, BTreeMap::new()));
            chunks.insert(change.chunk, chunk);
        }
        let lists = lists
            .into_iter()
            .map(|(campaign, (covered, chunks))| CampaignUpdate {
                campaign,
                covered: u32::try_from(covered).unwrap_or(u32::MAX),
                chunks: chunks.into_values().collect(),
            })
            .collect();
        Ok(StatusUpdate {
            after: unsigned(after),
            version: unsigned(version),
            more,
            at: self.hands.now(),
            lists,
        })
    }

    /// The chunk as it is now. Every till asks for the same ones, so that each is packed once.
    async fn chunk(&self, tx: &mut Conn, change: &Changed) -> Result<ChunkUpdate, StoreError> {
        let key = (change.campaign, change.chunk);
        if let Ok(kept) = self.chunks.lock()
            && let Some((seq, chunk)) = kept.get(&key)
            && *seq == change.seq
        {
            return Ok(chunk.clone());
        }
        let packed = pack(&states(tx, change).await?);
        let chunk = tokio::task::spawn_blocking({
            let index = change.chunk;
            move || ChunkUpdate {
                index,
                raw_length: packed.len() as u16,
                bytes: wire::status::compress(&packed),
            }
        })
        .await
        .map_err(|error| StoreError::Data(format!("a chunk could not be packed: {error}")))?;
        if let Ok(mut kept) = self.chunks.lock() {
            if kept.len() >= KEPT_MAX {
                kept.clear();
            }
            kept.insert(key, (change.seq, chunk.clone()));
        }
        Ok(chunk)
    }
}

/// The chunks that changed after that number, the earliest change first, and one more than an update has.
async fn changed(tx: &mut Conn, after: i64) -> Result<Vec<Changed>, StoreError> {
    let rows = sqlx::query(
        "SELECT s.campaign, s.chunk, s.seq, c.next_serial FROM status_chunks s
         JOIN campaigns c ON c.tenant = s.tenant AND c.campaign = s.campaign
         WHERE s.tenant = $1 AND s.seq > $2 ORDER BY s.seq, s.campaign, s.chunk LIMIT $3",
    )
    .bind(TENANT)
    .bind(after)
    .bind(CHUNKS_MAX + 1)
    .fetch_all(tx)
    .await?;
    let small = |number: i64| {
        u16::try_from(number).map_err(|_| StoreError::Data(format!("a chunk or campaign {number}")))
    };
    rows.iter()
        .map(|row| {
            Ok(Changed {
                campaign: small(row.try_get("campaign")?)?,
                chunk: small(row.try_get("chunk")?)?,
                seq: row.try_get("seq")?,
                covered: row.try_get("next_serial")?,
            })
        })
        .collect()
}

/// The states of a chunk's serials that were issued.
async fn states(tx: &mut Conn, change: &Changed) -> Result<Vec<State>, StoreError> {
    let first = i64::from(change.chunk) * i64::from(CHUNK_SERIALS);
    let issued = (change.covered - first).clamp(0, i64::from(CHUNK_SERIALS));
    let mut states = vec![State::Unused; issued as usize];
    let rows = sqlx::query(
        "SELECT serial, status FROM signed_codes
         WHERE tenant = $1 AND campaign = $2 AND serial >= $3 AND serial < $4 AND status <> 0",
    )
    .bind(TENANT)
    .bind(i64::from(change.campaign))
    .bind(first)
    .bind(first + issued)
    .fetch_all(tx)
    .await?;
    for row in &rows {
        let status = usize::try_from(row.try_get::<i64, _>("status")?).unwrap_or(0);
        let place = usize::try_from(row.try_get::<i64, _>("serial")? - first).unwrap_or(usize::MAX);
        if let (Some(state), Some(of)) = (states.get_mut(place), State::ALL.get(status)) {
            *state = *of;
        }
    }
    Ok(states)
}

/// So many serials from `first` on were issued: from now on the list covers them.
pub(super) async fn issued(tx: &mut Conn, campaign: u16, first: i64, count: usize) -> Result<(), StoreError> {
    let chunk = |number: i64| number / i64::from(CHUNK_SERIALS);
    let chunks = if count == 0 { 0..0 } else { chunk(first)..chunk(first + count as i64 - 1) + 1 };
    let covered = first + count as i64;
    let changes = chunks.map(|chunk| ((i64::from(campaign), chunk), vec![(covered, -1)]));
    tell(tx, &changes.collect()).await
}

/// Brings the states of those of `ids` that are signed codes up to date with their entitlements. Gives those of which
/// this list alone tells.
pub(super) async fn settle(tx: &mut Conn, ids: &[&str]) -> Result<HashSet<String>, StoreError> {
    let signed: Vec<&str> = ids.iter().copied().filter(|id| Serial::parse(id).is_some()).collect();
    let mut alone = HashSet::new();
    let mut became: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    let mut chunks = BTreeMap::new();
    for group in many::groups(tx, 1, &signed) {
        for row in states_of(tx, group).await? {
            let entitlement: String = row.try_get("entitlement")?;
            let (before, now): (i64, i64) = (row.try_get("status")?, row.try_get("now")?);
            if before != now {
                let (campaign, serial): (i64, i64) = (row.try_get("campaign")?, row.try_get("serial")?);
                let content = chunks.entry((campaign, serial / i64::from(CHUNK_SERIALS)));
                content.or_insert_with(Vec::new).push((serial, now));
                became.entry(now).or_default().push(entitlement.clone());
            }
            if row.try_get::<i64, _>("told")? == 0 {
                alone.insert(entitlement);
            }
        }
    }
    for (state, ids) in &became {
        for group in many::groups(tx, 1, ids) {
            let sql = format!(
                "UPDATE signed_codes SET status = $3 WHERE tenant = $1 AND bucket = $2 AND entitlement IN ({})",
                many::list(4, group.len())
            );
            let update = sqlx::query(AssertSqlSafe(sql)).bind(TENANT).bind(BUCKET).bind(*state);
            group.iter().fold(update, |update, id| update.bind(id)).execute(&mut *tx).await?;
        }
    }
    tell(tx, &chunks).await?;
    Ok(alone)
}

/// What is written of these codes, and what ought to be.
async fn states_of(tx: &mut Conn, ids: &[&str]) -> Result<Vec<DbRow>, StoreError> {
    let sql = format!(
        "SELECT s.entitlement, s.campaign, s.serial, s.status, s.told,
                CASE WHEN e.standing <> 'good' THEN 2
                     WHEN COALESCE(SUM(l.quantity), 0) > 0 AND SUM(l.quantity) = SUM(l.taken) THEN 1
                     ELSE 0 END AS now
         FROM signed_codes s
         JOIN entitlements e ON e.tenant = s.tenant AND e.bucket = s.bucket AND e.entitlement = s.entitlement
         LEFT JOIN entitlement_lines l
           ON l.tenant = s.tenant AND l.bucket = s.bucket AND l.entitlement = s.entitlement
         WHERE s.tenant = $1 AND s.bucket = $2 AND s.entitlement IN ({})
         GROUP BY s.entitlement, s.campaign, s.serial, s.status, s.told, e.standing
         ORDER BY s.entitlement",
        many::list(3, ids.len())
    );
    let select = sqlx::query(AssertSqlSafe(sql)).bind(TENANT).bind(BUCKET);
    Ok(ids.iter().fold(select, |select, id| select.bind(*id)).fetch_all(tx).await?)
}

/// The chunks that change, by campaign and index, each with what happens in it: serials and numbers that tell this
/// change from any other.
type Changes = BTreeMap<(i64, i64), Vec<(i64, i64)>>;

/// Gives each of these chunks its own next number, so that an update may end behind any of them. The list's digest is
/// a chain over all that has happened: two lists that differ once differ at every later number.
async fn tell(tx: &mut Conn, changes: &Changes) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    let count = changes.len() as i64;
    let row =
        sqlx::query("UPDATE feeds SET seq = seq + $3 WHERE tenant = $1 AND feed = $2 RETURNING seq, digest")
            .bind(TENANT)
            .bind(STATUS)
            .bind(count)
            .fetch_one(&mut *tx)
            .await?;
    let last: i64 = row.try_get("seq")?;
    let mut digest = blake3::Hasher::new_derive_key("Counterfoil status list");
    digest.update(row.try_get("digest")?);
    for (seq, ((campaign, chunk), content)) in (last - count + 1..).zip(changes) {
        for number in [*campaign, *chunk].into_iter().chain(content.iter().flat_map(|(a, b)| [*a, *b])) {
            digest.update(&number.to_le_bytes());
        }
        sqlx::query(
            "INSERT INTO status_chunks (tenant, campaign, chunk, seq) VALUES ($1, $2, $3, $4)
             ON CONFLICT (tenant, campaign, chunk) DO UPDATE SET seq = excluded.seq",
        )
        .bind(TENANT)
        .bind(campaign)
        .bind(chunk)
        .bind(seq)
        .execute(&mut *tx)
        .await?;
    }
    let digest = *digest.finalize().as_bytes();
    feeds::set_digest(tx, STATUS, &digest).await?;
    feeds::mark(tx, STATUS, (last - count, last), &digest).await
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use model::signed::status::{get, sign_update};
    use model::signed::token::SigningKey;

    use super::super::NewCampaign;
    use super::*;
    use crate::real;

    const MILLION: i64 = 1_000_000;

    async fn store_with_campaign(folder: &std::path::Path, issued: i64) -> Store {
        let store = Store::open(folder, real::hands()).await.unwrap();
        let line = wire::entitlement::Line {
            sku: "coupon".into(),
            name: "券".into(),
            variant: String::new(),
            shelf: String::new(),
            quantity: 1,
        };
        let new = NewCampaign {
            campaign: Some(7),
            title: "满 50 减 8".into(),
            kind: wire::entitlement::Kind::AmountOff { fen: 800 },
            lines: vec![line],
            valid_from: None,
            valid_until: None,
            stores: None,
            spend_min: 5000,
            value: 800,
            notes: Vec::new(),
            complete: true,
        };
        store.put_campaign(&new).await.unwrap().unwrap();
        let mut tx = store.writing().await.unwrap();
        sqlx::query("UPDATE campaigns SET next_serial = $1").bind(issued).execute(&mut *tx).await.unwrap();
        super::issued(&mut tx, 7, 0, issued as usize).await.unwrap();
        tx.commit().await.unwrap();
        store
    }

    /// Only codes that are not unused have a say in a list, so that the other 990,000 rows need not be there.
    #[expect(
        clippy::print_stdout,
        reason = "the figure is what somebody who runs this test by name wants to see"
    )]
    #[tokio::test]
    async fn a_million_serials_of_which_one_in_a_hundred_is_used_take_less_than_20_kb() {
        let folder = tempfile::tempdir().unwrap();
        let store = store_with_campaign(folder.path(), MILLION).await;
        let mut used = BTreeSet::new();
        let mut throw = blake3::Hasher::new().update(b"which ones").finalize_xof();
        while used.len() < 10_000 {
            let mut bytes = [0; 8];
            throw.fill(&mut bytes);
            used.insert(u64::from_be_bytes(bytes) as i64 & i64::MAX);
            used = used.into_iter().map(|number| number % MILLION).collect();
        }
        let mut plain = store.db.write.acquire().await.unwrap();
        sqlx::query("PRAGMA foreign_keys = OFF").execute(&mut *plain).await.unwrap();
        sqlx::query("BEGIN").execute(&mut *plain).await.unwrap();
        for number in &used {
            sqlx::query(
                "INSERT INTO signed_codes VALUES ('main', 7, $1, 0, 'cf-7-' || $1, 1, 0, 0, x'', x'', 0, 0)",
            )
            .bind(number)
            .execute(&mut *plain)
            .await
            .unwrap();
        }
        sqlx::query("COMMIT").execute(&mut *plain).await.unwrap();
        drop(plain);
        let update = store.status_update(0).await.unwrap();
        let signed = sign_update(&update, &SigningKey::from_seed([1; 32])).unwrap();
        println!("1,000,000 serials, 1 % used: {} bytes on the wire", signed.len());
        assert!(signed.len() <= 20_000, "it is small: {} bytes", signed.len());
        assert_eq!((update.more, update.lists[0].covered), (false, 1_000_000), "in one answer");
        let mut told = BTreeSet::new();
        for chunk in &update.lists[0].chunks {
            let packed = wire::status::decompress(&chunk.bytes, chunk.raw_length.into()).unwrap();
            for offset in 0..=u16::MAX {
                if get(&packed, offset) == Some(State::Redeemed) {
                    told.insert(i64::from(chunk.index) * i64::from(CHUNK_SERIALS) + i64::from(offset));
                }
            }
        }
        assert_eq!(told, used, "and every one of them is told");
    }

    #[tokio::test]
    async fn a_long_list_comes_in_parts_that_lead_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let store = store_with_campaign(folder.path(), 0).await;
        let mut tx = store.writing().await.unwrap();
        sqlx::query("UPDATE campaigns SET next_serial = $1")
            .bind(100 * i64::from(CHUNK_SERIALS))
            .execute(&mut *tx)
            .await
            .unwrap();
        // In one act, as if a hundred chunks changed at once.
        issued(&mut tx, 7, 0, 100 * CHUNK_SERIALS as usize).await.unwrap();
        tx.commit().await.unwrap();
        let (mut after, mut seen, mut parts) = (0, BTreeSet::new(), 0);
        loop {
            let update = store.status_update(after).await.unwrap();
            assert_eq!(update.after, after, "it goes on where the last one ended");
            assert!(update.version > after || !update.more, "each part leads further");
            seen.extend(update.lists.iter().flat_map(|list| list.chunks.iter().map(|chunk| chunk.index)));
            (after, parts) = (update.version, parts + 1);
            if !update.more {
                break;
            }
        }
        assert_eq!((seen.len(), parts), (100, 3), "48 chunks at a time, and none is missed");
        let update = store.status_update(after + 1000).await.unwrap();
        assert_eq!(
            (update.after, update.version),
            (after, after),
            "a till that is ahead sees where this server is"
        );
    }
}
