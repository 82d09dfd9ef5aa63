//! What a command says: one JSON value or plain lines on standard output, complaints on standard error.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::json;

/// Where answers go, and in which form.
#[derive(Clone, Copy)]
pub struct Out {
    /// JSON instead of lines.
    pub json: bool,
}

impl Out {
    /// Says `value` as JSON, or else these lines. A closed pipe is nobody's fault.
    pub fn say<T: Serialize>(self, value: &T, lines: impl FnOnce() -> Vec<String>) -> io::Result<()> {
        let text = if self.json { serde_json::to_string(value)? } else { lines().join("\n") };
        line(&text)
    }

    /// Says what went wrong: an object for scripts on standard output, or a sentence on standard error.
    pub fn fail(self, error: &str, message: &str) {
        if self.json {
            // Nobody is left to be told if this fails.
            let _ = line(&json!({"error": error, "message": message}).to_string());
        } else {
            complain(message);
        }
    }
}

/// One line, flushed.
pub fn line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        said => said,
    }
}

/// A sentence about what went wrong.
pub fn complain(sentence: &str) {
    // Nobody is left to be told if this fails.
    let _ = writeln!(io::stderr(), "counterfoil-server: {sentence}");
}
