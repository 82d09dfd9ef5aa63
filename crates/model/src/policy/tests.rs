//! What must hold of every policy, and what the one that the program comes with says.

use proptest::prelude::*;

use super::*;
use crate::entitlement::{Benefit, EntitlementId, Line, Standing};
use crate::time::Window;
use crate::verdict::Reason;

const HOUR: i64 = 3_600;

fn facts() -> Facts {
    Facts {
        matter: Matter::Coupon,
        relation: Relation::Any,
        amount: Fen(2_000),
        age_seconds: 0,
        by_signature: false,
        not_covered: false,
        unheard_seconds: 0,
        clock_off_ms: 0,
        clock_unsure: false,
        till: Tally::default(),
        customer: Tally::default(),
    }
}

fn entitlement(kind: Kind, quantity: u32, value: i64) -> Entitlement {
    let line =
        Line { sku: "use".into(), name: "t".into(), variant: String::new(), shelf: String::new(), quantity };
    Entitlement {
        id: EntitlementId("e1".into()),
        version: 1,
        title: "t".into(),
        kind,
        lines: vec![line],
        standing: Standing::Good,
        window: Window::default(),
        stores: Stores::Any,
        spend_min: Fen(0),
        value: Fen(value),
        holder: "王*".into(),
        code_tail: "P9TD".into(),
        notes: vec![],
        uses: vec![],
        member: None,
    }
}

#[test]
fn what_the_program_comes_with_says_what_its_comment_says() {
    let policy = Policy::default();
    assert_eq!(policy.check(), Ok(()), "it makes sense");
    let told = |facts: Facts| judge(&facts, &policy);
    assert_eq!(told(facts()), Ruling::Accept, "a coupon of 20 yuan");
    let dear = Facts { amount: Fen(5_001), ..facts() };
    assert_eq!(told(dear.clone()), Ruling::Hold(Reason::OverRedemptionCap), "a foreign one above 50 yuan");
    let home = Facts { relation: Relation::Home, ..dear };
    assert_eq!(told(home), Ruling::Accept, "what is this store's own goes out");
    let spent = |fen| Tally { count: 2, fen: Fen(fen) };
    let till = Facts { till: spent(28_001), ..facts() };
    assert_eq!(told(till), Ruling::AskManager(Reason::OverTillCap), "300 yuan in an outage, then a manager");
    let till = Facts { till: spent(58_001), ..facts() };
    assert_eq!(told(till), Ruling::Hold(Reason::OverTillCap), "600 yuan, and nobody");
    let customer = Facts { customer: Tally { count: 3, fen: Fen(3) }, ..facts() };
    assert_eq!(told(customer), Ruling::AskManager(Reason::OverCustomerCap), "a fourth for one customer");
    let aged = |hours: i64| told(Facts { age_seconds: hours * HOUR + 1, ..facts() });
    assert_eq!(aged(15), Ruling::Accept, "a night old");
    assert_eq!(aged(16), Ruling::AskManager(Reason::CopyTooOld), "older than a night");
    assert_eq!(aged(24), Ruling::Hold(Reason::CopyTooOld), "older than a day");
    let fresh = Facts { by_signature: true, not_covered: true, ..facts() };
    assert_eq!(told(fresh), Ruling::Hold(Reason::NotCovered), "newer than the list");
    let member = Facts { matter: Matter::Member, ..facts() };
    assert_eq!(told(member), Ruling::Hold(Reason::OfflineForbidden), "a membership gives nothing by itself");
    let jumped = Facts { clock_unsure: true, ..facts() };
    assert_eq!(told(jumped), Ruling::Hold(Reason::ClockUnsure), "a clock that has jumped");
}

#[test]
fn a_membership_can_be_looked_at_where_nothing_may_be_taken() {
    let policy = Policy::default().to_look();
    let card = Facts { matter: Matter::Member, amount: Fen(1_000_000), ..facts() };
    assert_eq!(judge(&card, &policy), Ruling::Accept, "looking takes nothing");
    let old = Facts { age_seconds: 25 * HOUR, ..card };
    assert_eq!(judge(&old, &policy), Ruling::Hold(Reason::CopyTooOld), "but an old list is an old list");
}

