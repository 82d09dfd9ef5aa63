//! Any course of events: a seed draws what three tills, their lines and the server do, and at the end the books must
//! agree. A failure names its seed; a seed that found something is kept below.
//!
//! `COUNTERFOIL_SEEDS` asks for more courses than usual.

use std::collections::{BTreeMap, BTreeSet};

use model::redemption::Take;
use model::verdict::Silence;
use tests::cord::Way;
use tests::counter::{offer, usual_takes};
use tests::hands::SeededDice;
use tests::shop::FUTIAN;
use tests::{Counter, Shop, goods};
use till::desk::Act;
use till::screen::Stage;
use wire::api::Settlement;
use wire::case::Case;
use wire::line::{Act as Line, Begun, NamedTake, Outcome};

const STEPS: u64 = 90;
const SEEDS: u64 = 6;
/// Seeds that have found something.
const KEPT: [u64; 0] = [];

#[tokio::test]
async fn the_books_agree_after_any_course_of_events() {
    let more = std::env::var("COUNTERFOIL_SEEDS").ok().and_then(|text| text.parse().ok());
    for seed in KEPT.into_iter().chain(1..=more.unwrap_or(SEEDS)) {
        let mut course = Course::begin(seed).await;
        for _ in 0..STEPS {
            course.step().await;
        }
        course.end().await;
    }
}

/// One course of events.
struct Course {
    seed: u64,
    dice: SeededDice,
    shop: Shop,
    server_is_up: bool,
    tills: Vec<Counter>,
    /// Id, code and how many there are in all.
    issued: Vec<(String, model::code::Code, u32)>,
}

impl Course {
    async fn begin(seed: u64) -> Course {
        let shop = Shop::open().await;
        let mut new = goods::coupons(14);
        new.extend((0..4).map(|_| goods::times_card(4)));
        new.extend((0..4).map(|_| goods::order(&[("D01", "茉莉奶绿", 2), ("C01", "桂花糕", 1)])));
        let all = |new: &server::store::NewEntitlement| new.lines.iter().map(|line| line.quantity).sum();
        let quantities: Vec<u32> = new.iter().map(all).collect();
        let issued = shop.issue(&new).await;
        let issued = issued.into_iter().zip(quantities).map(|(one, all)| (one.id, one.code, all)).collect();
        let mut tills = vec![shop.till("1号收银机").await, shop.till("2号收银机").await];
        tills.push(shop.till_at(FUTIAN, "3号收银机").await);
        Course { seed, dice: SeededDice::new(seed), shop, server_is_up: true, tills, issued }
    }

    async fn step(&mut self) {
        self.shop.clock.turn_seconds(1 + self.dice.below(40) as i64);
        let at = self.dice.below(self.tills.len() as u64) as usize;
        let (_, code, _) = &self.issued[self.dice.below(self.issued.len() as u64) as usize];
        let (code, cut) = (code.clone(), Way::Cut(Silence::Unreachable));
        let till = &mut self.tills[at];
        match self.dice.below(18) {
            0..=6 => scan_and_take(till, &code).await,
            7 | 8 => undo_one(till, &self.dice).await,
            9 => till.cord.set(cut),
            10 | 11 => till.cord.mend(),
            12 => till.cord.set(Way::LosesAnswers),
            13 => till.restart().await,
            14 => drop(till.sync().await),
            15 | 16 => {
                let way = if self.dice.below(2) == 0 { Way::Swallows } else { Way::KeepsAnswers };
                interrupt(till, &code, way).await;
                till.cord.set(if self.dice.below(2) == 0 { Way::Whole } else { cut });
                till.restart().await;
                // Now and then the till asks, is not told, and the customer comes back while nobody can be asked.
                if self.dice.below(3) == 0 {
                    till.cord.set(Way::LosesAnswers);
                    till.sync().await;
                    till.cord.set(cut);
                    scan_and_take(till, &code).await;
                }
            }
            _ if self.server_is_up => {
                self.shop.stop().await;
                self.server_is_up = false;
            }
            _ => {
                self.shop.start().await;
                self.server_is_up = true;
            }
        }
    }

