//! What goes wrong, and what the merchant does: networks, crashes, stopped and restored servers, clocks, new goods and
//! refunds, each at a moment that the run's dice choose.

use std::path::PathBuf;
use std::sync::Arc;

use server::store::NewStaff;
use wire::entitlement::Standing;

use super::clerk::MANAGER;
use super::goods::{self, Item};
use super::machine::{End, Machine};
use super::network::Weather;
use super::outages::{self, Worth};
use super::time::pass;
use super::world::World;
use crate::shop::STAFF;

const MINUTE: u64 = 60_000;

/// Everybody who takes part.
pub(super) struct Director {
    world: Arc<World>,
    machines: Vec<Arc<Machine>>,
    stores: Vec<String>,
    saved: Option<PathBuf>,
    saves: u64,
}

impl Director {
    /// Opens the chain: stores, staff, tills, first goods.
    pub(super) async fn open(world: &Arc<World>) -> Director {
        let mut stores = vec![];
        for (name, clerk, pin) in STAFF {
            let opened = world.backend.with(move |store| async move {
                let opened = store.add_store(name).await.expect("the database works");
                let opened = opened.expect("no store of that name is there yet");
                let pin_hash = server::pin::hash(pin, [7; 16]).expect("a PIN can be hashed");
                let staff = NewStaff { name: clerk, manager: false, pin_hash };
                store.add_staff(&opened.id, staff).await.expect("the database works");
                let pin_hash = server::pin::hash(MANAGER.1, [8; 16]).expect("a PIN can be hashed");
                let staff = NewStaff { name: MANAGER.0, manager: true, pin_hash };
                store.add_staff(&opened.id, staff).await.expect("the database works");
                opened
            });
            let opened = opened.expect("the server runs");
            stores.push(opened.id.clone());
            world.observer().meet_store(opened);
        }
        let mut machines = vec![];
        for index in 0..world.plan.tills {
            let store = STAFF[index % STAFF.len()].0;
            machines.push(Arc::new(Machine::new(world, index, store)));
        }
        let mut director = Director { world: world.clone(), machines, stores, saved: None, saves: 0 };
        director.set_policy();
        for machine in director.machines.clone() {
            director.enrol(&machine).await;
        }
        for _ in 0..director.machines.len() {
            director.issue().await;
        }
        director
    }

    async fn enrol(&self, machine: &Arc<Machine>) {
        let store = machine.store.clone();
        let code = self.world.backend.with(move |held| async move {
            let store = held.store_named(&store).await.expect("the database works");
            let store = store.expect("the store is there");
            held.issue_enrolment(&store, 10).await.expect("the database works").code
        });
        let code = code.expect("the server runs");
        let desk = machine.open(&self.world).expect("a new folder opens");
        let name = format!("till {}", machine.index);
        let enrolled = desk.till().enrol("http://chain.example", code.secret(), &name).await;
        enrolled.expect("a fresh code enrols a till");
        desk.till().round().await.expect("the first round of sync comes to its end");
        drop(desk);
        let met = self.world.observer().meet(machine, self.world.time.now());
        met.expect("a new till's folder can be read");
    }

    /// Starts every till.
    pub(super) fn start_all(&self) {
        self.machines.iter().for_each(|machine| self.start(machine));
    }

    fn start(&self, machine: &Arc<Machine>) {
        self.world.note(&format!("till {} is started", machine.index));
        let started = machine.start(&self.world);
        self.started(machine, started.map_err(|error| error.to_string()));
    }

    fn started(&self, machine: &Arc<Machine>, started: Result<(), String>) {
        let fault = match started {
            Ok(()) => machine.desk().and_then(|desk| desk.till().standing().journal_fault),
            Err(error) => Some(error),
        };
        let checked = self.world.observer().started(fault.as_deref());
        self.world.check(&format!("till {}", machine.index), checked);
    }

    /// Lets things happen until `end` (ms since the beginning).
    pub(super) async fn work(&mut self, end: u64) {
        while self.world.time.passed_ms() < end {
            pass(self.world.below(40_000)).await;
            self.something().await;
        }
    }

    async fn something(&mut self) {
        match self.world.below(100) {
            0..30 => self.weather(),
            30..48 => self.issue().await,
            48..58 => self.change_standing(),
            58..72 => self.crash().await,
            72..80 => self.set_clock(),
            80..88 => self.stop_server(),
            88..91 => self.save(),
            91..93 => self.restore(),
            93..95 => self.bar(),
            95 => self.set_policy(),
            96 => self.refuse_flushes(),
            _ => self.split(),
        }
    }

    fn machine(&self) -> Arc<Machine> {
        self.machines[self.world.below(self.machines.len() as u64) as usize].clone()
    }

