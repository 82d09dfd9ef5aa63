//! What the copy holds after pages, damage and snapshots, and that whatever was done to it by hand is found.

use std::fs;

use wire::entitlement::{Kind, Standing};
use wire::snapshot::Gathering;

use super::*;

const NOW: UnixMs = UnixMs(1_800_000_000_000);
const STORE_KEY: [u8; 32] = [7; 32];

fn key() -> RowKey {
    RowKey::of(&STORE_KEY)
}

fn entry(seq: u64, id: &str, version: u64) -> Entry {
    let entitlement = Entitlement {
        id: id.into(),
        version,
        title: "t".into(),
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
        member: Some("m1".into()),
    };
    Entry { seq, code_hash: format!("hash of {id}"), entitlement: Told::of(&entitlement).unwrap() }
}

fn hash(entry: &Entry) -> RowHash {
    key().hash(&peek(&entry.entitlement).unwrap().id, &entry.code_hash, entry.entitlement.text())
}

fn digest(entries: &[Entry]) -> Digest {
    let mut digest = Digest::EMPTY;
    entries.iter().for_each(|entry| digest.add(&hash(entry)));
    digest
}

/// A page that ends at the last of these, where the feed's digest is that of `all`.
fn end(page: &[Entry], all: &[Entry]) -> PageEnd {
    let position = Position { epoch: "a".into(), seq: page.last().map_or(0, |entry| entry.seq) };
    PageEnd { position, rows: digest(page), digest: Some(digest(all)), receipt: "r".into() }
}

fn opened(path: &Path) -> Copy {
    let (copy, aside) = Copy::open(path, key(), NOW).unwrap();
    assert_eq!(aside, None, "the file is used");
    copy
}

/// A copy of so many rows at `path`, closed.
fn filled(path: &Path, rows: u64) -> Vec<Entry> {
    let entries: Vec<Entry> = (1..=rows).map(|seq| entry(seq, &format!("e{seq:04}"), 1)).collect();
    opened(path).apply(&entries, &end(&entries, &entries), Some(NOW)).unwrap();
    entries
}

fn change(path: &Path, sql: &str) {
    let changed = Connection::open(path).unwrap().execute(sql, []).unwrap();
    assert_eq!(changed, 1, "one row was changed: {sql}");
}

/// Looks over the whole copy.
fn look_over(copy: &mut Copy) -> Result<(), CopyError> {
    while copy.look_over(50)? == Progress::More {}
    Ok(())
}

#[test]
fn a_page_is_kept_byte_for_byte() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("copy.db");
    let mut copy = opened(&path);
    assert_eq!(copy.heard_at().unwrap(), None, "nothing was heard yet");
    let first = [entry(1, "e1", 5), entry(2, "e2", 1)];
    copy.apply(&first, &end(&first, &first), Some(NOW)).unwrap();
    let later = [entry(3, "e1", 6)];
    let all = [first[1].clone(), later[0].clone()];
    copy.apply(&later, &end(&later, &all), None).unwrap();
    drop(copy);
    let mut copy = opened(&path);
    assert_eq!(copy.by_code_hash("hash of e1").unwrap()[0].version, 6, "the later state");
    assert_eq!(copy.of_member("m1").unwrap().len(), 2, "both belong to the member");
    let place = (copy.position().unwrap().seq, copy.heard_at().unwrap(), copy.count().unwrap());
    assert_eq!(place, (3, Some(NOW), 2), "and it knows where it stands");
    assert_eq!(copy.receipt(), "r", "and what to show the server");
    let told: String =
        copy.db.query_row("SELECT told FROM entitlement WHERE id = 'e1'", [], |row| row.get(0)).unwrap();
    assert_eq!(told, later[0].entitlement.text(), "no byte was changed");
    look_over(&mut copy).expect("all of it is as it was told");
}

#[test]
fn a_page_that_does_not_add_up_is_not_taken() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("copy.db");
    let entries = filled(&path, 3);
    let mut copy = opened(&path);
    let next = [entry(4, "e9", 1)];
    let wrong = PageEnd { rows: digest(&entries), ..end(&next, &next) };
    let refused = copy.apply(&next, &wrong, Some(NOW));
    assert!(matches!(refused, Err(CopyError::NotTaken(_))), "the page itself is wrong: {refused:?}");
    assert!(!copy.is_doubtful() && copy.by_id("e9").unwrap().is_none(), "and the copy is as it was");
}

