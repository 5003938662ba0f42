//! Every branch of the engine that refuses an account or holds a swap back has a mark in the source,
//! and one test here that goes there. `cargo xtask tidy` reads both and finds what lacks the other.

use crate::fixture::{
    LANE, Play, With, account, clocks, in_hours, in_minutes, modern, now, seed, world,
};
use crate::life::Life;
use sluice_engine::WindowKind;
use sluice_engine::observation::Fact;
use sluice_engine::{
    Account, AccountId, Action, Block, Credits, Decision, Login, Percent, Policy, Refusal, Rules,
    Settlement, Trigger, Verdict, Window, World,
};

macro_rules! passes {
    ($mark:ident, $name:ident, $decision:expr, $told:expr) => {
        #[test]
        fn $name() {
            cov_mark::check!($mark);
            let decision: Decision = $decision;
            assert!($told(&decision), "{decision:?}");
        }
    };
}

/// A test that a mark was passed, and that the decision says so; of one mark in more places than one
/// policy goes to, each place has a name of its own.
macro_rules! marked {
    ($mark:ident, $decision:expr, $told:expr) => {
        passes!($mark, $mark, $decision, $told);
    };
    ($mark:ident in $name:ident, $decision:expr, $told:expr) => {
        passes!($mark, $name, $decision, $told);
    };
}

fn refused(id: i64, refusal: Refusal) -> impl Fn(&Decision) -> bool {
    move |decision| {
        let one = decision.candidates.iter().find(|one| one.account == AccountId(id));
        one.is_some_and(|one| one.refusal == refusal)
    }
}

fn held(trigger: Trigger) -> impl Fn(&Decision) -> bool {
    move |decision| decision.trigger == trigger
}

/// Nothing to do, and nobody asks for it.
fn quietly(decision: &Decision) -> bool {
    decision.trigger == Trigger::Tick && decision.action == Action::Stay
}

fn quiet() -> Account {
    account(1).week(90.0, in_hours(120.0))
}

fn critical() -> Account {
    quiet().short(95.0, Some(in_hours(2.0)))
}

fn t0(id: i64) -> Account {
    account(id).week(50.0, in_hours(12.0))
}

/// The second account beside a quiet first one.
fn beside(second: Account) -> Decision {
    modern(vec![quiet(), second]).tick(now())
}

fn after(mut world: World, change: impl FnOnce(&mut World)) -> Decision {
    change(&mut world);
    world.tick(now())
}