    /// The network of one till changes.
    fn weather(&self) {
        let machine = self.machine();
        let bad = |latency_ms| Weather {
            cut: false,
            latency_ms,
            loses_requests: 60,
            loses_answers: 60,
            repeats: 120,
            truncates: 40,
        };
        let weather = match self.world.below(10) {
            0..4 => Weather::FINE,
            4..6 => Weather { cut: true, ..Weather::FINE },
            6..8 => bad(300),
            8 => bad(2_500),
            _ => Weather { loses_answers: 500, ..bad(100) },
        };
        self.world.note(&format!("the network of till {} is now {weather:?}", machine.index));
        machine.road.set_weather(weather);
    }

    /// Some tills are cut off one by one, and come back in another order.
    fn split(&self) {
        let mut cut: Vec<Arc<Machine>> = self.machines.clone();
        cut.retain(|_| self.world.percent(50));
        let world = self.world.clone();
        tokio::spawn(async move {
            for machine in &cut {
                world.note(&format!("till {} is cut off", machine.index));
                machine.road.set_weather(Weather { cut: true, ..Weather::FINE });
                pass(world.below(20_000)).await;
            }
            pass(world.below(12 * MINUTE)).await;
            while !cut.is_empty() {
                let machine = cut.swap_remove(world.below(cut.len() as u64) as usize);
                world.note(&format!("till {} is back", machine.index));
                machine.road.set_weather(Weather::FINE);
                pass(world.below(20_000)).await;
            }
        });
    }

    /// The merchant issues something, now and then a member with coupons.
    async fn issue(&mut self) {
        let member = self.world.percent(12);
        let new = if member {
            vec![goods::member()]
        } else {
            (0..1 + self.world.below(3)).map(|_| goods::something(&self.world, &self.stores)).collect()
        };
        let Some(first) = self.put(new) else { return };
        if member {
            let coupons = (0..2).map(|_| goods::of_member(&first)).collect();
            self.put(coupons);
        }
    }

    /// Issues these and gives the first one's id; nothing if the server does not run.
    fn put(&self, new: Vec<server::store::NewEntitlement>) -> Option<String> {
        let worths: Vec<Worth> = new.iter().map(Worth::of).collect();
        let issued = self
            .world
            .backend
            .with(move |store| async move { store.issue(&new).await.expect("the database works") })?;
        let first = issued.first()?.id.clone();
        for (issued, worth) in issued.into_iter().zip(worths) {
            self.world.observer().issued(issued.id.clone(), worth);
            let code = issued.code.secret().to_owned();
            self.world.goods().items.push(Item { id: issued.id, code });
        }
        self.world.server_changed(&format!("the merchant issues {first} and what goes with it"));
        Some(first)
    }

    /// The merchant refunds, cancels, freezes, or lets be used again.
    fn change_standing(&self) {
        let items = self.world.goods().items.clone();
        let Some(item) = self.world.one_of(&items[items.len().saturating_sub(12)..]).cloned() else { return };
        let standings = [Standing::Refunded, Standing::Cancelled, Standing::Frozen, Standing::Good];
        let standing = standings[self.world.below(4) as usize];
        let id = item.id.clone();
        let changed = self.world.backend.with(move |store| async move {
            store.set_standing(&id, standing).await.expect("the database works")
        });
        if changed.is_some() {
            self.world.server_changed(&format!("the merchant sets {} to {standing:?}", item.id));
        }
    }

    /// The merchant says once more what tills may decide alone: the same, under a new number.
    fn set_policy(&self) {
        let set = self.world.backend.with(|store| async move {
            store.set_policy(None, &outages::policy()).await.expect("the policy makes sense")
        });
        if let Some(version) = set {
            self.world.observer().policy_was_set(version);
            self.world.server_changed(&format!("the merchant sets policy {version}"));
        }
    }

    /// A till's disk refuses some flushes.
    fn refuse_flushes(&self) {
        let (machine, times) = (self.machine(), 1 + self.world.below(4));
        self.world.note(&format!("the disk of till {} refuses {times} flushes", machine.index));
        self.world.figures().refused_flushes += times;
        machine.drive.refuse_flushes(times);
    }

    /// A till's program ends in the middle of whatever it is doing, alone or with the machine's power, and is started
    /// again later.
    async fn crash(&self) {
        let machine = self.machine();
        let end = if self.world.percent(40) { End::PowerCut } else { End::Crash };
        if !self.end(&machine, end).await {
            return;
        }
        let world = self.world.clone();
        if world.plan.thief && world.percent(70) {
            world.note(&format!("somebody sets the clock of till {} back and cuts its line", machine.index));
            machine.clock.set_ahead_ms(-3 * 3_600_000);
            machine.road.set_weather(Weather { cut: true, ..Weather::FINE });
        }
        let pause = if world.percent(60) { world.below(3_000) } else { world.below(10 * MINUTE) };
        let director = Starter { world, machine };
        tokio::spawn(async move {
            pass(pause).await;
            director.start();
        });
    }

    async fn end(&self, machine: &Arc<Machine>, end: End) -> bool {
        if !machine.crash(&self.world, end).await {
            return false;
        }
        let what = if end == End::PowerCut { "loses its power" } else { "crashes" };
        self.world.note(&format!("till {} {what}", machine.index));
        self.world.figures().crashes += 1;
        self.world.figures().power_cuts += u64::from(end == End::PowerCut);
        let checked = self.world.observer().crashed(machine.index, self.world.time.now());
        self.world.check(&format!("till {}", machine.index), checked);
        true
    }

