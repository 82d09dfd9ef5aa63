//! What happened in a run, one line an event: kept as a hash, so that two runs can be compared, and as the last lines,
//! for whoever looks for the cause of a failure.

use std::collections::VecDeque;

/// How many lines a failure shows.
const LAST: usize = 40;

/// The trace of one run.
pub(super) struct Trace {
    hasher: blake3::Hasher,
    last: VecDeque<String>,
    events: u64,
    aloud: bool,
}

impl Trace {
    /// An empty one; `aloud` prints each line as it comes.
    pub(super) fn new(aloud: bool) -> Trace {
        Trace { hasher: blake3::Hasher::new(), last: VecDeque::new(), events: 0, aloud }
    }

    /// Notes an event at a moment since the beginning of the run (milliseconds).
    #[expect(clippy::print_stdout, reason = "a run that is watched is read on the terminal")]
    pub(super) fn note(&mut self, at_ms: u64, text: &str) {
        self.events += 1;
        let seconds = at_ms / 1000;
        let (hours, minutes, seconds, ms) = (seconds / 3600, seconds / 60 % 60, seconds % 60, at_ms % 1000);
        let line = format!("{:>6} {hours:02}:{minutes:02}:{seconds:02}.{ms:03} {text}", self.events);
        self.hasher.update(line.as_bytes());
        self.hasher.update(b"\n");
        if self.aloud {
            println!("{line}");
        }
        self.last.push_back(line);
        if self.last.len() > LAST {
            self.last.pop_front();
        }
    }

    /// How many events there were.
    pub(super) fn events(&self) -> u64 {
        self.events
    }

    /// The hash over all lines.
    pub(super) fn hash(&self) -> [u8; 32] {
        *self.hasher.finalize().as_bytes()
    }

    /// The last lines.
    pub(super) fn last(&self) -> Vec<String> {
        self.last.iter().cloned().collect()
    }
}
