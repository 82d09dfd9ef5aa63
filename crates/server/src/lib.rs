//! The reference backend: it issues codes, decides who was first, keeps the tills' journals and feeds their copies.
//!
//! [`app`] is the whole HTTP surface as a router, [`Server`] serves it on a socket. The database is behind
//! [`store::Store`], one method for each act. This crate knows nothing of tills' files, windows or platforms'
//! secrets; time and chance are handed in ([`clock`]).

pub mod asked;
pub mod clock;
pub mod demo;
mod intake;
pub mod keys;
mod nonces;
pub mod picture;
pub mod pin;
pub mod real;
pub mod routes;
pub mod serve;
pub mod sheet;
pub mod signing;
pub mod store;

pub use clock::{Clock, Dice, Hands};
pub use routes::{State, app};
pub use serve::{NotStarted, Server};
pub use store::{Store, StoreError};
