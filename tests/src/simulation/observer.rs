//! The observer: after each event it reads what has changed on the disks of tills and server, and checks the invariants.
//!
//! It reads by public doors only: a till's folder by way of a copy, the server through its store.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use model::policy::Exposure;
use model::signed::key::PublicKey;
use model::time::UnixMs;
use model::verdict::{Basis, Class};
use till::cases::StoreCase;
use till::screen::Verdict;
use till::transport::{Method, Reply, Request};
use wire::api::Redeemed;
use wire::case::Case;
use wire::line::{self, Act, Decided};

use super::Plan;
use super::backend::Backend;
use super::books::{self, Disk};
use super::invariants::{self as must, Broken, Check, Ratchet};
use super::machine::Machine;
use super::model::{Book, Kept, Verdict as Decision};
use super::outages::{Outage, Worth};
use super::server_look::{Looked, ServerLook};

/// Every so many looks at the server, everything is compared.
const THOROUGH_EVERY: u64 = 24;

/// Who asked, where, and the hash of what.
type Question = (usize, String, [u8; 32]);

/// What has been seen so far.
pub(super) struct Observer {
    look: PathBuf,
    /// By till.
    books: BTreeMap<usize, Arc<Book>>,
    /// By till.
    outages: BTreeMap<usize, Outage>,
    /// By entitlement: what was issued.
    worths: BTreeMap<String, Worth>,
    /// The last version of the policy that was set.
    policy: u64,
    /// By till: the version that its last line went by.
    went_by: BTreeMap<usize, Ratchet>,
    /// See [`Plan::trusting`].
    trusting: bool,
    /// Which till has which device id.
    devices: BTreeMap<String, usize>,
    /// Which key each till signs its lines with.
    keys: BTreeMap<usize, PublicKey>,
    /// Till names, as the server tells them.
    names: BTreeMap<String, usize>,
    folders: BTreeMap<usize, PathBuf>,
    server: ServerLook,
    /// The true time of the last look at each till (ms).
    looked_at: BTreeMap<usize, i64>,
    /// By till: the setup's version, and the status lists' number.
    ratchets: BTreeMap<usize, [Ratchet; 2]>,
    /// The answers to redemptions, by till, target and what was asked.
    answers: BTreeMap<Question, (u16, Vec<u8>)>,
    /// The numbers that the server has called counted, and not forgotten since.
    counted: BTreeSet<String>,
    /// Those of them that the last backup knows.
    counted_then: BTreeSet<String>,
    /// By name: the cases as they were at the last look, unless the server was set back since.
    cases: BTreeMap<String, Case>,
    barred: BTreeSet<usize>,
    /// Who was barred when the last backup was made.
    barred_then: BTreeSet<usize>,
    restores: u64,
    looks: u64,
    checks: u64,
}

impl Observer {
    pub(super) fn new(plan: &Plan, look: PathBuf) -> Observer {
        Observer {
            look,
            books: BTreeMap::new(),
            outages: BTreeMap::new(),
            worths: BTreeMap::new(),
            policy: 0,
            went_by: BTreeMap::new(),
            trusting: plan.trusting,
            devices: BTreeMap::new(),
            keys: BTreeMap::new(),
            names: BTreeMap::new(),
            folders: BTreeMap::new(),
            server: ServerLook::new(plan),
            looked_at: BTreeMap::new(),
            ratchets: BTreeMap::new(),
            answers: BTreeMap::new(),
            counted: BTreeSet::new(),
            counted_then: BTreeSet::new(),
            cases: BTreeMap::new(),
            barred: BTreeSet::new(),
            barred_then: BTreeSet::new(),
            restores: 0,
            looks: 0,
            checks: 0,
        }
    }

