//! The server of a run: its real router over its real database, on a thread of its own.
//!
//! Every call waits here until it is answered, so that no simulated time passes meanwhile: the database works on
//! threads that a paused clock does not see, and would jump over them.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

use axum::Router;
use axum::body::{Body, to_bytes};
use server::{Hands, State, Store};
use till::transport::{Reply, Request};
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

use super::time::Time;
use crate::hands::SeededDice;
use crate::shop::copy_files;

/// No answer of the server is longer (bytes).
const ANSWER_BYTES_MAX: usize = 64 << 20;

type Job = Box<dyn FnOnce(&Runtime, &mut Option<Running>) + Send>;

struct Running {
    router: Router,
    store: Arc<Store>,
}

/// The server.
pub(super) struct Backend {
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    thread: Option<JoinHandle<()>>,
    time: Arc<Time>,
    hands: Hands,
    folder: PathBuf,
    news: AtomicU64,
}

impl Backend {
    /// Makes the server's database in `folder` and starts it.
    pub(super) fn start(folder: PathBuf, time: Arc<Time>, seed: u64) -> Backend {
        let (jobs, work) = mpsc::channel::<Job>();
        let thread = std::thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime can be made");
            let mut running = None;
            while let Ok(job) = work.recv() {
                job(&runtime, &mut running);
            }
        });
        let hands = Hands::new(time.clone(), Arc::new(SeededDice::new(seed)));
        let jobs = Mutex::new(Some(jobs));
        let backend = Backend { jobs, thread: Some(thread), time, hands, folder, news: AtomicU64::new(0) };
        backend.up();
        backend
    }

    /// Starts the server.
    pub(super) fn up(&self) {
        let (folder, hands) = (self.folder.clone(), self.hands.clone());
        self.work(move |runtime, running| {
            let store = runtime.block_on(Store::open(&folder, hands)).expect("the server's database opens");
            // Who waits for news is known here, and counts the simulated time; see `Network`.
            let state = State::new(store).impatient();
            let store = state.store.clone();
            *running = Some(Running { router: server::app(state), store });
        });
        // Another server process has not told its news to anybody yet.
        self.news.fetch_add(1 << 32, Ordering::SeqCst);
    }

    /// Stops the server: nobody answers any more.
    pub(super) fn down(&self) {
        self.work(|runtime, running| {
            if let Some(Running { router, store }) = running.take() {
                drop(router);
                runtime.block_on(store.close());
            }
        });
    }

    /// Whether the server runs.
    pub(super) fn is_up(&self) -> bool {
        self.work(|_, running| running.is_some())
    }

    /// Copies the stopped server's folder to `saved`.
    pub(super) fn save(&self, saved: &Path) {
        copy_files(&self.folder, saved);
    }

    /// Puts what was saved in the place of the stopped server's folder.
    pub(super) fn set_back(&self, saved: &Path) {
        std::fs::remove_dir_all(&self.folder).expect("a stopped server's folder can be removed");
        copy_files(saved, &self.folder);
    }

    /// Grows whenever the server has told tills something new.
    pub(super) fn news(&self) -> u64 {
        self.news.load(Ordering::SeqCst)
    }

    /// Hands a request to the server; nothing if nobody is there.
    pub(super) fn serve(&self, request: &Request) -> Option<Reply> {
        let sent = axum::http::Request::builder()
            .method(request.method.clone())
            .uri(format!("/{}", request.target))
            .body(Body::from(request.body.clone()));
        let mut sent = sent.expect("what a till sends is a request");
        sent.headers_mut().extend(request.headers.clone());
        self.work(move |runtime, running| {
            let router = running.as_ref()?.router.clone();
            Some(runtime.block_on(async move {
                let Ok(answer) = router.oneshot(sent).await;
                let (parts, body) = answer.into_parts();
                let body = to_bytes(body, ANSWER_BYTES_MAX).await.expect("an answer of the router is whole");
                Reply { status: parts.status, headers: parts.headers, body: body.to_vec() }
            }))
        })
    }

    /// Does something with the running server's database; nothing if it does not run.
    pub(super) fn with<T, F>(&self, act: impl FnOnce(Arc<Store>) -> F + Send + 'static) -> Option<T>
    where
        T: Send + 'static,
        F: Future<Output = T>,
    {
        self.work(move |runtime, running| {
            let store = running.as_ref()?.store.clone();
            Some(runtime.block_on(act(store)))
        })
    }

    fn work<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Runtime, &mut Option<Running>) -> T + Send + 'static,
    ) -> T {
        // Writes down the moment for the server's clock.
        self.time.passed_ms();
        let (answer, heard) = mpsc::channel();
        let job: Job = Box::new(move |runtime, running| {
            let done = job(runtime, running);
            let news = running.as_ref().map_or(0, |running| *running.store.changes().borrow());
            let _ = answer.send((done, news));
        });
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.as_ref().expect("the server's thread runs").send(job).expect("the server's thread lives");
        let (done, news) = heard.recv().expect("the server's thread does not panic");
        let generation = self.news.load(Ordering::SeqCst) >> 32;
        self.news.store((generation << 32) | (news & 0xFFFF_FFFF), Ordering::SeqCst);
        done
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        drop(self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
