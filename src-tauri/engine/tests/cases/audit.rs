//! Every refusal and every trigger of the engine is reached by a small world here; a new one fails
//! until it is.

use crate::fixture::{LANE, Play, With, account, clocks, in_hours, in_minutes, now, seed, world};
use sluice_engine::WindowKind;
use sluice_engine::observation::Fact;
use sluice_engine::{
    Account, AccountId, Block, Credits, Decision, Login, Percent, Refusal, Rules, Settlement,
    Trigger, Verdict, Window, World,
};
use std::collections::BTreeSet;

/// Place in the list of all; a variant that is missing there does not compile here.
fn place(refusal: Refusal) -> usize {
    match refusal {
        Refusal::Active => 0,
        Refusal::Disabled => 1,
        Refusal::Failing => 2,
        Refusal::NeedsSignIn => 3,
        Refusal::NoCredential => 4,
        Refusal::NotAutomatic => 5,
        Refusal::NoReset => 6,
        Refusal::UsageUnknown => 7,
        Refusal::NotBehind => 8,
        Refusal::NoWeeklyHeadroom => 9,
        Refusal::NoShortHeadroom => 10,
        Refusal::Skipped => 11,
        Refusal::ModelExhausted => 12,
        Refusal::WouldBill => 13,
        Refusal::Stale => 15,
        Refusal::Outranked => 16,
        Refusal::Eligible => 17,
        Refusal::Blocked => 14,
    }
}

fn t0(id: i64) -> Account {
    account(id).week(50.0, in_hours(12.0))
}

/// Every account-side refusal at once, under both rule sets.
fn crowd() -> Vec<Account> {
    let model = |used: f64| Window { used: Percent::new(used), resets_at: Some(in_hours(12.0)) };
    vec![
        account(1).week(90.0, in_hours(120.0)),
        t0(2).with(|account| account.enabled = false),
        t0(3).with(|account| account.failures = 3),
        t0(4).with(|account| account.login = Login::NeedsSignIn),
        t0(5).with(|account| account.login = Login::Missing),
        t0(6).with(|account| account.automatic = false),
        account(7),
        t0(8).with(|account| account.usage.of_kind(&WindowKind::SevenDay).used = None),
        t0(9).week(100.0, in_hours(12.0)),
        account(10).week(97.0, crate::fixture::at("2026-05-06T03:00:00Z")),
        t0(11).short(95.0, None),
        t0(12),
        t0(13).with(|account| account.usage.add_model("Fable", model(100.0), false)),
        t0(14).short(100.0, Some(in_hours(1.0))).with(|account| {
            account.usage.credits = Some(Credits { enabled: true, ..Credits::default() });
        }),
        t0(15).with(|account| account.usage.observed_at = Some(in_minutes(-30.0))),
        t0(16),
        t0(17),
        t0(18).with(|account| {
            account.usage.verdict = Some(Verdict::Refused { why: Block::Limit, until: None });
        }),
    ]
}

#[test]
fn every_refusal_is_reached() {
    let mut seen = BTreeSet::new();
    for rules in [Rules::seed(), Rules::default()] {
        let mut world = world(rules, crowd());
        world.lanes[0].model = Some("fable".into());
        world.gates().skips.insert(AccountId(12), in_hours(1.0));
        world.woke(0, clocks(in_minutes(-1.0)));
        seen.extend(world.tick(now()).candidates.iter().map(|candidate| candidate.refusal));
    }
    let missing: Vec<_> = Refusal::ALL.iter().filter(|refusal| !seen.contains(refusal)).collect();
    assert!(missing.is_empty(), "not reached: {missing:?}");
    assert!(Refusal::ALL.iter().enumerate().all(|(index, refusal)| place(*refusal) == index));
}

/// The triggers policy `tiered` can answer; the others are the driver's (`manual`) and policy
/// `horizon`'s.
fn of_tiered(trigger: Trigger) -> bool {
    match trigger {
        Trigger::Tick
        | Trigger::EmergencePending
        | Trigger::ResidencyBlocked
        | Trigger::CooldownBlocked
        | Trigger::NoTarget
        | Trigger::SwapAborted
        | Trigger::HigherTierEmerged
        | Trigger::IntraTierPreempted
        | Trigger::TierDrained
        | Trigger::ForcedCritical
        | Trigger::BurnRate
        | Trigger::FailureReported => true,
        Trigger::Manual | Trigger::PlanImproved | Trigger::Other => false,
    }
}

fn decided(accounts: Vec<Account>, change: impl FnOnce(&mut World)) -> Vec<Decision> {
    let mut world = seed(accounts);
    change(&mut world);
    vec![world.tick(now()), world.tick(in_minutes(1.0))]
}

#[test]
fn every_trigger_of_the_tiers_is_reached() {
    let quiet = || account(1).week(90.0, in_hours(120.0));
    let critical = || quiet().short(95.0, None);
    let behind = || account(2).week(10.0, in_hours(120.0));
    let mut decisions = Vec::new();
    decisions.extend(decided(vec![quiet()], |_| {}));
    decisions.extend(decided(vec![quiet(), account(2).week(10.0, in_hours(30.0))], |_| {}));
    decisions.extend(decided(vec![quiet(), t0(2)], |world| {
        world.gates().last_committed = Some(now());
    }));
    decisions.extend(decided(vec![critical(), behind()], |world| {
        world.gates().last_attempt = Some(now());
    }));
    decisions.extend(decided(vec![critical()], |_| {}));
    decisions.extend(decided(vec![critical(), behind()], |world| {
        world.settle(LANE, Settlement::Failed, clocks(now()));
    }));
    decisions.extend(decided(vec![critical(), behind()], |_| {}));
    let late = account(1).week(80.0, in_hours(20.0));
    decisions.extend(decided(vec![late, account(2).week(50.0, in_hours(6.0))], |_| {}));
    decisions.extend(decided(vec![account(1).week(100.0, in_hours(12.0)), behind()], |_| {}));
    decisions.extend(decided(vec![quiet().short(85.0, None), behind()], |world| {
        let burn = &mut world.memory.entry(AccountId(1)).or_default().burn;
        (burn.five_hour, burn.last_five_hour) = (1.0, Some(85.0));
    }));
    decisions.extend(decided(vec![quiet(), behind()], |world| {
        world.rules = Rules::default();
        let hit = Fact::LimitHit { resets_at: None, window: WindowKind::named("five_hour") };
        world.tell(1, hit, now());
    }));
    let seen: BTreeSet<Trigger> = decisions.iter().map(|decision| decision.trigger).collect();
    let missing: Vec<_> = Trigger::ALL
        .iter()
        .filter(|trigger| of_tiered(**trigger) && !seen.contains(trigger))
        .collect();
    assert!(missing.is_empty(), "not reached: {missing:?}");
    let names: BTreeSet<&str> = Trigger::ALL.iter().map(|trigger| trigger.name()).collect();
    assert_eq!(names.len(), Trigger::ALL.len());
}
