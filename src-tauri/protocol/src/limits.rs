//! Bounds of what may be asked, and steps of what is drawn, said once for whoever asks, checks or draws.

/// The longest name of an account, characters.
pub const LABEL_CHARS_MAX: usize = 50;
/// The most rows of one answer.
pub const ROWS_MAX: u32 = 1_000;
/// The longest pause and the longest silence of a notice, milliseconds.
pub const PAUSE_MAX_MS: i64 = 31 * 86_400_000;
/// The longest cause of a notice, bytes.
pub const CAUSE_BYTES_MAX: usize = 100;
/// The longest id of a run, bytes.
pub const EXECUTION_BYTES_MAX: usize = 200;
/// The longest name of a setting, bytes.
pub const KEY_BYTES_MAX: usize = 64;
/// The most limit resets that an account has.
pub const RESETS_MAX: u32 = sluice_engine::grant::LEFT_MAX;
/// The least ceiling of tools at work or started; none is no ceiling.
pub const CEILING_LEAST: u32 = 1;
/// The highest such ceiling.
pub const CEILING_MOST: u32 = 10_000;
/// From this share on a window is drawn as full.
pub const DRAWN_FULL_PERCENT: f64 = 90.0;
/// From this share on a window is drawn as well used.
pub const DRAWN_HIGH_PERCENT: f64 = 70.0;