    /// A till has been enrolled.
    pub(super) fn meet(&mut self, machine: &Machine, now: UnixMs) -> Result<(), String> {
        let disk = books::read(machine.folder(), &self.look, now)?;
        self.names.insert(disk.identity.till, machine.index);
        self.devices.insert(disk.identity.device, machine.index);
        self.keys.insert(machine.index, disk.key);
        self.folders.insert(machine.index, machine.folder().to_owned());
        self.books.insert(machine.index, Arc::default());
        // Its journal has begun, and the server may have been looked at before anyone here knew the till.
        for (seq, bytes) in (1u64..).zip(&disk.lines) {
            self.learn(machine.index, disk.identity.epoch, seq, bytes, now).map_err(|broken| broken.what)?;
        }
        self.looked_at.insert(machine.index, now.0);
        Ok(())
    }

    /// A store whose feed is to be followed.
    pub(super) fn meet_store(&mut self, store: wire::entitlement::Store) {
        self.server.meet(store);
    }

    /// The merchant has issued something.
    pub(super) fn issued(&mut self, id: String, worth: Worth) {
        self.worths.insert(id, worth);
    }

    /// The merchant has set the policy, before any till has joined for the first time.
    pub(super) fn policy_was_set(&mut self, version: u64) {
        self.policy = self.policy.max(version);
    }

    /// How many checks were made.
    pub(super) fn checks(&self) -> u64 {
        self.checks
    }

    /// How many cases the server knows.
    pub(super) fn cases(&self) -> usize {
        self.server.cases.len()
    }

    /// The till's device id.
    pub(super) fn device(&self, till: usize) -> Option<String> {
        self.devices.iter().find(|(_, index)| **index == till).map(|(device, _)| device.clone())
    }

    /// The server has barred that till.
    pub(super) fn barred(&mut self, till: usize) {
        self.barred.insert(till);
    }

    /// Whether the server has barred that till.
    pub(super) fn is_barred(&self, till: usize) -> bool {
        self.barred.contains(&till)
    }

    /// A backup of the server was made.
    pub(super) fn server_was_saved(&mut self) {
        self.barred_then = self.barred.clone();
        self.counted_then = self.counted.clone();
    }

    /// The server was set back to an older state: what it knew since is gone.
    pub(super) fn server_was_set_back(&mut self) {
        self.restores += 1;
        self.answers.clear();
        self.cases.clear();
        self.counted = self.counted_then.clone();
        self.barred = self.barred_then.clone();
        self.server.was_set_back();
    }

    /// The server has answered a till.
    pub(super) fn answered(&mut self, till: usize, request: &Request, reply: &Reply) -> Check {
        let status = reply.status.as_u16();
        let target = &request.target;
        self.count(must::p500(target, status))?;
        if self.barred.contains(&till) {
            self.count(must::k5(target, status))?;
        }
        // A copy of a request that the line has doubled is turned away at the door (its nonce was here before), and so
        // is one of another hour: neither is an answer to the act. The till signs anew and asks again.
        if request.method != Method::PUT || status == 401 {
            return Ok(());
        }
        if let (Some(number), Ok(Redeemed::Counted)) =
            (target.strip_prefix("v1/redemptions/"), serde_json::from_slice(&reply.body))
        {
            self.counted.insert(number.to_owned());
        }
        let key = (till, target.clone(), *blake3::hash(&request.body).as_bytes());
        let now = (status, reply.body.clone());
        match self.answers.get(&key) {
            Some(before) => {
                let before = before.clone();
                self.count(must::s3(target, &before, &now))
            }
            None => {
                self.answers.insert(key, now);
                Ok(())
            }
        }
    }