    /// Everything is mended, everybody syncs, and the books are compared.
    async fn end(mut self) {
        let seed = self.seed;
        if !self.server_is_up {
            self.shop.start().await;
        }
        for till in &mut self.tills {
            till.cord.mend();
            till.restart().await;
            till.sync().await;
        }
        // What the last of them brought concerns the others too.
        for till in &self.tills {
            till.sync().await;
        }
        let mut counting: BTreeMap<String, u32> = BTreeMap::new();
        let mut taken: BTreeMap<String, u32> = BTreeMap::new();
        for row in self.shop.counted().await.into_iter().filter(|row| !row.undone) {
            let pieces: u32 = row.takes.iter().map(|take| take.quantity).sum();
            *taken.entry(row.entitlement).or_default() += pieces;
            let twice = counting.insert(row.number.clone(), pieces);
            assert_eq!(twice, None, "seed {seed}: {} counts twice", row.number);
        }
        for (id, _, all) in &self.issued {
            let taken = taken.get(id).copied().unwrap_or(0);
            assert!(taken <= *all, "seed {seed}: {taken} of {all} were taken of {id}");
        }
        let cases = self.shop.cases().await;
        let quarrel = |class: &str| ["duplicate", "overspent", "undo_race"].contains(&class);
        let odd = cases.iter().find(|case| !quarrel(&case.class));
        assert!(odd.is_none(), "seed {seed}: two customers for one thing is the only quarrel here: {odd:?}");
        // Of a card with several uses the latest one is named, which may well be the till's own.
        for case in cases.iter().filter(|case| case.entitlement.starts_with("coupon")) {
            let winner = case.standing("counted").map(|side| &side.done.device).next();
            let own = case.standing("not_counted").find(|side| Some(&side.done.device) == winner);
            assert_eq!(own, None, "seed {seed}: a till knows what it has given out itself: {case:?}");
        }
        for till in &mut self.tills {
            assert_eq!(till.standing().waiting, 0, "seed {seed}: nothing waits any longer");
            let device = till.identity().device;
            let lost = |case: &&Case| case.standing("not_counted").any(|side| side.done.device == device);
            let theirs: BTreeSet<&str> = cases.iter().filter(lost).map(|case| case.case.as_str()).collect();
            // What was lost and then taken back is a case that is closed.
            let own = |side: &wire::case::Side| side.done.device == device && side.standing == "not_counted";
            let mine = till.till().cases();
            let mine = mine.iter().map(|one| &one.case).filter(|case| case.sides.iter().any(own));
            let mine: BTreeSet<&str> = mine.map(|case| case.case.as_str()).collect();
            assert_eq!(mine, theirs, "seed {seed}: till and server show the same cases");
            till.close().await;
            let book = Book::of(till);
            for number in &book.handed_over {
                let counted = counting.remove(number);
                let left = book.left.get(number).copied();
                assert!(counted.is_none() || counted == left, "seed {seed}: of {number} {left:?} are taken");
                let known = counted.is_some()
                    || cases.iter().any(|case| case.sides.iter().any(|side| side.number == *number));
                assert!(known, "seed {seed}: {number} was handed over, so it counts or is a case");
            }
            for number in &book.unseen {
                assert!(
                    counting.remove(number).is_some(),
                    "seed {seed}: the till holds {number} for counted"
                );
            }
            for number in &book.nothing {
                assert!(!counting.contains_key(number), "seed {seed}: nobody got anything for {number}");
            }
        }
        assert_eq!(counting, BTreeMap::new(), "seed {seed}: nothing counts that no till knows of");
    }
}

async fn scan_and_take(till: &Counter, code: &model::code::Code) {
    let screen = till.scan(code.secret()).await;
    if matches!(screen.stage, Stage::Offer(_)) {
        till.desk().act(Act::Confirm(usual_takes(offer(&screen)))).await;
    }
}

