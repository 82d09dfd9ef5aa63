//! A whole chain in virtual time: the real tills over their real files, the real server over its real database, and
//! between them a network that does what networks do. One number, the seed, decides everything that happens.
//!
//! Nothing here stands in for a part of the product but the network, the clock and the dice, which the product is handed
//! anyway. Time is Tokio's paused clock: it moves only when everybody waits, so that hours pass in seconds and a run can
//! be repeated. After each event the [`invariants`] are checked; the first that does not hold ends the run.
//!
//! A poll for news waits at the network instead of at the server, which would count real time; the server's own waiting
//! is tested on a real socket.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::runtime::Builder;

mod backend;
mod books;
mod clerk;
mod director;
mod drives;
mod goods;
mod invariants;
mod machine;
mod model;
mod network;
mod observer;
mod outages;
mod server_look;
mod time;
mod trace;
mod world;

use director::Director;
use world::World;

/// What is to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Decides everything that happens.
    pub seed: u64,
    /// How many tills.
    pub tills: usize,
    /// How many minutes pass before everything is mended.
    pub minutes: u64,
    /// The pause between two acts of a clerk, on average (milliseconds).
    pub think_ms: u64,
    /// Whether the server may be set back to an old backup.
    pub restores: bool,
    /// Whether crashed tills are started without a line and with a clock that was set back, as by somebody who wants an
    /// expired code to be good again.
    pub thief: bool,
    /// Whether clerks take back single pieces, and managers decide on cases. Seeds that were kept before there was that go
    /// without, so that they do what they did.
    pub pieces_and_cases: bool,
    /// The defence that is taken away, so that its absence is noticed.
    pub without: Option<Defence>,
    /// Whether the observer takes what it reads for what is on the disk, and what a till says of its budget for true, so
    /// that a missing defence shows by what comes of it alone.
    pub trusting: bool,
    /// Whether each event is printed as it happens.
    pub aloud: bool,
}

impl Plan {
    /// A run of that seed.
    pub fn of(seed: u64) -> Plan {
        Plan {
            seed,
            tills: 4,
            minutes: 60,
            think_ms: 25_000,
            restores: true,
            thief: seed.is_multiple_of(3),
            pieces_and_cases: true,
            without: None,
            trusting: false,
            aloud: false,
        }
    }
}

/// A defence without which an invariant must be seen to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defence {
    /// The feed's numbers come from a row that is moved in the transaction of the change; without it, out of order.
    FeedCounter,
    /// A till that notices that the server was set back offers everything again.
    Epoch,
    /// A till remembers the latest time across restarts.
    HighWater,
    /// Each line is flushed before anything is shown.
    Flush,
    /// What an outage has spent is known from the journal, and not from memory alone.
    Budget,
}

/// What a run has gone through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Lines of the trace.
    pub events: u64,
    /// Requests that the server has answered.
    pub requests: u64,
    /// Redemptions that a clerk has seen as accepted.
    pub redemptions: u64,
    /// Those of them that the till decided alone.
    pub offline: u64,
    /// Cases at the server in the end.
    pub cases: u64,
    /// Decisions on cases, at tills.
    pub decisions: u64,
    /// Undos of some pieces.
    pub pieces: u64,
    /// Tills that crashed.
    pub crashes: u64,
    /// Those of them that lost their power.
    pub power_cuts: u64,
    /// Flushes that a till's disk was told to refuse.
    pub refused_flushes: u64,
    /// Times that the server was set back.
    pub restores: u64,
    /// Checks of invariants.
    pub checks: u64,
}

impl std::ops::AddAssign for Figures {
    fn add_assign(&mut self, other: Figures) {
        self.events += other.events;
        self.requests += other.requests;
        self.redemptions += other.redemptions;
        self.offline += other.offline;
        self.cases += other.cases;
        self.decisions += other.decisions;
        self.pieces += other.pieces;
        self.crashes += other.crashes;
        self.power_cuts += other.power_cuts;
        self.refused_flushes += other.refused_flushes;
        self.restores += other.restores;
        self.checks += other.checks;
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures {
            events,
            requests,
            redemptions,
            offline,
            cases,
            decisions,
            pieces,
            crashes,
            power_cuts,
            refused_flushes,
            restores,
            checks,
        } = self;
        write!(
            f,
            "{events} events, {requests} requests, {redemptions} redemptions ({offline} offline), {cases} cases \
             ({decisions} decisions), {pieces} taken back in part, {crashes} crashes ({power_cuts} power cuts), {refused_flushes} flushes refused, {restores} restores, \
             {checks} checks"
        )
    }
}

