//! What a provider itself says of an account, money, and windows whose end is unknown or past: the
//! same under both policies.

use crate::fixture::{Play, With, account, clocks, in_hours, in_minutes, now, target, world};
use sluice_engine::WindowKind;
use sluice_engine::observation::Fact;
use sluice_engine::{
    Account, AccountId, Block, Credits, Decision, Observation, Percent, Policy, Refusal, Rules,
    Source, Trigger, Usage, Utc, Verdict, Window, World,
};

const POLICIES: [Policy; 2] = [Policy::Tiered, Policy::Horizon];

/// A world under one policy whose accounts were read just now; account 1 is live.
fn read_now(policy: Policy, accounts: Vec<Account>) -> World {
    let mut world = world(Rules { policy, ..Rules::default() }, accounts);
    for id in 1..=world.accounts.len() as i64 {
        let usage = world.account_mut(id).usage.clone();
        world.tell(id, Fact::Usage(usage), now());
    }
    world.tick(now());
    world
}

fn half_used(id: i64) -> Account {
    account(id).week(50.0, in_hours(72.0)).short(50.0, Some(in_hours(3.0)))
}

fn roomy(id: i64) -> Account {
    account(id).week(30.0, in_hours(72.0)).short(12.0, Some(in_hours(3.0)))
}

fn says(account: Account, why: Block, until: Option<Utc>) -> Account {
    account.with(|one| one.usage.verdict = Some(Verdict::Refused { why, until }))
}

/// What is decided at `at` after account 1 refused work.
fn after_refusal(world: &mut World, at: Utc) -> Decision {
    let fact =
        Fact::LimitHit { resets_at: Some(in_hours(3.0)), window: WindowKind::named("five_hour") };
    world.tell(1, fact, at);
    world.tick(at)
}

fn why_not(decision: &Decision, id: i64) -> Option<Refusal> {
    let found = decision.candidates.iter().find(|one| one.account == AccountId(id));
    found.map(|one| one.refusal)
}

#[test]
fn no_policy_lands_where_the_provider_refuses() {
    for policy in POLICIES {
        for why in Block::ALL {
            let blocked = || says(roomy(2), why, None);
            let mut world = read_now(policy, vec![half_used(1), blocked()]);
            let decision = after_refusal(&mut world, in_minutes(1.0));
            assert_eq!(target(&decision), None, "{policy:?} {why:?}");
            assert_eq!(why_not(&decision, 2), Some(Refusal::Blocked), "{policy:?} {why:?}");
            let mut world = read_now(policy, vec![half_used(1), blocked(), half_used(3)]);
            let decision = after_refusal(&mut world, in_minutes(1.0));
            assert_eq!(target(&decision), Some(3), "{policy:?} {why:?}");
        }
    }
}

#[test]
fn an_account_its_provider_refuses_is_left_at_once() {
    for policy in POLICIES {
        for why in Block::ALL {
            let mut world = read_now(policy, vec![says(roomy(1), why, None), half_used(2)]);
            let decision = world.tick(in_minutes(1.0));
            assert_eq!(target(&decision), Some(2), "{policy:?} {why:?}");
            assert_eq!(decision.trigger, Trigger::FailureReported, "{policy:?} {why:?}");
            assert_eq!(decision.reason, why.words(), "{policy:?} {why:?}");
        }
    }
}

/// Where a lane goes at `at` when the reading of account 2 was followed by another.
fn after_reading(policy: Policy, source: Source, verdict: Option<Verdict>) -> Option<i64> {
    let mut world = read_now(policy, vec![half_used(1), says(roomy(2), Block::Limit, None)]);
    let usage = Usage { verdict, ..roomy(2).usage };
    let seen = Observation {
        account: AccountId(2),
        at: in_minutes(5.0),
        source,
        fact: Fact::Usage(usage),
    };
    world.observe(&seen, clocks(in_minutes(5.0)));
    target(&after_refusal(&mut world, in_minutes(6.0)))
}

