//! The fuzzed program: one target a run, named by `SLUICE_FUZZ_TARGET`.
#![no_main]

mod limits;
mod memory;
#[path = "../../src-tauri/cli/src/render.rs"]
#[allow(dead_code)]
mod render;
#[allow(dead_code)]
mod run;
#[path = "../../src-tauri/cli/src/hooks/splice.rs"]
#[allow(dead_code)]
mod splice;
mod targets;

use std::sync::OnceLock;
use std::time::Duration;

/// Most processor time for one input.
const LONGEST: Duration = Duration::from_millis(50);

#[global_allocator]
static MEMORY: memory::Counting = memory::Counting;

static TARGET: OnceLock<fn(&[u8])> = OnceLock::new();

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    TARGET.get_or_init(|| {
        let name = std::env::var("SLUICE_FUZZ_TARGET").unwrap_or_default();
        let found = targets::TARGETS.iter().find(|target| target.0 == name);
        found.map(|target| target.1).unwrap_or_else(|| panic!("no target is named {name:?}"))
    });
    limits::within(LONGEST, |bytes| memory::bounded(*TARGET.wait(), bytes), bytes);
});
