//! Receipts: what a till may keep as proof of what it was told.
//!
//! A page's receipt says, under a key that is in this database alone, where feed, status list and the till's own journal
//! stood. A till that shows one which the database contradicts has proved that the database was set back to an older
//! state: no till can make one, and none can show another's.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use sqlx::Row;
use wire::feed::Digest;

use super::super::db::Conn;
use super::super::{Device, Store, StoreError, TENANT};
use super::{Here, STATUS};

/// Bytes of a receipt without its proof, and of the proof: keyed BLAKE3, cut to 128 bits.
const BODY_BYTES: usize = 105;
const PROOF_BYTES: usize = 16;

/// What a receipt says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Receipt {
    /// Of which epoch of the feeds it speaks: the first 64 bits of the epoch's hash.
    epoch: [u8; 8],
    /// The last number that was told.
    seq: i64,
    /// The feed's digest there, if that was the end of the feed.
    digest: Option<Digest>,
    /// Where the status list ended.
    status: (i64, Digest),
    /// The epoch of the till's journal, and the last line that the server held.
    journal: (i64, i64),
}

impl Receipt {
    fn to_bytes(self) -> [u8; BODY_BYTES] {
        let mut bytes = [0; BODY_BYTES];
        let parts: [&[u8]; 8] = [
            &self.epoch,
            &self.seq.to_le_bytes(),
            &[u8::from(self.digest.is_some())],
            &self.digest.unwrap_or_default().to_bytes(),
            &self.status.0.to_le_bytes(),
            &self.status.1.to_bytes(),
            &self.journal.0.to_le_bytes(),
            &self.journal.1.to_le_bytes(),
        ];
        let mut place = 0;
        for part in parts {
            bytes[place..place + part.len()].copy_from_slice(part);
            place += part.len();
        }
        bytes
    }

    fn from_bytes(bytes: &[u8; BODY_BYTES]) -> Option<Receipt> {
        let number = |at: usize| bytes.get(at..at + 8)?.try_into().ok().map(i64::from_le_bytes);
        let digest = |at: usize| Digest::from_slice(bytes.get(at..at + 32)?);
        Some(Receipt {
            epoch: bytes[..8].try_into().ok()?,
            seq: number(8)?,
            digest: digest(17).filter(|_| bytes[16] == 1),
            status: (number(49)?, digest(57)?),
            journal: (number(89)?, number(97)?),
        })
    }
}

impl Store {
    /// The receipt of a page that ends at `seq`, which is the end of the feed if `whole`.
    pub(super) fn receipt(&self, device: &Device, here: &Here, seq: i64, whole: bool) -> String {
        let receipt = Receipt {
            epoch: epoch_hash(&here.epoch),
            seq,
            digest: whole.then_some(here.digest),
            status: (here.status, here.status_digest),
            journal: here.journal,
        };
        let body = receipt.to_bytes();
        BASE64.encode([&body[..], &self.prove(device, &body)].concat())
    }

    /// What it says, if this database has made it for that till.
    pub(super) fn read_receipt(&self, device: &Device, text: &str) -> Option<Receipt> {
        let bytes = BASE64.decode(text).ok()?;
        let (body, proof) = bytes.split_first_chunk::<BODY_BYTES>()?;
        // Compared by their hashes, so that the time it takes tells nothing.
        let same = blake3::hash(proof) == blake3::hash(&self.prove(device, body));
        same.then(|| Receipt::from_bytes(body)).flatten()
    }