/// An invariant that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Its letter.
    pub letter: &'static str,
    /// After which event.
    pub event: u64,
    /// Who was acting.
    pub by: String,
    /// What was found.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} violated at event {} by {}: {}", self.letter, self.event, self.by, self.what)
    }
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What was run.
    pub plan: Plan,
    /// The hash of everything that happened.
    pub trace: [u8; 32],
    /// What it went through.
    pub figures: Figures,
    /// What did not hold, if anything.
    pub violation: Option<Violation>,
    /// The last lines of the trace.
    pub last: Vec<String>,
    /// Where the files of tills and server are kept, if something did not hold.
    pub folder: Option<PathBuf>,
}

impl Outcome {
    /// Everything that somebody needs who looks for the cause.
    pub fn report(&self) -> String {
        let Plan { seed, tills, minutes, .. } = self.plan;
        let (hours, rest) = (minutes / 60, minutes % 60);
        let time = if rest == 0 { format!("--hours {hours}") } else { format!("--minutes {minutes}") };
        let plain = if self.plan.pieces_and_cases { "" } else { " --plain" };
        let violation = self.violation.as_ref().map(ToString::to_string).unwrap_or_default();
        let folder = self.folder.as_ref().map(|folder| folder.display().to_string()).unwrap_or_default();
        format!(
            "{violation}\nAgain: cargo xtask sim --first-seed {seed} --seeds 1 --tills {tills} {time}{plain}\nFiles: {folder}\n{}",
            self.last.join("\n")
        )
    }
}

/// Runs a plan once.
pub fn run(plan: Plan) -> Outcome {
    // The disk of many machines takes longer for one flush than everything else here.
    let memory = std::path::Path::new("/dev/shm");
    let mut folder = tempfile::Builder::new();
    folder.prefix("counterfoil-sim-");
    let folder = if memory.is_dir() { folder.tempdir_in(memory) } else { folder.tempdir() };
    let mut folder = folder.expect("a temporary folder can be made");
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime can be made");
    let mut outcome = runtime.block_on(async {
        let world = World::new(plan, folder.path().to_owned());
        tokio::select! {
            biased;
            () = world.violated() => {}
            () = play(&world) => {}
        }
        finish(&world)
    });
    drop(runtime);
    // What is expected to fail leaves nothing to look at.
    if outcome.violation.is_some() && plan.without.is_none() {
        folder.disable_cleanup(true);
        outcome.folder = Some(folder.path().to_owned());
    }
    outcome
}

async fn play(world: &Arc<World>) {
    let mut director = Director::open(world).await;
    director.start_all();
    let end = world.time.passed_ms() + world.plan.minutes * 60_000;
    director.work(end).await;
    director.come_to_rest().await;
}

fn finish(world: &World) -> Outcome {
    let trace = world.trace();
    let mut figures = *world.figures();
    figures.events = trace.events();
    figures.checks = world.observer().checks();
    figures.cases = world.observer().cases() as u64;
    Outcome {
        plan: world.plan,
        trace: trace.hash(),
        figures,
        violation: world.violation(),
        last: trace.last(),
        folder: None,
    }
}

/// Runs a plan twice at the same time. The two must do the same.
///
/// # Errors
///
/// What was violated, or that the two runs differ, as a text for a terminal.
pub fn run_twice(plan: Plan) -> Result<Outcome, String> {
    let other = std::thread::spawn(move || run(Plan { aloud: false, ..plan }));
    let one = run(plan);
    let other = other.join().map_err(|_| format!("seed {}: the second run panicked", plan.seed))?;
    if one.violation.is_some() {
        return Err(one.report());
    }
    if one.trace != other.trace {
        return Err(format!(
            "seed {}: two runs of it differ, after {} and {} events",
            plan.seed, one.figures.events, other.figures.events
        ));
    }
    Ok(one)
}
