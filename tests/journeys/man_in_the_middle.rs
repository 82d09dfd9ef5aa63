//! Somebody stands between a till and its server, with a certificate that the till believes: he reads everything, and
//! may keep, repeat, change and invent. He can keep the till from its server, and that is all.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use model::signed::token::SigningKey;
use model::verdict::Silence;
use tests::Shop;
use tests::hands::SeededDice;
use tests::shop::NANSHAN;
use till::Till;
use till::folder::Folder;
use till::link::{LinkError, reach};
use till::till::{EnrolError, LineState};
use till::transport::{HeaderValue, Reply, Request, StatusCode, Transport};
use wire::api::Enrolled;
use wire::signature::{Answered, Asked, DIGEST_HEADER, Digest, Fields, INPUT_HEADER, SIGNATURE_HEADER};

/// What he does with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trick {
    /// Nothing.
    Honest,
    /// Takes the signature off.
    Strips,
    /// Says in the setup that there are practice codes.
    Changes,
    /// The same, and signs it himself.
    ChangesAndSigns,
    /// Gives the first answer that he has seen to a question of that kind.
    Repeats,
    /// Says that the chain has barred this till.
    Invents,
    /// The same, and signs it himself.
    InventsAndSigns,
    /// Gives what the server has told another till that it has barred.
    Borrows,
    /// Sends the question twice and gives the second answer.
    AsksTwice,
    /// Changes the question.
    ChangesTheQuestion,
}

/// The man in the middle.
struct Middle {
    server: Arc<dyn Transport>,
    trick: Mutex<Trick>,
    seen: Mutex<BTreeMap<String, Reply>>,
    borrowed: Mutex<Option<Reply>>,
}

impl Middle {
    fn set(&self, trick: Trick) {
        *self.trick.lock().unwrap() = trick;
    }
}

fn own_key() -> SigningKey {
    SigningKey::from_seed([66; 32])
}

/// Signs an answer to `request` with his own key.
fn signed_by_him(request: &Request, mut reply: Reply) -> Reply {
    let field = |name: &str| request.headers[name].to_str().unwrap().to_owned();
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let asked = Asked {
        method: request.method.as_str().to_owned(),
        path: format!("/{path}"),
        query: query.to_owned(),
        digest: Digest::of(&request.body),
        epoch: field("counterfoil-epoch").parse().unwrap(),
    };
    let to_fields = Fields { input: field(INPUT_HEADER), signature: field(SIGNATURE_HEADER) };
    let (status, digest) = (reply.status.as_u16(), Digest::of(&reply.body));
    let created = tests::TurnedClock::START.0 / 1000;
    let fields = Answered { status, digest, to: &asked, to_fields: &to_fields }.sign(&own_key(), created);
    for (name, value) in [
        (DIGEST_HEADER, digest.to_field()),
        (INPUT_HEADER, fields.input),
        (SIGNATURE_HEADER, fields.signature),
    ] {
        reply.headers.insert(name, HeaderValue::try_from(value).unwrap());
    }
    reply
}

fn practice(reply: &mut Reply) {
    let text = String::from_utf8(reply.body.clone()).unwrap();
    reply.body = text.replace("\"practice\":false", "\"practice\":true").into_bytes();
}

fn invented(mut reply: Reply) -> Reply {
    reply.status = StatusCode::FORBIDDEN;
    reply.body = br#"{"error":"revoked","message":"the chain has barred this till"}"#.to_vec();
    reply
}

#[async_trait]
impl Transport for Middle {
    async fn carry(&self, mut request: Request, deadline: Duration) -> Result<Reply, Silence> {
        let trick = *self.trick.lock().unwrap();
        let kept = request.clone();
        if trick == Trick::ChangesTheQuestion {
            request.target = request.target.replace("after=", "after=9");
            request.body.push(b' ');
        }
        let mut reply = self.server.carry(request.clone(), deadline).await?;
        let path = request.target.split('?').next().unwrap_or_default().to_owned();
        let first = self.seen.lock().unwrap().entry(path).or_insert_with(|| reply.clone()).clone();
        Ok(match trick {
            Trick::Honest | Trick::ChangesTheQuestion => reply,
            Trick::Strips => {
                for name in [INPUT_HEADER, SIGNATURE_HEADER] {
                    reply.headers.remove(name);
                }
                reply
            }
            Trick::Changes => {
                practice(&mut reply);
                reply
            }
            Trick::ChangesAndSigns => {
                practice(&mut reply);
                signed_by_him(&kept, reply)
            }
            Trick::Repeats => first,
            Trick::Invents => invented(reply),
            Trick::InventsAndSigns => signed_by_him(&kept, invented(reply)),
            Trick::Borrows => self.borrowed.lock().unwrap().clone().expect("another till was barred"),
            Trick::AsksTwice => self.server.carry(request, deadline).await?,
        })
    }
}

/// A till whose every request goes through his hands.
fn till_behind(shop: &Shop, folder: &Path, seed: u64) -> (Till, Arc<Middle>) {
    let server = reach(&shop.url()).unwrap();
    let (trick, seen, borrowed) = (Mutex::new(Trick::Honest), Mutex::default(), Mutex::default());
    let middle = Arc::new(Middle { server, trick, seen, borrowed });
    let through = middle.clone();
    let reach = move |_: &str| Ok(through.clone() as Arc<dyn Transport>);
    let (clock, dice) = (shop.clock.clone(), Arc::new(SeededDice::new(seed)));
    let till = Till::open_over(Folder::open(folder).unwrap(), clock, dice, Arc::new(reach)).unwrap();
    (till, middle)
}