#[test]
fn a_digest_that_differs_puts_the_copy_in_doubt_for_good() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("copy.db");
    filled(&path, 3);
    let mut copy = opened(&path);
    let next = [entry(4, "e9", 1)];
    // The server has lost the three, or this copy never should have had them.
    let refused = copy.apply(&next, &end(&next, &next), Some(NOW));
    assert!(matches!(refused, Err(CopyError::Doubtful(_))), "another digest: {refused:?}");
    assert_eq!(copy.position().unwrap().seq, 3, "the page is not in it");
    drop(copy);
    assert!(opened(&path).is_doubtful(), "and a restart does not make it better");
}

#[test]
fn whatever_is_done_to_the_rows_is_found() {
    let member = "UPDATE entitlement SET member = NULL WHERE id = 'e0042'";
    let swapped = "UPDATE entitlement SET told = (SELECT told FROM entitlement WHERE id = 'e0001'),
                   hash = (SELECT hash FROM entitlement WHERE id = 'e0001') WHERE id = 'e0042'";
    let added = "INSERT INTO entitlement SELECT 'f', code_hash, member, told, hash FROM entitlement
                 WHERE id = 'e0001'";
    let changes = [
        ("a standing", "UPDATE entitlement SET told = replace(told, 'good', 'gold') WHERE id = 'e0042'"),
        ("a code", "UPDATE entitlement SET code_hash = 'hash of e0001' WHERE id = 'e0042'"),
        ("its member", member),
        ("a hash", "UPDATE entitlement SET hash = zeroblob(32) WHERE id = 'e0042'"),
        ("its name", "UPDATE entitlement SET id = 'e9999' WHERE id = 'e0042'"),
        ("another's content", swapped),
        ("a row less", "DELETE FROM entitlement WHERE id = 'e0042'"),
        ("a row more", added),
    ];
    for (what, sql) in changes {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("copy.db");
        filled(&path, 100);
        change(&path, sql);
        let found = look_over(&mut opened(&path));
        assert!(matches!(found, Err(CopyError::Doubtful(_))), "{what}: {found:?}");
    }
}

#[test]
fn an_older_state_that_was_true_once_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("copy.db");
    let mut entries = filled(&path, 100);
    let later = [entry(101, "e0042", 2)];
    entries[41] = later[0].clone();
    opened(&path).apply(&later, &end(&later, &entries), Some(NOW)).unwrap();
    // With the hash that it had then: the row itself is right.
    let before = entry(42, "e0042", 1);
    let db = Connection::open(&path).unwrap();
    let told = (before.entitlement.text(), hash(&before).0);
    db.execute("UPDATE entitlement SET told = ?1, hash = ?2 WHERE id = 'e0042'", told).unwrap();
    drop(db);
    let mut copy = opened(&path);
    assert_eq!(copy.by_id("e0042").unwrap().unwrap().version, 1, "the row alone does not show it");
    let found = look_over(&mut copy);
    assert!(matches!(found, Err(CopyError::Doubtful(_))), "the sum does: {found:?}");
}

#[test]
fn a_row_is_compared_with_its_hash_when_it_is_used() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("copy.db");
    filled(&path, 100);
    change(&path, "UPDATE entitlement SET told = replace(told, 'good', 'gold') WHERE id = 'e0042'");
    let copy = opened(&path);
    let by_id = copy.by_id("e0042");
    assert!(matches!(by_id, Err(CopyError::Doubtful(_))), "by its id: {by_id:?}");
    let by_code = copy.by_code_hash("hash of e0042");
    assert!(matches!(by_code, Err(CopyError::Doubtful(_))), "by its code: {by_code:?}");
    assert!(matches!(copy.of_member("m1"), Err(CopyError::Doubtful(_))), "and on its member's card");
    assert_eq!(copy.by_id("e0041").unwrap().unwrap().id, "e0041", "the others are as they were");
}

