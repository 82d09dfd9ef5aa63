//! The copy on a failing disk: it may come back older or not at all, and never in between.

use std::collections::BTreeMap;
use std::path::Path;

use model::time::UnixMs;
use tests::disk::{Files, Plan, Word, materialise, scratch};
use tests::hands::SeededDice;
use tests::{number_from, tell};
use till::store::copy::{Copy, CopyError, PageEnd, Position};
use till::store::disk::{Disk, Flush};
use wire::api::{Entry, Setup};
use wire::entitlement::{Entitlement, Kind, Standing, Store};
use wire::feed::{Digest, RowKey};

use crate::lines::Ground;

const CUTS: u64 = 150;
const PATH: &str = "/till/copy.db";
const NOW: UnixMs = UnixMs(1_800_000_000_000);

/// What the server told, page by page: the version of each entitlement after that page.
struct Told {
    dice: SeededDice,
    after: Vec<BTreeMap<String, u64>>,
}

impl Told {
    /// The next page: some entitlements, new or changed.
    fn page(&mut self) -> (Vec<Entry>, PageEnd) {
        let mut state = self.after.last().cloned().unwrap_or_default();
        let seq = self.after.len() as u64 + 1;
        for _ in 0..1 + self.dice.below(20) {
            state.insert(format!("e{}", self.dice.below(300)), seq);
        }
        let changed = state.iter().filter(|(_, version)| **version == seq);
        let entries: Vec<Entry> = changed.map(|(id, version)| entry(id, *version)).collect();
        let all = state.iter().map(|(id, version)| entry(id, *version));
        let end = PageEnd {
            position: Position { epoch: "a".into(), seq },
            rows: digest(entries.iter().cloned()),
            digest: Some(digest(all)),
            receipt: String::new(),
        };
        self.after.push(state);
        (entries, end)
    }
}

fn key() -> RowKey {
    RowKey::of(&[7; 32])
}

fn digest(entries: impl Iterator<Item = Entry>) -> Digest {
    let mut digest = Digest::EMPTY;
    for entry in entries {
        let id = entry.entitlement.read().unwrap().id;
        digest.add(&key().hash(&id, &entry.code_hash, entry.entitlement.text()));
    }
    digest
}

fn entry(id: &str, version: u64) -> Entry {
    let entitlement = Entitlement {
        id: id.into(),
        version,
        title: "满 100 减 20 券".into(),
        kind: Kind::Order,
        lines: vec![],
        standing: Standing::Good,
        valid_from: None,
        valid_until: None,
        stores: None,
        spend_min: 0,
        value: 0,
        holder: String::new(),
        code_tail: "P9TD".into(),
        notes: vec![],
        uses: vec![],
        member: None,
    };
    Entry {
        seq: version,
        // Changes with the version, so that the index has something to be wrong about.
        code_hash: format!("hash of {id} in {version}"),
        entitlement: wire::feed::Told::of(&entitlement).unwrap(),
    }
}

#[test]
fn a_copy_comes_back_as_it_was_after_some_page() {
    let seed = number_from("COUNTERFOIL_SEED", 20_270_115);
    let (mut older, mut pages) = (0, 0);
    for round in 0..CUTS.max(number_from("COUNTERFOIL_CUTS", 0)) {
        let dice = SeededDice::new(seed.wrapping_add(round));
        let ground = Ground::new(&format!("copy-{round}"), &Files::new(), Word::Honest, dice.next());
        ground.disk.set(Plan::PowerCut(1 + dice.below(400)));
        let mut told = Told { dice, after: vec![] };
        let applied = follow(&ground, &mut told);
        let folder = scratch();
        materialise(&ground.disk.power_cut(), folder.path());
        let (copy, aside) = Copy::open(&folder.path().join("copy.db"), key(), NOW).unwrap();
        assert_eq!(aside, None, "seed {seed}, round {round}: it is not even set aside");
        let reached = assert_as_told(&copy, &told, &format!("seed {seed}, round {round}"));
        assert!(reached <= applied + 1, "seed {seed}, round {round}: and no later than was told");
        older += u64::from(reached < applied);
        pages += applied;
    }
    tell(&format!("copy: {pages} pages in {CUTS} cuts or more, {older} times older than before"));
    assert!(older > 0, "the copy is not flushed with every page, and these cuts see it");
}

