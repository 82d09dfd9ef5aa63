//! Where and by whom something is done: store, till, clerk.

use crate::time::UnixMs;

/// A store of the chain, as the backend names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreId(pub String);

/// One enrolled till. Given at enrolment, never used again for another one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(pub String);

/// A member of staff.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClerkId(pub String);

/// The counter where a redemption is decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The store.
    pub store: StoreId,
    /// The till.
    pub device: DeviceId,
}

/// What a member of staff may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Redeems and undoes the own redemptions.
    Clerk,
    /// Also settles cases and closes the day.
    Manager,
}

/// When, where and by whom, in names that a person reads ("12:41, till 2, 福田店, by 李娜").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Circumstance {
    /// By the clock of the till that did it.
    pub at: UnixMs,
    /// The till that did it.
    pub device: DeviceId,
    /// Its name, such as "2号收银机".
    pub till: String,
    /// The store's name.
    pub store: String,
    /// The clerk's name.
    pub clerk: String,
}