#[test]
fn where_it_stands_cannot_be_written_by_hand() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("copy.db");
    filled(&path, 3);
    change(
        &path,
        "UPDATE fact SET value = replace(value, '1800000000000', '1900000000000') WHERE name = 'place'",
    );
    let (copy, aside) = Copy::open(&path, key(), NOW).unwrap();
    assert!(aside.is_some_and(|aside| aside.exists()), "the file is set aside");
    assert_eq!((copy.heard_at().unwrap(), copy.count().unwrap()), (None, 0), "and a new one begun");
}

#[test]
fn a_flipped_bit_of_the_file_is_found_wherever_it_matters() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("copy.db");
    let entries = filled(&path, 400);
    drop(opened(&path));
    let good = fs::read(&path).unwrap();
    let (mut found, mut tried) = (0, 0);
    for at in (0..good.len()).step_by(good.len() / 97) {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        let flipped = dir.path().join(format!("flipped-{at}.db"));
        fs::write(&flipped, bytes).unwrap();
        let Ok((mut copy, aside)) = Copy::open(&flipped, key(), NOW) else { continue };
        tried += 1;
        if aside.is_some() || look_over(&mut copy).is_err() {
            found += 1;
            continue;
        }
        // Free bytes, or those of an index: what it says is what was told, or nothing.
        for entry in &entries {
            let told = copy.by_code_hash(&entry.code_hash);
            let right = told.is_err() || told.is_ok_and(|told| told.iter().all(|one| one.version == 1));
            assert!(right, "a flipped bit at {at} is not believed");
        }
    }
    assert!(found * 2 > tried, "most of the file is rows: {found} of {tried}");
}

#[test]
fn pages_may_come_while_the_copy_is_looked_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("copy.db");
    let mut entries = filled(&path, 100);
    let mut copy = opened(&path);
    assert_eq!(copy.look_over(30).unwrap(), Progress::More, "thirty rows were looked at");
    let page = [entry(101, "e0007", 2), entry(102, "e0080", 2), entry(103, "a", 1), entry(104, "z", 1)];
    (entries[6], entries[79]) = (page[0].clone(), page[1].clone());
    entries.extend_from_slice(&page[2..]);
    copy.apply(&page, &end(&page, &entries), Some(NOW)).unwrap();
    look_over(&mut copy).expect("rows before and behind that place have changed, and all is well");
}

#[test]
fn damage_that_is_met_while_reading_begins_the_copy_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("copy.db");
    filled(&path, 500);
    let mut copy = opened(&path);
    let aside = copy.begin_anew(&path, NOW).unwrap();
    assert!(aside.exists(), "the damaged file is kept");
    assert_eq!((copy.count().unwrap(), copy.position().unwrap()), (0, Position::default()), "and all is new");
}

#[test]
fn a_broken_copy_is_set_aside_and_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("copy.db");
    fs::write(&path, vec![9u8; 8192]).unwrap();
    let (copy, aside) = Copy::open(&path, key(), NOW).unwrap();
    assert_eq!(copy.count().unwrap(), 0, "a new one");
    assert!(aside.is_some_and(|aside| aside.exists()), "the broken one is kept for whoever looks after it");
}

/// A snapshot of these, with its chunks, each of so many rows.
fn case(seq: u64, name: &str, state: &str) -> wire::case::Entry {
    let case = wire::case::Case {
        case: name.into(),
        class: "duplicate".into(),
        reason: "used".into(),
        state: state.into(),
        opened_at: 1,
        changed_at: 2,
        entitlement: "e1".into(),
        title: "t".into(),
        value: 2_000,
        sides: vec![],
        decisions: vec![],
        stands: String::new(),
    };
    wire::case::Entry { seq, case }
}

fn names(copy: &Copy) -> Vec<String> {
    copy.cases().unwrap().cases.into_iter().map(|case| case.case).collect()
}

