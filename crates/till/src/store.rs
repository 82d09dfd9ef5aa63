//! The only SQL on the till: two databases that never share a transaction.

pub mod copy;
pub mod journal;
