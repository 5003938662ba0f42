//! Time in tests. What must happen is waited for with one long patience; what must be quick is judged
//! by the work it did, or by its quickest try: a busy machine makes neither fail.

use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up. It costs nothing where the event comes.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// The shortest of `times` runs on the wall clock. What always waits for something waits in the
/// shortest, too; what was only pushed aside by other programs does not.
pub fn quickest(times: u32, mut run: impl FnMut()) -> Duration {
    let one = |_| {
        let begun = Instant::now();
        run();
        begun.elapsed()
    };
    (0..times).map(one).min().unwrap_or_default()
}

/// What `run` gives, and the processor time this thread spent on it: the same beside any load.
pub fn worked<T>(run: impl FnOnce() -> T) -> (T, Duration) {
    let spent = || {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or_default())
    };
    let before = spent();
    let given = run();
    (given, spent().saturating_sub(before))
}
