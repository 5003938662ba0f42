//! The other named differences, each on both sides, and what stands in no record at all.

use crate::fixture::{
    LANE, Play, With, account, clocks, in_hours, in_minutes, modern, now, seed, survey, target,
    world,
};
use sluice_engine::WindowKind;
use sluice_engine::observation::Fact;
use sluice_engine::{
    Account, AccountId, Burn, Credits, Gates, Lane, LaneId, Login, Observation, Percent, Policy,
    Provider, Refusal, Rules, Settlement, Source, Trigger, Utc, Window, World,
};

fn pair() -> Vec<Account> {
    vec![
        account(1).week(50.0, in_hours(72.0)).short(30.0, None),
        account(2).week(60.0, in_hours(100.0)),
    ]
}

fn hit(window: &str, resets_at: Option<Utc>) -> Fact {
    Fact::LimitHit { resets_at, window: WindowKind::named(window) }
}

#[test]
fn a_refused_request_moves_the_lane_at_once() {
    let after = |rules: Rules| {
        let mut world = world(rules, pair());
        world.gates().last_committed = Some(now());
        world.gates().last_attempt = Some(now());
        world.tell(1, hit("five_hour", Some(in_hours(2.0))), now());
        world.tick(now().plus_seconds(1))
    };
    assert_eq!(target(&after(Rules::seed())), None);
    let ours = after(Rules::default());
    assert_eq!((target(&ours), ours.trigger), (Some(2), Trigger::FailureReported));
    let waits = after(Rules { refusal_skips_cooldown: false, ..Rules::default() });
    assert_eq!(waits.trigger, Trigger::CooldownBlocked);
}

#[test]
fn a_refused_window_stays_full_until_it_resets_or_a_later_reading_contradicts() {
    let mut world = modern(pair());
    world.tell(1, hit("five_hour", Some(in_hours(2.0))), now());
    let used = |world: &World, at: Utc| world.survey(at).find(AccountId(1)).unwrap().short_used();
    assert_eq!(used(&world, in_minutes(1.0)), Some(100.0));
    let lagging = world.account_mut(1).usage.clone();
    let reading = |used: f64| {
        let mut usage = lagging.clone();
        usage.of_kind(&WindowKind::FiveHour).used = Percent::new(used);
        usage.of_kind(&WindowKind::FiveHour).resets_at = Some(in_hours(2.0));
        Fact::Usage(usage)
    };
    world.tell(1, reading(97.0), in_minutes(2.0));
    assert_eq!(used(&world, in_minutes(2.0)), Some(100.0), "the endpoint lags behind");
    world.tell(1, reading(40.0), in_minutes(9.0));
    assert_eq!(used(&world, in_minutes(9.0)), Some(40.0));
    world.tell(1, hit("seven_day", None), in_minutes(10.0));
    assert_eq!(world.survey(in_minutes(11.0)).find(AccountId(1)).unwrap().used, Some(100.0));
    let reset = in_hours(72.0).plus_seconds(1);
    assert!(!world.memory[&AccountId(1)].refuses(&WindowKind::named("seven_day"), reset));
}

#[test]
fn a_refusal_of_unknown_length_ends_after_an_hour() {
    let mut world = modern(pair());
    world.account_mut(1).usage.of_kind(&WindowKind::FiveHour).resets_at = None;
    world.tell(1, hit("five_hour", None), now());
    let memory = &world.memory[&AccountId(1)];
    assert!(memory.refuses(&WindowKind::named("five_hour"), in_minutes(59.0)));
    assert!(!memory.refuses(&WindowKind::named("five_hour"), in_minutes(61.0)));
}

#[test]
fn a_refused_login_moves_the_lane() {
    for login in [Login::NeedsSignIn, Login::Missing] {
        let mut world = modern(pair());
        world.tell(1, Fact::Login(login), now());
        let decision = world.tick(now());
        assert_eq!((target(&decision), decision.trigger), (Some(2), Trigger::FailureReported));
        assert_eq!(decision.reason, "its login was refused");
        let mut recorded = seed(pair());
        recorded.tell(1, Fact::Login(login), now());
        assert_eq!(target(&recorded.tick(now())), None);
    }
}

