//! Where a lane goes that has to leave while nobody is behind target, and the edges of what counts.

use crate::fixture::{
    Play, With, account, calendar, clocks, in_hours, in_minutes, modern, now, seed, survey, target,
    world,
};
use sluice_engine::WindowKind;
use sluice_engine::choose::{REFUGE_PAID, REFUGE_ROOMY, REFUGE_TIGHT, REFUGE_UNKNOWN};
use sluice_engine::observation::Fact;
use sluice_engine::{
    Account, AccountId, Burn, Credits, Percent, Provider, Refusal, Rules, Trigger, Window, World,
    advise,
};

/// Ahead of its pace, so that it can only be a refuge.
fn ahead(id: i64, short: f64, week: f64) -> Account {
    account(id).week(week, in_hours(100.0)).short(short, Some(in_hours(3.0)))
}

/// Where a lane goes from an account at 94 % of its 5-hour window.
fn from_critical(refuge: Account) -> Option<i64> {
    target(&modern(vec![ahead(1, 94.0, 60.0), refuge]).tick(now()))
}

#[test]
fn a_tight_refuge_relieves_by_five_percent_of_the_short_window() {
    assert_eq!(from_critical(ahead(2, 89.0, 60.0)), Some(2));
    assert_eq!(from_critical(ahead(2, 89.5, 60.0)), None);
}

#[test]
fn a_tight_refuge_has_a_percent_of_its_week_left() {
    assert_eq!(from_critical(ahead(2, 20.0, 99.0)), Some(2));
    assert_eq!(from_critical(ahead(2, 20.0, 99.5)), None);
    assert_eq!(from_critical(ahead(2, 20.0, 100.0)), None);
}

#[test]
fn a_tight_refuge_may_relieve_the_week_instead() {
    let from_drained = |short: f64, week: f64| {
        target(&modern(vec![ahead(1, 85.0, 99.25), ahead(2, short, week)]).tick(now()))
    };
    assert_eq!(from_drained(85.0, 94.25), Some(2));
    assert_eq!(from_drained(85.0, 94.5), None, "less than five percent");
    assert_eq!(from_drained(85.5, 60.0), None, "its 5-hour window is fuller");
    assert_eq!(from_drained(84.0, 60.0), Some(2));
}

fn refused_at_1(mut world: World) -> World {
    world.tell(
        1,
        Fact::LimitHit { resets_at: Some(in_hours(3.0)), window: WindowKind::named("five_hour") },
        now(),
    );
    world
}

#[test]
fn whoever_is_refused_takes_what_there_is() {
    let to = |refuge: Account| {
        target(&refused_at_1(modern(vec![ahead(1, 80.0, 60.0), refuge])).tick(now()))
    };
    assert_eq!(to(ahead(2, 97.0, 60.0)), Some(2), "three percent are better than none");
    assert_eq!(to(ahead(2, 97.5, 60.0)), None);
    assert_eq!(to(ahead(2, 20.0, 99.5)), Some(2));
    assert_eq!(to(account(2).with(|one| one.usage = Default::default())), Some(2));
    assert_eq!(to(ahead(2, 20.0, 60.0).with(|one| one.provider = Provider::Codex)), None);
}

#[test]
fn a_roomy_refuge_comes_before_a_tight_one() {
    let mut world = refused_at_1(modern(vec![
        ahead(1, 80.0, 60.0),
        ahead(2, 90.0, 60.0),
        ahead(3, 50.0, 60.0),
        account(4).with(|one| one.usage = Default::default()),
    ]));
    let looks = survey(&world);
    let kinds = [2, 3, 4].map(|id| looks.find(AccountId(id)).unwrap().refuge);
    assert_eq!(kinds, [Some(REFUGE_TIGHT), Some(REFUGE_ROOMY), Some(REFUGE_UNKNOWN)]);
    assert_eq!(target(&world.tick(now())), Some(3));
}

