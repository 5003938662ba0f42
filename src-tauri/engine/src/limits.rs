//! Every bound of the engine, with its reason.

/// Accounts of one person that the interface shows; the engine itself takes more. A decision lists
/// at most so many candidates, the best first: nobody reads on, and thousands of lanes over
/// thousands of accounts would otherwise multiply.
pub const ACCOUNTS_MAX: usize = 64;
/// Windows of single models kept per account; providers name about a dozen.
pub const MODEL_WINDOWS_MAX: usize = 16;
/// The largest configuration of a tool that is read, bytes. Claude Code keeps what was typed in it:
/// files of 238 MB were seen. A login has a far smaller bound of its own.
pub const CONFIGURATION_BYTES_MAX: usize = 512 << 20;
/// Requests to the usage endpoint per rolling hour and account.
pub const USAGE_REQUESTS_PER_HOUR: u32 = 20;

/// Requests for usage that an hour still allows in which so many were sent.
#[must_use]
pub fn usage_requests_left(sent: usize) -> u32 {
    USAGE_REQUESTS_PER_HOUR.saturating_sub(u32::try_from(sent).unwrap_or(u32::MAX))
}

/// A window without room: from this share on it is used up, and one that refused work counts as such.
pub const FULL_PERCENT: f64 = 100.0;
/// From this share on a reading says full: providers report whole percent.
pub const READ_FULL_PERCENT: f64 = 99.5;
/// From this share on a window leaves nothing to swap for, and people are told that it is used up. Less
/// than [`READ_FULL_PERCENT`]: a last percent can be used, but is not worth a swap.
pub const USED_UP_PERCENT: f64 = 99.0;
/// From this share on a reading agrees with a refusal of the same window; one that says less, and is
/// late enough, speaks against it. Readings are rounded and late, a refusal is neither.
pub const NEARLY_FULL_PERCENT: f64 = 95.0;
/// Under policy `tiered` the least of a week that is worth landing on.
pub const TIERED_SCRAP_PERCENT: f64 = 2.0;
/// With no more than this left of a window policy `horizon` takes the account for used up. Less than
/// [`TIERED_SCRAP_PERCENT`]: it reckons what was used since the reading, `tiered` does not.
pub const HORIZON_SCRAP_PERCENT: f64 = 1.5;

/// Requests remembered per account: the budget and as many again, for a clock that was set back.
pub const REQUESTS_REMEMBERED: usize = 40;
/// Refused windows remembered per account: both of the account's and one per model.
pub const REFUSALS_MAX: usize = 2 + MODEL_WINDOWS_MAX;
