//! The database: the only SQL of the server. One act is one method, and one method is one transaction.
//!
//! The SQL is one text for SQLite, for PostgreSQL and for its distributed kin ([`db`]): `ON CONFLICT`, `RETURNING`,
//! numbered arguments, and a tenant at the head of every key. What an act finds out about the world (who was first,
//! which number comes next) is decided by a conditional write inside its transaction, never by an earlier look. Where
//! several processes write, an act may have to begin anew, so that it is written as something that can be run again.

use std::path::{Path, PathBuf};

use tokio::sync::{Mutex, watch};

use crate::clock::Hands;

mod campaigns;
mod cases;
mod chain;
mod codes;
mod contacts;
mod db;
mod devices;
mod entitlements;
mod feeds;
mod issue;
mod journals;
mod keys;
mod many;
mod merchants;
mod migrate;
mod policies;
mod profiles;
mod redemptions;
mod settle;
mod signed;
mod snapshots;
mod status;
mod trust;
mod world;

pub use crate::intake::{Counted, Online};
pub use campaigns::{CampaignRefused, NewCampaign};
pub use chain::{NewStaff, PracticeCode};
pub use codes::{HeldCode, HeldOpaque};
pub use contacts::TillExposure;
pub use db::{Location, NoServerUrl, ServerUrl};
pub use devices::{Device, Enrolment, EnrolmentRefused, Joining, TillRow};
pub use entitlements::{Held, NewEntitlement};
pub use feeds::{FeedPosition, FeedState, PAGE_LENGTH_MAX, SetBack};
pub use issue::{IssueRefused, Issued, Issuing, NewCode};
pub use journals::{BATCH_LENGTH_MAX, BranchLine, Hand, HandedIn, Intake, Kept, LineRow};
pub use keys::{KeyChange, KeyRow, KeyScope, KeysRefused, LIST_SECONDS, NewKey, Role, ScopeChange};
pub use merchants::{Merchant, MerchantRow, NewMerchant, Scope};
pub use migrate::Schema;
pub use policies::{PolicyRefused, PolicyRow};
pub use profiles::{ProfileRow, Removed, Turn};
pub use redemptions::{CountedBefore, RedemptionRow};
pub use signed::{
    BATCH_MAX, HeldSigned, IssuedSigned, SignedForm, SignedIssue, SignedItem, SignedState, claims, content,
    of_campaign,
};
pub use trust::NextRoot;

/// The one tenant of a database; the column is there so that a hosted service may have more.
const TENANT: &str = "main";
/// The one bucket of a small tenant.
const BUCKET: i64 = 0;

/// The database failed, or is not one of ours.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It did not do as it was told.
    #[error("the database failed: {0}")]
    Db(#[from] sqlx::Error),
    /// A newer program has written it.
    #[error(
        "this database has schema {found}, but this program knows only schemas up to {known}: a newer \
         counterfoil-server has written it. Start that one, or restore a backup made before the update."
    )]
    Newer {
        /// The schema's number in the database.
        found: i64,
        /// The latest that this program knows.
        known: i64,
    },
    /// What an act had read was no longer so when it came to write: it has done nothing, and begins anew.
    #[error("the database changed under an act: {0}")]
    Moved(&'static str),
    /// Something stands in it that nobody could have written.
    #[error("the database holds something unexpected: {0}")]
    Data(String),
    /// Its folder cannot be made.
    #[error("the data folder cannot be made: {0}")]
    Folder(#[from] std::io::Error),
    /// The server that it is on cannot be worked with.
    #[error("{0}")]
    Server(String),
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> StoreError {
        StoreError::Data(error.to_string())
    }
}

impl From<wire::convert::NotInContract> for StoreError {
    fn from(error: wire::convert::NotInContract) -> StoreError {
        StoreError::Data(error.to_string())
    }
}

/// The chain's database.
pub struct Store {
    db: db::Database,
    hands: Hands,
    /// Under which malls' codes are stretched. It is drawn once for a database and never changes.
    code_salt: [u8; 16],
    /// Under which tills are given receipts. It is drawn once for a database and never changes.
    receipt_key: [u8; 32],
    changes: watch::Sender<u64>,
    folder: PathBuf,
    /// Roots and list as last read: their signatures need not be checked for each code.
    believed: Mutex<trust::Believed>,
    chunks: status::Kept,
    snapshots: snapshots::Snapshots,
}

impl Store {
    /// Opens the database in `folder`; makes it, or brings its schema up to date, if need be.
    pub async fn open(folder: &Path, hands: Hands) -> Result<Store, StoreError> {
        Store::open_at(&Location::file(folder), hands).await
    }

    /// Opens the database there; makes a file, or brings the schema up to date, if need be.
    pub async fn open_at(location: &Location, hands: Hands) -> Result<Store, StoreError> {
        let mut store = Store {
            db: location.open().await?,
            hands,
            code_salt: [0; 16],
            receipt_key: [0; 32],
            changes: watch::Sender::new(0),
            folder: location.folder.clone(),
            believed: Mutex::new(None),
            chunks: status::Kept::default(),
            snapshots: snapshots::Snapshots::default(),
        };
        migrate::run(&store).await?;
        store.code_salt = store.found_chain().await?;
        store.receipt_key = store.found_receipts().await?;
        Ok(store)
    }

    /// Closes it, so that another process may open it at once.
    pub async fn close(&self) {
        self.db.close().await;
    }

    /// Whether it answers.
    pub async fn answers(&self) -> bool {
        sqlx::query("SELECT 1").execute(&self.db.read).await.is_ok()
    }

    /// The folder that it is in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Clock and dice.
    pub fn hands(&self) -> &Hands {
        &self.hands
    }

    /// Wakes whoever waits for news, whenever this process has changed something that tills are told.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Runs an act that writes, in a transaction of its own, which the act commits itself. Should it meet another
    /// process at the same rows, it is run again from its beginning, with a transaction that sees what the other did.
    async fn write<T, A, Acting>(&self, mut act: A) -> Result<T, StoreError>
    where
        A: FnMut(db::Tx) -> Acting,
        Acting: Future<Output = Result<T, StoreError>>,
    {
        let mut tries = db::Tries::new();
        loop {
            let done = act(self.writing().await?).await;
            match done {
                Err(error) if self.db.engine.tries_again(&error) => {
                    if !tries.next(&self.hands).await {
                        return Err(error);
                    }
                    tracing::debug!(%error, "an act met another process and begins anew");
                }
                done => return done,
            }
        }
    }

    /// A transaction that may write: only for [`Store::write`], which runs it again if it must, and for tests.
    async fn writing(&self) -> Result<db::Tx, StoreError> {
        Ok(self.db.write.begin_with(self.db.engine.begin_writing()).await?)
    }

    /// A transaction that reads one state of the database.
    async fn reading(&self) -> Result<db::Tx, StoreError> {
        Ok(self.db.read.begin_with(self.db.engine.begin_reading()).await?)
    }

    fn tell_of_change(&self) {
        self.changes.send_modify(|count| *count += 1);
    }
}