#[test]
fn a_later_reading_that_allows_again_lifts_the_block() {
    for policy in POLICIES {
        let allowed = Some(Verdict::Allowed);
        assert_eq!(after_reading(policy, Source::Endpoint, allowed), Some(2), "{policy:?}");
        assert_eq!(after_reading(policy, Source::SessionLog, allowed), Some(2), "{policy:?}");
        assert_eq!(after_reading(policy, Source::Endpoint, None), Some(2), "{policy:?}");
        let silent = after_reading(policy, Source::StatusLine, None);
        assert_eq!(silent, None, "{policy:?}: who says nothing of it lifts nothing");
    }
}

#[test]
fn a_block_told_without_numbers_counts_and_ages_no_share() {
    for policy in POLICIES {
        let mut world = read_now(policy, vec![half_used(1), roomy(2)]);
        let refused = Verdict::Refused { why: Block::Disabled, until: None };
        world.tell(2, Fact::Verdict(refused), in_minutes(5.0));
        assert_eq!(world.account_mut(2).usage.observed_at, Some(now()));
        let decision = after_refusal(&mut world, in_minutes(6.0));
        assert_eq!((target(&decision), why_not(&decision, 2)), (None, Some(Refusal::Blocked)));
        world.tell(2, Fact::Usage(roomy(2).usage), in_minutes(7.0));
        assert_eq!(target(&world.tick(in_minutes(7.0))), Some(2), "{policy:?}");
    }
}

#[test]
fn a_block_ends_when_it_says_unless_that_had_passed() {
    for policy in POLICIES {
        let go = |until: Utc| {
            let blocked = says(roomy(2), Block::OtherWindow, Some(until));
            let mut world = read_now(policy, vec![half_used(1), blocked]);
            let early = target(&after_refusal(&mut world, in_minutes(10.0)));
            (early, target(&world.tick(in_minutes(40.0))))
        };
        assert_eq!(go(in_minutes(30.0)), (None, Some(2)), "{policy:?}");
        let passed = "what is said after its own end lasts until something else is said";
        assert_eq!(go(in_minutes(-30.0)), (None, None), "{policy:?}: {passed}");
    }
}

#[test]
fn full_is_full_whatever_is_known_of_its_end() {
    let full = |used| Window { used: Percent::new(used), resets_at: None };
    for policy in POLICIES {
        for (short, week) in [(100.0, 50.0), (20.0, 100.0), (100.0, 100.0)] {
            let second = account(2).with(|one| {
                one.usage = Usage {
                    observed_at: one.usage.observed_at,
                    ..Usage::of(full(short), full(week))
                };
            });
            let mut world = read_now(policy, vec![half_used(1), second.clone()]);
            let to = target(&after_refusal(&mut world, in_minutes(1.0)));
            assert_eq!(to, None, "{policy:?} {short}/{week}");
            let mut world =
                read_now(policy, vec![second.with(|one| one.id = AccountId(1)), half_used(2)]);
            let to = target(&world.tick(in_minutes(1.0)));
            assert_eq!(to, Some(2), "{policy:?}: it is left at {short}/{week}");
        }
    }
}

#[test]
fn use_without_an_end_is_use() {
    let used = |short: f64| account(2).week(30.0, in_hours(72.0)).short(short, None);
    for (short, wanted) in [(60.0, Some(2)), (99.0, None)] {
        let mut world = read_now(Policy::Horizon, vec![half_used(1), used(short)]);
        let believed = world.horizon.gauges[&AccountId(2)].short;
        assert!((believed - short).abs() <= 1.0, "{believed}");
        assert_eq!(target(&after_refusal(&mut world, in_minutes(1.0))), wanted, "{short}");
    }
}

#[test]
fn a_reading_counts_more_than_the_reset_it_names() {
    for policy in POLICIES {
        let stale = |short, week| {
            account(2).short(short, Some(in_minutes(-15.0))).with(|one| {
                *one.usage.of_kind(&WindowKind::SevenDay) =
                    Window { used: Percent::new(week), resets_at: Some(in_hours(72.0)) };
            })
        };
        let other = || account(3).week(60.0, in_hours(72.0)).short(60.0, Some(in_hours(3.0)));
        let mut world = read_now(policy, vec![half_used(1), stale(100.0, 30.0), other()]);
        let to = target(&after_refusal(&mut world, in_minutes(1.0)));
        assert_eq!(to, Some(3), "{policy:?}: full by a reading of this minute");
        let mut world = read_now(policy, vec![half_used(1), stale(100.0, 30.0)]);
        assert_eq!(target(&after_refusal(&mut world, in_minutes(1.0))), None, "{policy:?}");
        let ended = account(2).week(100.0, in_hours(-1.0)).short(20.0, Some(in_hours(3.0)));
        let mut world = read_now(Policy::Horizon, vec![half_used(1), ended]);
        assert_eq!(target(&after_refusal(&mut world, in_minutes(1.0))), None, "the week, too");
    }
}