#[test]
fn cases_are_kept_as_they_were_told_last() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("copy.db");
    let mut copy = opened(&path);
    copy.apply_cases(&[case(1, "k1", "open"), case(2, "k2", "open")], 2, false).unwrap();
    copy.apply_cases(&[case(3, "k1", "resolved")], 3, false).unwrap();
    drop(copy);
    let mut copy = opened(&path);
    assert_eq!(
        (names(&copy), copy.cases_position().unwrap()),
        (vec!["k2".into(), "k1".into()], 3),
        "in order"
    );
    assert!(!copy.case("k1").unwrap().expect("it is held").is_open(), "each as it was told last");
    let open: Vec<(String, bool)> = copy.case_names().unwrap();
    assert_eq!(open, [("k1".into(), false), ("k2".into(), true)], "and which of them are open");
    copy.apply_cases(&[case(1, "k9", "open")], 1, true).unwrap();
    assert_eq!((names(&copy), copy.cases_position().unwrap()), (vec!["k9".into()], 1), "anew is anew");
    copy.clear().unwrap();
    assert_eq!(
        (names(&copy), copy.cases_position().unwrap()),
        (vec![], 0),
        "a copy that is emptied has none"
    );
}

#[test]
fn a_case_that_was_changed_by_hand_is_left_out_and_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("copy.db");
    for damage in [
        "UPDATE case_told SET told = replace(told, '2000', '9000') WHERE id = 'k1'",
        "UPDATE case_told SET open = 0 WHERE id = 'k1'",
        "UPDATE case_told SET seq = 9 WHERE id = 'k1'",
        "UPDATE case_told SET hash = x'00' WHERE id = 'k1'",
    ] {
        let mut copy = opened(&path);
        copy.apply_cases(&[case(1, "k1", "open"), case(2, "k2", "open")], 2, true).unwrap();
        drop(copy);
        change(&path, damage);
        let mut copy = opened(&path);
        let read = copy.cases().unwrap();
        assert!(read.damaged, "{damage}: it is noticed");
        assert_eq!(names(&copy), ["k2"], "{damage}: the other one is shown");
        assert_eq!(copy.case("k1").unwrap(), None, "{damage}: and it is not");
        copy.doubt_cases().unwrap();
        assert_eq!(copy.cases_position().unwrap(), 0, "{damage}: all are fetched anew");
    }
}

fn snapshot(entries: &[Entry], rows: usize) -> (wire::api::Snapshot, Vec<Vec<u8>>) {
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort_by_key(|entry| peek(&entry.entitlement).unwrap().id);
    let packed: Vec<(u64, Vec<u8>)> = sorted
        .chunks(rows)
        .map(|some| {
            let mut gathering = Gathering::default();
            for entry in some {
                let id = peek(&entry.entitlement).unwrap().id;
                gathering.add(&id, &entry.code_hash, entry.entitlement.text());
            }
            (some.len() as u64, gathering.pack())
        })
        .collect();
    let chunks = packed.iter().map(|(rows, bytes)| wire::api::Chunk {
        name: wire::snapshot::name(bytes),
        rows: *rows,
        bytes: bytes.len() as u64,
    });
    let snapshot = wire::api::Snapshot {
        epoch: "b".into(),
        seq: 900,
        digest: digest(entries),
        rows: entries.len() as u64,
        at: NOW.0 - 1000,
        chunks: chunks.collect(),
    };
    (snapshot, packed.into_iter().map(|(_, bytes)| bytes).collect())
}

