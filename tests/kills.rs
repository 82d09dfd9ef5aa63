//! The real programs under kill -9 at any moment: what a till or the server has acknowledged is there afterwards, and
//! nothing counts twice.
//!
//! `COUNTERFOIL_ROUNDS` asks for more rounds of killing than usual, `COUNTERFOIL_SEED` for another course of them.
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;
use tests::hands::SeededDice;
use tests::street::{Street, TillFolder};
use tests::{number_from, tell};

/// A command of a till takes some 30 to 60 ms here; the moment falls anywhere in it, or after it.
const MOMENT_MICROSECONDS: u64 = 60_000;

/// What a till has told its clerk, so that it must be true for ever.
#[derive(Debug, PartialEq, Eq)]
struct Accepted {
    till: usize,
    code: String,
    /// The server itself said so.
    by_server: bool,
    /// The till has told that it was taken back.
    undone: bool,
    /// A till was asked to take it back, and killed before it could say whether it did.
    perhaps_undone: bool,
}

/// A seeded course of killing, with everything that was acknowledged to this test.
struct Rampage {
    street: Street,
    tills: [TillFolder; 2],
    dice: SeededDice,
    seed: u64,
    accepted: BTreeMap<String, Accepted>,
    /// Numbers that the server has shown as counted.
    counted: BTreeSet<String>,
    server_is_up: bool,
    killed: BTreeMap<&'static str, u32>,
}

#[test]
fn kill_anything_at_any_moment() {
    let rounds = number_from("COUNTERFOIL_ROUNDS", 50);
    let mut rampage = Rampage::begin(rounds);
    let fresh = rampage.street.coupons(rounds as usize);
    for till in &rampage.tills {
        till.does(&["sync"]).json_with(0, "the coupons are fetched");
    }
    for code in fresh {
        rampage.round(&code);
    }
    if !rampage.server_is_up {
        rampage.restart();
    }
    rampage.assert_settled();
    let Rampage { killed, accepted, .. } = rampage;
    let undone = accepted.values().filter(|known| known.undone).count();
    tell(&format!(
        "kills: {rounds} rounds, {killed:?}; {} acknowledged, {undone} taken back",
        accepted.len()
    ));
    for what in ["scan", "undo", "sync", "server"] {
        assert!(killed.contains_key(what), "{what} was killed too: {killed:?}");
    }
}

impl Rampage {
    fn begin(rounds: u64) -> Rampage {
        let seed = number_from("COUNTERFOIL_SEED", 20_270_115).wrapping_add(rounds);
        let street = Street::open();
        let tills = [street.till("1号收银机"), street.till("2号收银机")];
        Rampage {
            street,
            tills,
            dice: SeededDice::new(seed),
            seed,
            accepted: BTreeMap::new(),
            counted: BTreeSet::new(),
            server_is_up: true,
            killed: BTreeMap::new(),
        }
    }

    /// One customer. Anything may be killed meanwhile; often enough the customer tries once more, or elsewhere.
    fn round(&mut self, fresh: &str) {
        if !self.server_is_up && self.dice.below(2) == 0 {
            self.restart();
        }
        let till = self.dice.below(2) as usize;
        self.scan_and_kill(till, fresh);
        if self.dice.below(2) == 0 {
            self.scan(till, fresh);
        }
        // The same coupon at the other counter: refused by the server, or accepted offline and a case later.
        if self.dice.below(4) == 0 {
            self.scan(1 - till, fresh);
        }
        if self.dice.below(4) == 0 {
            self.undo_and_kill();
        }
        if self.dice.below(3) == 0 {
            let words = ["sync".to_owned()];
            self.run_and_kill("sync", till, &words);
        }
        if self.dice.below(2) == 0 {
            self.assert_kept(till);
        }
    }

    /// Runs a command of a till and kills it, or the server, or both at some moment; gives what it had printed.
    fn run_and_kill(&mut self, what: &'static str, till: usize, words: &[String]) -> Option<Value> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut command = self.tills[till].command(&words);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        pause(Duration::from_micros(self.dice.below(MOMENT_MICROSECONDS)));
        let victims = self.dice.below(5);
        if victims < 2 && self.server_is_up {
            self.street.serving.kill();
            self.server_is_up = false;
            *self.killed.entry("server").or_default() += 1;
        }
        if victims > 0 {
            // It fails only if the program was quicker, which happens and is a case too.
            let _ = child.kill();
            *self.killed.entry(what).or_default() += 1;
        }
        let output = child.wait_with_output().unwrap();
        serde_json::from_slice(&output.stdout).ok()
    }

    fn scan_and_kill(&mut self, till: usize, code: &str) {
        let words = ["scan", code, "--confirm", "--clerk", "李娜"].map(str::to_owned);
        let told = self.run_and_kill("scan", till, &words);
        self.note(till, code, told);
    }

    fn scan(&mut self, till: usize, code: &str) {
        let told = self.tills[till].redeems(code).json();
        self.note(till, code, Some(told));
    }

    /// Takes note of an acceptance, if it was one.
    fn note(&mut self, till: usize, code: &str, told: Option<Value>) {
        let Some(told) = told.filter(|told| told["outcome"] == "accepted") else { return };
        let number = told["number"].as_str().unwrap().to_owned();
        let by_server = told["basis"]["basis"] == "server";
        let accepted =
            Accepted { till, code: code.to_owned(), by_server, undone: false, perhaps_undone: false };
        let before = self.accepted.insert(number.clone(), accepted);
        assert_eq!(before, None, "seed {}: {number} was given twice", self.seed);
    }