#[test]
fn a_near_reset_mutes_only_while_the_window_lasts() {
    let decide = |rules: Rules, rate: f64| {
        let mut accounts = pair();
        accounts[0] = account(1).week(30.0, in_hours(72.0)).short(92.0, Some(in_minutes(25.0)));
        accounts[1] = account(2).week(10.0, in_hours(72.0));
        let mut world = world(rules, accounts);
        let burn = Burn { five_hour: rate, last_five_hour: Some(92.0), ..Burn::default() };
        world.memory.entry(AccountId(1)).or_default().burn = burn;
        target(&world.tick(now()))
    };
    assert_eq!(decide(Rules::seed(), 1.0), None);
    assert_eq!(decide(Rules::default(), 1.0), Some(2), "full in eight minutes");
    assert_eq!(decide(Rules::default(), 0.1), None, "lasts until the reset");
}

#[test]
fn a_projection_waits_for_the_residency_but_not_what_fills_before_a_swap_is_done() {
    let decide = |rules: Rules, rate: f64| {
        let mut world = world(
            rules,
            vec![
                account(1).week(30.0, in_hours(72.0)).short(84.0, Some(in_hours(3.0))),
                account(2).week(10.0, in_hours(72.0)),
            ],
        );
        let burn = Burn { five_hour: rate, last_five_hour: Some(84.0), ..Burn::default() };
        world.memory.entry(AccountId(1)).or_default().burn = burn;
        world.gates().last_committed = Some(now().plus_seconds(-400));
        world.tick(now()).trigger
    };
    assert_eq!(decide(Rules::default(), 2.0), Trigger::ResidencyBlocked, "full in eight minutes");
    assert_eq!(decide(Rules::default(), 6.0), Trigger::ForcedCritical, "full in under three");
    assert_eq!(decide(Rules::seed(), 6.0), Trigger::ResidencyBlocked);
}

#[test]
fn a_forced_departure_is_not_held_back_as_a_voluntary_one() {
    let decide = |rules: Rules| {
        let mut world = world(
            rules,
            vec![
                account(1).week(30.0, in_hours(72.0)).short(96.0, Some(in_hours(3.0))),
                account(2).week(10.0, in_hours(12.0)),
            ],
        );
        world.gates().last_committed = Some(now().plus_seconds(-400));
        world.tick(now())
    };
    assert_eq!(decide(Rules::seed()).trigger, Trigger::ResidencyBlocked);
    assert_eq!(decide(Rules::default()).trigger, Trigger::ForcedCritical);
}

#[test]
fn burn_is_measured_between_observations() {
    let mut world = modern(pair());
    let reading = |world: &World, used: f64| {
        let mut usage = world.accounts[0].usage.clone();
        usage.of_kind(&WindowKind::FiveHour).used = Percent::new(used);
        Fact::Usage(usage)
    };
    for (minute, used) in [(1.0, 40.0), (6.0, 50.0)] {
        let fact = reading(&world, used);
        world.tell(1, fact, in_minutes(minute));
    }
    world.tick(in_minutes(7.0));
    world.tick(in_minutes(8.0));
    let burn = world.memory[&AccountId(1)].burn;
    assert_eq!((burn.five_hour, burn.unchanged), (2.0, 0), "decisions measure nothing");
}

fn with_model(id: i64, used: f64) -> Account {
    account(id).week(40.0, in_hours(72.0)).with(|account| {
        let window = Window { used: Percent::new(used), resets_at: Some(in_hours(72.0)) };
        account.usage.add_model("Fable", window, true);
    })
}

fn model_world(rules: Rules, model: Option<&str>) -> World {
    let mut world =
        world(rules, vec![with_model(1, 100.0), with_model(2, 10.0), with_model(3, 100.0)]);
    world.lanes[0].model = model.map(str::to_owned);
    world
}

