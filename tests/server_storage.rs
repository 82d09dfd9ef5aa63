//! Power is cut under the server's SQLite database at any operation: what it has acknowledged is there afterwards.
//!
//! A program of its own, because the failing disk takes the place of the system's for everybody in the process: so the
//! server's store is the real one, without a door for tests. `COUNTERFOIL_CUTS` asks for more cuts than usual,
//! `COUNTERFOIL_SEED` for another course of them.
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use model::redemption::Number;
use model::time::UnixMs;
use server::store::{Device, Online};
use server::{Hands, Store};
use tests::disk::{FaultDisk, Files, Plan, Word, materialise, scratch};
use tests::hands::{SeededDice, TurnedClock};
use tests::{goods, number_from, tell};
use wire::api::Redeem;

/// A database is cut this often before another one begins.
const CUTS_PER_DATABASE: u64 = 5;
/// The power goes at one of so many operations.
const OPERATIONS: u64 = 700;

/// What the server has acknowledged so far.
#[derive(Default)]
struct Acknowledged {
    issued: BTreeSet<String>,
    counted: BTreeSet<String>,
}

struct Chain {
    clock: Arc<TurnedClock>,
    dice: Arc<SeededDice>,
    /// The till that asks.
    device: Option<Device>,
    told: Acknowledged,
    word: Word,
}

#[tokio::test]
async fn nothing_that_the_server_has_acknowledged_is_lost_when_power_is_cut() {
    let seed = number_from("COUNTERFOIL_SEED", 20_270_115);
    let databases = number_from("COUNTERFOIL_CUTS", 60).div_ceil(CUTS_PER_DATABASE);
    let (mut issued, mut counted) = (0, 0);
    for database in 0..databases {
        let mut chain = Chain::new(seed.wrapping_add(database), Word::Honest);
        let lost = chain.cut().await;
        assert_eq!(lost, None, "seed {seed}, database {database}");
        issued += chain.told.issued.len();
        counted += chain.told.counted.len();
    }
    let cuts = databases * CUTS_PER_DATABASE;
    tell(&format!("server: {cuts} cuts; {issued} coupons and {counted} redemptions acknowledged, none lost"));
    assert!(issued > 200 && counted > 200, "there was something to lose: {issued}, {counted}");

    // The control: on a disk that lies about flushing this test sees what is lost.
    let mut lost = 0;
    for database in 0..5 {
        lost += u32::from(Chain::new(seed.wrapping_add(database), Word::Lies).cut().await.is_some());
    }
    tell(&format!("server, a disk that lies about flushing (must lose): {lost} of 5 databases"));
    assert!(lost > 2, "what was acknowledged is lost: {lost} of 5");
}

impl Chain {
    fn new(seed: u64, word: Word) -> Chain {
        let dice = Arc::new(SeededDice::new(seed));
        Chain { clock: Arc::default(), dice, device: None, told: Acknowledged::default(), word }
    }

    /// One database from its beginning on, through several power cuts; gives what was lost, if anything was.
    async fn cut(&mut self) -> Option<String> {
        let (folder, mut files) = (scratch(), Files::new());
        for cut in 0..CUTS_PER_DATABASE {
            files = self.live(&format!("cut {cut}"), &files, folder.path()).await;
            if let Err(lost) = self.compare(&files).await {
                return Some(format!("cut {cut}: {lost}"));
            }
        }
        None
    }

    fn hands(&self) -> Hands {
        Hands::new(self.clock.clone(), self.dice.clone())
    }

    /// A server on a failing disk, until the power goes; gives what is on the disk then.
    async fn live(&mut self, what: &str, files: &Files, folder: &Path) -> Files {
        let disk = Arc::new(FaultDisk::new(files, self.word, self.dice.next()));
        let mounted = vfs::mount_for_all(what, disk.clone());
        if self.device.is_some() {
            disk.set(Plan::PowerCut(1 + self.dice.below(OPERATIONS)));
        }
        match Store::open(folder, self.hands()).await {
            Ok(store) => {
                if self.device.is_none() {
                    let shop = store.add_store("南山店").await.unwrap().unwrap();
                    self.device = Some(store.add_silent_till(&shop, "1号收银机").await.unwrap());
                    disk.set(Plan::PowerCut(disk.operations() + 1 + self.dice.below(OPERATIONS)));
                }
                while self.work(&store).await.is_some() {}
                assert!(disk.is_off() || self.word == Word::Lies, "{what}: a good disk lets the server work");
                store.close().await;
            }
            Err(error) => {
                assert!(disk.is_off() || self.word == Word::Lies, "{what}: it opens on a good disk: {error}");
            }
        }
        drop(mounted);
        disk.power_cut()
    }

    /// One coupon, issued and redeemed; nothing once the database fails.
    async fn work(&mut self, store: &Store) -> Option<()> {
        let issued = store.issue(&[goods::coupon()]).await.ok()?.pop()?;
        self.told.issued.insert(issued.id.clone());
        let mut random = [0; 10];
        random[..8].copy_from_slice(&self.dice.next().to_le_bytes());
        let number = Number::new(self.clock.time(), random);
        let takes = vec![wire::entitlement::Take { sku: "coupon".into(), quantity: 1 }];
        let asked = Redeem {
            entitlement: issued.id,
            takes,
            clerk: "李娜".into(),
            at: self.clock.time().0,
            moment: None,
        };
        let Online::Answer(answer) = store.redeem(self.device.as_ref()?, number, &asked).await.ok()? else {
            panic!("a fresh number is answered")
        };
        assert!(answer.contains("counted"), "a fresh coupon counts: {answer}");
        self.told.counted.insert(number.to_string());
        Some(())
    }

    /// Whether the ordinary program finds all that was acknowledged in what is left; or else what it misses.
    async fn compare(&self, files: &Files) -> Result<(), String> {
        let found = scratch();
        let folder = found.path().join("server");
        materialise(files, &folder);
        let opened = Store::open(&folder, self.hands()).await;
        let store = opened.map_err(|error| format!("what is left does not open: {error}"))?;
        for id in &self.told.issued {
            let held = store.by_id(id).await.map_err(|error| error.to_string())?;
            held.ok_or_else(|| format!("the coupon {id} is gone"))?;
        }
        let rows = store.redemptions(None, UnixMs(0)).await.map_err(|error| error.to_string())?;
        let counted: BTreeSet<String> = rows.iter().map(|row| row.number.clone()).collect();
        assert_eq!(counted.len(), rows.len(), "no number counts twice");
        if let Some(lost) = self.told.counted.difference(&counted).next() {
            return Err(format!("{lost} does not count any more"));
        }
        store.close().await;
        let db = rusqlite::Connection::open(folder.join("server.db")).unwrap();
        let sound: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        if sound == "ok" { Ok(()) } else { Err(format!("the database is not sound: {sound}")) }
    }
}
