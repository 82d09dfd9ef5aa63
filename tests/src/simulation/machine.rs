//! One till: its folder, its clock and its program, which can be started, and ended in the middle of anything.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use till::Till;
use till::desk::Desk;
use till::folder::Folder;
use till::till::{OpenError, Reach};
use till::transport::Transport;
use till::words::Language;
use tokio::task::JoinHandle;

use super::drives::Drive;
use super::network::{Road, Wire};
use super::time::TillClock;
use super::world::World;
use super::{Defence, clerk};
use crate::hands::SeededDice;

/// One till.
pub(super) struct Machine {
    pub(super) index: usize,
    pub(super) store: String,
    pub(super) folder: PathBuf,
    pub(super) clock: Arc<TillClock>,
    pub(super) road: Arc<Road>,
    pub(super) drive: Arc<Drive>,
    seed: u64,
    starts: AtomicU64,
    program: Mutex<Option<Program>>,
}

/// How a program ends that nobody has closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// By itself: what it has written is there.
    Crash,
    /// With the whole machine: what was not flushed may be gone.
    PowerCut,
}

struct Program {
    desk: Arc<Desk>,
    tasks: Vec<JoinHandle<()>>,
}

impl Machine {
    pub(super) fn new(world: &Arc<World>, index: usize, store: &str) -> Machine {
        // Most clocks go a little wrong, some by minutes.
        let ahead_ms = [0, 400, -900, 20_000, -45_000, 300_000][world.below(6) as usize];
        let drift = world.below(200) as i64 - 100;
        let folder = world.folder.join(format!("till-{index}"));
        Machine {
            index,
            store: store.to_owned(),
            drive: Arc::new(Drive::new(&folder)),
            folder,
            clock: Arc::new(TillClock::new(world.time.clone(), ahead_ms, drift)),
            road: Arc::new(Road::new(world.clone(), index)),
            seed: world.plan.seed.wrapping_mul(1_000_003).wrapping_add(index as u64),
            starts: AtomicU64::new(0),
            program: Mutex::new(None),
        }
    }

    /// The data folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Opens the till's program without anybody at it.
    pub(super) fn open(&self, world: &World) -> Result<Arc<Desk>, OpenError> {
        let start = self.starts.fetch_add(1, Ordering::SeqCst);
        self.clock.start();
        let dice = Arc::new(SeededDice::new(self.seed.wrapping_add(start << 32)));
        let road = self.road.clone();
        let reach: Arc<Reach> = Arc::new(move |_| Ok(Arc::new(Wire(road.clone())) as Arc<dyn Transport>));
        let till = Till::open_over(Folder::open(&self.folder)?, self.clock.clone(), dice, reach)?;
        if world.lacks(Defence::HighWater) {
            till::controls::forget_the_time(&till);
        }
        if world.lacks(Defence::Flush) {
            till::controls::flush_now_and_then(&till);
        }
        if world.lacks(Defence::Budget) {
            till::controls::forget_the_budget(&till);
        }
        Ok(Arc::new(Desk::new(Arc::new(till), Language::Chinese)))
    }

    /// Starts the program, with its sync and its clerk.
    pub(super) fn start(self: &Arc<Machine>, world: &Arc<World>) -> Result<(), OpenError> {
        let desk = self.open(world)?;
        let news = desk.clone();
        let till = desk.till().clone();
        let tasks = vec![
            tokio::spawn(async move { news.follow_news().await }),
            tokio::spawn(async move { till.keep_in_sync().await }),
            tokio::spawn(clerk::work(world.clone(), self.clone(), desk.clone())),
        ];
        *self.program.lock().unwrap_or_else(PoisonError::into_inner) = Some(Program { desk, tasks });
        Ok(())
    }

    /// Starts the program with its sync and nobody at it.
    pub(super) fn start_unmanned(self: &Arc<Machine>, world: &Arc<World>) -> Result<(), OpenError> {
        let desk = self.open(world)?;
        let till = desk.till().clone();
        let tasks = vec![tokio::spawn(async move { till.keep_in_sync().await })];
        *self.program.lock().unwrap_or_else(PoisonError::into_inner) = Some(Program { desk, tasks });
        Ok(())
    }

    /// Ends the program, whatever it is doing: it writes nothing any more, and closes nothing in order. Afterwards the
    /// files are as the system has them, or as a power cut leaves them. False if it was not running.
    pub(super) async fn crash(&self, world: &World, end: End) -> bool {
        let program = self.program.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Program { desk, tasks }) = program else { return false };
        self.drive.stop();
        for task in tasks {
            task.abort();
            let _ = task.await;
        }
        assert_eq!(Arc::strong_count(&desk), 1, "nobody else holds the desk when its program ends");
        drop(desk);
        if end == End::PowerCut {
            self.drive.lose_power(&|end| world.below(end));
        }
        self.drive.go_on();
        self.road.forget_poll();
        true
    }

    /// The running program's desk.
    pub(super) fn desk(&self) -> Option<Arc<Desk>> {
        let program = self.program.lock().unwrap_or_else(PoisonError::into_inner);
        program.as_ref().map(|program| program.desk.clone())
    }

    /// Whether its program runs.
    pub(super) fn runs(&self) -> bool {
        self.program.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}
