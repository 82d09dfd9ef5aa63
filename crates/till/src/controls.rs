//! Takes a defence away, so that a test can see that its absence is noticed. Nothing of the product calls this.

use model::time::Watch;

use crate::till::Till;

/// Forgets the latest time that the till has gone by, as if neither mark nor journal had told it at the start.
pub fn forget_the_time(till: &Till) {
    *till.watch() = Watch::default();
}

/// Flushes the journal's lines only now and then, as other databases are: a power cut takes the last ones with it.
pub fn flush_now_and_then(till: &Till) {
    if let Some(Ok(journal)) = till.lock().as_mut().map(|state| &mut state.journal) {
        journal.flush_now_and_then();
    }
}

/// Forgets what the outage that is under way has spent, as if that were kept in memory.
pub fn forget_the_budget(till: &Till) {
    if let Some(state) = till.lock().as_mut() {
        state.ledger.forget_outage();
    }
}
