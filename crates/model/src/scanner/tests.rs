//! What scans of the test codes tell.

use super::*;
use crate::reading::burst::HOLE;
use crate::reading::{RawText, Reading, read};
use crate::time::UnixMs;

const QUICK: Measured = Measured {
    gap_ms: 4,
    gap_most_ms: 6,
    prefix: None,
    suffix: Some(Mark::Enter),
    hidden: 0,
    alt_numbers: false,
};

fn burst(physical: &str, logical: &str) -> Burst {
    Burst {
        physical: RawText::new(physical),
        logical: RawText::new(logical),
        caps_lock: false,
        pauses: vec![],
        cut: false,
    }
}

fn came(test: Test, change: impl Fn(&str) -> String) -> Outcome {
    let text = change(&test.text());
    examine(&burst(&text, &text), QUICK).expect("it is meant")
}

fn codes(outcomes: &[Outcome]) -> Vec<&'static str> {
    findings(outcomes).iter().map(Finding::code).collect()
}

#[test]
fn what_comes_as_it_is_is_well() {
    let outcomes: Vec<Outcome> = Test::ALL.into_iter().map(|test| came(test, str::to_owned)).collect();
    for (outcome, test) in outcomes.iter().zip(Test::ALL) {
        assert_eq!((outcome.test, outcome.is_exact()), (test, true), "{outcome:?}");
    }
    assert_eq!(findings(&outcomes), [Finding::AllWell]);
    let habits = Habits::of(&[outcomes]);
    assert_eq!(habits, Habits { suffix: Some(true), gap_ms: 4, layout: None }, "nothing told layouts apart");
}

#[test]
fn each_test_is_long_enough_and_nobodys_payment() {
    assert_eq!(Test::Long.text().chars().count(), LONG_LENGTH);
    for test in Test::ALL {
        let reading = read(&test.text(), &[], UnixMs(1_795_000_000_000));
        assert!(
            !matches!(reading, Reading::Payment(_) | Reading::Ours(_) | Reading::Signed(_)),
            "{test:?} {reading:?}"
        );
        assert_eq!(Test::of(test.code()), Some(test), "the code leads back");
    }
    let signs = Test::Signs.text();
    assert!(
        (' '..='~').filter(|c| !c.is_ascii_alphanumeric()).all(|c| signs.contains(c)),
        "every sign is in it"
    );
}

#[test]
fn lost_surplus_and_changed_characters_are_counted() {
    let lost = came(Test::Long, |text| text.replacen("KQ", "Q", 3));
    assert_eq!((lost.test, lost.lost, lost.surplus, lost.changed), (Test::Long, 3, 0, 0));
    let surplus = came(Test::Digits, |text| text.replacen('7', "77", 1));
    assert_eq!((surplus.lost, surplus.surplus, surplus.changed), (0, 1, 0));
    let changed = came(Test::Capitals, |text| text.replacen('Q', "?", 1));
    assert_eq!((changed.lost, changed.surplus, changed.changed), (0, 0, 1));
    assert_eq!(codes(&[lost, surplus, changed]), ["lost", "surplus", "changed"]);
    let cut = came(Test::Long, |text| text[..200].to_owned());
    assert_eq!((cut.test, cut.lost), (Test::Long, 100), "the end did not come");
    let hole = came(Test::Digits, |text| text.replacen('7', &HOLE.to_string(), 1));
    assert_eq!(hole.changed, 1, "a key of which nothing is known");
}

#[test]
fn what_stands_around_a_text_is_told() {
    let around = came(Test::Capitals, |text| format!("]Q1{text}#"));
    assert_eq!((around.before.as_str(), around.after.as_str(), around.is_exact()), ("]Q1", "#", true));
    assert_eq!(codes(std::slice::from_ref(&around)), ["text_after", "text_before"]);
    let weight = |text: &str| Finding::TextBefore(text.into()).weight();
    assert_eq!(
        (weight("]Q1"), weight("A")),
        (Weight::Handled, Weight::Fix),
        "the till takes AIM prefixes off"
    );
}

