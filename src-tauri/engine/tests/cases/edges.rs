//! The edges of what is remembered: refusals, skips, requests.

use crate::fixture::{
    Play, With, account, clocks, in_hours, in_minutes, modern, now, survey, target, world,
};
use sluice_engine::WindowKind;
use sluice_engine::advise::will_expire;
use sluice_engine::forecast::{Kind, Outlook};
use sluice_engine::limits::{MODEL_WINDOWS_MAX, REFUSALS_MAX};
use sluice_engine::observation::Fact;
use sluice_engine::skip::{FailureKind, Skip};
use sluice_engine::{
    Account, AccountId, Lane, LaneId, Memory, Percent, Provider, Refusal, Rules, Utc, Window, World,
};

fn hit(window: &str, resets_at: Option<Utc>) -> Fact {
    Fact::LimitHit { resets_at, window: WindowKind::named(window) }
}

fn memory(world: &World) -> &Memory {
    &world.memory[&AccountId(1)]
}

fn alone() -> World {
    modern(vec![account(1).week(50.0, in_hours(72.0)).short(30.0, Some(in_hours(2.0)))])
}

#[test]
fn a_reset_that_is_due_now_tells_nothing_of_the_next_window() {
    let until = |reset: Utc| {
        let mut world = alone();
        world.account_mut(1).usage.of_kind(&WindowKind::FiveHour).resets_at = Some(reset);
        world.tell(1, hit("five_hour", None), now());
        memory(&world).refusals[0].until
    };
    assert_eq!(until(in_minutes(5.0)), in_minutes(5.0));
    assert_eq!(until(now()), in_hours(1.0), "unknown: an hour");
}

#[test]
fn refusals_of_no_more_windows_are_kept_than_there_are() {
    let mut world = alone();
    for model in 0..40 {
        world.tell(1, hit(&format!("model {model}"), Some(in_hours(5.0))), now());
    }
    assert_eq!(memory(&world).refusals.len(), REFUSALS_MAX);
    assert_eq!(world.accounts[0].usage.models().count(), MODEL_WINDOWS_MAX);
}

#[test]
fn a_reset_ten_minutes_later_is_the_same_window_and_more_is_another() {
    let stands = |moved_s: i64| {
        let mut world = alone();
        world.tell(1, hit("five_hour", Some(in_hours(2.0))), now());
        let mut usage = world.accounts[0].usage.clone();
        *usage.of_kind(&WindowKind::FiveHour) = Window {
            used: Percent::new(97.0),
            resets_at: Some(in_hours(2.0).plus_seconds(moved_s)),
        };
        world.tell(1, Fact::Usage(usage), in_minutes(1.0));
        memory(&world).refuses(&WindowKind::named("five_hour"), in_minutes(1.0))
    };
    assert!(stands(0) && stands(600));
    assert!(!stands(601));
}

#[test]
fn a_reading_contradicts_a_refusal_after_five_minutes_below_95_percent() {
    let stands = |minutes: f64, used: f64| {
        let mut world = alone();
        world.tell(1, hit("five_hour", Some(in_hours(2.0))), now());
        let mut usage = world.accounts[0].usage.clone();
        usage.of_kind(&WindowKind::FiveHour).used = Percent::new(used);
        world.tell(1, Fact::Usage(usage), in_minutes(minutes));
        memory(&world).refuses(&WindowKind::named("five_hour"), in_minutes(minutes))
    };
    assert!(stands(4.9, 10.0) && stands(5.0, 95.0));
    assert!(!stands(5.0, 94.5));
}

#[test]
fn an_old_pause_is_not_told_of_a_lane_that_is_off() {
    let mut world = alone();
    world.gates().off = true;
    world.gates().paused_until = Some(in_minutes(-5.0));
    assert_eq!(world.tick(now()).reason, "automatic swaps are off");
}

/// Its window has just emptied, so it is read as soon as may be.
fn urgent() -> Account {
    account(1)
        .week(50.0, in_hours(72.0))
        .short(95.0, Some(in_minutes(-1.0)))
        .with(|one| one.usage.observed_at = Some(in_minutes(-5.0)))
}

#[test]
fn past_ten_requests_an_hour_the_rest_is_spread() {
    let due = |requests: i64| {
        let mut world = modern(vec![urgent()]);
        for n in (0..requests).rev() {
            world.requested(AccountId(1), clocks(in_minutes(-(n as f64) * 3.0)), 0.0);
        }
        world.polls(clocks(now()))[0].due.seconds_since(now())
    };
    assert_eq!((due(1), due(10)), (60.0, 60.0));
    assert_eq!(due(11), 180.0);
}

