//! Takes a defence away, so that a test can see that its absence is noticed. Nothing of the product calls this.

use model::time::Watch;

use crate::till::Till;

/// Forgets the latest time that the till has gone by, as if neither mark nor journal had told it at the start.
pub fn forget_the_time(till: &Till) {
    *till.watch() = Watch::default();
}
