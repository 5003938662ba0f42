//! AS-014 … AS-086, AS-135 … AS-142: working hours, deficits, headroom, labels, tiers, targets,
//! stranding.

use crate::fixture::{at, calendar, in_hours, in_minutes, near, now, ordinary};
use sluice_engine::standing::single_stranding;
use sluice_engine::target::Course;
use sluice_engine::{Calendar, Utc, WindowKind, label::label, span, target, tier};

fn hours(start: &str, end: &str) -> f64 {
    calendar(7 * 60, 22 * 60).working_hours(at(start), at(end))
}

#[test]
fn as_014_hours_of_one_afternoon() {
    assert!(near(hours("2026-05-04T16:00:00Z", "2026-05-04T21:00:00Z"), 5.0));
}

#[test]
fn as_015_hours_over_a_night() {
    assert!(near(hours("2026-05-04T16:00:00Z", "2026-05-05T10:00:00Z"), 9.0));
}

#[test]
fn as_016_hours_of_three_days() {
    assert!(near(hours("2026-05-04T07:00:00Z", "2026-05-07T07:00:00Z"), 45.0));
}

#[test]
fn as_017_hours_that_begin_before_work() {
    assert!(near(hours("2026-05-04T05:00:00Z", "2026-05-04T10:00:00Z"), 3.0));
}

#[test]
fn as_018_hours_that_end_after_work() {
    assert!(near(hours("2026-05-04T20:00:00Z", "2026-05-04T23:00:00Z"), 2.0));
}

#[test]
fn as_019_no_hours_at_night() {
    assert!(near(hours("2026-05-04T23:00:00Z", "2026-05-05T05:00:00Z"), 0.0));
}

#[test]
fn as_020_no_hours_in_an_empty_span() {
    assert!(near(hours("2026-05-04T12:00:00Z", "2026-05-04T12:00:00Z"), 0.0));
}

/// The older deficit: elapsed share minus use.
fn pace(used: Option<f64>, reset: Option<Utc>) -> Option<f64> {
    let expired = tier::instant(reset, now()) == tier::EXCLUDED;
    let bar = target::white_bar(week(reset), now()).filter(|_| !expired);
    bar.zip(used).map(|(bar, used)| bar * 100.0 - used)
}

#[test]
fn as_021_little_use_late_is_far_behind() {
    assert!(pace(Some(20.0), Some(in_hours(72.0))).unwrap() > 25.0);
}

#[test]
fn as_022_much_use_early_is_ahead() {
    assert!(pace(Some(80.0), Some(in_hours(120.0))).unwrap() < 0.0);
}

#[test]
fn as_023_no_deficit_without_a_reset() {
    assert_eq!(pace(Some(20.0), None), None);
    assert_eq!(deficit(Some(20.0), None), None);
}

#[test]
fn as_024_no_deficit_without_use() {
    assert_eq!(deficit(None, Some(in_hours(72.0))), None);
}

#[test]
fn as_025_no_deficit_after_the_reset() {
    assert_eq!(pace(Some(20.0), Some(in_hours(-24.0))), None);
    assert_eq!(deficit(Some(20.0), Some(in_hours(-24.0))), None);
}

#[test]
fn as_026_hours_left_until_the_reset() {
    let left = ordinary().working_hours(now(), in_hours(48.0));
    assert!(left > 0.0);
    assert!(near(100.0 - 30.0, 70.0));
}

#[test]
fn as_027_tier_and_target_of_a_reset_late_tomorrow() {
    let reset = Some(at("2026-05-05T23:00:00Z"));
    assert_eq!(tier::instant(reset, now()), 1);
    assert!(near(deficit(Some(70.0), reset).unwrap(), 20.0));
    assert!(target::white_bar(week(reset), now()).is_some());
}

fn viable(used: Option<f64>, calendar: &Calendar) -> bool {
    target::has_weekly_headroom(used, calendar.burn_per_window())
}

#[test]
fn as_028_half_a_week_is_room() {
    assert!(viable(Some(50.0), &ordinary()));
}

#[test]
fn as_029_two_percent_are_none() {
    assert!(!viable(Some(98.0), &ordinary()));
}

#[test]
fn as_030_five_percent_are_room() {
    assert!(viable(Some(95.0), &ordinary()));
}

