//! What a clerk does at the counter, through the real window against a real server, with real X keys.
//!
//! `cargo xtask test` gives these tests a private screen and the built programs. They take turns by themselves.

mod copes;
mod crash;
mod keyboard;
mod offline;
mod online;
mod scanners;
mod speaks;
mod steps;
mod two_tills;
