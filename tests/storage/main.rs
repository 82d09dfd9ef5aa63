//! The till's databases on a disk that fails: power cuts, a full disk, flushes that fail, reads that stop short.
//!
//! All of it is the real SQLite and the real [`till::store`] over [`tests::disk::FaultDisk`]; what a power cut leaves is
//! written into a folder and opened there by ordinary code. `COUNTERFOIL_CUTS` asks for more cuts than usual,
//! `COUNTERFOIL_SEED` for another course of them.
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod copy;
mod lines;
mod power;
mod refusals;