/// Takes back whatever the history offers, or what was counted unseen; or hands that over after all.
async fn undo_one(till: &Counter, dice: &SeededDice) {
    let unseen = match till.screen().stage {
        Stage::Verdict(shown) => shown.hand_over,
        _ => None,
    };
    if let Some(number) = unseen.filter(|_| dice.below(2) == 0) {
        till.desk().act(Act::HandOver(number)).await;
        return;
    }
    let undoable = till.desk().history().into_iter().find(|row| row.undoable);
    let Some(number) = unseen.or(undoable.as_ref().and_then(|row| row.number)) else { return };
    let pieces = undoable.filter(|row| row.number == Some(number)).map(|row| row.pieces).unwrap_or_default();
    let some = pieces
        .iter()
        .map(|piece| Take { sku: piece.sku.clone(), quantity: dice.below(u64::from(piece.left) + 1) as u32 });
    let takes: Vec<Take> = some.filter(|take| take.quantity > 0).collect();
    let act = if takes.is_empty() { Act::Undo(number) } else { Act::UndoPart { of: number, takes } };
    till.desk().act(act).await;
}

/// Begins a redemption on a line that does `way`, until something has left the till or it has decided alone.
async fn interrupt(till: &mut Counter, code: &model::code::Code, way: Way) {
    let screen = till.scan(code.secret()).await;
    if !matches!(screen.stage, Stage::Offer(_)) {
        return;
    }
    let takes = usual_takes(offer(&screen));
    let before = till.cord.requests().len();
    till.cord.set(way);
    till.begin(Act::Confirm(takes));
    tokio::select! {
        () = till.cord.has_seen("something leaves the till", |requests| requests.len() > before) => {}
        () = till.until_screen("it has decided alone", |till| {
            matches!(till.screen().stage, Stage::Verdict(_))
        }) => {}
    }
}

/// What a till's journal says in the end.
#[derive(Default)]
struct Book {
    /// Accepted, and not taken back.
    handed_over: BTreeSet<String>,
    /// Counted by the server, although the till had stopped.
    unseen: BTreeSet<String>,
    /// Begun, but nothing came of it, or it was taken back.
    nothing: BTreeSet<String>,
    /// How many pieces of each were not taken back.
    left: BTreeMap<String, u32>,
    /// What each undo is of, and how many pieces it took back.
    undos: BTreeMap<String, (String, u32)>,
}

impl Book {
    fn of(till: &Counter) -> Book {
        let mut book = Book::default();
        for line in till.journal() {
            book.take_in(line.act);
        }
        book
    }

    fn begin(&mut self, begun: Begun) {
        self.left.insert(begun.number.clone(), pieces(&begun.takes));
        self.nothing.insert(begun.number);
    }

    fn take_in(&mut self, act: Line) {
        match act {
            Line::Begun(begun) => self.begin(begun),
            Line::Decided(decided) if decided.outcome == Outcome::Accepted => {
                if let Some(begun) = decided.begun {
                    self.begin(*begun);
                }
                self.nothing.remove(&decided.number);
                self.unseen.remove(&decided.number);
                self.handed_over.insert(decided.number);
            }
            Line::Decided(decided) => decided.begun.into_iter().for_each(|begun| self.begin(*begun)),
            Line::Opened { .. } | Line::Refused(_) | Line::Resolved { .. } => {}
            Line::Undone { number, of, takes, .. } => {
                let left = self.left.get_mut(&of).expect("it was begun here");
                let back = if takes.is_empty() { *left } else { pieces(&takes) };
                *left -= back;
                if *left == 0 {
                    self.handed_over.remove(&of);
                    self.unseen.remove(&of);
                    self.nothing.insert(of.clone());
                }
                self.undos.insert(number, (of, back));
            }
            Line::Settled { settled } => {
                for told in settled {
                    self.settle(told.number, &told.settlement);
                }
            }
        }
    }

    fn settle(&mut self, number: String, settlement: &Settlement) {
        let refused = matches!(settlement, Settlement::Refused { .. });
        if let Some((of, back)) = self.undos.get(&number).filter(|_| refused) {
            *self.left.entry(of.clone()).or_default() += back;
            self.nothing.remove(of);
            self.handed_over.insert(of.clone());
        }
        let counts = matches!(settlement, Settlement::Confirmed | Settlement::AlreadyCounted);
        let taken_back = self.undos.values().any(|(of, _)| *of == number);
        if counts && !self.handed_over.contains(&number) && !taken_back {
            self.nothing.remove(&number);
            self.unseen.insert(number);
        }
    }
}

fn pieces(takes: &[NamedTake]) -> u32 {
    takes.iter().map(|take| take.quantity).sum()
}