    /// A clerk has seen a verdict with a number, and beside it what the outage may cost.
    pub(super) fn shown(
        &mut self,
        machine: &Machine,
        verdict: &Verdict,
        exposure: Exposure,
        now: UnixMs,
    ) -> Check {
        let Some(number) = verdict.number.map(|number| number.to_string()) else { return Ok(()) };
        let till = machine.index;
        let disk = self.look_at(till, now)?;
        if !self.trusting {
            let told = self.outages.entry(till).or_default().told(exposure);
            self.count(told)?;
        }
        if verdict.class() != Class::Pass {
            return Ok(());
        }
        let number_is_new = !verdict.before_restart && !self.book(till).shown.contains(&number);
        self.count(must::j8(&number, number_is_new && machine.drive.has_failed("journal.db")))?;
        let epoch = disk.identity.epoch;
        let on_disk = self.certain(machine, &disk)?;
        self.book(till).shown.insert(number.clone());
        let book = self.books.entry(till).or_default().clone();
        let deed = book.deeds.get(&number);
        self.count(must::j1(&number, deed, on_disk))?;
        let accepted = deed.and_then(|deed| deed.accepted.clone());
        let green = verdict.basis == Some(Basis::Server);
        let counted = self.server.ever_counted.contains(&number);
        let basis = accepted.as_ref().map(|accepted| &accepted.basis);
        self.count(must::c4(&number, green, basis, counted))?;
        let (Some(deed), Some(accepted)) = (deed, accepted) else { return Ok(()) };
        if green || verdict.before_restart {
            return Ok(());
        }
        let copied = disk.copy.by_id(&deed.entitlement).map_err(unreadable)?;
        if let Some(copied) = copied {
            let before = book.lines.range(..(epoch, accepted.seq));
            let high_water = before.filter_map(|(_, kept)| must::believable(kept)).max().unwrap_or(0);
            self.count(must::t2(&copied, accepted.at, high_water))?;
            // What the till was told by a look-up may be newer than its copy.
            if copied.version >= deed.version {
                self.count(must::r8(&copied, &book, &number))?;
            }
            self.count(must::r4(&copied, &book))?;
        }
        Ok(())
    }

    /// A manager has decided on a case, as the desk has told.
    pub(super) fn decided(&mut self, machine: &Machine, case: &str, now: UnixMs) -> Check {
        let disk = self.look_at(machine.index, now)?;
        let on_disk = self.certain(machine, &disk)?;
        let book = self.books.entry(machine.index).or_default().clone();
        self.count(must::d1(case, &book, on_disk))
    }

    /// How many lines of what was just read no power cut can take.
    fn certain(&self, machine: &Machine, disk: &Disk) -> Result<u64, Broken> {
        let all = disk.lines.len() as u64;
        if self.trusting {
            return Ok(all);
        }
        let flushed = books::flushed(machine, &self.look, &disk.identity).map_err(unreadable)?;
        Ok(flushed.unwrap_or(all))
    }

    /// A till's program has ended, or is about to start: everything is still there.
    pub(super) fn crashed(&mut self, till: usize, now: UnixMs) -> Check {
        let disk = self.look_at(till, now)?;
        let last = disk.lines.len() as u64;
        let book = self.books.entry(till).or_default().clone();
        self.count(must::j2(&book, disk.identity.epoch, last))
    }

    /// A till's program has started: its journal has no fault.
    pub(super) fn started(&mut self, fault: Option<&str>) -> Check {
        self.count(must::j6(fault))
    }

    fn book(&mut self, till: usize) -> &mut Book {
        Arc::make_mut(self.books.entry(till).or_default())
    }

    fn count(&mut self, check: Check) -> Check {
        self.checks += 1;
        check
    }

    /// Reads a till's disk and learns from it.
    fn look_at(&mut self, till: usize, now: UnixMs) -> Result<Disk, Broken> {
        let Some(folder) = self.folders.get(&till) else { return Err(unreadable("an unknown till")) };
        let disk = books::read(folder, &self.look, now).map_err(unreadable)?;
        let epoch = disk.identity.epoch;
        for (seq, bytes) in (1u64..).zip(&disk.lines) {
            self.learn(till, epoch, seq, bytes, now)?;
        }
        self.looked_at.insert(till, now.0);
        let setup = disk.copy.setup().map_or(0, |setup| setup.version);
        let lists = disk.copy.status_position().map_err(unreadable)?;
        self.checks += 2;
        let [of_setup, of_lists] = self.ratchets.entry(till).or_insert([Ratchet::at(0); 2]);
        of_setup.turn("the setup's version", setup, self.restores)?;
        of_lists.turn("the status lists' number", lists, self.restores)?;
        let held = self.server.ever_held(&disk.identity.device, epoch);
        self.count(must::s2(disk.sent, held))?;
        Ok(disk)
    }

