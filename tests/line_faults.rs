//! Two tills and their server over a line that resets, delays, cuts short, repeats and garbles, in real time and over
//! real HTTP. Clerks never wait longer than the deadline; afterwards tills and server agree on everything.
//!
//! `COUNTERFOIL_ROUNDS` asks for more customers than usual, `COUNTERFOIL_SEED` for another course of them.
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::collections::{BTreeMap, BTreeSet};

use model::code::Code;
use model::redemption::Number;
use model::verdict::Basis;
use tests::counter::usual_takes;
use tests::hands::SeededDice;
use tests::proxy::{Proxy, Trouble};
use tests::{Counter, Shop, goods, number_from, tell};
use till::desk::Act;
use till::ledger::{Ledger, State};
use till::screen::{Line, Screen, Stage};
use till::till::DEADLINE;
use tokio::time::{Duration, Instant};

/// What a busy machine may take on top of the deadline.
const SLACK: Duration = Duration::from_millis(1500);

/// So many times ten seconds may pass until the tills have settled on a good line. A poll that was swallowed before is
/// given up after half a minute only, for no customer waits for it.
const SETTLES_IN: u32 = 9;

/// A day at two counters, and what was told to their clerks.
struct Day {
    shop: Shop,
    tills: Vec<Counter>,
    dice: SeededDice,
    seed: u64,
    /// Accepted, by number: at which till.
    accepted: BTreeMap<Number, usize>,
    undone: BTreeSet<Number>,
    longest: Duration,
    by_server: u64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_line_costs_neither_goods_nor_time() {
    let customers = number_from("COUNTERFOIL_ROUNDS", 70);
    let seed = number_from("COUNTERFOIL_SEED", 20_270_115);
    let mut day = Day::begin(seed).await;
    let proxy = Proxy::start(day.shop.address(), seed).await;
    let issued = day.shop.issue(&goods::coupons(customers as usize)).await;
    for till in &mut day.tills {
        till.sync().await;
        till.cord.lead_to(&proxy.url());
        till.keep_in_sync();
    }
    for coupon in &issued {
        day.customer(&coupon.code).await;
    }
    let requests = proxy.requests();
    proxy.mend();
    day.settle().await;
    tell(&format!(
        "line: {customers} customers, {requests} requests, {:?}; {} accepted ({} by the server), {} taken back, longest wait {:?}",
        proxy.done(),
        day.accepted.len(),
        day.by_server,
        day.undone.len(),
        day.longest
    ));
    let done = proxy.done();
    for trouble in Trouble::ALL {
        assert!(done.contains_key(&trouble), "seed {seed}: the line did {trouble:?} too: {done:?}");
    }
    assert!(
        day.by_server > 0 && day.by_server < day.accepted.len() as u64,
        "some went through, some did not"
    );
}

impl Day {
    async fn begin(seed: u64) -> Day {
        let shop = Shop::open().await;
        let tills = vec![shop.till("1号收银机").await, shop.till("2号收银机").await];
        Day {
            shop,
            tills,
            dice: SeededDice::new(seed),
            seed,
            accepted: BTreeMap::new(),
            undone: BTreeSet::new(),
            longest: Duration::ZERO,
            by_server: 0,
        }
    }

    /// One customer; sometimes at both counters, sometimes with second thoughts.
    async fn customer(&mut self, code: &Code) {
        let till = self.dice.below(2) as usize;
        // Mostly the line is up when a customer comes, as far as the till knows.
        for _ in 0..self.dice.below(4) {
            if self.tills[till].screen().status.line != Line::Online {
                self.tills[till].sync().await;
            }
        }
        self.redeem(till, code).await;
        match self.dice.below(6) {
            0 => self.redeem(1 - till, code).await,
            1 => self.redeem(till, code).await,
            2 => self.undo().await,
            _ => {}
        }
    }

    async fn redeem(&mut self, till: usize, code: &Code) {
        // The same text within 2.5 seconds would be taken for an echo of the scanner.
        self.shop.clock.turn_seconds(5);
        let counter = &self.tills[till];
        let began = Instant::now();
        let screen = counter.scan(code.secret()).await;
        let seen = began.elapsed();
        self.in_time("the look-up", seen);
        let Stage::Offer(card) = &screen.stage else { return };
        let takes = usual_takes(card);
        let began = Instant::now();
        let screen = self.tills[till].desk().act(Act::Confirm(takes)).await;
        self.in_time("the redemption", began.elapsed());
        let Stage::Verdict(verdict) = screen.stage else {
            panic!("seed {}: a verdict was expected, not {:?}", self.seed, screen.stage)
        };
        // What was handed over has an undo button.
        if let (Some(number), Some(_)) = (verdict.number, verdict.undo) {
            self.by_server += u64::from(verdict.basis == Some(Basis::Server));
            let before = self.accepted.insert(number, till);
            assert_eq!(before, None, "seed {}: {number} was given twice", self.seed);
        }
    }