#[test]
fn as_031_four_percent_are_none() {
    assert!(!viable(Some(96.0), &ordinary()));
}

#[test]
fn as_032_unknown_use_is_room_for_this_filter() {
    assert!(viable(None, &ordinary()));
}

#[test]
fn as_033_short_days_need_more_room() {
    assert!(!viable(Some(93.0), &calendar(9 * 60, 17 * 60)));
}

#[test]
fn as_037_a_persons_own_organization_reads_personal() {
    let text =
        label(Some("user3@example.com"), Some("user3@example.com's Organization"), Some("User3"));
    assert_eq!(text, "user3@example.com (personal)");
}

#[test]
fn as_038_a_name_that_repeats_the_mail_is_left_out() {
    let text = label(Some("user1@example.com"), Some("Acme"), Some("User1"));
    assert_eq!(text, "user1@example.com (Acme)");
}

#[test]
fn as_039_a_name_that_says_more_comes_first() {
    let text = label(Some("user1@example.com"), Some("Acme"), Some("Acme Team"));
    assert_eq!(text, "Acme Team — user1@example.com (Acme)");
}

#[test]
fn as_040_the_mails_first_word_is_no_name() {
    let text = label(Some("jack.neil@example.com"), None, Some("Jack"));
    assert_eq!(text, "jack.neil@example.com");
}

#[test]
fn as_041_no_organization() {
    assert_eq!(label(Some("a@x.com"), None, None), "a@x.com");
}

#[test]
fn as_042_an_empty_organization() {
    assert_eq!(label(Some("a@x.com"), Some(""), None), "a@x.com");
}

#[test]
fn as_043_no_name() {
    assert_eq!(label(Some("a@x.com"), Some("Acme"), None), "a@x.com (Acme)");
}

#[test]
fn as_044_an_empty_name() {
    assert_eq!(label(Some("a@x.com"), Some("Acme"), Some("")), "a@x.com (Acme)");
}

fn tier_in(hours: f64, previous: Option<u8>) -> u8 {
    tier::damped(Some(in_hours(hours)), now(), previous)
}

#[test]
fn as_045_twelve_hours_are_t0() {
    assert_eq!(tier_in(12.0, None), 0);
}

#[test]
fn as_046_thirty_six_hours_are_t1() {
    assert_eq!(tier_in(36.0, None), 1);
}

#[test]
fn as_047_three_days_are_t2() {
    assert_eq!(tier_in(72.0, None), 2);
}

#[test]
fn as_048_six_days_are_t3() {
    assert_eq!(tier_in(144.0, None), 3);
}

#[test]
fn as_049_a_past_reset_is_excluded() {
    assert_eq!(tier_in(-1.0, None), tier::EXCLUDED);
}

#[test]
fn as_050_no_reset_is_excluded() {
    assert_eq!(tier::damped(None, now(), None), tier::EXCLUDED);
}

#[test]
fn as_051_exactly_a_day_is_t1() {
    assert_eq!(tier_in(24.0, None), 1);
}

#[test]
fn as_052_exactly_two_days_are_t2() {
    assert_eq!(tier_in(48.0, None), 2);
}

#[test]
fn as_053_exactly_four_days_are_t3() {
    assert_eq!(tier_in(96.0, None), 3);
}

#[test]
fn as_054_a_minute_over_the_edge_is_held() {
    assert_eq!(tier_in(24.0 - 1.0 / 60.0, Some(1)), 1);
}

#[test]
fn as_055_six_minutes_over_the_edge_count() {
    assert_eq!(tier_in(24.0 - 6.0 / 60.0, Some(1)), 0);
}

#[test]
fn as_056_two_minutes_back_are_held() {
    assert_eq!(tier_in(24.0 + 2.0 / 60.0, Some(0)), 0);
}

#[test]
fn as_057_six_minutes_back_count() {
    assert_eq!(tier_in(24.0 + 6.0 / 60.0, Some(0)), 1);
}

#[test]
fn as_058_two_steps_count_at_once() {
    assert_eq!(tier_in(48.0 + 2.0 / 60.0, Some(0)), 2);
}

#[test]
fn as_059_without_memory_the_edge_is_sharp() {
    assert_eq!(tier_in(24.0 - 1.0 / 60.0, None), 0);
}

fn bar(hours: f64) -> f64 {
    target::white_bar(week(Some(in_hours(hours))), now()).unwrap()
}

