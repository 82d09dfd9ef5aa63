//! Two stores on one database, and what the stories do with them.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::code::Code;
use model::redemption::Number;
use model::signed::token::SigningKey;
use server::store::{Device, EnrolmentRefused, Issued, Joining, Location, NewEntitlement, Online};
use server::{Hands, Store};
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row};
use tempfile::TempDir;
use tests::hands::SeededDice;
use tests::{TurnedClock, postgres};
use wire::api::{Redeem, Redeemed};
use wire::enrolment::{self, Known};
use wire::entitlement::{Store as Shop, Take};
use wire::signature::KeyId;

/// Two processes of one chain's server.
pub struct Two {
    pub one: Store,
    pub other: Store,
    pub location: Location,
    pub shop: Shop,
    /// For whoever looks at the tables themselves.
    pub url: String,
    _folder: TempDir,
}

/// Something to be done at either of them.
pub type Side = fn(&Two) -> &Store;
/// Both sides.
pub const SIDES: [Side; 2] = [|two| &two.one, |two| &two.other];

impl Two {
    pub async fn on_sqlite() -> Arc<Two> {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("server.db").display());
        Two::open(Location::file(folder.path()), url, folder).await
    }

    pub async fn on_postgres() -> Arc<Two> {
        let folder = tempfile::tempdir().unwrap();
        let url = postgres::postgres().fresh().await;
        Two::open(Location::server(url.parse().unwrap(), folder.path()), url, folder).await
    }

    async fn open(location: Location, url: String, folder: TempDir) -> Arc<Two> {
        let one = Store::open_at(&location, hands(1)).await.unwrap();
        let other = Store::open_at(&location, hands(2)).await.unwrap();
        let shop = one.add_store("南山店").await.unwrap().unwrap();
        Arc::new(Two { one, other, location, shop, url, _folder: folder })
    }

    pub async fn issue(&self, new: NewEntitlement) -> Issued {
        self.one.issue(&[new]).await.unwrap().pop().unwrap()
    }

    /// A till of the shop.
    pub async fn till(&self) -> Device {
        self.till_with_key().await.0
    }

    /// A till of the shop, with the key that signs its lines.
    pub async fn till_with_key(&self) -> (Device, SigningKey) {
        let code = self.one.issue_enrolment(&self.shop, 10).await.unwrap().code;
        let key = SigningKey::from_seed(self.one.hands().random());
        enrol(&self.one, &code, &key).await.unwrap();
        let known = self.other.device_of_key(KeyId::of(key.public())).await.unwrap();
        (known.expect("the other one knows the till").0, key)
    }

    /// A number that no other redemption has.
    pub fn number(&self) -> Number {
        self.one.hands().number()
    }

    /// How much of each article counts as taken, by the uses that are told.
    pub async fn taken(&self, id: &str) -> BTreeMap<String, u32> {
        let held = self.other.by_id(id).await.unwrap().expect("it was issued");
        let mut taken = BTreeMap::new();
        for take in held.entitlement.uses.iter().flat_map(|told| &told.takes) {
            *taken.entry(take.sku.clone()).or_default() += take.quantity;
        }
        taken
    }

    /// A connection of nobody's, to look at the tables themselves.
    pub async fn beside(&self) -> AnyConnection {
        AnyConnection::connect(&self.url).await.unwrap()
    }

    /// The first column of what a statement finds.
    pub async fn texts(&self, sql: String) -> Vec<String> {
        let mut conn = self.beside().await;
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut conn).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Does something to the tables themselves.
    pub async fn run(&self, sql: String) {
        sqlx::query(AssertSqlSafe(sql)).execute(&mut self.beside().await).await.unwrap();
    }

    /// Whether it is the engine in a file.
    pub fn is_sqlite(&self) -> bool {
        self.url.starts_with("sqlite:")
    }
}

/// Lets a till with that key join by that code.
pub async fn enrol(store: &Store, code: &Code, key: &SigningKey) -> Result<String, EnrolmentRefused> {
    let answers = SigningKey::from_seed([7; 32]).public();
    let joining = Joining {
        code: enrolment::id(code.secret()),
        key: key.public(),
        proof: Known::of(code.secret()).of_till(key.public(), ""),
        till: "",
        answers,
    };
    store.enrol(&joining).await.unwrap().map(|enrolled| enrolled.till)
}

/// A clock that stands still, and dice that repeat.
pub fn hands(seed: u64) -> Hands {
    Hands::new(Arc::new(TurnedClock::default()), Arc::new(SeededDice::new(seed)))
}

/// So many of that article.
pub fn takes(sku: &str, quantity: u32) -> Vec<Take> {
    vec![Take { sku: sku.into(), quantity }]
}

/// Asks for a redemption: the exact text of the answer, or nothing if the number was voided.
pub async fn redeem(
    store: &Store,
    till: &Device,
    number: Number,
    id: &str,
    takes: &[Take],
) -> Option<String> {
    let asked = Redeem {
        entitlement: id.into(),
        takes: takes.to_vec(),
        clerk: "李娜".into(),
        at: TurnedClock::START.0,
        moment: None,
    };
    match store.redeem(till, number, &asked).await.unwrap() {
        Online::Answer(answer) => Some(answer),
        Online::Voided => None,
        Online::NumberReused => panic!("{number} is asked for the same thing each time"),
    }
}

/// What an answer says.
pub fn said(answer: &str) -> Redeemed {
    serde_json::from_str(answer).unwrap()
}

/// The same at once, at one side after the other: what each was answered, in the order of the calls.
pub async fn at_once<T, F>(calls: impl IntoIterator<Item = F>) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let running: Vec<_> = calls.into_iter().map(tokio::spawn).collect();
    let mut answers = Vec::with_capacity(running.len());
    for call in running {
        answers.push(call.await.unwrap());
    }
    answers
}
