//! `Rules`: every threshold of the policies, and a named switch for each difference between them.
//!
//! [`Rules::seed`] is the recorded behaviour, gaps included, and proves that it is reproduced;
//! [`Rules::default`] closes the gaps.

use serde::{Deserialize, Serialize};

/// Which policy decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// The rule set by tiers.
    Tiered,
    /// The joint plan over accounts, windows and calendar.
    #[default]
    Horizon,
}

/// The rule set. Shares are percent, spans seconds unless the name says otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rules {
    /// Which policy decides.
    pub policy: Policy,
    /// A 5-hour window at or above this is critical; the plan may allow more, never less.
    pub critical: f64,
    /// From here on the burn projection looks ahead.
    pub warning: f64,
    /// The check interval the burn projection reckons with; it looks two of them ahead.
    pub check_interval_s: f64,
    /// The longest interval between two readings of a live account, whatever the policy wishes; `None`
    /// leaves it to the policy.
    pub read_within_s: Option<f64>,
    /// Residency minimum: a voluntary swap waits this long after the last committed one.
    pub residency_s: f64,
    /// Pause after any attempt.
    pub cooldown_s: f64,
    /// Pause after the first failed attempt; doubles with each further one.
    pub backoff_first_s: f64,
    /// Longest such pause.
    pub backoff_cap_s: f64,
    /// Automatic swaps rest this long after a person's choice.
    pub manual_pause_s: f64,
    /// Consecutive looks an emergence has to persist.
    pub persistence_looks: u32,

    /// When the active account must be left and nobody is behind target, go to the account
    /// with room; off: stay and report that everything is exhausted.
    pub rescue: bool,
    /// An account with a used-up week is left in every tier; off: T2 and T3 stay.
    pub leave_full_week: bool,
    /// Leave an account before a window refuses work, reckoned from the measured burn; off:
    /// a T0 account is left at 100.
    pub leave_before_full: bool,
    /// Land only where the 5-hour window has room now, with a margin below the departure
    /// line; off: a full window that resets within half an hour counts as room.
    pub land_on_room_only: bool,
    /// Rank candidates by what would be lost per hour; off: by tier, then by reset.
    pub value_before_tier: bool,
    /// Preempt by loss rate in every tier; off: inside T0 only.
    pub preempt_within_tier: bool,
    /// Stranding counts the working hours once over all accounts; off: each account is given
    /// all of them.
    pub joint_stranding: bool,
    /// A value of the active account from before a reset that has passed asks for a new read
    /// and counts as empty; off: it forces a swap.
    pub refetch_past_reset: bool,
    /// The gates' clocks survive a restart; off: a restart forgets them.
    pub clocks_survive: bool,
    /// Usage is read while automatic swaps are off or rest; off: nothing is read then.
    pub poll_while_resting: bool,
    /// A T0 candidate's full 5-hour window that empties within the idle interval shortens the interval
    /// a second time; off: only one that empties within the interval as it was shortened first.
    pub await_reset: bool,
    /// Failed reads disqualify nobody, the data only age; off: three in a row do.
    pub offline_keeps_eligible: bool,
    /// A swap with a failed write is a failed swap; off: it counts as committed.
    pub failed_write_is_failure: bool,

    /// A refused request (a window full, a login refused) moves the lane at once; off: ignored.
    pub react_to_refusals: bool,
    /// A forced departure is looked for before a voluntary one, so that persistence and residency do
    /// not hold it back; off: the other way round.
    pub forced_first: bool,
    /// Leaving an account that refuses work waits for no cooldown; off: it does.
    pub refusal_skips_cooldown: bool,
    /// A near reset mutes the 5-hour rules only while the window lasts until then; off: always.
    pub mute_while_it_lasts: bool,
    /// Burn is measured between observations; off: between decisions, whatever was observed.
    pub measure_observations: bool,
    /// A model's weekly window closes an account to lanes that need the model; off: ignored.
    pub model_windows: bool,
    /// An account that would bill money for further use is never chosen; off: not looked at.
    pub guard_billing: bool,
    /// Paid extra usage is allowed up to so much in the currency's minor unit.
    pub billing_ceiling_minor: Option<f64>,
    /// The target of a swap that failed is skipped for a while when there is another.
    pub skip_failed_targets: bool,
    /// Observations from before a wake or a clock jump move nobody voluntarily until read anew.
    pub distrust_after_jump: bool,
    /// Lanes keep off each other's accounts while there are others; off: each lane decides alone.
    pub spread_lanes: bool,
    /// Reasons as sentences for people; off: the recorded strings.
    pub plain_words: bool,
}

impl Rules {
    /// The recorded behaviour, gaps included.
    #[must_use]
    pub fn seed() -> Self {
        Self {
            policy: Policy::Tiered,
            critical: 90.0,
            warning: 80.0,
            check_interval_s: 300.0,
            read_within_s: None,
            residency_s: 900.0,
            cooldown_s: 300.0,
            backoff_first_s: 60.0,
            backoff_cap_s: 600.0,
            manual_pause_s: 900.0,
            persistence_looks: 2,
            rescue: false,
            leave_full_week: false,
            leave_before_full: false,
            land_on_room_only: false,
            value_before_tier: false,
            preempt_within_tier: false,
            joint_stranding: false,
            refetch_past_reset: false,
            clocks_survive: false,
            poll_while_resting: false,
            await_reset: false,
            offline_keeps_eligible: false,
            failed_write_is_failure: false,
            react_to_refusals: false,
            forced_first: false,
            refusal_skips_cooldown: false,
            mute_while_it_lasts: false,
            measure_observations: false,
            model_windows: false,
            guard_billing: false,
            billing_ceiling_minor: None,
            skip_failed_targets: false,
            distrust_after_jump: false,
            spread_lanes: false,
            plain_words: false,
        }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            rescue: true,
            leave_full_week: true,
            leave_before_full: true,
            land_on_room_only: true,
            value_before_tier: true,
            preempt_within_tier: true,
            joint_stranding: true,
            refetch_past_reset: true,
            clocks_survive: true,
            poll_while_resting: true,
            await_reset: true,
            offline_keeps_eligible: true,
            failed_write_is_failure: true,
            react_to_refusals: true,
            forced_first: true,
            refusal_skips_cooldown: true,
            mute_while_it_lasts: true,
            measure_observations: true,
            model_windows: true,
            guard_billing: true,
            skip_failed_targets: true,
            distrust_after_jump: true,
            spread_lanes: true,
            plain_words: true,
            ..Self::seed()
        }
    }
}
