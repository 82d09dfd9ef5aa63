//! What the terminal shows: headings, how long a step took, warnings.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::Result;

/// Announces a step, does it, and says how long it took.
pub fn step<T>(words: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    heading(words);
    let started = Instant::now();
    let result = work()?;
    line(&format!("   done in {}", took(started.elapsed())));
    Ok(result)
}

/// A heading that stands out from what other programs print.
pub fn heading(words: &str) {
    line(&format!("\n== {words}"));
}

/// One plain line; goes out at once, so that it stands before what the next program prints.
pub fn line(words: &str) {
    println!("{words}");
    // A terminal that does not take it now takes it later; nothing is lost that matters.
    let _ = std::io::stdout().flush();
}

/// A length of time as a person says it.
pub fn took(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well() {
        assert_eq!(took(Duration::from_millis(340)), "0.3 s");
        assert_eq!(took(Duration::from_secs(59)), "59.0 s");
        assert_eq!(took(Duration::from_secs(125)), "2 min 05 s");
    }
}
