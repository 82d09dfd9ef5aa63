//! What the server holds, read through its store: after each change what is new, now and then everything.

use std::collections::{BTreeMap, BTreeSet};

use model::time::UnixMs;
use server::Store;
use server::store::{Device, LineRow, RedemptionRow, StoreError, TillRow};
use wire::api::{Entry, Page};
use wire::case::Case;
use wire::entitlement::{self as w, Entitlement};

use super::backend::Backend;
use super::invariants::{self as must, Check};
use super::{Defence, Plan};

/// Device, epoch, and lines with their numbers.
type NewLines = (String, u64, Vec<(u64, Vec<u8>)>);

/// What is new at the server, with what the checks of it alone said.
pub(super) struct Looked {
    pub(super) lines: Vec<NewLines>,
    pub(super) outcome: Check,
    pub(super) checks: u64,
}

/// A client that follows one store's feed, as a till does.
#[derive(Clone, Default)]
struct Follower {
    epoch: String,
    at: u64,
    /// Another epoch has begun, and nothing of it was taken in yet.
    is_anew: bool,
    /// By entitlement: number and content.
    holds: BTreeMap<String, (u64, Entitlement)>,
}

/// What is known of the server.
pub(super) struct ServerLook {
    /// Without the feed's counter, numbers become visible out of order, as with a sequence.
    out_of_order: bool,
    stores: BTreeMap<String, w::Store>,
    /// Lines held, by device and epoch: now, and the most that ever were.
    heads: BTreeMap<(String, u64), (u64, u64)>,
    settlements: BTreeMap<(String, u64, u64), String>,
    feeds: BTreeMap<String, Follower>,
    pub(super) ever_counted: BTreeSet<String>,
    pub(super) rows: BTreeMap<String, RedemptionRow>,
    pub(super) cases: Vec<Case>,
    /// Every entitlement, as the feeds tell it.
    pub(super) told: BTreeMap<String, Entitlement>,
    since: i64,
}

/// One reading.
struct Read {
    tills: Vec<TillRow>,
    lines: Vec<(String, u64, Vec<LineRow>)>,
    pages: Vec<(String, Page)>,
    rows: Vec<RedemptionRow>,
    cases: Option<Vec<Case>>,
}

impl ServerLook {
    pub(super) fn new(plan: &Plan) -> ServerLook {
        ServerLook {
            out_of_order: plan.without == Some(Defence::FeedCounter),
            stores: BTreeMap::new(),
            heads: BTreeMap::new(),
            settlements: BTreeMap::new(),
            feeds: BTreeMap::new(),
            ever_counted: BTreeSet::new(),
            rows: BTreeMap::new(),
            cases: vec![],
            told: BTreeMap::new(),
            since: 0,
        }
    }

    /// A store whose feed is to be followed.
    pub(super) fn meet(&mut self, store: w::Store) {
        self.feeds.insert(store.name.clone(), Follower::default());
        self.stores.insert(store.name.clone(), store);
    }

    pub(super) fn was_set_back(&mut self) {
        self.heads.values_mut().for_each(|(held, _)| *held = 0);
        self.settlements.clear();
        self.feeds.values_mut().for_each(|follower| *follower = Follower::default());
        self.rows.clear();
        self.cases.clear();
        self.told.clear();
        self.since = 0;
    }

    /// The lines that the server holds of a journal.
    pub(super) fn held(&self, device: &str, epoch: u64) -> u64 {
        self.heads.get(&(device.to_owned(), epoch)).map_or(0, |(held, _)| *held)
    }

    /// The most that it ever held.
    pub(super) fn ever_held(&self, device: &str, epoch: u64) -> u64 {
        self.heads.get(&(device.to_owned(), epoch)).map_or(0, |(_, most)| *most)
    }

    /// The last number of a store's feed.
    pub(super) fn feed_head(&self, store: &str) -> u64 {
        self.feeds.get(store).map_or(0, |follower| follower.at)
    }

    /// What a store's feed tells.
    pub(super) fn feed_of(&self, store: &str) -> impl Iterator<Item = &Entitlement> {
        self.feeds.get(store).into_iter().flat_map(|follower| follower.holds.values().map(|(_, told)| told))
    }

