//! The database: the only SQL of the server. One act is one method, and one method is one transaction.
//!
//! SQLite today: one connection that writes (`BEGIN IMMEDIATE`), a few that read. The SQL keeps to what PostgreSQL
//! and its distributed kin can do too: `ON CONFLICT`, `RETURNING`, numbered arguments, and a tenant at the head of
//! every key. What an act finds out about the world (who was first, which number comes next) is decided by a
//! conditional write inside its transaction, never by an earlier look.

use std::path::{Path, PathBuf};

use tokio::sync::{Mutex, watch};

use crate::clock::Hands;

mod campaigns;
mod cases;
mod chain;
mod codes;
mod db;
mod devices;
mod effects;
mod entitlements;
mod feeds;
mod issue;
mod journals;
mod keys;
mod merchants;
mod migrate;
mod profiles;
mod redemptions;
mod signed;
mod status;
mod trust;
mod undo;

pub use campaigns::{CampaignRefused, NewCampaign};
pub use cases::Case;
pub use chain::{NewStaff, PracticeCode};
pub use codes::{HeldCode, HeldOpaque};
pub use devices::{Device, Enrolment, EnrolmentRefused, TillRow};
pub use entitlements::{Held, NewEntitlement};
pub use feeds::{FeedPosition, PAGE_LENGTH_MAX};
pub use issue::{IssueRefused, Issued, Issuing, NewCode};
pub use journals::{BATCH_LENGTH_MAX, HandedIn, Intake, LineRow};
pub use keys::{KeyChange, KeyRow, KeyScope, KeysRefused, LIST_SECONDS, NewKey, Role, ScopeChange};
pub use merchants::{Merchant, MerchantRow, NewMerchant, Scope};
pub use profiles::{ProfileRow, Removed, Turn};
pub use redemptions::{Counted, CountedBefore, Online, RedemptionRow};
pub use signed::{
    BATCH_MAX, HeldSigned, IssuedSigned, SignedForm, SignedIssue, SignedItem, SignedState, claims, content,
    of_campaign,
};
pub use trust::NextRoot;

/// The one tenant of a database; the column is there so that a hosted service may have more.
const TENANT: &str = "main";
/// The one bucket of a small tenant.
const BUCKET: i64 = 0;
/// The database's file name in its folder.
const FILE: &str = "server.db";

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
    /// Something stands in it that nobody could have written.
    #[error("the database holds something unexpected: {0}")]
    Data(String),
    /// Its folder cannot be made.
    #[error("the data folder cannot be made: {0}")]
    Folder(#[from] std::io::Error),
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

/// Makes the folder if need be, for its owner alone: whole codes are in it.
fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Makes the file if need be, for its owner alone even where the folder was there before and is open to others.
/// SQLite takes an empty file for a new database, and gives the mode to the files that it writes beside it.
fn make_file(file: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(file) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// The chain's database.
pub struct Store {
    engine: db::Engine,
    write: db::Pool,
    read: db::Pool,
    hands: Hands,
    /// Under which malls' codes are stretched. It is drawn once for a database and never changes.
    code_salt: [u8; 16],
    changes: watch::Sender<u64>,
    folder: PathBuf,
    /// Roots and list as last read: their signatures need not be checked for each code.
    believed: Mutex<trust::Believed>,
    chunks: status::Kept,
}

impl Store {
    /// Whether `folder` holds a database.
    pub fn is_in(folder: &Path) -> std::io::Result<bool> {
        folder.join(FILE).try_exists()
    }

    /// Opens the database in `folder`; makes it, or brings its schema up to date, if need be.
    pub async fn open(folder: &Path, hands: Hands) -> Result<Store, StoreError> {
        make_folder(folder)?;
        make_file(&folder.join(FILE))?;
        let db::Database { engine, write, read } = db::open_sqlite(&folder.join(FILE)).await?;
        let changes = watch::Sender::new(0);
        let mut store = Store {
            engine,
            write,
            read,
            hands,
            code_salt: [0; 16],
            changes,
            folder: folder.to_owned(),
            believed: Mutex::new(None),
            chunks: status::Kept::default(),
        };
        migrate::run(&store).await?;
        store.code_salt = store.found_chain().await?;
        Ok(store)
    }

    /// Closes it, so that another process may open it at once.
    pub async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }

    /// Whether it answers.
    pub async fn answers(&self) -> bool {
        sqlx::query("SELECT 1").execute(&self.read).await.is_ok()
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

    /// A transaction that may write. It alone writes from here on, so what it reads stays true until it commits.
    async fn writing(&self) -> Result<db::Tx, StoreError> {
        Ok(self.write.begin_with(self.engine.begin_writing()).await?)
    }

    /// A transaction that reads one state of the database.
    async fn reading(&self) -> Result<db::Tx, StoreError> {
        Ok(self.read.begin_with(self.engine.begin_reading()).await?)
    }

    fn tell_of_change(&self) {
        self.changes.send_modify(|count| *count += 1);
    }
}
