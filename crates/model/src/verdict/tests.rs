//! Codes, to-dos and classes of every reason.

use std::collections::BTreeSet;

use super::*;

#[test]
fn every_code_stands_for_one_reason_and_reads_back() {
    let all = Reason::all();
    let codes: BTreeSet<&str> = all.iter().map(|reason| reason.code()).collect();
    assert_eq!(codes.len(), all.len(), "no code is used twice");
    for reason in all {
        assert_eq!(Reason::of_code(reason.code()), Some(reason), "{} reads back", reason.code());
    }
    for silence in Silence::ALL {
        assert_eq!(Silence::of_code(silence.code()), Some(silence), "{} reads back", silence.code());
    }
}

#[test]
fn what_to_do_is_named_for_every_reason() {
    for reason in Reason::all() {
        let code = Todo::about(reason).code();
        assert!(
            Todo::CODES.contains(&code),
            "{code} stands in the list that the word lists are held against"
        );
    }
}

#[test]
fn only_an_acceptance_is_green() {
    for reason in Reason::all() {
        let accepted = matches!(reason, Reason::Redeemed | Reason::PickedUp | Reason::PartlyPickedUp);
        assert_eq!(reason.class() == Class::Pass, accepted, "{} is {:?}", reason.code(), reason.class());
    }
}