    /// Takes note of a line, wherever it was seen.
    fn learn(&mut self, till: usize, epoch: u64, seq: u64, bytes: &[u8], now: UnixMs) -> Check {
        let earliest = self.looked_at.get(&till).copied().unwrap_or(now.0);
        self.checks += 7;
        let shared = self.books.entry(till).or_default();
        if let Some(known) = shared.lines.get(&(epoch, seq)) {
            return must::j4(seq, &known.bytes, bytes);
        }
        let book = Arc::make_mut(shared);
        must::j3(book.last(epoch), seq)?;
        let Some(key) = self.keys.get(&till).copied() else { return Err(unreadable("a till without a key")) };
        let line = line::decode(bytes, key).map_err(unreadable)?;
        let kept = Kept { bytes: bytes.to_owned(), line, written: (earliest, now.0) };
        must::j5(book.lines.get(&(epoch, seq - 1)), &kept)?;
        let high_water = book.lines.values().filter_map(must::believable).max().unwrap_or(0);
        must::t1(high_water, kept.line.at)?;
        let line = kept.line.clone();
        book.take_in(kept);
        let outage = self.outages.entry(till).or_default();
        outage.take_in(&line, book, &self.worths, self.trusting)?;
        if let Act::Decided(Decided { risk: Some(risk), .. }) = &line.act {
            let went_by = self.went_by.entry(till).or_insert(Ratchet::at(1));
            went_by.turn("the policy that a line went by", risk.policy, self.restores)?;
            must::k2("the policy that a line went by, against the last", risk.policy, self.policy)?;
        }
        Ok(())
    }

    /// Reads what has changed at the server, and now and then everything.
    pub(super) fn look_at_server(&mut self, backend: &Backend, now: UnixMs) -> Check {
        self.looks += 1;
        let Some(looked) = self.server.read(backend) else { return Ok(()) };
        self.judge(looked, now)?;
        if self.looks.is_multiple_of(THOROUGH_EVERY) {
            self.look_thoroughly(backend, now, false)?;
        }
        Ok(())
    }

    fn judge(&mut self, looked: Looked, now: UnixMs) -> Check {
        for (device, epoch, lines) in &looked.lines {
            let Some(till) = self.devices.get(device).copied() else { continue };
            for (seq, bytes) in lines {
                self.learn(till, *epoch, *seq, bytes, now)?;
            }
        }
        self.checks += looked.checks;
        looked.outcome
    }

    /// Compares everything with everything.
    pub(super) fn look_thoroughly(&mut self, backend: &Backend, now: UnixMs, lines: bool) -> Check {
        let Some(looked) = self.server.read_all(backend, lines) else { return Ok(()) };
        self.judge(looked, now)?;
        self.learn_whoever_counts(now)?;
        let server = &self.server;
        let mut checks = 0;
        let mut all = |check: Check| {
            checks += 1;
            check
        };
        for (id, told) in &server.told {
            let rows: Vec<_> = server.rows.values().filter(|row| row.entitlement == *id).collect();
            all(must::s1(told, &rows))?;
            let books: Vec<&Book> = self.books.values().map(|book| &**book).collect();
            all(must::r3(told, &books, &self.counted))?;
            for book in &books {
                all(must::r4(told, book))?;
            }
        }
        for row in server.rows.values() {
            let till = self.names.get(&row.till);
            let deed = till.and_then(|till| self.books.get(till)?.deeds.get(&row.number));
            all(must::s4(row, deed))?;
        }
        for (device, till) in &self.devices {
            let Some(book) = self.books.get(till) else { continue };
            all(must::r11(book))?;
            for (number, deed) in &book.deeds {
                let Some(accepted) = &deed.accepted else { continue };
                if accepted.seq > server.held(device, 1) {
                    continue;
                }
                all(must::r10(number, server.rows.get(number), &server.cases))?;
            }
        }
        self.checks += checks;
        self.look_at_cases()
    }