#[test]
fn a_reset_without_a_newer_reading_empties_the_window() {
    for policy in POLICIES {
        let soon = account(2).week(30.0, in_hours(72.0)).short(100.0, Some(in_minutes(30.0)));
        let mut world = read_now(policy, vec![half_used(1), soon]);
        assert_eq!(target(&after_refusal(&mut world, in_minutes(20.0))), None, "{policy:?}");
        assert_eq!(target(&world.tick(in_minutes(31.0))), Some(2), "{policy:?}");
    }
}

/// A seat that was read and has no windows; paying is on.
fn paid_seat(id: i64) -> Account {
    account(id).with(|one| {
        one.usage = Usage {
            credits: Some(Credits { enabled: true, used_minor: Some(0.0), ..Credits::default() }),
            observed_at: Some(now()),
            ..Usage::default()
        };
    })
}

#[test]
fn a_seat_without_windows_that_bills_needs_a_ceiling() {
    for policy in POLICIES {
        let mut world = read_now(policy, vec![half_used(1), paid_seat(2)]);
        let decision = after_refusal(&mut world, in_minutes(1.0));
        assert_eq!(target(&decision), None, "{policy:?}");
        assert_eq!(why_not(&decision, 2), Some(Refusal::WouldBill), "{policy:?}");
        let mut world = read_now(policy, vec![paid_seat(1), half_used(2)]);
        let decision = world.tick(in_minutes(1.0));
        assert_eq!(target(&decision), Some(2), "{policy:?}: it is left");
        assert_eq!(decision.reason, "using it further would cost extra money");
        let mut world = read_now(policy, vec![half_used(1), paid_seat(2)]);
        world.rules.billing_ceiling_minor = Some(500.0);
        let to = target(&after_refusal(&mut world, in_minutes(1.0)));
        assert_eq!(to, Some(2), "{policy:?}: under a ceiling it may be used");
        let unpaid = paid_seat(2).with(|one| one.usage.credits = None);
        let mut world = read_now(policy, vec![half_used(1), unpaid]);
        let decision = after_refusal(&mut world, in_minutes(1.0));
        assert_ne!(why_not(&decision, 2), Some(Refusal::WouldBill), "{policy:?}");
    }
}

#[test]
fn a_seat_that_loses_its_windows_and_bills_is_not_taken_for_empty() {
    for policy in POLICIES {
        let mut world = read_now(policy, vec![half_used(1), roomy(2)]);
        world.tell(2, Fact::Usage(paid_seat(2).usage), in_minutes(1.0));
        let decision = after_refusal(&mut world, in_minutes(2.0));
        assert_eq!(target(&decision), None, "{policy:?}");
        assert_eq!(why_not(&decision, 2), Some(Refusal::WouldBill), "{policy:?}");
    }
}

/// Requests for an account's usage until `until`, made as they fall due.
fn requests(world: &mut World, id: i64, usage: &Usage, until: f64) -> Vec<f64> {
    let mut made = Vec::new();
    let mut minute = 6.0;
    while minute <= until {
        let at = in_minutes(minute);
        world.tick(at);
        let plan = world.polls(clocks(at)).into_iter().find(|plan| plan.account == AccountId(id));
        if plan.is_some_and(|plan| plan.due <= at) {
            world.requested(AccountId(id), clocks(at), 0.0);
            world.tell(id, Fact::Usage(usage.clone()), at);
            made.push(minute);
        }
        minute += 1.0;
    }
    made
}

