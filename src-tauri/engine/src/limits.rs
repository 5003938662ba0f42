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

/// Requests remembered per account: the budget and as many again, for a clock that was set back.
pub const REQUESTS_REMEMBERED: usize = 40;
/// Refused windows remembered per account: both of the account's and one per model.
pub const REFUSALS_MAX: usize = 2 + MODEL_WINDOWS_MAX;