#[test]
fn layouts_caps_lock_and_input_methods_are_told_apart() {
    let (text, german) =
        (Test::Capitals.text(), Test::Capitals.text().replace('Z', "_").replace('Y', "Z").replace('_', "Y"));
    let national = examine(&burst(&german, &text), QUICK).expect("it is meant");
    assert_eq!((national.layout, national.is_exact()), (Some(Layout::Logical), true));
    assert_eq!(codes(std::slice::from_ref(&national)), ["national_layout"]);
    let foreign = examine(&burst(&text, &german), QUICK).expect("it is meant");
    assert_eq!(codes(std::slice::from_ref(&foreign)), ["foreign_machine", "all_well"]);
    let capped = Burst { caps_lock: true, ..burst(&text, &text.to_lowercase()) };
    let capped = examine(&capped, QUICK).expect("it is meant");
    assert_eq!(codes(std::slice::from_ref(&capped)), ["caps_lock", "all_well"]);
    let hidden = Measured { hidden: 20, ..QUICK };
    let hidden = examine(&burst(&text, &HOLE.to_string().repeat(20)), hidden).expect("it is meant");
    assert_eq!((hidden.is_exact(), codes(&[hidden])), (true, vec!["input_method", "all_well"]));
    let upper = came(Test::Signs, str::to_uppercase);
    assert_eq!(codes(&[upper]), ["case_changed"], "a scanner that makes capitals");
    let habits = Habits::of(&[vec![national], vec![foreign]]);
    assert_eq!(habits.layout, None, "two scanners that disagree");
}

#[test]
fn suffix_prefix_pace_and_alt_numbers_are_told() {
    let with = |measured: Measured| {
        examine(&burst(&Test::Digits.text(), &Test::Digits.text()), measured).expect("it is meant")
    };
    let none = with(Measured { suffix: None, ..QUICK });
    assert_eq!(codes(std::slice::from_ref(&none)), ["suffix_missing"]);
    assert_eq!(codes(&[none.clone(), with(QUICK)]), ["suffix_unsteady"]);
    assert_eq!(Habits::of(&[vec![none], vec![with(QUICK)]]).suffix, Some(false), "one without is enough");
    assert_eq!(codes(&[with(Measured { prefix: Some(Mark::Enter), ..QUICK })]), ["mark_before"]);
    assert_eq!(codes(&[with(Measured { alt_numbers: true, ..QUICK })]), ["alt_numbers"]);
    let slow = |gap_ms| findings(&[with(Measured { gap_ms, ..QUICK })]);
    assert_eq!(slow(20), [Finding::AllWell]);
    assert_eq!(slow(48), [Finding::Slow(48, 58)], "a signed code takes 5.8 s");
    assert_eq!(slow(48)[0].weight(), Weight::Better);
    assert_eq!(slow(75)[0].weight(), Weight::Fix, "which would be taken for a person");
}

#[test]
fn what_is_no_test_code_tells_nothing() {
    for text in ["6901234567892", "P7KQ4M2XA8F3TN5WYC6P", "https://example.com/a?b=C", ""] {
        assert_eq!(examine(&burst(text, text), QUICK), None, "{text}");
    }
    assert_eq!(findings(&[]), [], "nor does no scan");
    assert_eq!(Habits::of(&[]), Habits::default());
}

#[test]
fn every_finding_has_its_code() {
    let all = [
        Finding::AllWell,
        Finding::Lost(1, 2),
        Finding::Surplus(1),
        Finding::Changed(1),
        Finding::CaseChanged,
        Finding::SuffixMissing,
        Finding::SuffixUnsteady,
        Finding::MarkBefore(Mark::Tab),
        Finding::TextBefore("a".into()),
        Finding::TextAfter("a".into()),
        Finding::NationalLayout,
        Finding::ForeignMachine,
        Finding::CapsLock,
        Finding::InputMethod,
        Finding::AltNumbers,
        Finding::Slow(30, 36),
    ];
    assert_eq!(all.each_ref().map(Finding::code), Finding::CODES);
}