#[test]
fn an_exhausted_model_closes_the_account_to_lanes_that_need_it() {
    let mut world = model_world(Rules::default(), Some("claude-fable-5"));
    let decision = world.tick(now());
    assert_eq!(target(&decision), Some(2));
    assert_eq!(decision.reason, "its week of claude-fable-5 is used up");
    let third = decision.candidates.iter().find(|candidate| candidate.account == AccountId(3));
    assert_eq!(third.unwrap().refusal, Refusal::ModelExhausted);
    assert_eq!(target(&model_world(Rules::default(), None).tick(now())), None);
    assert_eq!(target(&model_world(Rules::default(), Some("opus")).tick(now())), None);
    assert_eq!(target(&model_world(Rules::seed(), Some("claude-fable-5")).tick(now())), None);
}

#[test]
fn a_model_that_was_refused_is_what_the_lane_needs_for_a_while() {
    let mut world = modern(vec![with_model(1, 50.0), with_model(2, 10.0), with_model(3, 100.0)]);
    world.tell(1, hit("Fable", Some(in_hours(72.0))), now());
    assert_eq!(target(&world.tick(now())), Some(2));
    assert_eq!(target(&world.tick(in_hours(2.0))), None, "an hour later any account will do");
}

fn billed(id: i64, spent: Option<f64>, limit: Option<f64>) -> Account {
    account(id).week(100.0, in_hours(72.0)).with(|account| {
        account.usage.credits = Some(Credits {
            enabled: true,
            used_minor: spent,
            limit_minor: limit,
            currency: Some("USD".into()),
        });
    })
}

#[test]
fn an_account_that_would_bill_money_is_never_chosen_and_is_left() {
    let mut world =
        modern(vec![billed(1, Some(0.0), None), account(2).week(60.0, in_hours(100.0))]);
    let decision = world.tick(now());
    assert_eq!(target(&decision), Some(2));
    assert_eq!(decision.reason, "using it further would cost extra money");
    let mut world = modern(vec![
        account(1).week(20.0, in_hours(72.0)).short(100.0, Some(in_hours(2.0))),
        billed(2, Some(0.0), None),
    ]);
    let decision = world.tick(now());
    assert_eq!((target(&decision), world.refusal(2)), (None, Refusal::WouldBill));
}

#[test]
fn a_ceiling_allows_paid_use_as_the_last_resort() {
    let to = |spent: Option<f64>, limit: Option<f64>| {
        let rules = Rules { billing_ceiling_minor: Some(500.0), ..Rules::default() };
        let mut world = world(
            rules,
            vec![
                account(1).week(20.0, in_hours(72.0)).short(100.0, Some(in_hours(2.0))),
                billed(2, spent, limit),
            ],
        );
        target(&world.tick(now()))
    };
    assert_eq!(to(Some(499.0), None), Some(2));
    assert_eq!(to(Some(500.0), None), None, "the ceiling is reached");
    assert_eq!(to(Some(100.0), Some(100.0)), None, "the account's own limit is reached");
    assert_eq!(to(None, None), None, "unknown is never zero");
}

#[test]
fn the_target_of_two_failures_is_skipped_when_there_is_another() {
    let decide = |rules: Rules| {
        let mut world = world(
            rules,
            vec![
                account(1).week(90.0, in_hours(120.0)).short(96.0, Some(in_hours(2.0))),
                account(2).week(10.0, in_hours(12.0)),
                account(3).week(50.0, in_hours(30.0)),
            ],
        );
        let mut at = now();
        for _ in 0..2 {
            assert_eq!(target(&world.tick(at)), Some(2));
            world.settle(LANE, Settlement::Failed, clocks(at));
            at = at.plus_seconds(121);
        }
        world.tick(at)
    };
    assert_eq!(target(&decide(Rules::seed())), Some(2));
    let ours = decide(Rules::default());
    assert_eq!(target(&ours), Some(3));
    let second = ours.candidates.iter().find(|candidate| candidate.account == AccountId(2));
    assert_eq!(second.unwrap().refusal, Refusal::Skipped);
}