    /// Somebody sets a till's clock, or sets it right.
    fn set_clock(&self) {
        let machine = self.machine();
        let hours = 3_600_000;
        let ahead_ms = match self.world.below(8) {
            0..3 => 0,
            3 => 20 * 60_000,
            4 => -25 * 60_000,
            5 => -3 * hours,
            6 => 30 * hours,
            _ => self.world.below(60_000) as i64 - 30_000,
        };
        self.world.note(&format!("the clock of till {} is set {ahead_ms} ms ahead", machine.index));
        machine.clock.set_ahead_ms(ahead_ms);
    }

    /// The server stops and is started again later.
    fn stop_server(&self) {
        if !self.world.backend.is_up() {
            return;
        }
        self.world.note("the server stops");
        self.world.backend.down();
        self.world.tell_news();
        let world = self.world.clone();
        tokio::spawn(async move {
            pass(world.below(4 * MINUTE)).await;
            if !world.backend.is_up() {
                world.backend.up();
                world.server_changed("the server starts");
            }
        });
    }

    /// A backup of the server, made while it stands still.
    fn save(&mut self) {
        if !self.world.backend.is_up() {
            return;
        }
        self.saves += 1;
        let saved = self.world.folder.join(format!("saved-{}", self.saves));
        self.world.backend.down();
        self.world.backend.save(&saved);
        self.world.backend.up();
        self.saved = Some(saved);
        self.world.observer().server_was_saved();
        self.world.server_changed("a backup of the server is made");
    }

    /// The server's database is lost, and the last backup takes its place.
    fn restore(&mut self) {
        let Some(saved) = self.saved.as_ref().filter(|_| self.world.plan.restores) else { return };
        if !self.world.backend.is_up() {
            return;
        }
        self.world.backend.down();
        self.world.backend.set_back(saved);
        self.world.backend.up();
        self.world.observer().server_was_set_back();
        self.world.figures().restores += 1;
        self.world.server_changed("the server is set back to its last backup");
    }

    /// The chain bars a till. The last two go on working.
    fn bar(&self) {
        let machine = self.machine();
        let working = self.machines.iter().filter(|one| !self.world.observer().is_barred(one.index)).count();
        let device = self.world.observer().device(machine.index);
        let (Some(device), true) = (device, working > 2 && self.world.percent(15)) else { return };
        let barred = self
            .world
            .backend
            .with(move |store| async move { store.revoke(&device).await.expect("the database works") });
        if barred.is_some() {
            self.world.observer().barred(machine.index);
            self.world.server_changed(&format!("till {} is barred", machine.index));
        }
    }

    /// Everything is mended, nobody buys anything any more, and everybody comes to rest.
    pub(super) async fn come_to_rest(&self) {
        self.world.note("everything is mended");
        if !self.world.backend.is_up() {
            self.world.backend.up();
            self.world.server_changed("the server starts");
        }
        for machine in &self.machines {
            self.end(machine, End::Crash).await;
            machine.road.set_weather(Weather::FINE);
            machine.drive.refuse_flushes(0);
            machine.clock.set_ahead_ms(0);
            let started = machine.start_unmanned(&self.world);
            self.started(machine, started.map_err(|error| error.to_string()));
        }
        // Whatever was still under way arrives, and many rounds of sync go by.
        pass(8 * MINUTE).await;
        let now = self.world.time.now();
        let checked = self.world.observer().look_thoroughly(&self.world.backend, now, true);
        self.world.check("the server", checked);
        for machine in &self.machines {
            let by = format!("till {}", machine.index);
            let Some(desk) = machine.desk() else { continue };
            let (standing, cases) = (desk.till().standing(), desk.till().cases());
            drop(desk);
            if !self.world.observer().is_barred(machine.index) {
                let checked = self.world.observer().at_rest(machine, standing.waiting, &cases, now);
                self.world.check(&by, checked);
            }
            machine.crash(&self.world, End::PowerCut).await;
            let checked = self.world.observer().crashed(machine.index, now);
            self.world.check(&by, checked);
        }
        let checked = self.world.observer().look_thoroughly(&self.world.backend, now, false);
        self.world.check("the server", checked);
    }
}

/// Starts a till again after a while.
struct Starter {
    world: Arc<World>,
    machine: Arc<Machine>,
}

impl Starter {
    fn start(&self) {
        let (world, machine) = (&self.world, &self.machine);
        if machine.runs() {
            return;
        }
        world.note(&format!("till {} is started", machine.index));
        let fault = match machine.start(world) {
            Ok(()) => machine.desk().and_then(|desk| desk.till().standing().journal_fault),
            Err(error) => Some(error.to_string()),
        };
        let checked = world.observer().started(fault.as_deref());
        world.check(&format!("till {}", machine.index), checked);
    }
}