    /// Takes back something that a till has accepted.
    fn undo_and_kill(&mut self) {
        let candidates: Vec<String> = self
            .accepted
            .iter()
            .filter(|(_, known)| !known.undone && !known.perhaps_undone)
            .map(|(number, _)| number.clone())
            .collect();
        let Some(number) = candidates.get(self.dice.below(candidates.len() as u64) as usize).cloned() else {
            return;
        };
        let words = ["undo", &number, "--clerk", "李娜"].map(str::to_owned);
        let till = self.accepted[&number].till;
        let told = self.run_and_kill("undo", till, &words);
        let known = self.accepted.get_mut(&number).unwrap();
        match told {
            Some(told) if told["reason"] == "undone" => known.undone = true,
            // A refusal in words leaves no doubt.
            Some(_) => {}
            None => known.perhaps_undone = true,
        }
    }

    /// Starts the server again; whatever it had shown as counted, or a till had heard from it, is there.
    fn restart(&mut self) {
        self.street.restart();
        self.server_is_up = true;
        let counted: BTreeSet<String> = numbers(&self.street.redemptions());
        let heard = self.accepted.iter().filter(|(_, known)| known.by_server).map(|(number, _)| number);
        for number in self.counted.iter().chain(heard) {
            assert!(counted.contains(number), "seed {}: the server has lost {number}", self.seed);
        }
        self.counted = counted;
    }

    /// Whatever this till has acknowledged is in its journal, once.
    fn assert_kept(&self, till: usize) {
        let handed_over = handed_over(&self.tills[till]);
        for (number, known) in self.accepted.iter().filter(|(_, known)| known.till == till) {
            let times = handed_over.get(number);
            assert_eq!(
                times,
                Some(&1),
                "seed {}: {number} of {} is in the journal, once",
                self.seed,
                known.code
            );
        }
    }

    /// Till and server agree: what was accepted counts once or is a case, and nothing counts that nobody began.
    fn assert_settled(&self) {
        let seed = self.seed;
        let mut accepted = BTreeSet::new();
        let mut journals = String::new();
        // Who comes second learns in a second round what became of what it had sent in the first.
        for till in self.tills.iter().chain(&self.tills) {
            let synced = till.does(&["sync"]);
            assert!(matches!(synced.code, Some(0 | 3)), "seed {seed}: the till syncs: {synced:?}");
            assert_eq!(synced.json()["waiting"], 0, "seed {seed}: and nothing waits");
        }
        for (index, till) in self.tills.iter().enumerate() {
            till.does(&["journal", "verify"]).json_with(0, "the journal is whole");
            self.assert_kept(index);
            accepted.extend(handed_over(till).into_keys());
            journals.push_str(&till.does(&["journal", "list"]).out);
        }
        let rows = self.street.redemptions();
        let counted = numbers(&rows);
        assert_eq!(counted.len(), rows.len(), "seed {seed}: no number counts twice");
        let cases = self.street.server(&["cases"]).json_with(0, "the server's list");
        let sides = cases.as_array().unwrap().iter().flat_map(|case| case["sides"].as_array().unwrap());
        let in_case: BTreeMap<&str, &Value> =
            sides.filter_map(|side| Some((side["number"].as_str()?, &side["standing"]))).collect();
        for number in &accepted {
            let place = match (counted.contains(number), in_case.get(number.as_str())) {
                (true, None) => true,
                (true, Some(standing)) => *standing == "counted" || *standing == "taken_back",
                (false, Some(standing)) => *standing == "not_counted" || *standing == "taken_back",
                (false, None) => false,
            };
            assert!(place, "seed {seed}: {number} counts, or is a case: {rows:?} {cases}");
        }
        for number in &counted {
            assert!(journals.contains(number), "seed {seed}: {number} counts, and some till has begun it");
        }
        let mut times: BTreeMap<&str, u32> = BTreeMap::new();
        for row in &rows {
            let number = row["number"].as_str().unwrap();
            let undone = row["undone"] == true;
            if let Some(known) = self.accepted.get(number)
                && !known.perhaps_undone
            {
                assert_eq!(undone, known.undone, "seed {seed}: {number} is taken back as the clerk was told");
            }
            *times.entry(row["entitlement"].as_str().unwrap()).or_default() += u32::from(!undone);
        }
        assert!(times.values().all(|times| *times <= 1), "seed {seed}: no coupon counts twice: {times:?}");
    }
}

fn numbers(rows: &[Value]) -> BTreeSet<String> {
    rows.iter().map(|row| row["number"].as_str().unwrap().to_owned()).collect()
}

/// The numbers under which goods were handed over, by this till's journal, and how often it says so.
fn handed_over(till: &TillFolder) -> BTreeMap<String, u32> {
    let mut times = BTreeMap::new();
    for line in till.does(&["journal", "list"]).json_with(0, "the journal opens").as_array().unwrap() {
        if line["act"] == "decided" && line["what"]["outcome"] == "accepted" {
            *times.entry(line["what"]["number"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    times
}

/// Lets a moment pass in which another process may do anything. Killing at a random moment is the one thing here
/// that has no condition to wait for.
fn pause(moment: Duration) {
    let (_held, never) = mpsc::channel::<()>();
    let _ = never.recv_timeout(moment);
}