    async fn undo(&mut self) {
        let all: Vec<(Number, usize)> = self
            .accepted
            .iter()
            .filter(|(number, _)| !self.undone.contains(number))
            .map(|(number, till)| (*number, *till))
            .collect();
        let Some((number, till)) = all.get(self.dice.below(all.len() as u64) as usize).copied() else {
            return;
        };
        let began = Instant::now();
        let screen: Screen = self.tills[till].desk().act(Act::Undo(number)).await;
        self.in_time("the undo", began.elapsed());
        if let Stage::Verdict(verdict) = screen.stage
            && verdict.reason == model::verdict::Reason::Undone
        {
            self.undone.insert(number);
        }
    }

    fn in_time(&mut self, what: &str, took: Duration) {
        self.longest = self.longest.max(took);
        assert!(took < DEADLINE + SLACK, "seed {}: {what} took {took:?}", self.seed);
    }

    /// The line is good again: nobody is stuck, and everybody agrees.
    async fn settle(&mut self) {
        let seed = self.seed;
        for till in &mut self.tills {
            let mut settled = false;
            for _ in 0..SETTLES_IN {
                // The line's last word may have been to be left alone for two seconds, and the tills' clock stands still.
                self.shop.clock.turn_seconds(5);
                settled = till
                    .comes_to(Duration::from_secs(10), |till| {
                        till.screen().status.line == Line::Online && till.standing().waiting == 0
                    })
                    .await;
                if settled {
                    break;
                }
            }
            assert!(settled, "seed {seed}: the line is good, and still {:?}", till.standing());
            let fault = till.standing().journal_fault;
            assert_eq!(fault, None, "seed {seed}: the till takes lines");
            // Asks what is in doubt still, and hands in what it has written down about its settlements.
            for _ in 0..2 {
                self.shop.clock.turn_seconds(5);
                till.till().round().await.unwrap();
            }
        }
        let mut known = BTreeSet::new();
        for index in 0..self.tills.len() {
            let held = self.shop.lines_held(&self.tills[index]).await;
            self.tills[index].close().await;
            let lines = self.tills[index].journal();
            assert_eq!(lines.len() as u64, held, "seed {seed}: the server holds every line");
            let mut ledger = Ledger::default();
            lines.iter().for_each(|line| ledger.take_in(line));
            self.agree(index, &ledger, &mut known).await;
        }
        let counted = self.shop.counted().await;
        let mut times: BTreeMap<&str, u32> = BTreeMap::new();
        for row in &counted {
            let number = row.number.parse().unwrap();
            assert!(known.contains(&number), "seed {seed}: {number} counts, and a till knows of it");
            *times.entry(&row.entitlement).or_default() += u32::from(!row.undone);
        }
        assert!(times.values().all(|times| *times <= 1), "seed {seed}: no coupon counts twice: {times:?}");
    }

    /// One till's journal says of each number what the server says.
    async fn agree(&self, till: usize, ledger: &Ledger, known: &mut BTreeSet<Number>) {
        let seed = self.seed;
        let rows = self.shop.counted().await;
        let cases = self.shop.cases().await;
        for (number, _) in self.accepted.iter().filter(|(_, at)| **at == till) {
            assert!(ledger.redemption(*number).is_some(), "seed {seed}: {number} is in the journal");
        }
        for number in ledger.newest_first() {
            let Some(redemption) = ledger.redemption(number) else { continue };
            known.insert(number);
            let text = number.to_string();
            let mine: Vec<_> = rows.iter().filter(|row| row.number == text).collect();
            let case = cases.iter().any(|case| case.standing("not_counted").any(|side| side.number == text));
            let (times, undone) = (mine.len(), mine.iter().any(|row| row.undone));
            let wanted = match redemption.state() {
                State::Counted | State::CountedUnseen => times == 1 && !undone && !case,
                State::Case => times == 0 && case,
                State::Undone => (times == 1 && undone) || times == 0,
                State::Closed => times == 0 && !case,
                State::InDoubt | State::Waiting => false,
            };
            let state = redemption.state();
            assert!(
                wanted,
                "seed {seed}: {number} is {state:?} here; counted {times}, undone {undone}, case {case}"
            );
            let told_undone = self.undone.contains(&number);
            assert!(
                !told_undone || state == State::Undone,
                "seed {seed}: {number} was taken back: {state:?}"
            );
            let told = self.accepted.contains_key(&number) && !told_undone;
            let stands = matches!(state, State::Counted | State::Case);
            assert!(!told || stands, "seed {seed}: {number} was accepted: {state:?}");
        }
    }
}