#[test]
fn an_endpoint_that_does_not_answer_is_asked_less_and_less() {
    let due = |failures: u32| {
        let mut world = modern(vec![urgent().with(|one| one.failures = failures)]);
        world.requested(AccountId(1), clocks(now()), 0.0);
        world.polls(clocks(now()))[0].due.seconds_since(now())
    };
    let pauses = [0, 1, 2, 3, 4, 5, 40].map(due);
    assert_eq!(pauses, [60.0, 60.0, 120.0, 240.0, 480.0, 600.0, 600.0]);
}

fn failure(at: f64, resets_at: Option<Utc>) -> Skip {
    let kind = FailureKind::RateLimit;
    Skip { kind, model: None, failed_at: in_minutes(at), resets_at, served_at: None, softer: None }
}

#[test]
fn of_two_failures_the_newer_counts_and_a_reset_still_ahead_is_kept() {
    let both = |resets_at: Utc| failure(0.0, Some(resets_at)).and(failure(10.0, None)).resets_at;
    assert_eq!(both(in_minutes(11.0)), Some(in_minutes(11.0)));
    assert_eq!(both(in_minutes(10.0)), None, "over when it failed again");
    let answered = Skip { served_at: Some(in_minutes(5.0)), ..failure(0.0, Some(in_hours(2.0))) };
    assert_eq!(answered.clone().and(failure(10.0, None)).resets_at, None, "served in between");
    let at_once = Skip { served_at: Some(in_minutes(0.0)), ..answered };
    assert_eq!(at_once.and(failure(10.0, None)).resets_at, Some(in_hours(2.0)));
}

#[test]
fn failures_of_two_models_are_one_of_the_account() {
    let of = |at: f64, model: &str| Skip { model: Some(model.into()), ..failure(at, None) };
    assert_eq!(of(0.0, "opus").and(of(1.0, "opus")).model.as_deref(), Some("opus"));
    assert_eq!(of(0.0, "opus").and(of(1.0, "fable")).model, None);
}

#[test]
fn kinds_of_failures_have_stable_names() {
    let names = [FailureKind::RateLimit, FailureKind::Billing, FailureKind::Auth];
    assert_eq!(names.map(FailureKind::name), ["rate_limit", "billing", "auth"]);
}

#[test]
fn a_restart_of_the_recorded_program_keeps_what_the_person_set() {
    let mut world = world(Rules::seed(), vec![account(1)]);
    world.gates().off = true;
    world.gates().paused_until = Some(in_hours(1.0));
    world.gates().failed_attempts = 3;
    world.restarted();
    let gates = world.gates();
    assert_eq!((gates.off, gates.paused_until), (true, Some(in_hours(1.0))));
    assert_eq!(gates.failed_attempts, 0);
}

/// Many accounts that are behind, with resets and use at random.
fn many(rules: Rules) -> World {
    let mut rng = fastrand::Rng::with_seed(3);
    let one = |id: i64| account(id).week(rng.f64() * 60.0, in_hours(1.0 + rng.f64() * 22.0));
    world(rules, (1..=300).map(one).collect())
}

#[test]
fn candidates_stand_in_the_order_of_what_would_be_lost() {
    let world = many(Rules::default());
    let survey = survey(&world);
    let rates: Vec<f64> = survey.eligible().map(|one| one.loss_rate).collect();
    assert!(rates.len() > 250 && rates.windows(2).all(|pair| pair[0] >= pair[1]));
}

#[test]
fn recorded_candidates_stand_in_the_order_of_their_resets_then_of_what_is_missing() {
    let mut world = many(Rules::seed());
    for one in &mut world.accounts {
        let hours = f64::from((one.id.0 % 5) as i32) + 2.0;
        one.usage.of_kind(&WindowKind::SevenDay).resets_at = Some(in_hours(hours));
    }
    let survey = survey(&world);
    let keys: Vec<_> = survey.eligible().map(|one| (one.reset, -one.deficit.unwrap())).collect();
    assert!(keys.len() > 250 && keys.windows(2).all(|pair| pair[0] <= pair[1]));
}

#[test]
fn a_decision_lists_the_accounts_of_its_own_provider_beside_as_many_of_another() {
    let off = |id: i64, provider: Provider| {
        account(id).with(|one| (one.enabled, one.provider) = (false, provider))
    };
    let claude = (1..=64).map(|id| off(id, Provider::Claude));
    let codex = (101..=164).map(|id| off(id, Provider::Codex));
    let mut world = modern(claude.chain(codex).collect());
    let own = Lane { id: LaneId(2), provider: Provider::Codex, ..world.lanes[0].clone() };
    world.lanes.push(Lane { active: Some(AccountId(101)), ..own });
    assert_eq!(world.decide(LaneId(2), clocks(now())).candidates.len(), 64);
}