marked!(disabled, beside(t0(2).with(|one| one.enabled = false)), refused(2, Refusal::Disabled));
marked!(
    failing,
    seed(vec![quiet(), t0(2).with(|one| one.failures = 3)]).tick(now()),
    refused(2, Refusal::Failing)
);
marked!(
    needs_sign_in,
    beside(t0(2).with(|one| one.login = Login::NeedsSignIn)),
    refused(2, Refusal::NeedsSignIn)
);
marked!(
    no_credential,
    beside(t0(2).with(|one| one.login = Login::Missing)),
    refused(2, Refusal::NoCredential)
);
marked!(
    not_automatic,
    beside(t0(2).with(|one| one.automatic = false)),
    refused(2, Refusal::NotAutomatic)
);
marked!(
    would_bill,
    beside(t0(2).short(100.0, Some(in_hours(1.0))).with(|one| {
        one.usage.credits = Some(Credits { enabled: true, ..Credits::default() });
    })),
    refused(2, Refusal::WouldBill)
);
marked!(
    blocked,
    beside(t0(2).with(|one| {
        one.usage.verdict = Some(Verdict::Refused { why: Block::Spending, until: None });
    })),
    refused(2, Refusal::Blocked)
);
marked!(no_reset, beside(account(2)), refused(2, Refusal::NoReset));
marked!(
    usage_unknown,
    beside(t0(2).with(|one| one.usage.of_kind(&WindowKind::SevenDay).used = None)),
    refused(2, Refusal::UsageUnknown)
);
marked!(not_behind, beside(t0(2).week(100.0, in_hours(12.0))), refused(2, Refusal::NotBehind));
marked!(
    no_weekly_headroom,
    beside(account(2).week(97.0, crate::fixture::at("2026-05-06T03:00:00Z"))),
    refused(2, Refusal::NoWeeklyHeadroom)
);
marked!(
    no_short_headroom,
    beside(t0(2).short(95.0, Some(in_hours(2.0)))),
    refused(2, Refusal::NoShortHeadroom)
);
marked!(
    stale,
    after(modern(vec![quiet(), t0(2)]), |world| world.woke(0, clocks(now()))),
    refused(2, Refusal::Stale)
);
marked!(active, beside(t0(2)), refused(1, Refusal::Active));
marked!(
    model_exhausted,
    after(
        modern(vec![
            quiet(),
            t0(2).with(|one| {
                let window = Window { used: Percent::new(100.0), resets_at: None };
                one.usage.add_model("Fable", window, true);
            }),
        ]),
        |world| world.lanes[0].model = Some("fable".into()),
    ),
    refused(2, Refusal::ModelExhausted)
);
marked!(
    skipped,
    after(modern(vec![quiet(), t0(2)]), |world| {
        world.gates().skips.insert(AccountId(2), in_hours(1.0));
    }),
    refused(2, Refusal::Skipped)
);
marked!(
    outranked,
    modern(vec![quiet(), t0(2), account(3).week(50.0, in_hours(13.0))]).tick(now()),
    refused(3, Refusal::Outranked)
);
marked!(
    residency_blocked,
    after(modern(vec![quiet(), t0(2)]), |world| {
        world.gates().last_committed = Some(now());
    }),
    held(Trigger::ResidencyBlocked)
);
marked!(
    cooldown_blocked,
    after(modern(vec![critical(), t0(2)]), |world| {
        world.gates().last_attempt = Some(now());
    }),
    held(Trigger::CooldownBlocked)
);
marked!(no_target, modern(vec![critical()]).tick(now()), held(Trigger::NoTarget));
marked!(
    backoff,
    after(modern(vec![critical(), t0(2)]), |world| {
        world.settle(LANE, Settlement::Failed, clocks(now()));
    }),
    held(Trigger::SwapAborted)
);
marked!(no_active, after(modern(vec![t0(2)]), |world| world.lanes[0].active = None), quietly);
marked!(resting, after(modern(vec![quiet(), t0(2)]), |world| world.gates().off = true), quietly);
marked!(no_candidate, modern(vec![quiet()]).tick(now()), quietly);
marked!(
    not_better,
    modern(vec![t0(1), account(2).week(50.0, in_hours(30.0))]).tick(now()),
    quietly
);
marked!(
    emergence_pending,
    modern(vec![quiet(), account(2).week(10.0, in_hours(30.0))]).tick(now()),
    held(Trigger::EmergencePending)
);

/// A world of policy `horizon` whose accounts were read just now.
fn planning(accounts: Vec<Account>) -> World {
    let mut world = world(Rules { policy: Policy::Horizon, ..Rules::default() }, accounts);
    for index in 0..world.accounts.len() {
        let (id, usage) = (world.accounts[index].id.0, world.accounts[index].usage.clone());
        world.tell(id, Fact::Usage(usage), now());
    }
    world
}

fn planned(accounts: Vec<Account>, change: impl FnOnce(&mut World)) -> Decision {
    let mut world = planning(accounts);
    change(&mut world);
    world.tick(in_minutes(1.0))
}

/// Work on the live account is refused.
fn stuck(world: &mut World) {
    let hit =
        Fact::LimitHit { resets_at: Some(in_hours(3.0)), window: WindowKind::named("five_hour") };
    world.tell(1, hit, now());
}

/// Nearly full and idle: left at once, and not in an emergency.
fn brimming() -> Account {
    account(1).week(50.0, in_hours(72.0)).short(99.6, Some(in_hours(3.0)))
}

