//! Everything that one run consists of, and the door through which everybody in it acts: what goes through it is
//! noted in the trace and looked at by the observer.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::policy::Exposure;
use till::screen::{Screen, Stage, Verdict};
use till::transport::{Method, Reply, Request};
use tokio::sync::{Notify, oneshot};

use super::backend::Backend;
use super::goods::Goods;
use super::invariants::{Broken, Check};
use super::machine::Machine;
use super::observer::Observer;
use super::time::Time;
use super::trace::Trace;
use super::{Defence, Figures, Plan, Violation};
use crate::hands::SeededDice;

/// One run.
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) time: Arc<Time>,
    pub(super) backend: Backend,
    pub(super) folder: PathBuf,
    dice: SeededDice,
    trace: Mutex<Trace>,
    goods: Mutex<Goods>,
    figures: Mutex<Figures>,
    observer: Mutex<Observer>,
    waiting: Mutex<Vec<oneshot::Sender<()>>>,
    violation: Mutex<Option<Violation>>,
    over: Notify,
}

impl World {
    pub(super) fn new(plan: Plan, folder: PathBuf) -> Arc<World> {
        let time = Arc::new(Time::begin());
        let backend = Backend::start(folder.join("server"), time.clone(), plan.seed ^ 0x5E17E5);
        Arc::new(World {
            time,
            backend,
            dice: SeededDice::new(plan.seed),
            trace: Mutex::new(Trace::new(plan.aloud)),
            goods: Mutex::default(),
            figures: Mutex::default(),
            observer: Mutex::new(Observer::new(&plan, folder.join("look"))),
            waiting: Mutex::default(),
            violation: Mutex::default(),
            over: Notify::new(),
            plan,
            folder,
        })
    }

    /// A number below `end`, from the run's dice.
    pub(super) fn below(&self, end: u64) -> u64 {
        self.dice.below(end)
    }

    /// One of several.
    pub(super) fn one_of<'a, T>(&self, several: &'a [T]) -> Option<&'a T> {
        several.get(self.below(several.len() as u64) as usize)
    }

    /// Whether something happens that happens so many times in a hundred.
    pub(super) fn percent(&self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// Whether this run goes without that defence.
    pub(super) fn lacks(&self, defence: Defence) -> bool {
        self.plan.without == Some(defence)
    }

    pub(super) fn goods(&self) -> MutexGuard<'_, Goods> {
        self.goods.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn figures(&self) -> MutexGuard<'_, Figures> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn observer(&self) -> MutexGuard<'_, Observer> {
        self.observer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn trace(&self) -> MutexGuard<'_, Trace> {
        self.trace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what happened.
    pub(super) fn note(&self, text: &str) {
        self.trace().note(self.time.passed_ms(), text);
    }

    /// Takes note of an invariant that does not hold; the first one ends the run.
    pub(super) fn check(&self, by: &str, check: Check) {
        let Err(Broken { letter, what }) = check else { return };
        let mut violation = self.violation.lock().unwrap_or_else(PoisonError::into_inner);
        if violation.is_none() {
            let event = self.trace().events();
            *violation = Some(Violation { letter, event, by: by.to_owned(), what });
            self.over.notify_one();
        }
    }

    /// What ended the run, if anything did.
    pub(super) fn violation(&self) -> Option<Violation> {
        self.violation.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends when an invariant does not hold.
    pub(super) async fn violated(&self) {
        self.over.notified().await;
    }

    /// Ends when the server has news.
    pub(super) async fn news(&self) {
        let (tell, told) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(tell);
        let _ = told.await;
    }

    /// Wakes whoever waits for the server's news, in the order in which they came.
    pub(super) fn tell_news(&self) {
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        for tell in waiting {
            let _ = tell.send(());
        }
    }

    /// Lets the server answer a request of that till; nothing if the server is down.
    pub(super) fn serve(&self, till: usize, request: &Request) -> Option<Reply> {
        let before = self.backend.news();
        let reply = self.backend.serve(request);
        let (method, target) = (&request.method, &request.target);
        let Some(reply) = reply else {
            self.note(&format!("till {till} {method} {target} finds nobody"));
            return None;
        };
        let hash = blake3::hash(&reply.body).to_hex();
        let status = reply.status.as_u16();
        self.note(&format!("till {till} {method} {target} {status} {}", &hash[..8]));
        self.figures().requests += 1;
        let by = format!("the server, asked by till {till}");
        self.check(&by, self.observer().answered(till, request, &reply));
        if self.backend.news() != before {
            self.tell_news();
        }
        if self.backend.news() != before || (request.method == Method::POST && is_push(target)) {
            self.look_at_server(&by);
        }
        Some(reply)
    }

    /// Lets somebody change something at the server, and looks at it.
    pub(super) fn server_changed(&self, text: &str) {
        self.note(text);
        self.tell_news();
        self.look_at_server("the server");
    }

    fn look_at_server(&self, by: &str) {
        let checked = self.observer().look_at_server(&self.backend, self.time.now());
        self.check(by, checked);
    }

    /// The clerk has seen this after waiting so long.
    pub(super) fn seen(&self, machine: &Machine, what: &str, screen: &Screen, waited_ms: u64) {
        self.note(&format!("till {} {what}: {}", machine.index, brief(screen)));
        let by = format!("till {}", machine.index);
        self.check(&by, super::invariants::p6(what, waited_ms));
        if let Stage::Verdict(verdict) = &screen.stage
            && verdict.number.is_some()
        {
            self.accepted(machine, verdict, screen.status.exposure);
        }
    }

    /// A manager has tried to decide on a case there; `failed` says why that did not go.
    pub(super) fn decided(&self, machine: &Machine, case: &str, failed: Option<&'static str>) {
        self.note(&format!("till {} decides on {case}: {failed:?}", machine.index));
        if failed.is_none() {
            self.figures().decisions += 1;
            let checked = self.observer().decided(machine, case, self.time.now());
            self.check(&format!("till {}", machine.index), checked);
        }
    }

    fn accepted(&self, machine: &Machine, verdict: &Verdict, exposure: Exposure) {
        let checked = self.observer().shown(machine, verdict, exposure, self.time.now());
        self.check(&format!("till {}", machine.index), checked);
        let mut figures = self.figures();
        if verdict.class() == model::verdict::Class::Pass && !verdict.before_restart {
            figures.redemptions += 1;
            if verdict.basis != Some(model::verdict::Basis::Server) {
                figures.offline += 1;
            }
        }
    }
}

/// Whether a target is where journal lines are handed in.
fn is_push(target: &str) -> bool {
    target.starts_with("v1/devices/")
}

/// A screen in a few words.
fn brief(screen: &Screen) -> String {
    match &screen.stage {
        Stage::Enrol { .. } => "enrol".into(),
        Stage::SignIn { failed, .. } => format!("sign in, {failed:?}"),
        Stage::Ready => "ready".into(),
        Stage::Checking => "checking".into(),
        Stage::Offer(card) => format!("offer of {}", card.known.entitlement.id.0),
        Stage::Member(card) => format!("member {}", card.known.entitlement.id.0),
        Stage::Choice(_) => "choice".into(),
        Stage::Approval(_) => "a manager is asked".into(),
        Stage::Verdict(verdict) => {
            let basis = verdict.basis.map(|basis| format!(" by {basis:?}")).unwrap_or_default();
            let number = verdict.number.map(|number| format!(" {number}")).unwrap_or_default();
            format!("{}{number}{basis}", verdict.reason.code())
        }
    }
}