#[test]
fn of_two_reasons_the_stricter_is_told() {
    let policy = Policy::default();
    let both = Facts { age_seconds: 20 * HOUR, amount: Fen(5_001), ..facts() };
    assert_eq!(
        judge(&both, &policy),
        Ruling::Hold(Reason::OverRedemptionCap),
        "no manager is called in vain"
    );
    let equal = Facts { age_seconds: 25 * HOUR, amount: Fen(5_001), ..facts() };
    assert_eq!(judge(&equal, &policy), Ruling::Hold(Reason::CopyTooOld), "of equals the first of the list");
}

#[test]
fn what_belongs_to_several_stores_is_not_home() {
    let here = StoreId("nanshan".into());
    let store = |id: &str| (StoreId(id.into()), id.to_owned());
    let of =
        |stores: &[&str]| Relation::of(&Stores::Only(stores.iter().map(|id| store(id)).collect()), &here);
    assert_eq!(of(&["nanshan"]), Relation::Home, "for this store alone");
    assert_eq!(of(&["nanshan", "futian"]), Relation::Listed, "for two");
    assert_eq!(of(&["futian"]).purse(), Purse::Away, "another's is never home");
    assert_eq!(Relation::of(&Stores::Any, &here), Relation::Any, "for every store");
}

#[test]
fn a_use_of_a_card_is_worth_its_part_and_half_an_order_all_of_it() {
    let take = |quantity| vec![Take { sku: "use".into(), quantity }];
    let card = entitlement(Kind::TimesCard, 3, 1_000);
    assert_eq!(amount(&card, &take(1)), Fen(334), "a third, rounded up");
    assert_eq!(amount(&card, &take(3)), Fen(1_000), "the whole");
    assert_eq!(amount(&card, &take(u32::MAX)), Fen(1_000), "and never more");
    assert_eq!(
        amount(&entitlement(Kind::Order, 3, 1_000), &take(1)),
        Fen(1_000),
        "which piece is the dear one?"
    );
    let odd = entitlement(Kind::Coupon(Benefit::PercentOff(15)), 1, -5);
    assert_eq!(amount(&odd, &take(1)), Fen(0), "nothing is worth less than nothing");
}

#[test]
fn a_customer_is_the_membership_or_else_the_entitlement_itself() {
    let mut coupon = entitlement(Kind::TimesCard, 1, 1);
    assert_eq!(customer(&coupon), "e1", "a masked name stands for many");
    coupon.member = Some(EntitlementId("m7".into()));
    assert_eq!(customer(&coupon), "m7", "a membership for one");
}

#[test]
fn a_policy_that_makes_no_sense_is_refused_with_the_field_named() {
    let named = |policy: Policy| policy.check().unwrap_err().to_string();
    let good = Policy::default;
    let negative = Policy { not_covered: Ceiling::of(-1, 0), ..good() };
    assert!(named(negative).starts_with("not_covered.clerk:"), "below zero");
    let mut crossed = good();
    crossed.away.per_till.fen = Ceiling::of(500, 400);
    assert!(named(crossed).starts_with("away.per_till.fen:"), "a manager may less than a clerk");
    let forgotten = Policy { copy_hours: Ceiling { clerk: UpTo::Always, manager: UpTo::This(24) }, ..good() };
    assert!(named(forgotten).starts_with("copy_hours:"), "no limit is the highest of limits");
    let rule = Policy { coupon: Rules { any: Ceiling::of(2, 1), ..good().coupon }, ..good() };
    assert!(named(rule).starts_with("rules.coupon.any:"), "a rule");
    assert!(
        named(Policy { deadline_ms: 60_000, ..good() }).starts_with("deadline_ms:"),
        "a minute is too long"
    );
    assert!(named(Policy { undo_minutes_max: 99_999, ..good() }).starts_with("undo_minutes_max:"), "months");
}