    fn prove(&self, device: &Device, body: &[u8; BODY_BYTES]) -> [u8; PROOF_BYTES] {
        let mut hasher = blake3::Hasher::new_keyed(&self.receipt_key);
        for part in [device.id.as_str(), device.store.id.as_str()] {
            hasher.update(&(part.len() as u32).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        hasher.update(body);
        let mut proof = [0; PROOF_BYTES];
        hasher.finalize_xof().fill(&mut proof);
        proof
    }

    /// Sees to it that the database has the key of its receipts.
    pub(in super::super) async fn found_receipts(&self) -> Result<[u8; 32], StoreError> {
        let drawn = self.hands.random::<32>();
        self.write(|mut tx| async move {
            let row = sqlx::query("SELECT receipt_key FROM chain WHERE tenant = $1")
                .bind(TENANT)
                .fetch_one(&mut *tx)
                .await?;
            let mut held: Vec<u8> = row.try_get("receipt_key")?;
            if held.is_empty() {
                sqlx::query("UPDATE chain SET receipt_key = $2 WHERE tenant = $1")
                    .bind(TENANT)
                    .bind(&drawn[..])
                    .execute(&mut *tx)
                    .await?;
                tx.commit().await?;
                held = drawn.to_vec();
            }
            held.try_into().map_err(|_| StoreError::Data("a receipt key that is not 32 bytes".to_owned()))
        })
        .await
    }
}

/// How a database contradicts a receipt that it has made: it was set back.
pub(super) async fn contradiction(
    tx: &mut Conn,
    device: &Device,
    receipt: &Receipt,
) -> Result<Option<&'static str>, StoreError> {
    let here = Here::of(tx, device).await?;
    if receipt.epoch != epoch_hash(&here.epoch) {
        return Ok(None);
    }
    let feed = (&*device.store.id, here.seq, here.digest);
    if differs(tx, feed, receipt.seq, receipt.digest).await? {
        return Ok(Some("the feed that the till was told is another one"));
    }
    let status = (STATUS, here.status, here.status_digest);
    if differs(tx, status, receipt.status.0, Some(receipt.status.1)).await? {
        return Ok(Some("the status list that the till was told is another one"));
    }
    let (epoch, head) = receipt.journal;
    let lost = epoch == here.journal.0 && head > here.journal.1;
    Ok(lost.then_some("lines that the till was told are held are gone"))
}

/// Whether a feed can never have ended at that number with that digest.
async fn differs(
    tx: &mut Conn,
    (feed, here, digest_here): (&str, i64, Digest),
    seq: i64,
    digest: Option<Digest>,
) -> Result<bool, StoreError> {
    if seq >= here {
        return Ok(seq > here || digest.is_some_and(|digest| digest != digest_here));
    }
    let Some(digest) = digest else { return Ok(false) };
    // The last end of a transaction at or before that number. None: the marks do not reach so far back.
    let mark = sqlx::query(
        "SELECT seq, digest FROM feed_marks WHERE tenant = $1 AND feed = $2 AND seq <= $3
         ORDER BY seq DESC LIMIT 1",
    )
    .bind(TENANT)
    .bind(feed)
    .bind(seq)
    .fetch_optional(tx)
    .await?;
    let Some(mark) = mark else { return Ok(false) };
    // A number at which no transaction ended was told by another history.
    Ok(mark.try_get::<i64, _>("seq")? != seq || super::digest_of(&mark, "digest")? != digest)
}

fn epoch_hash(epoch: &str) -> [u8; 8] {
    let mut hash = [0; 8];
    blake3::Hasher::new().update(epoch.as_bytes()).finalize_xof().fill(&mut hash);
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_comes_back_from_its_bytes() {
        let digest = Digest::from_slice(&[9; 32]).unwrap();
        let receipt = Receipt {
            epoch: [1; 8],
            seq: i64::MAX,
            digest: Some(digest),
            status: (7, Digest::from_slice(&[8; 32]).unwrap()),
            journal: (2, 1_000_000),
        };
        assert_eq!(Receipt::from_bytes(&receipt.to_bytes()), Some(receipt), "whole");
        let part = Receipt { digest: None, ..receipt };
        assert_eq!(Receipt::from_bytes(&part.to_bytes()), Some(part), "and of a page with more behind it");
    }
}