#[test]
fn with_every_account_walled_the_parked_ones_are_read_soon() {
    let full = account(2).week(100.0, in_hours(72.0)).short(10.0, Some(in_hours(3.0)));
    let mut world = read_now(Policy::Horizon, vec![half_used(1), full.clone()]);
    let lone = requests(&mut world, 2, &full.usage, 60.0);
    assert!(lone.is_empty(), "a parked account is left alone while there is room: {lone:?}");
    let mut world = read_now(Policy::Horizon, vec![half_used(1), full.clone()]);
    assert_eq!(target(&after_refusal(&mut world, in_minutes(5.0))), None);
    let made = requests(&mut world, 2, &full.usage, 65.0);
    assert!(made.first().is_some_and(|first| *first <= 8.0), "{made:?}");
    assert!((8..=15).contains(&made.len()), "soon, and within the hour's budget: {made:?}");
    let emptied = account(2).week(0.0, in_hours(168.0)).short(0.0, None);
    world.tell(2, Fact::Usage(emptied.usage), in_minutes(66.0));
    assert_eq!(target(&world.tick(in_minutes(66.0))), Some(2), "as soon as it is seen to be empty");
}

#[test]
fn walled_accounts_share_the_reads_of_one() {
    let full = |id| account(id).week(100.0, in_hours(72.0)).short(10.0, Some(in_hours(3.0)));
    let hourly = |parked: i64| {
        let mut pool = vec![half_used(1)];
        pool.extend((2..2 + parked).map(full));
        let mut world = read_now(Policy::Horizon, pool);
        assert_eq!(target(&after_refusal(&mut world, in_minutes(5.0))), None);
        requests(&mut world, 2, &full(2).usage, 65.0).len()
    };
    assert!((5..=7).contains(&hourly(2)), "{}", hourly(2));
    assert!((4..=5).contains(&hourly(8)), "never more than a quarter of an hour: {}", hourly(8));
}

/// Account 1, read at 10 %, refuses work a minute later, and the lane goes to account 2, unused.
fn after_an_early_refusal() -> World {
    let tenth =
        |id, short| account(id).week(20.0, in_hours(72.0)).short(short, Some(in_hours(4.0)));
    let mut world = read_now(Policy::Horizon, vec![tenth(1, 8.0), tenth(2, 0.0).short(0.0, None)]);
    for (minute, short) in [(1.0, 9.0), (4.0, 10.0)] {
        world.tell(1, Fact::Usage(tenth(1, short).usage), in_minutes(minute));
        world.tick(in_minutes(minute));
    }
    assert_eq!(target(&after_refusal(&mut world, in_minutes(5.0))), Some(2));
    world.commit(2, false, in_minutes(5.0));
    world
}

#[test]
fn a_fall_that_was_read_before_a_refusal_does_not_undo_it() {
    let used = |id, short| account(id).week(20.0, in_hours(72.0)).short(short, Some(in_hours(3.0)));
    let mut world = read_now(Policy::Horizon, vec![used(1, 60.0), used(2, 50.0)]);
    assert_eq!(target(&after_refusal(&mut world, in_minutes(5.0))), Some(2));
    world.commit(2, false, in_minutes(5.0));
    // It was on its way when work was refused, and says that the window had emptied early.
    let emptied = Fact::Usage(account(1).week(20.0, in_hours(72.0)).short(0.0, None).usage);
    let (account, at, source) = (AccountId(1), in_minutes(3.0), Source::Endpoint);
    world.observe(&Observation { account, at, source, fact: emptied }, clocks(in_minutes(6.0)));
    assert_eq!(world.fell_at(account, at).len(), 1, "a fall it is");
    let other = Fact::LimitHit { resets_at: Some(in_hours(3.0)), window: WindowKind::FiveHour };
    world.tell(2, other, in_minutes(7.0));
    assert_eq!(target(&world.tick(in_minutes(7.0))), None, "account 1 refused work since");
}