#[test]
fn the_worst_case_is_what_is_spent_and_what_is_left() {
    let policy = Policy::default();
    let worst = |policy: &Policy, away: Tally| {
        let spent = |purse| if purse == Purse::Away { away } else { Tally::default() };
        exposure(policy, away.fen, spent).worst
    };
    let spent = |count, fen| Tally { count, fen: Fen(fen) };
    assert_eq!(worst(&policy, spent(0, 0)), Some(Fen(1_060_000)), "10,000 yuan at home and 600 away");
    assert_eq!(worst(&policy, spent(3, 6_000)), Some(Fen(1_060_000)), "what is spent was in it before");
    assert_eq!(
        worst(&policy, spent(99, 6_000)),
        Some(Fen(1_011_000)),
        "once more at 50 yuan is all there is"
    );
    assert_eq!(
        worst(&policy, spent(2, 90_000)),
        Some(Fen(1_090_000)),
        "more was spent under an older policy"
    );
    let closed = Rules::same(Ceiling::NEVER);
    let shut = Policy { order: closed, coupon: closed, times_card: closed, ..policy.clone() };
    assert_eq!(worst(&shut, spent(0, 0)), Some(Fen(0)), "where nothing may be taken nothing can be lost");
    assert_eq!(worst(&policy.without_limits(), spent(0, 0)), None, "without limits there is no figure");
}

fn up_to() -> BoxedStrategy<UpTo> {
    prop_oneof![1 => Just(UpTo::Never), 6 => (0i64..60).prop_map(UpTo::This), 1 => Just(UpTo::Always)].boxed()
}

// Boxed, because a policy's dozens of them would not fit on a test's stack.
fn ceiling() -> BoxedStrategy<Ceiling> {
    (up_to(), up_to())
        .prop_map(|(one, other)| Ceiling { clerk: one.min(other), manager: one.max(other) })
        .boxed()
}

fn rules() -> BoxedStrategy<Rules> {
    (ceiling(), ceiling(), ceiling()).prop_map(|(home, listed, any)| Rules { home, listed, any }).boxed()
}

fn caps() -> BoxedStrategy<Caps> {
    let cap = || (ceiling(), ceiling()).prop_map(|(fen, count)| Cap { fen, count });
    (ceiling(), cap(), cap())
        .prop_map(|(per_redemption, per_customer, per_till)| Caps { per_redemption, per_customer, per_till })
        .boxed()
}

fn policies() -> BoxedStrategy<Policy> {
    let rules = (rules(), rules(), rules(), rules());
    let ages = (ceiling(), ceiling(), ceiling(), ceiling(), ceiling(), ceiling());
    (rules, caps(), caps(), ages)
        .prop_map(|((order, coupon, times_card, member), home, away, ages)| Policy {
            order,
            coupon,
            times_card,
            member,
            home,
            away,
            copy_hours: ages.0,
            status_hours: ages.1,
            trust_hours: ages.2,
            policy_hours: ages.3,
            clock_minutes: ages.4,
            not_covered: ages.5,
            ..Policy::default()
        })
        .boxed()
}

fn tallies() -> impl Strategy<Value = Tally> {
    (0u32..80, 0i64..80).prop_map(|(count, fen)| Tally { count, fen: Fen(fen) })
}

fn any_facts() -> impl Strategy<Value = Facts> {
    let what = (0usize..4, 0usize..3, -3i64..80, any::<bool>(), any::<bool>());
    let when = (-9i64..80 * HOUR, -9i64..80 * HOUR, -80i64 * 60_000..80 * 60_000, prop::bool::weighted(0.1));
    (what, when, tallies(), tallies()).prop_map(|(what, when, till, customer)| Facts {
        matter: Matter::ALL[what.0],
        relation: Relation::ALL[what.1],
        amount: Fen(what.2),
        by_signature: what.3,
        not_covered: what.3 && what.4,
        age_seconds: when.0,
        unheard_seconds: when.1,
        clock_off_ms: when.2,
        clock_unsure: when.3,
        till,
        customer,
    })
}