/// The first look of some life at a move that nothing forces.
fn emerging() -> Decision {
    let mut found = None;
    for seed in 1..200 {
        let rules = Rules { policy: Policy::Horizon, ..Rules::default() };
        let mut life = Life::new(seed, rules);
        for _ in 0..288 {
            life.step(&mut |_, _, decision| {
                if found.is_none() && decision.trigger == Trigger::EmergencePending {
                    found = Some(decision.clone());
                }
            });
        }
    }
    found.expect("some life has one")
}

marked!(emergence_pending in plan_emerging, emerging(), held(Trigger::EmergencePending));
marked!(plan_active, planned(vec![quiet(), t0(2)], |_| {}), refused(1, Refusal::Active));
marked!(plan_outranked, planned(vec![quiet(), t0(2)], |_| {}), refused(2, Refusal::Outranked));
marked!(
    plan_skipped,
    planned(vec![quiet(), t0(2)], |world| {
        world.gates().skips.insert(AccountId(2), in_hours(1.0));
    }),
    refused(2, Refusal::Skipped)
);
marked!(
    plan_no_weekly_headroom,
    planned(vec![quiet(), t0(2).week(100.0, in_hours(12.0))], |_| {}),
    refused(2, Refusal::NoWeeklyHeadroom)
);
marked!(
    plan_no_short_headroom,
    planned(vec![quiet(), t0(2).short(100.0, Some(in_hours(3.0)))], |_| {}),
    refused(2, Refusal::NoShortHeadroom)
);
marked!(
    backoff in plan_backoff,
    planned(vec![brimming(), t0(2)], |world| {
        stuck(world);
        world.settle(LANE, Settlement::Failed, clocks(in_minutes(0.5)));
    }),
    held(Trigger::SwapAborted)
);
marked!(
    cooldown_blocked in plan_cooldown,
    planned(vec![brimming(), t0(2)], |world| {
        world.gates().last_attempt = Some(now());
    }),
    held(Trigger::CooldownBlocked)
);
marked!(
    plan_held in plan_residency,
    planned(vec![quiet(), t0(2)], |world| {
        world.gates().last_committed = Some(now());
    }),
    held(Trigger::Tick)
);
marked!(no_target in plan_no_target, planned(vec![brimming()], stuck), held(Trigger::NoTarget));

marked!(resting in plan_resting, planned(vec![quiet(), t0(2)], |world| world.gates().off = true), quietly);
marked!(
    disabled in plan_disabled,
    planned(vec![quiet(), t0(2)], |world| world.account_mut(2).enabled = false),
    refused(2, Refusal::Disabled)
);
marked!(
    not_automatic in plan_not_automatic,
    planned(vec![quiet(), t0(2)], |world| world.account_mut(2).automatic = false),
    refused(2, Refusal::NotAutomatic)
);
marked!(
    needs_sign_in in plan_needs_sign_in,
    planned(vec![quiet(), t0(2)], |world| world.account_mut(2).login = Login::NeedsSignIn),
    refused(2, Refusal::NeedsSignIn)
);
marked!(
    no_credential in plan_no_credential,
    planned(vec![quiet(), t0(2)], |world| world.account_mut(2).login = Login::Missing),
    refused(2, Refusal::NoCredential)
);
marked!(
    plan_usage_unknown,
    planned(vec![quiet(), t0(2)], |world| world.accounts.push(t0(3))),
    refused(3, Refusal::UsageUnknown)
);
marked!(
    plan_stale,
    planning(vec![quiet(), t0(2)]).tick(in_hours(30.0)),
    refused(2, Refusal::Stale)
);
marked!(
    plan_paid,
    planned(vec![quiet(), t0(2).short(100.0, Some(in_hours(3.0))), t0(3)], |world| {
        world.rules.billing_ceiling_minor = Some(500.0);
        let paid = Credits { enabled: true, used_minor: Some(0.0), ..Credits::default() };
        world.account_mut(2).usage.credits = Some(paid);
    }),
    refused(2, Refusal::WouldBill)
);