#[test]
fn after_a_wake_old_numbers_move_nobody_until_they_are_read_again() {
    let decide = |rules: Rules, at: Utc| {
        let mut world = world(
            rules,
            vec![account(1).week(90.0, in_hours(120.0)), account(2).week(50.0, in_hours(12.0))],
        );
        world.woke(0, clocks(in_minutes(1.0)));
        let decision = world.tick(at);
        (target(&decision), decision.candidates.iter().any(|one| one.refusal == Refusal::Stale))
    };
    assert_eq!(decide(Rules::seed(), in_minutes(2.0)), (Some(2), false));
    assert_eq!(decide(Rules::default(), in_minutes(2.0)), (None, true));
    assert_eq!(decide(Rules::default(), in_minutes(17.0)), (None, true), "still not read");
    assert_eq!(decide(Rules::default(), in_minutes(122.0)), (Some(2), false), "not for ever");
}

#[test]
fn a_clock_that_jumps_does_not_stretch_a_gate() {
    let mut world = modern(pair());
    world.commit(2, false, now());
    world.woke(-7200, clocks(in_hours(-2.0)));
    let rules = world.rules.clone();
    assert_eq!(world.gates().residency_left(in_hours(-2.0), &rules), 900.0);
    // Set back without anybody noticing: one period at most.
    world.gates().last_committed = Some(in_hours(5.0));
    world.tick(now());
    assert_eq!(world.gates().residency_left(now(), &rules), 900.0);
}

fn two_lanes(rules: Rules) -> World {
    let mut world = world(
        rules,
        vec![
            account(1).week(30.0, in_hours(30.0)).short(99.0, Some(in_hours(2.0))),
            account(2).week(20.0, in_hours(30.0)),
            account(3).week(20.0, in_hours(40.0)),
        ],
    );
    world.lanes.push(Lane {
        id: LaneId(2),
        provider: Provider::Claude,
        active: Some(AccountId(2)),
        generation: Default::default(),
        model: None,
        gates: Gates::default(),
    });
    world
}

#[test]
fn lanes_keep_off_each_others_accounts_while_there_are_others() {
    assert_eq!(target(&two_lanes(Rules::seed()).tick(now())), Some(2));
    assert_eq!(target(&two_lanes(Rules::default()).tick(now())), Some(3));
    let mut full = two_lanes(Rules::default());
    full.account_mut(3).enabled = false;
    assert_eq!(target(&full.tick(now())), Some(2), "better shared than blocked");
}

#[test]
fn all_lanes_decide_as_each_alone() {
    let mut together = two_lanes(Rules::default());
    let mut alone = together.clone();
    let decisions = together.decide_all(clocks(now()));
    let each: Vec<_> =
        [LANE, LaneId(2)].into_iter().map(|lane| alone.decide(lane, clocks(now()))).collect();
    assert_eq!(decisions, each);
    assert_eq!(together, alone);
}

#[test]
fn the_plan_shows_tier_target_and_stranding_as_well() {
    let rules = Rules { policy: sluice_engine::Policy::Horizon, ..Rules::default() };
    let mut world = world(rules, pair());
    for id in [1, 2] {
        let usage = world.account_mut(id).usage.clone();
        world.tell(id, Fact::Usage(usage), now());
    }
    let decision = world.tick(in_minutes(1.0));
    assert!(!decision.candidates.is_empty());
    let survey = world.survey(in_minutes(1.0));
    for candidate in &decision.candidates {
        let standing = survey.find(candidate.account).unwrap();
        assert_eq!((candidate.tier, candidate.target), (standing.tier, standing.target));
        assert!(candidate.target.is_some() && candidate.stranding.is_some());
    }
    assert_eq!(world.decide_all(clocks(in_minutes(2.0))).len(), 1);
    assert_eq!(world.polls(clocks(in_minutes(2.0))).len(), 2);
}

#[test]
fn other_providers_accounts_are_no_candidates() {
    let mut world = modern(pair());
    world.account_mut(2).provider = Provider::Codex;
    world.account_mut(1).usage.of_kind(&WindowKind::FiveHour).used = Percent::new(100.0);
    let decision = world.tick(now());
    assert_eq!((target(&decision), decision.candidates.len()), (None, 1));
}