fn line(till: &Till) -> Option<LineState> {
    till.standing().line
}

#[tokio::test]
async fn nothing_that_he_does_with_an_answer_is_taken_for_the_servers_word() {
    let shop = Shop::open().await;
    let folders = tempfile::tempdir().unwrap();
    let (till, middle) = till_behind(&shop, &folders.path().join("one"), 901);
    till.enrol(&shop.url(), shop.enrolment(NANSHAN).await.secret(), "").await.unwrap();
    till.round().await.unwrap();
    let (barred, other) = till_behind(&shop, &folders.path().join("two"), 902);
    barred.enrol(&shop.url(), shop.enrolment(NANSHAN).await.secret(), "").await.unwrap();
    let device = barred.folder().identity().unwrap().unwrap().device;
    shop.store().revoke(&device).await.unwrap();
    other.seen.lock().unwrap().clear();
    assert!(barred.probe().await.is_some(), "the other till is barred");
    assert_eq!(line(&barred), Some(LineState::Revoked), "by a word that its server has signed");
    *middle.borrowed.lock().unwrap() = other.seen.lock().unwrap().values().next().cloned();

    for trick in [
        Trick::Strips,
        Trick::Changes,
        Trick::ChangesAndSigns,
        Trick::Repeats,
        Trick::Invents,
        Trick::InventsAndSigns,
        Trick::Borrows,
    ] {
        shop.clock.turn_minutes(5);
        shop.store().name_chain(&format!("{trick:?}")).await.unwrap();
        middle.set(trick);
        for _ in 0..2 {
            let heard = till.probe().await;
            assert_eq!(heard, Some(LinkError::Silent(Silence::NotOurs)), "{trick:?}: nobody was heard");
        }
        assert!(till.round().await.is_err(), "{trick:?}: nothing is fetched");
        assert_eq!(line(&till), Some(LineState::Offline(Silence::NotOurs)), "{trick:?}: it says why");
        assert!(!till.folder().identity().unwrap().unwrap().barred, "{trick:?}: he bars nobody");
        middle.set(Trick::Honest);
        till.round().await.unwrap();
        assert_eq!(line(&till), Some(LineState::Online), "{trick:?}: when he has gone it is well again");
        assert!(till.practice().is_empty(), "{trick:?}: and nothing of his has stayed");
    }
}

#[tokio::test]
async fn a_question_that_he_changes_or_repeats_does_nothing() {
    let shop = Shop::open().await;
    let folders = tempfile::tempdir().unwrap();
    let (till, middle) = till_behind(&shop, folders.path(), 903);
    till.enrol(&shop.url(), shop.enrolment(NANSHAN).await.secret(), "").await.unwrap();
    till.round().await.unwrap();
    middle.set(Trick::AsksTwice);
    assert_eq!(till.probe().await, Some(LinkError::Silent(Silence::Garbled)), "the second was there before");
    middle.set(Trick::ChangesTheQuestion);
    assert!(till.probe().await.is_some_and(|why| why.silence().is_some()), "a changed one was not asked");
    assert!(!till.folder().identity().unwrap().unwrap().barred, "and neither bars a till");
    middle.set(Trick::Honest);
    till.round().await.unwrap();
    assert_eq!(till.probe().await, None, "when he has gone it is well again");
}

/// Gives himself out for the server: his key in the place of the server's, and his signature below.
struct Usurper(Arc<dyn Transport>);

#[async_trait]
impl Transport for Usurper {
    async fn carry(&self, request: Request, deadline: Duration) -> Result<Reply, Silence> {
        let mut reply = self.0.carry(request.clone(), deadline).await?;
        let mut enrolled: Enrolled = serde_json::from_slice(&reply.body).unwrap();
        enrolled.answer_key = wire::codes::hex(&own_key().public().to_bytes());
        reply.body = serde_json::to_vec(&enrolled).unwrap();
        Ok(signed_by_him(&request, reply))
    }
}

#[tokio::test]
async fn he_cannot_take_the_servers_place_at_the_enrolment() {
    let shop = Shop::open().await;
    let folders = tempfile::tempdir().unwrap();
    let code = shop.enrolment(NANSHAN).await;
    let usurper = Arc::new(Usurper(reach(&shop.url()).unwrap()));
    let open = |usurped: bool| {
        let through = usurper.clone();
        let reach = move |address: &str| match usurped {
            true => Ok(through.clone() as Arc<dyn Transport>),
            false => reach(address),
        };
        let (clock, dice) = (shop.clock.clone(), Arc::new(SeededDice::new(904)));
        let folder = Folder::open(folders.path()).unwrap();
        Till::open_over(folder, clock, dice, Arc::new(reach)).unwrap()
    };
    let till = open(true);
    let refused =
        till.enrol(&shop.url(), code.secret(), "前台").await.expect_err("he does not know the code");
    assert!(
        matches!(refused, EnrolError::Link(LinkError::Silent(Silence::NotOurs))),
        "nobody who knew it has answered: {refused}"
    );
    assert_eq!(till.folder().identity().unwrap().map(|_| ()), None, "the till has no chain");
    drop(till);
    let till = open(false);
    till.enrol(&shop.url(), code.secret(), "前台")
        .await
        .expect("the same code by the same till, once he has gone");
    assert_eq!(shop.store().tills().await.unwrap().len(), 1, "and that is one till");
}
