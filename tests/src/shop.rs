//! A chain with two stores: its server runs in this process, on a real socket, over a real SQLite file.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use model::code::Code;
use model::policy::Policy;
use model::time::UnixMs;
use server::store::{Issued, Issuing, NewCode, NewEntitlement, NewStaff, RedemptionRow, Turn};
use server::{Hands, Server, State, Store};
use tempfile::TempDir;
use wire::case::Case;

use crate::counter::Counter;
use crate::goods;
use crate::hands::{SeededDice, TurnedClock};

/// The store where most stories happen.
pub const NANSHAN: &str = "南山店";
/// The other one.
pub const FUTIAN: &str = "福田店";
/// Who works where, with PIN.
pub const STAFF: [(&str, &str, &str); 2] = [(NANSHAN, "李娜", "1234"), (FUTIAN, "张伟", "2345")];

/// A chain with its server and its tills' folders.
pub struct Shop {
    /// The clock of the server and, unless a till was given its own, of every till.
    pub clock: Arc<TurnedClock>,
    folders: TempDir,
    dice: Arc<SeededDice>,
    address: SocketAddr,
    running: Option<(Server, Arc<Store>)>,
    tills: AtomicU64,
}

impl Shop {
    /// Starts the server and opens the two stores. Offline its tills take whatever they know, without a limit on money,
    /// so that a story about something else may be as long as it needs; [`Shop::set_policy`] sets limits.
    pub async fn open() -> Shop {
        let shop = Shop::unopened().await;
        shop.set_policy(&Policy::default().without_limits()).await;
        for (store, name, pin) in STAFF {
            let opened = shop.store().add_store(store).await.expect("the database works");
            let store = opened.expect("no store of that name is there yet");
            let salt = shop.store().hands().random();
            let pin_hash = server::pin::hash(pin, salt).expect("a PIN can be hashed");
            let staff = NewStaff { name, manager: false, pin_hash };
            shop.store().add_staff(&store.id, staff).await.expect("the database works");
        }
        shop
    }

    /// Starts the server with the demo chain, whose stores, clerks and PINs are the same ones.
    pub async fn open_demo() -> Shop {
        let shop = Shop::unopened().await;
        server::demo::seed(shop.store()).await.expect("a new database takes the demo chain");
        shop
    }

    /// Sets what the chain's tills may decide without the server. They hear of it with their next round.
    pub async fn set_policy(&self, policy: &Policy) {
        self.store().set_policy(None, policy).await.expect("the policy makes sense");
    }

    /// Lets a manager work at that store, with that PIN.
    pub async fn add_manager(&self, store: &str, name: &str, pin: &str) {
        let store = self.store().store_named(store).await.expect("the database works");
        let store = store.expect("the store is there");
        let pin_hash = server::pin::hash(pin, self.store().hands().random()).expect("a PIN can be hashed");
        let staff = NewStaff { name, manager: true, pin_hash };
        self.store().add_staff(&store.id, staff).await.expect("the database works");
    }

    async fn unopened() -> Shop {
        let mut shop = Shop {
            clock: Arc::default(),
            folders: tempfile::tempdir().expect("a temporary folder can be made"),
            dice: Arc::new(SeededDice::new(2027)),
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            running: None,
            tills: AtomicU64::new(0),
        };
        shop.start().await;
        shop
    }

    /// Starts the server, at the address that it had before.
    pub async fn start(&mut self) {
        let hands = Hands::new(self.clock.clone(), self.dice.clone());
        let store = Store::open(&self.server_folder(), hands).await.expect("the server's database opens");
        let state = State::new(store);
        let store = state.store.clone();
        let server = Server::start(state, self.address).await.expect("the port is free");
        self.address = server.address();
        self.running = Some((server, store));
    }

    /// Stops the server: whoever calls finds nobody.
    pub async fn stop(&mut self) {
        let (server, store) = self.running.take().expect("the server runs");
        drop(store);
        server.stop().await.expect("the server stops");
    }

    /// Where the server keeps its database.
    pub fn server_folder(&self) -> PathBuf {
        self.folders.path().join("server")
    }

    /// The server's database.
    pub fn store(&self) -> &Store {
        &self.running.as_ref().expect("the server runs").1
    }

    /// Where the server listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where the server listens, as an address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// An enrolment code for that store.
    pub async fn enrolment(&self, store: &str) -> Code {
        let store = self.store().store_named(store).await.expect("the database works");
        let store = store.expect("the store is there");
        self.store().issue_enrolment(&store, 10).await.expect("the database works").code
    }

    /// A till at 南山店: enrolled, with its copy fetched and 李娜 signed in. Nothing goes on behind its back until
    /// [`Counter::keep_in_sync`].
    pub async fn till(&self, name: &str) -> Counter {
        self.till_at(NANSHAN, name).await
    }

