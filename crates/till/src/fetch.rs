//! Building the copy anew from a snapshot, beside the one in use, which serves scans until the new one is whole.
//!
//! Every step may be cut off at any time, by the line or by the power: what was taken in stays, and the next try goes on
//! there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::runtime::{Handle, RuntimeFlavor};
use wire::api::{Setup, Snapshot};
use wire::feed::RowKey;

use crate::feed::disk;
use crate::link::{Link, LinkError};
use crate::store::copy::{Building, CopyError, Position};
use crate::sync::{PATIENCE, SyncError};
use crate::till::Till;

/// How often the server may have thrown away what it has just promised.
const SNAPSHOTS_MAX: u32 = 5;

/// How far a copy under way has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetching {
    /// So many entitlements are there.
    pub done: u64,
    /// So many there will be.
    pub of: u64,
}

impl Till {
    /// Builds the copy anew and puts it in the place of the one that stood at `old`, unless somebody else has. Gives
    /// `false` if the server has no snapshots.
    pub(crate) async fn fetch_anew(&self, old: &Position) -> Result<bool, SyncError> {
        let _alone = self.fetching.lock().await;
        let fetched = self.fetch_alone(old).await;
        if let Some(state) = self.lock().as_mut() {
            state.fetching = None;
        }
        self.tell_news();
        fetched
    }

    async fn fetch_alone(&self, old: &Position) -> Result<bool, SyncError> {
        for _ in 0..SNAPSHOTS_MAX {
            let (link, key, setup) = {
                let guard = self.lock();
                let state = guard.as_ref().ok_or(SyncError::NotEnrolled)?;
                if state.copy.position().map_err(disk)? != *old {
                    return Ok(true);
                }
                (state.link.clone(), RowKey::of(&state.store_key), state.copy.setup().cloned())
            };
            let snapshot = match self.noted(link.snapshot(PATIENCE)).await {
                Err(LinkError::Problem(problem)) => {
                    tracing::warn!(error = %problem.error, "the server has no snapshot to give");
                    return Ok(false);
                }
                answer => answer?,
            };
            if let Some(new) = self.build(&link, key, setup, snapshot).await? {
                self.change_over(&new)?;
                return Ok(true);
            }
        }
        Err(SyncError::NotTaken("the server's snapshots do not last".into()))
    }

    /// Fetches and takes in every chunk. Nothing if one is gone: then there is another snapshot.
    async fn build(
        &self,
        link: &Arc<dyn Link>,
        key: RowKey,
        setup: Option<Setup>,
        snapshot: Snapshot,
    ) -> Result<Option<PathBuf>, SyncError> {
        let path = self.folder.file("copy.new.db");
        let mut building = beside(move || Building::open(&path, key, snapshot)).await?;
        self.show_fetching(&building);
        for chunk in building.missing() {
            let bytes = match self.noted(link.chunk(&chunk.name, PATIENCE)).await {
                Err(LinkError::Problem(problem)) => {
                    tracing::info!(error = %problem.error, "a part of the snapshot is gone");
                    return Ok(None);
                }
                answer => answer?,
            };
            building = beside(move || building.take_in(&chunk, &bytes).map(|()| building)).await?;
            self.show_fetching(&building);
        }
        let now = self.now();
        beside(move || building.finish(setup.as_ref(), now)).await.map(Some)
    }

    fn show_fetching(&self, building: &Building) {
        let (done, of) = building.progress();
        if let Some(state) = self.lock().as_mut() {
            state.fetching = Some(Fetching { done, of });
        }
        self.tell_news();
    }

    /// Removes a new copy that was begun and is not needed any more.
    pub(crate) fn forget_fetching(&self) {
        if let Ok(_alone) = self.fetching.try_lock()
            && let Err(error) = Building::forget(&self.folder.file("copy.new.db"))
        {
            tracing::debug!(%error, "a copy that was begun could not be removed");
        }
    }

    fn change_over(&self, new: &Path) -> Result<(), SyncError> {
        let mut guard = self.lock();
        let state = guard.as_mut().ok_or(SyncError::NotEnrolled)?;
        let path = self.folder.file("copy.db");
        state.copy.swap(&path, new, self.clock.now()).map_err(disk)?;
        tracing::info!("a new copy is in use");
        Ok(())
    }
}

/// Does what takes its time beside the threads that serve customers. A program with a single thread serves nobody
/// meanwhile, and does it in turn, so that a simulation takes the same course each time.
async fn beside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CopyError> + Send + 'static,
) -> Result<T, SyncError> {
    if Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread {
        return work().map_err(disk);
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(disk),
        Err(error) => Err(SyncError::Disk(error.to_string())),
    }
}