#[test]
fn a_lane_without_an_account_and_an_unknown_lane_stay() {
    let mut world = modern(pair());
    world.lanes[0].active = None;
    let decision = world.tick(now());
    assert_eq!((target(&decision), decision.active), (None, None));
    assert_eq!(decision.reason, "no account is live here");
    let unknown = world.decide(LaneId(77), clocks(now()));
    assert_eq!((target(&unknown), unknown.lane), (None, LaneId(77)));
    world.settle(LaneId(77), Settlement::Failed, clocks(now()));
    world.pause(LaneId(77), now());
}

#[test]
fn a_seat_changed_from_outside_is_protected_like_a_manual_swap() {
    let mut world = modern(pair());
    world.account_mut(1).usage.of_kind(&WindowKind::FiveHour).used = Percent::new(99.0);
    world.seat_changed(LANE, Some(AccountId(1)), clocks(now()));
    assert_eq!(world.gates().paused_until, None, "nothing changed");
    world.seat_changed(LANE, Some(AccountId(2)), clocks(now()));
    world.seat_changed(LANE, Some(AccountId(1)), clocks(now()));
    assert_eq!(world.lanes[0].generation.0, 2);
    assert_eq!(target(&world.tick(in_minutes(14.0))), None, "a person's choice is never reverted");
    assert_eq!(target(&world.tick(in_minutes(16.0))), Some(2));
}

#[test]
fn facts_fold_into_the_account() {
    let mut world = modern(pair());
    let plan = sluice_engine::Plan { subscription: Some("pro".into()), ..Default::default() };
    world.tell(1, Fact::Plan(plan.clone()), now());
    assert_eq!(world.accounts[0].plan, plan);
    world.tell(1, Fact::Closed { window: WindowKind::named("five_hour") }, now());
    world.tell(1, Fact::Closed { window: WindowKind::named("seven_day") }, now());
    assert_eq!(world.accounts[0].usage.short(), Window::default());
    assert_eq!(world.accounts[0].usage.long(), Window::default());
    let mut other = model_world(Rules::default(), None);
    other.tell(1, Fact::Closed { window: WindowKind::named("Fable") }, now());
    assert!(other.accounts[0].usage.models().next().is_none());
    other.tell(99, Fact::Unreachable, now());
    assert_eq!(other.accounts.len(), 3);
}

#[test]
fn an_older_or_partial_observation_overwrites_nothing_it_does_not_know() {
    let mut world = modern(pair());
    let before = world.accounts[0].usage.clone();
    let mut old = before.clone();
    old.of_kind(&WindowKind::SevenDay).used = Percent::new(1.0);
    world.tell(1, Fact::Usage(old), in_minutes(-30.0));
    assert_eq!(world.accounts[0].usage.long(), before.long());
    let seen = Window { used: Percent::new(44.0), resets_at: None };
    let partial = sluice_engine::Usage::default().with(WindowKind::FiveHour, seen);
    let observation = sluice_engine::Observation {
        account: AccountId(1),
        at: in_minutes(1.0),
        source: sluice_engine::Source::StatusLine,
        fact: Fact::Usage(partial),
    };
    world.account_mut(1).usage.of_kind(&WindowKind::FiveHour).resets_at = Some(in_hours(3.0));
    world.observe(&observation, clocks(in_minutes(1.0)));
    let usage = &world.accounts[0].usage;
    assert_eq!(usage.short().used, Percent::new(44.0));
    assert_eq!(usage.short().resets_at, Some(in_hours(3.0)), "silence is no reset");
    assert_eq!(usage.long(), before.long());
    assert_eq!(world.memory[&AccountId(1)].requests.len(), 1, "no request of ours");
}

#[test]
fn the_endpoints_answer_mends_what_failed() {
    let mut world = modern(vec![account(1).with(|account| account.login = Login::NeedsSignIn)]);
    world.tell(1, Fact::Unreachable, now());
    let usage = with_model(1, 20.0).usage;
    world.tell(1, Fact::Usage(usage), in_minutes(1.0));
    let account = &world.accounts[0];
    assert_eq!((account.failures, account.login), (0, Login::Valid));
    assert_eq!(account.usage.models().count(), 1);
    let again = account.usage.clone();
    world.tell(1, Fact::Usage(again), in_minutes(2.0));
    assert_eq!(world.accounts[0].usage.models().count(), 1);
}