fn kindness(ruling: Ruling) -> Leave {
    match ruling {
        Ruling::Accept => Leave::Allow,
        Ruling::AskManager(_) => Leave::AskManager,
        Ruling::Hold(_) => Leave::Refuse,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn staler_dearer_or_more_spent_is_never_judged_more_kindly(
        policy in policies(), facts in any_facts(), by in 1i64..40, which in 0usize..9,
    ) {
        let mut worse = facts.clone();
        match which {
            0 => worse.amount.0 += by,
            1 => worse.age_seconds += by * HOUR / 7,
            2 => worse.unheard_seconds += by * HOUR / 7,
            3 => worse.clock_off_ms += worse.clock_off_ms.signum() * by * 7_000,
            4 => worse.clock_unsure = true,
            5 => worse.till = Tally { count: worse.till.count + 1, fen: Fen(worse.till.fen.0 + by) },
            6 => worse.customer = Tally { count: worse.customer.count + 1, fen: Fen(worse.customer.fen.0 + by) },
            7 => worse.till.count += 1,
            _ => worse.not_covered = worse.by_signature,
        }
        prop_assert!(
            kindness(judge(&worse, &policy)) >= kindness(judge(&facts, &policy)),
            "{worse:?} is judged more kindly than {facts:?}"
        );
    }

    #[test]
    fn a_stricter_policy_never_lets_more_pass(policy in policies(), facts in any_facts(), which in 0usize..5) {
        let mut stricter = policy.clone();
        let never = Ceiling::NEVER;
        match which {
            0 => stricter.coupon = Rules::same(never),
            1 => stricter.away.per_till.fen = never,
            2 => stricter.copy_hours = never,
            3 => stricter.not_covered = never,
            _ => stricter.home.per_customer.count = never,
        }
        prop_assert!(kindness(judge(&facts, &stricter)) >= kindness(judge(&facts, &policy)), "{facts:?}");
    }

    #[test]
    fn every_policy_of_these_generators_makes_sense(policy in policies()) {
        prop_assert_eq!(policy.check(), Ok(()));
    }
}

/// What may happen at a till in one outage.
#[derive(Clone, Debug)]
enum Step {
    /// Somebody wants something, and a manager says yes or is not asked.
    Wants { facts: Facts, customer: usize, manager: bool },
    /// The acceptance of that place is taken back.
    TakesBack(usize),
    /// The server settles the acceptance of that place; the outage goes on as long as another one is open.
    Settles(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let wants = (any_facts(), 0usize..3, any::<bool>()).prop_map(|(facts, customer, manager)| Step::Wants {
        facts,
        customer,
        manager,
    });
    let back = (0usize..12).prop_map(Step::TakesBack);
    let settles = (0usize..12).prop_map(Step::Settles);
    prop::collection::vec(prop_oneof![6 => wants, 1 => back, 1 => settles], 1..60)
}

/// What was accepted in the outage and not taken back: purse, customer, worth, settled.
#[derive(Default)]
struct Outage(Vec<(Purse, usize, Fen, bool)>);

impl Outage {
    fn spent(&self, purse: Purse, customer: Option<usize>) -> Tally {
        let own =
            self.0.iter().filter(|(of, who, ..)| *of == purse && customer.is_none_or(|one| one == *who));
        own.fold(Tally::default(), |tally, (_, _, fen, _)| tally.and(*fen))
    }

    fn step(&mut self, step: &Step, policy: &Policy) {
        match step {
            Step::Wants { facts, customer, manager } => {
                let purse = facts.relation.purse();
                let facts = Facts {
                    till: self.spent(purse, None),
                    customer: self.spent(purse, Some(*customer)),
                    ..facts.clone()
                };
                let ruling = judge(&facts, policy);
                if ruling == Ruling::Accept || (*manager && matches!(ruling, Ruling::AskManager(_))) {
                    self.0.push((purse, *customer, Fen(facts.amount.0.max(0)), false));
                }
            }
            Step::TakesBack(at) if *at < self.0.len() => drop(self.0.remove(*at)),
            Step::Settles(at) if *at < self.0.len() => self.0[*at].3 = true,
            Step::TakesBack(_) | Step::Settles(_) => {}
        }
    }

    /// What is lost if the server disputes all of it.
    fn loss(&self) -> i64 {
        self.0.iter().map(|(_, _, fen, _)| fen.0).sum()
    }

    fn exposure(&self, policy: &Policy) -> Exposure {
        let open = self.0.iter().filter(|(.., settled)| !settled).map(|(_, _, fen, _)| fen.0).sum();
        exposure(policy, Fen(open), |purse| self.spent(purse, None))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn no_continuation_costs_more_than_the_worst_case_that_was_shown(policy in policies(), steps in steps()) {
        let mut outage = Outage::default();
        let mut shown = vec![outage.exposure(&policy)];
        for step in &steps {
            outage.step(step, &policy);
            shown.push(outage.exposure(&policy));
            let loss = outage.loss();
            for (place, one) in shown.iter().enumerate() {
                prop_assert!(
                    one.worst.is_none_or(|worst| worst.0 >= loss),
                    "after {place} steps {:?} was shown, and {loss} is lost", one.worst
                );
            }
            let now = outage.exposure(&policy);
            prop_assert!(now.worst.is_none_or(|worst| worst >= now.at_risk), "it is never below what is at risk");
        }
    }

    #[test]
    fn no_sequence_of_acceptances_goes_beyond_the_caps(policy in policies(), steps in steps()) {
        let mut outage = Outage::default();
        for step in &steps {
            outage.step(step, &policy);
        }
        for purse in Purse::ALL {
            let caps = policy.caps(purse);
            let within = |cap: &Cap, tally: Tally| {
                tally.count == 0
                    || (cap.fen.manager.allows(tally.fen.0) && cap.count.manager.allows(i64::from(tally.count)))
            };
            prop_assert!(within(&caps.per_till, outage.spent(purse, None)), "the till's cap of {purse:?}");
            for customer in 0..3 {
                let spent = outage.spent(purse, Some(customer));
                prop_assert!(within(&caps.per_customer, spent), "customer {customer}'s cap of {purse:?}");
            }
        }
    }
}

#[test]
fn every_way_that_a_short_outage_can_go_stays_below_the_worst_case() {
    let mut policy = Policy::default();
    policy.home.per_till = Cap { fen: Ceiling::of(4_000, 7_000), count: Ceiling::of(2, 4) };
    policy.away.per_till = Cap { fen: Ceiling::of(3_000, 5_000), count: Ceiling::of(2, 3) };
    let wants = |relation, amount| Step::Wants {
        facts: Facts { relation, amount: Fen(amount), ..facts() },
        customer: 0,
        manager: true,
    };
    let choices = [
        wants(Relation::Home, 1_000),
        wants(Relation::Home, 2_999),
        wants(Relation::Any, 500),
        wants(Relation::Listed, 2_500),
        Step::TakesBack(0),
        Step::Settles(0),
    ];
    let mut ways = 0;
    let mut dearest = 0;
    let depth = 6;
    for way in 0..choices.len().pow(depth) {
        let mut outage = Outage::default();
        let shown = outage.exposure(&policy).worst.map_or(i64::MAX, |worst| worst.0);
        let mut rest = way;
        for _ in 0..depth {
            outage.step(&choices[rest % choices.len()], &policy);
            rest /= choices.len();
            assert!(outage.loss() <= shown, "way {way} costs {} of {shown}", outage.loss());
            dearest = dearest.max(outage.loss());
        }
        ways += 1;
    }
    assert_eq!(ways, 46_656, "all of them were tried");
    assert!(dearest > 10_000, "and the dearest, {dearest}, comes near the bound of 12,000");
}