#[test]
fn a_new_copy_goes_on_where_it_was_stopped_and_keeps_what_another_snapshot_has_too() {
    let dir = tempfile::tempdir().unwrap();
    let (path, new) = (dir.path().join("copy.db"), dir.path().join("copy.new.db"));
    filled(&path, 3);
    let mut entries: Vec<Entry> = (1..=100).map(|seq| entry(seq, &format!("n{seq:04}"), 1)).collect();
    let (first, chunks) = snapshot(&entries, 10);
    let mut building = Building::open(&new, key(), first.clone()).unwrap();
    for place in [4, 0, 7] {
        building.take_in(&first.chunks[place], &chunks[place]).unwrap();
    }
    drop(building);
    let building = Building::open(&new, key(), first).unwrap();
    assert_eq!((building.missing().len(), building.progress()), (7, (30, 100)), "three need not come again");
    drop(building);

    // Since then an entitlement has changed that is in the chunk at place 4.
    entries[44] = entry(101, "n0045", 2);
    let (second, chunks) = snapshot(&entries, 10);
    let mut building = Building::open(&new, key(), second.clone()).unwrap();
    assert_eq!(building.progress(), (20, 100), "two of the three are in both");
    let missing = building.missing();
    for (chunk, bytes) in second.chunks.iter().zip(&chunks).filter(|(chunk, _)| missing.contains(chunk)) {
        building.take_in(chunk, bytes).unwrap();
    }
    let whole = building.finish(None, NOW).unwrap();
    let mut copy = opened(&path);
    copy.swap(&path, &whole, NOW).unwrap();
    assert!(!whole.exists() && path.exists(), "it is in the place of the old one");
    let stands = (copy.count().unwrap(), copy.position().unwrap().seq, copy.heard_at().unwrap());
    assert_eq!(stands, (100, 900, Some(UnixMs(NOW.0 - 1000))), "at the snapshot's place and time");
    assert_eq!(copy.by_id("n0045").unwrap().unwrap().version, 2, "with what has changed");
    assert!(copy.by_id("e0001").unwrap().is_none(), "and nothing of the old one");
    look_over(&mut copy).expect("and proves itself");
    drop(copy);
    assert_eq!(opened(&path).count().unwrap(), 100, "also after a restart");
}

#[test]
fn a_chunk_of_other_bytes_is_not_taken_and_parts_that_do_not_add_up_make_no_copy() {
    let dir = tempfile::tempdir().unwrap();
    let new = dir.path().join("copy.new.db");
    let entries: Vec<Entry> = (1..=20).map(|seq| entry(seq, &format!("n{seq:04}"), 1)).collect();
    let (good, chunks) = snapshot(&entries, 10);
    let mut building = Building::open(&new, key(), good.clone()).unwrap();
    let wrong = building.take_in(&good.chunks[0], &chunks[1]);
    assert!(matches!(wrong, Err(CopyError::NotTaken(_))), "not what its name says: {wrong:?}");
    building.take_in(&good.chunks[0], &chunks[0]).unwrap();
    assert!(building.finish(None, NOW).is_err(), "half of it is no copy");

    let lying = wire::api::Snapshot { digest: digest(&entries[1..]), ..good };
    let mut building = Building::open(&new, key(), lying.clone()).unwrap();
    for (chunk, bytes) in lying.chunks.iter().zip(&chunks) {
        building.take_in(chunk, bytes).unwrap();
    }
    assert!(building.finish(None, NOW).is_err(), "nor is all of it under another digest");
    assert!(!new.exists(), "and the next try begins from nothing");
}

#[test]
fn what_was_changed_in_a_copy_under_way_is_fetched_again() {
    let dir = tempfile::tempdir().unwrap();
    let new = dir.path().join("copy.new.db");
    let entries: Vec<Entry> = (1..=20).map(|seq| entry(seq, &format!("n{seq:04}"), 1)).collect();
    let (snapshot, chunks) = snapshot(&entries, 10);
    let mut building = Building::open(&new, key(), snapshot.clone()).unwrap();
    for (chunk, bytes) in snapshot.chunks.iter().zip(&chunks) {
        building.take_in(chunk, bytes).unwrap();
    }
    drop(building);
    change(&new, "DELETE FROM entitlement WHERE id = 'n0003'");
    let building = Building::open(&new, key(), snapshot.clone()).unwrap();
    assert_eq!(building.missing(), [snapshot.chunks[0].clone()], "the part that lacks a row");
    drop(building);
    fs::write(&new, b"no database").unwrap();
    let building = Building::open(&new, key(), snapshot).unwrap();
    assert_eq!(building.missing().len(), 2, "a file that cannot be read is begun once more");
}