    /// A till at that store, with its clerk signed in.
    pub async fn till_at(&self, store: &str, name: &str) -> Counter {
        self.enrolled(self.bare_till(), store, name).await
    }

    async fn enrolled(&self, till: Counter, store: &str, name: &str) -> Counter {
        let code = self.enrolment(store).await;
        let enrolled = till.till().enrol(&self.url(), code.secret(), name).await;
        enrolled.expect("a fresh code enrols a till");
        till.till().round().await.expect("the first round of sync comes to its end");
        let (_, clerk, pin) = STAFF.into_iter().find(|(at, ..)| *at == store).expect("somebody works there");
        till.sign_in(clerk, pin).await;
        till
    }

    /// A till at 南山店 whose clock is its own, so that it can be wrong.
    pub async fn till_with_own_clock(&self, name: &str) -> (Counter, Arc<TurnedClock>) {
        let clock = Arc::new(TurnedClock::default());
        let till = self.bare_till_with(clock.clone());
        (self.enrolled(till, NANSHAN, name).await, clock)
    }

    /// A till that is not enrolled yet.
    pub fn bare_till(&self) -> Counter {
        self.bare_till_with(self.clock.clone())
    }

    fn bare_till_with(&self, clock: Arc<TurnedClock>) -> Counter {
        let number = self.tills.fetch_add(1, Ordering::SeqCst) + 1;
        let folder = self.folders.path().join(format!("till-{number}"));
        Counter::open(folder, clock, Arc::new(SeededDice::new(number)))
    }

    /// Issues these.
    pub async fn issue(&self, new: &[NewEntitlement]) -> Vec<Issued> {
        self.store().issue(new).await.expect("the database works")
    }

    /// Issues one.
    pub async fn issue_one(&self, new: NewEntitlement) -> Issued {
        self.issue(&[new]).await.pop().expect("one was issued")
    }

    /// Issues one with a code that a mall has made.
    pub async fn issue_of_mall(&self, new: NewEntitlement, profile: &str, code: &str) -> String {
        let code = NewCode::Opaque { profile: profile.into(), code: code.into(), order: String::new() };
        let issuing = Issuing { new, reference: String::new(), request: vec![], code };
        let held = self.store().issue_as(&issuing).await.expect("the database works");
        held.expect("the code fits the profile").entitlement.id
    }

    /// Lets tills read the codes of these ready profiles.
    pub async fn use_profiles(&self, names: &[&str]) {
        for profile in wire::profile::ready().iter().filter(|profile| names.contains(&profile.name.as_str()))
        {
            self.store().use_profile(profile, Turn::AsItIs).await.expect("the database works");
        }
    }

    /// A fresh coupon's code.
    pub async fn coupon(&self) -> Code {
        self.issue_one(goods::coupon()).await.code
    }

    /// Every redemption that the server has counted, whether taken back since or not.
    pub async fn counted(&self) -> Vec<RedemptionRow> {
        self.store().redemptions(None, UnixMs(0)).await.expect("the database works")
    }

    /// The numbers that count at the server, taken-back ones left out.
    pub async fn counting_numbers(&self) -> Vec<String> {
        self.counted().await.into_iter().filter(|row| !row.undone).map(|row| row.number).collect()
    }

    /// Every case that the server knows.
    pub async fn cases(&self) -> Vec<Case> {
        self.store().cases().await.expect("the database works")
    }

    /// How many lines of that till's journal the server holds.
    pub async fn lines_held(&self, till: &Counter) -> u64 {
        let device = till.identity().device;
        let tills = self.store().tills().await.expect("the database works");
        tills.into_iter().find(|row| row.device == device).expect("the till is known").head
    }

    /// Sets the server's database back to what it was when `saved` was made.
    pub async fn restore(&mut self, saved: &TempDir) {
        self.stop().await;
        let folder = self.server_folder();
        std::fs::remove_dir_all(&folder).expect("the stopped server's folder can be removed");
        copy_files(saved.path(), &folder);
        self.start().await;
    }

    /// A backup of the server's database, made while it stood still.
    pub async fn backup(&mut self) -> TempDir {
        self.stop().await;
        let saved = tempfile::tempdir().expect("a temporary folder can be made");
        copy_files(&self.server_folder(), saved.path());
        self.start().await;
        saved
    }
}

/// Copies a folder with everything in it.
pub(crate) fn copy_files(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).expect("a folder can be made");
    // Who may look into the folder of the keys is part of it.
    let mode = std::fs::metadata(from).expect("the folder is there").permissions();
    std::fs::set_permissions(to, mode).expect("a folder's mode can be set");
    for entry in std::fs::read_dir(from).expect("the folder can be read") {
        let entry = entry.expect("the folder can be read");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_files(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a file can be copied");
        }
    }
}