#[test]
fn a_model_that_was_refused_stays_full_against_a_lagging_answer() {
    let mut world = modern(vec![with_model(1, 97.0), with_model(2, 10.0)]);
    world.tell(1, hit("Fable", Some(in_hours(72.0))), now());
    let mut usage = world.accounts[0].usage.clone();
    usage.of_kind(&WindowKind::named("Fable")).used = Percent::new(98.0);
    world.tell(1, Fact::Usage(usage), in_minutes(1.0));
    assert_eq!(
        world.accounts[0].usage.window(&WindowKind::named("Fable")).used,
        Percent::new(100.0)
    );
}

#[test]
fn an_account_of_which_nothing_is_known_is_better_than_a_refusal() {
    let unknown = account(2).with(|account| account.usage = Default::default());
    let mut world = modern(vec![pair().remove(0), unknown]);
    assert_eq!(target(&world.tick(now())), None);
    world.tell(1, hit("five_hour", Some(in_hours(2.0))), now());
    assert_eq!(target(&world.tick(now())), Some(2));
    assert_eq!(survey(&world).find(AccountId(2)).unwrap().refusal, Refusal::NoReset);
}

#[test]
fn a_tight_refuge_is_taken_only_for_real_relief() {
    let decide = |short: f64, week: f64| {
        let mut world = modern(vec![
            account(1).week(60.0, in_hours(100.0)).short(94.0, Some(in_hours(2.0))),
            account(2).week(week, in_hours(100.0)).short(short, Some(in_hours(3.0))),
        ]);
        target(&world.tick(now()))
    };
    assert_eq!(decide(91.0, 70.0), None, "three percent are not worth a swap");
    assert_eq!(decide(85.0, 70.0), Some(2));
    assert_eq!(decide(98.0, 70.0), None);
}

#[test]
fn refusals_without_end_move_a_lane_twelve_times_an_hour_and_no_more() {
    for policy in [Policy::Tiered, Policy::Horizon] {
        let accounts = (1..=20).map(|id| account(id).week(10.0, in_hours(72.0)).short(5.0, None));
        let mut world = world(Rules { policy, ..Rules::default() }, accounts.collect());
        for id in 1..=20 {
            let usage = world.accounts[id - 1].usage.clone();
            world.tell(id as i64, Fact::Usage(usage), now());
        }
        let mut swaps = 0;
        for minute in 0..58 {
            let at = in_minutes(f64::from(minute));
            let active = world.lanes[0].active.unwrap().0;
            world.tell(active, hit("five_hour", Some(in_hours(4.0))), at);
            if let Some(to) = target(&world.tick(at)) {
                world.commit(to, false, at);
                swaps += 1;
            }
        }
        assert_eq!(swaps, 12, "{policy:?}");
    }
}

#[test]
fn a_reading_from_before_the_clock_was_set_back_undoes_no_refusal() {
    for policy in [Policy::Tiered, Policy::Horizon] {
        let mut world = world(
            Rules { policy, ..Rules::default() },
            vec![
                account(1).week(10.0, in_hours(72.0)).short(50.0, Some(in_hours(4.0))),
                account(2).week(10.0, in_hours(72.0)).short(60.0, Some(in_hours(4.0))),
            ],
        );
        for id in [1, 2] {
            let usage = world.accounts[id as usize - 1].usage.clone();
            world.tell(id, Fact::Usage(usage), now());
        }
        let old = world.accounts[1].usage.clone();
        world.tell(2, hit("five_hour", Some(in_hours(4.0))), in_minutes(1.0));
        let ahead = Observation {
            account: AccountId(2),
            at: in_hours(1.0),
            source: Source::Endpoint,
            fact: Fact::Usage(old),
        };
        world.observe(&ahead, clocks(in_minutes(2.0)));
        world.tell(1, hit("five_hour", Some(in_hours(4.0))), in_minutes(2.0));
        assert_eq!(target(&world.tick(in_minutes(2.0))), None, "{policy:?}");
    }
}
