//! A till's journal as a long day leaves it, and a customer at the counter: what several benches begin with.

use std::path::Path;

use model::code::Code;
use model::reading::{RawText, Scan, Source};
use model::redemption::{Number, Take};
use model::verdict::{Basis, Class};
use till::Till;
use till::folder::Folder;
use till::real::{Clock, Dice, SystemClock, SystemDice};
use till::redeem::Wish;
use till::see::Sight;
use till::store::journal::Journal;
use till::vault::Vaults;
use wire::line::{self, Act, Begun, Decided, NamedTake, Outcome, Person};

/// Writes acts into the journal of an enrolled till that is not running, 1,000 to a transaction.
pub fn write(path: &Path, acts: &[Act]) -> Journal {
    let folder = Folder::open(path).expect("the till has let go of it");
    let identity = folder.identity().expect("it reads").expect("it is enrolled");
    let mut journal = Journal::open(&folder.file("journal.db"), &identity.device, identity.epoch, |_| {})
        .expect("the journal opens");
    let vaults = Vaults::of_platform(folder.path());
    let key = till::device_key::load(&folder, &vaults).expect("the till has its key").key;
    journal.sign_with(key).expect("it is the key of its lines");
    for part in acts.chunks(1_000) {
        journal.append(SystemClock.now(), part.to_vec()).expect("the lines are on disk");
    }
    journal
}

/// A coupon that was accepted, by that basis.
pub fn accepted(entitlement: &str, basis: line::Basis) -> Act {
    let mut random = [0; 10];
    SystemDice.fill(&mut random);
    let number = Number::new(SystemClock.now(), random).to_string();
    let begun = Begun {
        number: number.clone(),
        entitlement: entitlement.to_owned(),
        version: 1,
        kind: "coupon".into(),
        title: "满 100 减 20 券".into(),
        code_tail: "0000".into(),
        takes: vec![NamedTake { sku: "coupon".into(), name: "券".into(), quantity: 1 }],
        value: 2_000,
        clerk: clerk(),
        source: "wedge".into(),
        heard_at: SystemClock.now().0,
        copy: None,
        asking: false,
        clock: None,
        proof: None,
        policy: None,
    };
    Act::Decided(Decided {
        number,
        begun: Some(Box::new(begun)),
        outcome: Outcome::Accepted,
        reason: "redeemed".into(),
        basis,
        left: 0,
        quantity: 1,
        earlier: None,
        risk: None,
    })
}

/// From the scanned text of a code that is good once to the verdict, whose basis comes back.
pub async fn redeem(till: &Till, code: &Code) -> Basis {
    let scan = Scan { text: RawText::new(code.secret()), source: Source::Script };
    let (known, offer, proof) = match till.see(&scan).await {
        Sight::Offer { known, offer, proof } => (known, offer, proof),
        other => panic!("each code is good once: {other:?}"),
    };
    let take = |sku| Take { sku, quantity: 1 };
    let takes: Vec<Take> = offer.items.iter().map(|item| take(item.line.sku.clone())).collect();
    let (clerk, source) = (clerk(), Source::Script.code());
    let wish = Wish { known: &known, takes: &takes, clerk: &clerk, source, proof, approval: None };
    let decision = till.confirm(&wish).await.expect("the journal takes the line").decision;
    assert_eq!(decision.reason.class(), Class::Pass, "it is accepted");
    decision.basis
}

fn clerk() -> Person {
    Person { id: "c1".into(), name: "李娜".into() }
}