    /// What was decided on cases, by the lines that the server holds.
    fn look_at_cases(&mut self) -> Check {
        let mut verdicts: BTreeMap<&str, Vec<&Decision>> = BTreeMap::new();
        for (device, till) in &self.devices {
            let held = self.server.held(device, 1);
            let book = self.books.get(till).into_iter();
            let told = book.flat_map(|book| book.verdicts.values()).filter(|verdict| verdict.seq <= held);
            told.for_each(|verdict| verdicts.entry(&verdict.case).or_default().push(verdict));
        }
        for case in &self.server.cases {
            self.checks += 3;
            let verdicts = verdicts.get(case.case.as_str()).map_or(&[][..], Vec::as_slice);
            must::d3(case, verdicts)?;
            // What a till was told by a server that was set back since may hold no more.
            if self.restores == 0 {
                must::d3_first(case, verdicts)?;
            }
            if let Some(before) = self.cases.insert(case.case.clone(), case.clone()) {
                must::d2(&before, case)?;
            }
        }
        Ok(())
    }

    /// Reads the disks of tills for which something counts that was not seen yet: they have just begun it.
    fn learn_whoever_counts(&mut self, now: UnixMs) -> Check {
        let unknown = |row: &&server::store::RedemptionRow| {
            let till = self.names.get(&row.till)?;
            let known = self.books.get(till)?.deeds.contains_key(&row.number);
            (!known).then_some(*till)
        };
        let tills: BTreeSet<usize> = self.server.rows.values().filter_map(|row| unknown(&row)).collect();
        for till in tills {
            self.look_at(till, now)?;
        }
        Ok(())
    }

    /// Everything is over: this till has told and heard everything.
    pub(super) fn at_rest(
        &mut self,
        machine: &Machine,
        waiting: usize,
        cases: &[StoreCase],
        now: UnixMs,
    ) -> Check {
        let disk = self.look_at(machine.index, now)?;
        let device = disk.identity.device.clone();
        let last = disk.lines.len() as u64;
        self.count(must::s11("redemptions that wait for the server's word", waiting as u64, 0))?;
        self.count(must::s11("lines that the server holds", self.server.held(&device, 1), last))?;
        self.count(must::s11("lines that the till knows to be there", disk.sent, last))?;
        let position = disk.copy.position().map_err(unreadable)?;
        let head = self.server.feed_head(&machine.store);
        self.count(must::s11("the copy's place in the feed", position.seq, head))?;
        let told: Vec<_> = self.server.feed_of(&machine.store).cloned().collect();
        for told in &told {
            let copied = disk.copy.by_id(&told.id).map_err(unreadable)?;
            self.count(must::s10(told, copied.as_ref()))?;
        }
        let count = disk.copy.count().map_err(unreadable)?;
        self.count(must::s11("entitlements in the copy", count, told.len() as u64))?;
        let of_store = |case: &&Case| case.sides.iter().any(|side| side.done.store == machine.store);
        let of_store: Vec<Case> = self.server.cases.iter().filter(of_store).cloned().collect();
        self.count(must::d4(&of_store.iter().collect::<Vec<_>>(), cases))?;
        let book = self.books.entry(machine.index).or_default().clone();
        for (number, deed) in book.deeds.iter().filter(|(_, deed)| deed.accepted.is_some()) {
            if let Some(row) = self.server.rows.get(number).cloned() {
                self.count(must::r11_counted(&row, deed))?;
            }
        }
        Ok(())
    }
}

fn unreadable(error: impl std::fmt::Display) -> Broken {
    Broken { letter: "J6", what: format!("a till's files cannot be read: {error}") }
}
