//! What the chain allows while a till cannot ask the server.

/// The chain's rules for deciding from the local copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Older copies decide nothing (hours since the server was last heard).
    pub copy_age_hours_max: u32,
    /// How long a clerk may undo an own redemption (minutes).
    pub undo_minutes_max: u32,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy { copy_age_hours_max: 24, undo_minutes_max: 10 }
    }
}