#[test]
fn as_060_white_bar_a_day_before_the_end() {
    assert!(near(bar(24.0), 6.0 / 7.0));
}

#[test]
fn as_061_white_bar_at_the_start() {
    assert!(near(bar(168.0), 0.0));
}

#[test]
fn as_062_white_bar_an_hour_before_the_end() {
    assert!(near(bar(1.0), 167.0 / 168.0));
}

#[test]
fn as_063_white_bar_grows_at_night() {
    let reset = Some(in_hours(80.0));
    let (evening, morning) = (at("2026-05-04T22:00:00Z"), at("2026-05-05T06:00:00Z"));
    let grown = target::white_bar(week(reset), morning).unwrap()
        - target::white_bar(week(reset), evening).unwrap();
    assert!((grown - 8.0 / 168.0).abs() < 1e-9);
}

#[test]
fn as_064_no_white_bar_without_a_reset() {
    assert_eq!(target::white_bar(week(None), now()), None);
}

#[test]
fn as_065_a_full_white_bar_after_the_reset() {
    assert_eq!(bar(-1.0), 1.0);
}

fn target_at(reset: Option<Utc>) -> Option<f64> {
    target::target(tier::instant(reset, now()), week(reset), now(), &ordinary())
}

fn deficit(used: Option<f64>, reset: Option<Utc>) -> Option<f64> {
    target_at(reset).zip(used).map(|(target, used)| target - used)
}

/// 23:00 the next day: T1 with a whole last day.
fn late() -> Option<Utc> {
    Some(at("2026-05-05T23:00:00Z"))
}

#[test]
fn as_066_t0_wants_all() {
    assert_eq!(target_at(Some(in_hours(12.0))), Some(100.0));
}

#[test]
fn as_067_t1_with_a_whole_last_day_wants_90() {
    assert!(near(target_at(late()).unwrap(), 90.0));
}

#[test]
fn as_068_t2_wants_the_white_bar_and_five() {
    assert!(near(target_at(Some(in_hours(72.0))).unwrap(), bar(72.0) * 100.0 + 5.0));
}

#[test]
fn as_069_t2_never_wants_more_than_all() {
    assert!(target_at(Some(now().plus_seconds(48 * 3600 + 1))).unwrap() <= 100.0);
}

#[test]
fn as_070_t3_wants_the_white_bar() {
    assert!(near(target_at(Some(in_hours(144.0))).unwrap(), bar(144.0) * 100.0));
}

#[test]
fn as_071_no_target_without_a_reset() {
    assert_eq!(target_at(None), None);
}

#[test]
fn as_072_no_target_after_the_reset() {
    assert_eq!(target_at(Some(in_hours(-1.0))), None);
}

#[test]
fn as_073_t0_deficit() {
    assert!(near(deficit(Some(80.0), Some(in_hours(12.0))).unwrap(), 20.0));
}

#[test]
fn as_074_t1_deficit() {
    assert!(near(deficit(Some(70.0), late()).unwrap(), 20.0));
}

#[test]
fn as_075_t2_deficit() {
    assert!(near(deficit(Some(bar(72.0) * 100.0 - 3.0), Some(in_hours(72.0))).unwrap(), 8.0));
}

#[test]
fn as_076_t3_deficit() {
    assert!(near(deficit(Some(bar(144.0) * 100.0), Some(in_hours(144.0))).unwrap(), 0.0));
}

#[test]
fn as_077_t1_ahead_of_its_target() {
    assert!(near(deficit(Some(95.0), late()).unwrap(), -5.0));
}

#[test]
fn as_078_no_reset_no_deficit() {
    assert_eq!(deficit(Some(50.0), None), None);
}

#[test]
fn as_079_no_use_no_deficit() {
    assert_eq!(deficit(None, late()), None);
}

#[test]
fn as_080_targets_follow_the_tier_they_are_asked_for() {
    let reset = Some(in_hours(72.0));
    let asked = |tier| target::target(tier, week(reset), now(), &ordinary());
    assert_eq!(asked(0), Some(100.0));
    assert!(near(asked(2).unwrap(), bar(72.0) * 100.0 + 5.0));
    assert!(near(asked(3).unwrap(), bar(72.0) * 100.0));
    assert_eq!(asked(tier::EXCLUDED), None);
}

