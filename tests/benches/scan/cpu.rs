//! What a thread's work costs, however busy the machine is with other things.

/// A moment on the clock that runs only while this thread does.
pub struct CpuTime(f64);

impl CpuTime {
    /// Now.
    pub fn now() -> CpuTime {
        CpuTime(now_ms())
    }

    /// The milliseconds since.
    pub fn passed_ms(&self) -> f64 {
        now_ms() - self.0
    }
}

#[cfg(unix)]
fn now_ms() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

/// Where there is no such clock: the time that passes for everybody.
#[cfg(not(unix))]
#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn now_ms() -> f64 {
    static START: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed().as_secs_f64() * 1e3
}