/// A page of the feed may be fetched again; a policy that was in force may not be the older one after a power cut.
#[test]
fn what_the_chain_says_about_a_till_does_not_go_back() {
    let seed = number_from("COUNTERFOIL_SEED", 20_270_115);
    let (mut kept, mut pages_lost) = (0, 0);
    for round in 0..CUTS {
        let dice = SeededDice::new(seed.wrapping_add(round));
        let ground = Ground::new(&format!("copy-setup-{round}"), &Files::new(), Word::Honest, dice.next());
        ground.disk.set(Plan::PowerCut(1 + dice.below(300)));
        let disk = Disk { flush: Flush::NowAndThen, ..ground.told() };
        let (mut version, mut pages) = (0, 0);
        let mut told = Told { dice, after: vec![] };
        if let Ok(mut copy) = Copy::open_on(&disk, Path::new(PATH), key()) {
            while copy.set_setup(setup(version + 1)).is_ok() {
                version += 1;
                let (entries, end) = told.page();
                if copy.apply(&entries, &end, Some(NOW)).is_err() {
                    break;
                }
                pages += 1;
            }
        }
        let folder = scratch();
        materialise(&ground.disk.power_cut(), folder.path());
        let (copy, _) = Copy::open(&folder.path().join("copy.db"), key(), NOW).unwrap();
        let held = copy.setup().map_or(0, |setup| setup.version);
        assert!(
            held >= version,
            "seed {seed}, round {round}: version {version} was kept, and {held} is there"
        );
        kept += version;
        pages_lost += u64::from(copy.position().unwrap().seq < pages);
    }
    tell(&format!("copy: {kept} setups kept in {CUTS} cuts, none older afterwards"));
    assert!(kept > CUTS, "there was something to go back to: {kept}");
    assert!(pages_lost > 0, "and these cuts see what is not flushed");
}

fn setup(version: u64) -> Setup {
    Setup {
        version,
        store: Store { id: "store-1".into(), name: "南山店".into() },
        till: "1号收银机".into(),
        staff: vec![],
        policy: wire::policy::to_setup(&model::policy::Policy::default()),
        practice: false,
        profiles: vec![],
        code_salt: String::new(),
        campaigns: vec![],
        roots: vec![],
        trust: String::new(),
    }
}

/// A disk that stops taking bytes, or fails to flush: the copy may fail, or be older, and is set aside if it must be.
#[test]
fn a_copy_in_trouble_is_set_aside_or_as_told() {
    let seed = number_from("COUNTERFOIL_SEED", 20_270_115);
    let mut aside = 0;
    for round in 0..CUTS {
        let dice = SeededDice::new(seed.wrapping_add(round));
        let ground = Ground::new(&format!("copy-trouble-{round}"), &Files::new(), Word::Honest, dice.next());
        let from = 40 + dice.below(300);
        ground.disk.set(match round % 3 {
            0 => Plan::Full(from),
            1 => Plan::WriteFails(from),
            _ => Plan::FlushFails { from, times: 1 + dice.below(4) },
        });
        let mut told = Told { dice, after: vec![] };
        follow(&ground, &mut told);
        let folder = scratch();
        materialise(&ground.disk.power_cut(), folder.path());
        let (copy, set_aside) = Copy::open(&folder.path().join("copy.db"), key(), NOW).unwrap();
        aside += u64::from(set_aside.is_some());
        assert_as_told(&copy, &told, &format!("seed {seed}, round {round}"));
    }
    tell(&format!("copy: {aside} of {CUTS} set aside after trouble with the disk"));
}

/// Takes in pages until the disk refuses for good; gives how many were taken in.
fn follow(ground: &Ground, told: &mut Told) -> u64 {
    let disk = Disk { flush: Flush::NowAndThen, ..ground.told() };
    let Ok(mut copy) = Copy::open_on(&disk, Path::new(PATH), key()) else { return 0 };
    for applied in 0..120 {
        let (entries, end) = told.page();
        let taken: Result<(), CopyError> = copy.apply(&entries, &end, Some(NOW));
        if taken.is_err() {
            return applied;
        }
    }
    120
}

/// The copy holds what was told up to the page that it says it has reached, by id and by code.
fn assert_as_told(copy: &Copy, told: &Told, what: &str) -> u64 {
    let reached = copy.position().unwrap().seq;
    let nothing = BTreeMap::new();
    let wanted = match reached {
        0 => &nothing,
        page => &told.after[page as usize - 1],
    };
    assert_eq!(copy.count().unwrap(), wanted.len() as u64, "{what}: so many after page {reached}");
    assert_eq!(copy.heard_at().unwrap().is_some(), reached > 0, "{what}: and its age belongs to it");
    for (id, version) in wanted {
        let held = copy.by_id(id).unwrap().unwrap_or_else(|| panic!("{what}: {id} is there"));
        assert_eq!(held.version, *version, "{what}: {id} as of page {reached}");
        let by_code = copy.by_code_hash(&format!("hash of {id} in {version}")).unwrap();
        assert_eq!(by_code.len(), 1, "{what}: and by its code");
    }
    reached
}
