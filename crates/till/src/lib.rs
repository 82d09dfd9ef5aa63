//! The engine of one counter, without a window: it reads, decides, journals, sends and settles.
//!
//! The same engine runs behind the window, under `counterfoil-ctl` and in tests; clock, dice and link are handed to
//! it. SQL stands only under [`store`], HTTP only in [`link`]. It knows nothing of Tauri, of the server's inside, or
//! of any language a clerk reads (but for [`words`], which the command line program prints).

pub mod backup;
pub mod cases;
#[doc(hidden)]
pub mod controls;
pub mod custody;
pub mod desk;
pub mod device_key;
mod feed;
pub mod fetch;
pub mod folder;
pub mod head;
mod keys;

pub mod ledger;
pub mod line;
pub mod link;
pub mod real;
pub mod redeem;
mod retry;
mod risk;
pub mod scanners;
pub mod screen;
pub mod see;
pub mod serial;
pub mod signer;
pub mod staff;
pub mod status;
pub mod store;
pub mod sync;
pub mod till;
pub mod transport;
pub mod undo;
pub mod vault;
pub mod words;

pub use crate::till::Till;