#[test]
fn a_refusal_made_while_the_clock_ran_ahead_stands_when_it_is_set_right() {
    let ends = in_hours(2.0);
    let reading = |used: f64| {
        let mut usage = alone().accounts[0].usage.clone();
        *usage.of_kind(&WindowKind::FiveHour) =
            Window { used: Percent::new(used), resets_at: Some(ends) };
        Fact::Usage(usage)
    };
    let stands = |ahead: f64, set_right: f64| {
        let mut world = alone();
        world.woke(36_000, clocks(in_hours(10.0)));
        world.tell(1, hit("five_hour", Some(ends)), in_hours(10.0));
        world.tell(1, reading(ahead), in_hours(10.2));
        world.woke(-36_000, clocks(in_hours(0.3)));
        world.tell(1, reading(set_right), in_hours(0.4));
        memory(&world).refuses(&WindowKind::named("five_hour"), in_hours(0.4))
    };
    assert!(stands(97.0, 97.0));
    assert!(!stands(97.0, 60.0), "contradicted five minutes after it by either clock");
    assert!(!stands(60.0, 97.0));
}

#[test]
fn a_refusal_whose_window_has_ended_fills_no_reading() {
    let mut world = alone();
    world.tell(1, hit("five_hour", Some(in_hours(2.0))), now());
    let mut usage = world.accounts[0].usage.clone();
    *usage.of_kind(&WindowKind::FiveHour) =
        Window { used: Percent::new(96.0), resets_at: Some(in_hours(2.0)) };
    world.tell(1, Fact::Usage(usage), in_hours(2.1));
    assert_eq!(world.accounts[0].usage.short().used, Percent::new(96.0));
    assert!(!memory(&world).refuses(&WindowKind::named("five_hour"), in_hours(2.1)));
}

#[test]
fn what_expires_is_announced_in_the_last_day_of_a_week_only() {
    let said = |window: Kind, hours: f64, likely: f64, low: f64| {
        let (account, resets_at) = (AccountId(1), in_hours(hours));
        let outlook =
            Outlook { account, window, resets_at, p50: 30.0, p90: 60.0, likely, low, high: 60.0 };
        will_expire(&outlook, now())
    };
    assert!(said(Kind::SevenDay, 24.0, 0.0, 6.0) && said(Kind::SevenDay, 12.0, 3.0, 0.0));
    assert!(!said(Kind::SevenDay, 24.1, 9.0, 9.0), "more than a day away");
    assert!(!said(Kind::SevenDay, 0.0, 9.0, 9.0), "it has ended");
    assert!(!said(Kind::SevenDay, 13.0, 9.0, 5.0) && !said(Kind::SevenDay, 12.0, 2.0, 9.0));
    assert!(!said(Kind::FiveHour, 2.0, 9.0, 9.0));
}

#[test]
fn after_twelve_swaps_the_next_waits_until_the_first_is_an_hour_old() {
    let left = |swaps: usize| {
        let mut gates = sluice_engine::Gates::default();
        for swap in 0..swaps {
            gates.settled(in_minutes(swap as f64), None);
        }
        gates.hour_left(in_minutes(40.0))
    };
    assert_eq!((left(11), left(12), left(13)), (0.0, 1_200.0, 1_260.0));
}

#[test]
fn an_answer_in_the_instant_of_the_failure_does_not_take_it_back() {
    let served = |at: Utc| {
        let skip = Skip { served_at: Some(at), ..failure(0.0, None) };
        skip.out(in_minutes(0.1), None).is_none()
    };
    assert!(!served(now()) && served(now().plus_seconds(1)));
}

#[test]
fn numbers_from_before_a_wake_count_again_after_two_hours() {
    let mut world = modern(vec![
        account(1),
        account(2).week(50.0, in_hours(72.0)).short(30.0, Some(in_hours(9.0))),
    ]);
    world.woke(0, clocks(in_minutes(1.0)));
    let refusal = |at: Utc| world.survey(at).find(AccountId(2)).unwrap().refusal;
    assert_eq!(refusal(in_minutes(120.9)), Refusal::Stale);
    assert_ne!(refusal(in_minutes(121.0)), Refusal::Stale);
}

#[test]
fn only_a_week_about_to_end_is_left_before_it_is_full_where_no_other_full_week_is() {
    let left = |hours: f64| {
        let rules = Rules { leave_full_week: false, ..Rules::default() };
        let brimming = account(1).week(99.9, in_hours(hours)).short(10.0, Some(in_hours(3.0)));
        let roomy = account(2).week(10.0, in_hours(hours)).short(10.0, Some(in_hours(3.0)));
        target(&world(rules, vec![brimming, roomy]).tick(now()))
    };
    assert_eq!((left(30.0), left(80.0)), (Some(2), None));
}