    /// Reads what is new; nothing if the server does not run.
    pub(super) fn read(&mut self, backend: &Backend) -> Option<Looked> {
        let looked = self.read_once(backend)?;
        if looked.outcome.is_err() || !self.feeds.values().any(|follower| follower.is_anew) {
            return Some(looked);
        }
        // As a till does: whoever hears of another epoch asks for everything.
        let all = self.read_once(backend)?;
        let lines = looked.lines.into_iter().chain(all.lines).collect();
        Some(Looked { lines, outcome: all.outcome, checks: looked.checks + all.checks })
    }

    fn read_once(&mut self, backend: &Backend) -> Option<Looked> {
        let after = self.feeds.iter().map(|(store, follower)| (store.clone(), follower.at)).collect();
        let read = self.ask(backend, after, self.since, false)?;
        Some(self.judge(&read))
    }

    /// Reads everything, the lines of the journals too where wished; nothing if the server does not run.
    pub(super) fn read_all(&mut self, backend: &Backend, lines: bool) -> Option<Looked> {
        let mut looked = self.read(backend)?;
        let after = self.feeds.keys().map(|store| (store.clone(), 0)).collect();
        let held = self.heads.clone();
        if lines {
            self.heads.values_mut().for_each(|(held, _)| *held = 0);
        }
        let read = self.ask(backend, after, 0, true)?;
        let mut checks = looked.checks;
        let outcome = looked.outcome.and_then(|()| {
            self.judge_lines(&read, &mut checks)?;
            for (store, page) in &read.pages {
                checks += 1;
                self.compare(store, page)?;
            }
            Ok(())
        });
        self.heads = held;
        if lines {
            looked.lines = lines_of(&read);
        }
        self.rows = read.rows.into_iter().map(|row| (row.number.clone(), row)).collect();
        self.cases = read.cases.unwrap_or_default();
        self.told.clear();
        for (id, (_, told)) in self.feeds.values().flat_map(|follower| &follower.holds) {
            self.told.insert(id.clone(), told.clone());
        }
        Some(Looked { outcome, checks, ..looked })
    }

    fn ask(&self, backend: &Backend, after: Vec<(String, u64)>, since: i64, all: bool) -> Option<Read> {
        let held: BTreeMap<(String, u64), u64> =
            self.heads.iter().map(|(journal, (held, _))| (journal.clone(), *held)).collect();
        let devices: Vec<(Device, u64)> =
            after.into_iter().filter_map(|(store, after)| Some((self.reader(&store)?, after))).collect();
        backend.with(move |store| async move {
            read(&store, &held, &devices, since, all).await.expect("the server's database can be read")
        })
    }

    /// Who asks for a store's feed. Only its store is looked at.
    fn reader(&self, store: &str) -> Option<Device> {
        let store = self.stores.get(store)?.clone();
        Some(Device { id: String::new(), till: String::new(), store, epoch: 1, revoked: false })
    }

    fn judge(&mut self, read: &Read) -> Looked {
        let mut checks = 0;
        let outcome = self.judge_all(read, &mut checks);
        Looked { lines: lines_of(read), outcome, checks }
    }

    fn judge_lines(&mut self, read: &Read, checks: &mut u64) -> Check {
        for (device, epoch, rows) in &read.lines {
            let journal = (device.clone(), *epoch);
            let till = read.tills.iter().find(|till| till.device == *device && till.epoch == *epoch);
            let head = till.map_or(0, |till| till.head);
            let (held, most) = self.heads.get(&journal).copied().unwrap_or_default();
            *checks += 2;
            must::s2(held, head)?;
            let seqs: Vec<u64> = rows.iter().map(|row| row.seq).collect();
            must::s5(held, &seqs, head)?;
            for row in rows {
                let key = (device.clone(), *epoch, row.seq);
                if let Some(before) = self.settlements.insert(key, row.settlement.clone()) {
                    *checks += 1;
                    must::s3(&format!("line {} of {device}", row.seq), &before, &row.settlement)?;
                }
            }
            self.heads.insert(journal, (head, most.max(head)));
        }
        Ok(())
    }