/// Every moment at which the power can fail while the new copy takes the old one's place: the folder as it is then.
#[test]
fn at_every_moment_of_the_change_the_whole_old_or_the_whole_new_copy_opens() {
    let dir = tempfile::tempdir().unwrap();
    let (path, new) = (dir.path().join("copy.db"), dir.path().join("copy.new.db"));
    filled(&path, 3);
    let mut copy = opened(&path);
    // Something is in the old one's log, and not yet in its file.
    copy.apply(&[], &PageEnd { digest: None, ..end(&[], &[]) }, Some(UnixMs(NOW.0 + 1))).unwrap();
    let entries: Vec<Entry> = (1..=20).map(|seq| entry(seq, &format!("n{seq:04}"), 1)).collect();
    let (snapshot, chunks) = snapshot(&entries, 10);
    let mut building = Building::open(&new, key(), snapshot.clone()).unwrap();
    let mut moments = vec![photographed(dir.path())];
    for (chunk, bytes) in snapshot.chunks.iter().zip(&chunks) {
        building.take_in(chunk, bytes).unwrap();
        moments.push(photographed(dir.path()));
    }
    building.finish(None, NOW).unwrap();
    moments.push(photographed(dir.path()));
    copy.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    moments.push(photographed(dir.path()));
    copy.swap(&path, &new, NOW).unwrap();
    moments.push(photographed(dir.path()));
    drop(copy);
    moments.push(photographed(dir.path()));
    let sizes: Vec<u64> = moments
        .iter()
        .map(|moment| {
            let mut copy = opened(&moment.path().join("copy.db"));
            look_over(&mut copy).expect("what opens is whole");
            copy.count().unwrap()
        })
        .collect();
    assert_eq!(sizes, [3, 3, 3, 3, 3, 20, 20], "the old one until the new one is there");
}

fn photographed(folder: &Path) -> tempfile::TempDir {
    let picture = tempfile::tempdir().unwrap();
    for file in fs::read_dir(folder).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), picture.path().join(file.file_name())).unwrap();
    }
    picture
}

fn setup(version: u64) -> Setup {
    let store = wire::entitlement::Store { id: "store-1".into(), name: "南山店".into() };
    Setup {
        version,
        store,
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

/// The new copy was fetched with an older setup, and power fails as soon as it has its name: nothing is in a log yet.
#[test]
fn a_new_copy_never_knows_less_of_policy_and_used_serials_than_the_old_one() {
    let dir = tempfile::tempdir().unwrap();
    let (path, new) = (dir.path().join("copy.db"), dir.path().join("copy.new.db"));
    let entries: Vec<Entry> = (1..=20).map(|seq| entry(seq, &format!("n{seq:04}"), 1)).collect();
    let (snapshot, chunks) = snapshot(&entries, 10);
    let mut copy = opened(&path);
    let place = Position { epoch: snapshot.epoch.clone(), seq: 1 };
    copy.apply(&entries[..1], &PageEnd { position: place, ..end(&entries[..1], &entries[..1]) }, Some(NOW))
        .unwrap();
    copy.set_setup(setup(7)).unwrap();
    let mut states = [status::State::Unused; 9];
    states[5] = status::State::Redeemed;
    let bits = status::pack(&states);
    let (bytes, raw_length) = (wire::status::compress(&bits), u16::try_from(bits.len()).unwrap());
    let chunk = status::ChunkUpdate { index: 0, raw_length, bytes };
    let lists = vec![status::CampaignUpdate { campaign: 3, covered: 9, chunks: vec![chunk] }];
    let update = StatusUpdate { after: 0, version: 12, more: false, at: NOW, lists };
    copy.apply_status(&update, NOW).unwrap();

    let mut building = Building::open(&new, key(), snapshot.clone()).unwrap();
    for (chunk, bytes) in snapshot.chunks.iter().zip(&chunks) {
        building.take_in(chunk, bytes).unwrap();
    }
    let whole = building.finish(Some(&setup(6)), NOW).unwrap();
    copy.swap(&path, &whole, NOW).unwrap();
    let alone = dir.path().join("alone.db");
    fs::copy(&path, &alone).unwrap();
    let found = opened(&alone);
    assert_eq!(found.setup().map(|setup| setup.version), Some(7), "the newer policy");
    let used = found.status(Serial { campaign: 3, number: 5 }).unwrap();
    assert_eq!(
        (used, found.status_position().unwrap()),
        (Some(status::State::Redeemed), 12),
        "and the used serial"
    );
    assert_eq!(found.count().unwrap(), 20, "beside all rows of the new copy");
}
