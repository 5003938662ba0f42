//! How long one input may take: processor time of its own thread, so that a busy machine does not lie.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

fn processor_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or_default())
}

/// Runs `parse` on `bytes` and panics when that took longer than `longest` of the processor.
pub fn within(longest: Duration, parse: fn(&[u8]), bytes: &[u8]) {
    let begun = processor_time();
    parse(bytes);
    let took = processor_time() - begun;
    assert!(took <= longest, "{} bytes took {took:?} of the processor", bytes.len());
}