#[test]
fn a_refuge_is_roomy_up_to_two_percent_of_the_week_and_ten_below_the_line() {
    let kind = |short: f64, week: f64| {
        survey(&modern(vec![ahead(1, 0.0, 0.0), ahead(2, short, week)]))
            .find(AccountId(2))
            .unwrap()
            .refuge
    };
    assert_eq!(kind(0.0, 98.0), Some(REFUGE_ROOMY));
    assert_eq!(kind(0.0, 98.5), Some(REFUGE_TIGHT));
    assert_eq!(kind(79.5, 60.0), Some(REFUGE_ROOMY));
    assert_eq!(kind(80.0, 60.0), Some(REFUGE_TIGHT));
    assert_eq!(kind(97.0, 60.0), Some(REFUGE_TIGHT));
    assert_eq!(kind(97.5, 60.0), None);
    assert_eq!(kind(0.0, 100.0), None);
}

#[test]
fn a_projection_goes_to_nobody_whose_numbers_are_old_and_a_critical_window_does() {
    let decide = |short: f64, rate: f64, woken: bool| {
        let mut world = modern(vec![ahead(1, short, 60.0), ahead(2, 20.0, 60.0)]);
        let burn = Burn { five_hour: rate, last_five_hour: Some(short), ..Burn::default() };
        world.memory.entry(AccountId(1)).or_default().burn = burn;
        if woken {
            world.woke(0, clocks(in_minutes(1.0)));
        }
        let decision = world.tick(in_minutes(2.0));
        (target(&decision), decision.trigger)
    };
    assert_eq!(decide(84.0, 1.0, false), (Some(2), Trigger::BurnRate));
    assert_eq!(decide(84.0, 1.0, true), (None, Trigger::NoTarget));
    assert_eq!(decide(94.0, 0.0, true), (Some(2), Trigger::ForcedCritical));
}

#[test]
fn a_refuge_that_failed_is_skipped_until_its_time_is_over() {
    let to = |until: f64| {
        let mut world = modern(vec![ahead(1, 94.0, 60.0), ahead(2, 20.0, 60.0)]);
        world.gates().skips.insert(AccountId(2), in_minutes(until));
        target(&world.tick(now()))
    };
    assert_eq!(to(0.0), Some(2), "over now");
    assert_eq!(to(1.0), None);
    let mut behind = modern(vec![ahead(1, 94.0, 60.0), account(2).week(1.0, in_hours(12.0))]);
    behind.gates().skips.insert(AccountId(2), now());
    assert_eq!(target(&behind.tick(now())), Some(2));
}

fn fable(account: &mut Account, used: f64) {
    let window = Window { used: Percent::new(used), resets_at: Some(in_hours(72.0)) };
    account.usage.add_model("Fable", window, false);
}

#[test]
fn a_lane_without_its_model_goes_where_the_model_has_room_and_not_to_itself() {
    let to = |second: f64| {
        let mut world = modern(vec![
            ahead(1, 10.0, 60.0).with(|one| fable(one, 100.0)),
            ahead(2, 20.0, 60.0).with(|one| fable(one, second)),
        ]);
        world.lanes[0].model = Some("claude-fable-5".into());
        let decision = world.tick(now());
        (target(&decision), decision.trigger)
    };
    assert_eq!(to(99.0), (Some(2), Trigger::FailureReported));
    assert_eq!(to(100.0), (None, Trigger::NoTarget));
}

#[test]
fn a_model_that_was_wanted_is_wanted_until_its_time_is_over() {
    let mut world =
        modern(vec![ahead(1, 10.0, 60.0).with(|one| fable(one, 100.0)), ahead(2, 20.0, 60.0)]);
    world.gates().wanted_model = Some(("Fable".into(), in_minutes(10.0)));
    assert_eq!(target(&world.clone().tick(in_minutes(9.0))), Some(2));
    assert_eq!(target(&world.tick(in_minutes(10.0))), None);
}

fn paid(spent: f64, limit: Option<f64>) -> Option<Credits> {
    Some(Credits {
        enabled: true,
        used_minor: Some(spent),
        limit_minor: limit,
        currency: Some("USD".into()),
    })
}

