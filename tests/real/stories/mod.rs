//! What is played, in this order.

mod asking;
mod codex_runs;
mod hooks;
mod identity;
mod limits;
mod refreshes;
mod stress;
mod swaps;

use crate::Ground;
use serde_json::Value;

/// One story: it panics when the promise does not hold, and may give figures.
pub struct Story {
    /// Its name.
    pub name: &'static str,
    /// The story.
    pub play: fn(&Ground) -> Value,
}

macro_rules! stories {
    ($($module:ident::$name:ident,)*) => {
        /// All of them.
        pub const ALL: &[Story] = &[$(Story { name: stringify!($name), play: $module::$name },)*];
    };
}

stories! {
    swaps::the_next_request_is_the_new_accounts,
    swaps::a_turn_goes_on_under_a_swap,
    refreshes::a_swap_waits_for_the_tools_own_refresh,
    refreshes::a_swap_gives_way_to_a_long_refresh,
    limits::a_limit_in_text_is_moved_away_from,
    limits::a_limit_in_json_is_moved_away_from,
    limits::a_limit_in_stream_json_is_moved_away_from,
    limits::throttling_moves_nothing,
    limits::a_revoked_login_is_moved_away_from,
    limits::codex_at_its_limit_is_moved_away_from,
    limits::codex_at_its_limit_in_json_is_moved_away_from,
    hooks::one_session_is_moved_twice,
    hooks::a_weekly_refusal_is_the_weeks,
    hooks::status_line_numbers_are_whose_answer_they_are,
    asking::the_tool_tells_its_own_limits,
    identity::an_identity_written_back_is_mended,
    identity::what_the_tool_adds_to_a_login_is_kept,
    codex_runs::the_next_run_of_codex_is_the_new_accounts,
    codex_runs::a_swap_beside_codexs_refresh_loses_nothing,
    stress::sessions_and_swaps_beside_short_logins,
}