    fn judge_all(&mut self, read: &Read, checks: &mut u64) -> Check {
        self.judge_lines(read, checks)?;
        for (store, page) in &read.pages {
            *checks += 1;
            self.follow(store, page)?;
        }
        for row in &read.rows {
            self.ever_counted.insert(row.number.clone());
            // Rows of the very same moment are read again.
            self.since = self.since.max(row.received_at);
        }
        Ok(())
    }

    fn follow(&mut self, store: &str, page: &Page) -> Check {
        let out_of_order = self.out_of_order;
        let Some(follower) = self.feeds.get_mut(store) else { return Ok(()) };
        if follower.epoch != page.epoch {
            // What came follows a number of another feed.
            let is_anew = follower.at > 0;
            *follower = Follower { epoch: page.epoch.clone(), is_anew, ..Follower::default() };
            if is_anew {
                return Ok(());
            }
        }
        follower.is_anew = false;
        let first = follower.at == 0;
        let seqs: Vec<u64> = page.entries.iter().map(|entry| entry.seq).collect();
        for entry in &page.entries {
            // Whoever took a number first may commit last: the follower is past it by then.
            if out_of_order && entry.seq.is_multiple_of(16) && entry.seq != page.last {
                continue;
            }
            let told = read_told(entry);
            follower.holds.insert(told.id.clone(), (entry.seq, told));
        }
        let after = std::mem::replace(&mut follower.at, page.last);
        // The first page tells the latest state of what has moved on since.
        if first { Ok(()) } else { must::s7(after, &seqs, page.last) }
    }

    /// Compares what a follower holds with the whole feed.
    fn compare(&self, store: &str, page: &Page) -> Check {
        let Some(follower) = self.feeds.get(store) else { return Ok(()) };
        let fresh = page.entries.iter().map(|entry| {
            let told = read_told(entry);
            (told.id.clone(), (entry.seq, format!("{told:?}")))
        });
        let followed =
            follower.holds.iter().map(|(id, (seq, told))| (id.clone(), (*seq, format!("{told:?}"))));
        must::s6(&followed.collect(), &fresh.collect())
    }
}

/// What an entry says: a server tells nothing else than entitlements.
fn read_told(entry: &Entry) -> Entitlement {
    entry.entitlement.read().expect("the server tells an entitlement")
}

fn lines_of(read: &Read) -> Vec<NewLines> {
    let line = |row: &LineRow| (row.seq, row.bytes.clone());
    let journal = |(device, epoch, rows): &(String, u64, Vec<LineRow>)| {
        (device.clone(), *epoch, rows.iter().map(line).collect())
    };
    read.lines.iter().map(journal).collect()
}

async fn read(
    store: &Store,
    held: &BTreeMap<(String, u64), u64>,
    devices: &[(Device, u64)],
    since: i64,
    all: bool,
) -> Result<Read, StoreError> {
    let tills = store.tills().await?;
    let mut lines = vec![];
    for till in &tills {
        let mut after = held.get(&(till.device.clone(), till.epoch)).copied().unwrap_or(0);
        let mut new = vec![];
        // Also where nothing is new: that nothing was lost is checked with it.
        while after < till.head {
            let some = store.lines(&till.device, till.epoch, after).await?;
            let Some(last) = some.last() else { break };
            after = last.seq;
            new.extend(some);
        }
        lines.push((till.device.clone(), till.epoch, new));
    }
    let mut pages = vec![];
    for (device, after) in devices {
        // A page also tells how much of the asking till's journal is here, so it takes a till to ask for it.
        let Some(till) = tills.iter().find(|till| till.store == device.store.name) else { continue };
        let device = Device { id: till.device.clone(), ..device.clone() };
        pages.push((device.store.name.clone(), store.page(&device, *after).await?));
    }
    let rows = store.redemptions(None, UnixMs(since)).await?;
    let cases = if all { Some(store.cases().await?) } else { None };
    Ok(Read { tills, lines, pages, rows, cases })
}