#[test]
fn paid_use_counts_once_a_window_is_full_and_not_before() {
    let looks = |week: f64, credits: Option<Credits>, rules: Rules| {
        let one = ahead(2, 20.0, week).with(|one| one.usage.credits = credits);
        let world = world(rules, vec![ahead(1, 0.0, 0.0), one]);
        let survey = survey(&world);
        let standing = survey.find(AccountId(2)).unwrap();
        (standing.refusal, standing.refuge)
    };
    let ceiling = || Rules { billing_ceiling_minor: Some(500.0), ..Rules::default() };
    let barred = (Refusal::WouldBill, None);
    assert_eq!(looks(60.0, paid(0.0, None), Rules::default()).0, Refusal::NotBehind);
    assert_eq!(looks(99.5, paid(0.0, None), Rules::default()).0, Refusal::NotBehind);
    assert_eq!(looks(100.0, paid(0.0, None), Rules::default()), barred);
    assert_eq!(looks(100.0, paid(50.0, Some(100.0)), ceiling()).1, Some(REFUGE_PAID));
    assert_eq!(looks(100.0, paid(100.0, Some(100.0)), ceiling()), barred);
    assert_eq!(looks(100.0, paid(500.0, None), ceiling()), barred);
    let off = paid(0.0, None).map(|credits| Credits { enabled: false, ..credits });
    assert_eq!(looks(100.0, off, Rules::default()), (Refusal::NotBehind, None));
}

#[test]
fn what_is_lost_per_hour_is_what_is_left_over_the_hours() {
    let rate = |used: f64, hours: f64| {
        let world = modern(vec![ahead(1, 0.0, 0.0), account(2).week(used, in_hours(hours))]);
        survey(&world).find(AccountId(2)).unwrap().loss_rate
    };
    assert_eq!(rate(40.0, 12.0), 5.0);
    assert_eq!(rate(100.0, 12.0), 0.0);
    assert_eq!(rate(40.0, 0.0), 0.0, "nothing can be lost any more");
    assert_eq!(rate(40.0, -1.0), 0.0);
}

#[test]
fn a_reset_counts_as_past_from_its_instant_on() {
    let ends = |minutes: f64| {
        let world = modern(vec![account(1).short(50.0, Some(in_minutes(minutes)))]);
        survey(&world).find(AccountId(1)).unwrap().short.resets_at.is_some()
    };
    assert!(ends(1.0) && !ends(0.0) && !ends(-1.0));
}

#[test]
fn two_percent_that_expire_are_not_worth_a_word_and_more_are() {
    let told = |used: f64| {
        // Nobody works any more, so all that is left expires.
        let mut world = seed(vec![account(1).week(used, in_hours(12.0))]);
        world.calendar = calendar(0, 0);
        advise::expiring(&survey(&world)).len()
    };
    assert_eq!((told(98.0), told(97.5)), (0, 1));
}

#[test]
fn the_soonest_expiry_is_told_first() {
    let mut world = seed(vec![
        account(1).week(10.0, in_hours(20.0)),
        account(2).week(20.0, in_hours(3.0)),
        account(3).week(20.0, in_hours(30.0)),
    ]);
    world.calendar = calendar(0, 0);
    let told: Vec<i64> =
        advise::expiring(&survey(&world)).iter().map(|one| one.account.0).collect();
    assert_eq!(told, [2, 1], "the third has more than a day");
}

#[test]
fn a_rate_that_fades_below_a_thousandth_is_none() {
    let faded = |rate: f64| {
        let mut burn = Burn { five_hour: rate, last_five_hour: Some(50.0), ..Burn::default() };
        burn.unchanged = 4;
        burn.look(Some(50.0), Some(50.0), now());
        burn.five_hour
    };
    assert_eq!(faded(0.001), 0.0, "0.0008");
    assert_eq!(faded(0.00125), 0.001, "exactly a thousandth still counts");
    assert_eq!(faded(1.0), 0.8);
}

#[test]
fn a_pause_tells_how_long_it_lasts() {
    let reason = |minutes: f64| {
        let mut world = modern(vec![account(1)]);
        world.gates().paused_until = Some(in_minutes(minutes));
        world.tick(now()).reason
    };
    assert_eq!(reason(15.0), "automatic swaps rest for 15 more min");
    assert_eq!(reason(0.25), "automatic swaps rest for 1 more min");
    let mut off = modern(vec![account(1)]);
    off.gates().off = true;
    assert_eq!(off.tick(now()).reason, "automatic swaps are off");
}