#[test]
fn after_an_early_refusal_an_unused_account_is_not_called_full() {
    let mut world = after_an_early_refusal();
    let unused = account(2).week(20.0, in_hours(72.0)).short(0.0, None);
    for minute in 6..=60 {
        let at = in_minutes(f64::from(minute));
        let decision = world.tick(at);
        assert!(!decision.reason.contains("full"), "minute {minute}: {}", decision.reason);
        assert_eq!(target(&decision), None, "minute {minute}");
        if minute % 5 == 0 {
            world.tell(2, Fact::Usage(unused.usage.clone()), at);
        }
    }
}

#[test]
fn after_an_early_refusal_the_hours_requests_are_not_spent() {
    let mut world = after_an_early_refusal();
    let unused = account(2).week(20.0, in_hours(72.0)).short(0.0, None);
    let made = requests(&mut world, 2, &unused.usage, 65.0);
    assert!(made.len() <= 12, "{} of 20: {made:?}", made.len());
}

#[test]
fn what_a_reading_would_not_change_is_not_read_each_minute() {
    let past = account(2).week(30.0, in_hours(72.0)).short(100.0, Some(in_minutes(-15.0)));
    for policy in POLICIES {
        for parked in [paid_seat(2), past.clone()] {
            let mut world = read_now(policy, vec![half_used(1), parked.clone()]);
            let made = requests(&mut world, 2, &parked.usage, 65.0);
            assert!(made.len() <= 12, "{policy:?}: {} of 20: {made:?}", made.len());
        }
    }
}

#[test]
fn what_is_said_of_a_full_window_names_the_window_that_is_full() {
    for (short, week, words) in
        [(100.0, 50.0, "its 5-hour window is full"), (20.0, 100.0, "its week is used up")]
    {
        let live = account(1).week(week, in_hours(72.0)).short(short, Some(in_hours(3.0)));
        let mut world = read_now(Policy::Horizon, vec![live]);
        let reason = world.tick(in_minutes(1.0)).reason;
        assert!(reason.starts_with(words), "{short}/{week}: {reason}");
    }
}

#[test]
fn a_reading_that_leaves_a_window_out_says_nothing_of_it() {
    let week = |used| {
        let mut usage = roomy(2).usage;
        usage.of_kind(&WindowKind::SevenDay).used = Percent::new(used);
        *usage.of_kind(&WindowKind::FiveHour) = Window::default();
        usage
    };
    let tell = |world: &mut World, fact: Fact, at: f64| {
        let at = in_minutes(at);
        let seen = Observation { account: AccountId(2), at, source: Source::StatusLine, fact };
        world.observe(&seen, clocks(at));
    };
    let mut world = read_now(Policy::Horizon, vec![half_used(1), roomy(2)]);
    let hit =
        Fact::LimitHit { resets_at: Some(in_hours(3.0)), window: WindowKind::named("five_hour") };
    world.tell(2, hit, in_minutes(1.0));
    tell(&mut world, Fact::Usage(week(30.0)), 20.0);
    assert_eq!(target(&after_refusal(&mut world, in_minutes(21.0))), None, "refused still");
    let full = account(2).week(100.0, in_hours(72.0)).short(12.0, Some(in_hours(3.0)));
    let mut world = read_now(Policy::Horizon, vec![half_used(1), full]);
    let mut short = roomy(2).usage;
    *short.of_kind(&WindowKind::SevenDay) = Window::default();
    tell(&mut world, Fact::Usage(short), 20.0);
    assert_eq!(target(&after_refusal(&mut world, in_minutes(21.0))), None, "full still");
}

#[test]
fn a_window_past_its_reset_shows_empty_and_since_when() {
    let window = Window { used: Percent::new(80.0), resets_at: Some(now()) };
    let shown = |read: f64, at: f64| {
        let shown = window.shown(Some(in_minutes(read)), in_minutes(at));
        (shown.used.map(Percent::get), shown.emptied_at)
    };
    assert_eq!(shown(-10.0, -1.0), (Some(80.0), None));
    assert_eq!(shown(-10.0, 0.0), (Some(0.0), Some(now())));
    assert_eq!(shown(1.0, 5.0), (Some(80.0), None), "a newer reading counts as it stands");
    let unknown = Window { used: None, resets_at: Some(now()) }.shown(None, in_minutes(1.0));
    assert_eq!((unknown.used, unknown.emptied_at), (None, Some(now())), "unknown is never zero");
}
