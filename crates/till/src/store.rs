//! The only SQL on the till: two databases that never share a transaction.

pub mod copy;
#[doc(hidden)]
pub mod disk;
pub mod journal;