#[test]
fn as_081_a_held_t1_keeps_its_target_inside_the_last_day() {
    // 23 h 58 min before an expiry at 23:00.
    let (before, reset) = (at("2026-05-04T23:02:00Z"), late());
    assert_eq!(tier::instant(reset, before), 0);
    assert!(near(target::target(1, week(reset), before, &ordinary()).unwrap(), 90.0));
}

#[test]
fn as_082_the_instant_tier_gives_the_same_target() {
    for hours in [12.0, 36.0, 72.0, 144.0] {
        let reset = Some(in_hours(hours));
        let tier = tier::instant(reset, now());
        assert_eq!(target_at(reset), target::target(tier, week(reset), now(), &ordinary()));
        assert!(target_at(reset).is_some());
    }
}

fn t1_on_the_next_day(clock: &str, calendar: &Calendar) -> f64 {
    target::t1_target(at(&format!("2026-05-06T{clock}:00Z")), calendar)
}

#[test]
fn as_083_t1_that_ends_before_work_wants_all() {
    assert_eq!(t1_on_the_next_day("03:00", &ordinary()), 100.0);
}

#[test]
fn as_084_t1_that_ends_in_the_afternoon() {
    let expected = 100.0 - 9.0 / 5.0 * (500.0 / 119.0);
    assert!((t1_on_the_next_day("15:00", &ordinary()) - expected).abs() < 1e-9);
}

#[test]
fn as_085_t1_that_ends_at_night_wants_90() {
    assert_eq!(t1_on_the_next_day("23:00", &ordinary()), 90.0);
}

#[test]
fn as_086_t1_with_office_hours() {
    let expected = 100.0 - 4.0 / 5.0 * (100.0 / 11.2);
    let office = calendar(9 * 60, 17 * 60);
    assert!((t1_on_the_next_day("13:00", &office) - expected).abs() < 1e-9);
}

#[test]
fn as_105_an_offset_is_part_of_the_instant() {
    assert_eq!(at("2026-05-05T01:00:00+09:00"), at("2026-05-04T16:00:00Z"));
}

fn week(reset: Option<Utc>) -> Course {
    Course { reset, span_s: span::prior_s(&WindowKind::SevenDay) }
}

fn stranded(used: Option<f64>, from: &str, to: Option<&str>) -> Option<f64> {
    single_stranding(used, week(to.map(at)), at(from), &ordinary())
}

#[test]
fn as_135_achievable_in_ten_hours() {
    let burn = ordinary().achievable(at("2026-05-04T06:00:00Z"), at("2026-05-04T16:00:00Z"));
    assert!((burn - 2.0 * 500.0 / 119.0).abs() < 1e-9);
}

#[test]
fn as_136_nothing_is_achievable_after_the_reset() {
    assert_eq!(target::achievable(Some(in_minutes(-60.0)), now(), &ordinary()), Some(0.0));
}

#[test]
fn as_137_unknown_without_a_reset() {
    assert_eq!(target::achievable(None, now(), &ordinary()), None);
}

#[test]
fn as_138_achievable_on_an_office_day() {
    let office = calendar(9 * 60, 17 * 60);
    let burn = office.achievable(at("2026-05-04T09:00:00Z"), at("2026-05-04T17:00:00Z"));
    assert!((burn - 1.6 * 100.0 / 11.2).abs() < 1e-9);
}

#[test]
fn as_139_stranding_is_what_work_cannot_use() {
    let lost = stranded(Some(70.0), "2026-05-04T06:00:00Z", Some("2026-05-04T16:00:00Z")).unwrap();
    assert!((lost - (30.0 - 2.0 * 500.0 / 119.0)).abs() < 1e-9);
}

#[test]
fn as_140_nothing_strands_of_an_almost_used_week() {
    let lost = stranded(Some(99.0), "2026-05-04T06:00:00Z", Some("2026-05-04T16:00:00Z"));
    assert_eq!(lost, Some(0.0));
}

#[test]
fn as_141_no_stranding_without_use() {
    assert_eq!(stranded(None, "2026-05-04T06:00:00Z", Some("2026-05-04T16:00:00Z")), None);
}

#[test]
fn as_142_no_stranding_without_a_reset() {
    assert_eq!(stranded(Some(70.0), "2026-05-04T06:00:00Z", None), None);
}
