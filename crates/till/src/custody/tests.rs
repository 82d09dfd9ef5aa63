//! What a till does with a journal that has failed.

use model::redemption::Number;
use model::signed::key::SigningKey;
use wire::line::Person;

use super::*;

#[test]
fn a_line_that_came_true_after_all_is_in_the_ledger() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::default();
    let mut journal =
        Journal::open(&dir.path().join("journal.db"), "till-1", 1, |line| ledger.take_in(&line)).unwrap();
    journal.sign_with(SigningKey::from_seed([1; 32])).unwrap();
    let number = Number::new(UnixMs(1), [1; 10]);
    let clerk = Person { id: "c1".into(), name: "李娜".into() };
    let undone = Act::Undone {
        number: number.to_string(),
        of: number.to_string(),
        clerk,
        takes: Vec::new(),
        reason: String::new(),
    };
    journal.append(UnixMs(1), vec![undone]).unwrap();
    assert_eq!(ledger.waiting(), 0, "the clerk was told that it had failed");
    recover(&mut journal, &mut ledger).unwrap();
    assert_eq!(ledger.waiting(), 0, "a journal that is well is left alone");
    journal.fail();
    recover(&mut journal, &mut ledger).unwrap();
    assert_eq!(ledger.waiting(), 1, "opened again, it is there and waits for the server");
    assert!(!journal.has_failed(), "and lines are taken again");
}
