//! The rules of a redemption: what a text is, what a customer may take, and what the clerk must be told.
//!
//! Pure values and functions. This crate knows nothing of files, sockets, clocks, random numbers, threads or
//! serialisation: `now` is an argument, and its values are converted by whoever stores or sends them
//! (`wire`, a store, a view). The same function therefore decides at the till and at the server.

pub mod campaign;
pub mod case;
pub mod code;
pub mod decide;
pub mod entitlement;
pub mod place;
pub mod policy;
pub mod profile;
pub mod prove;
pub mod reading;
pub mod redemption;
pub mod scanner;
pub mod settlement;
pub mod signed;
pub mod time;
pub mod verdict;
