//! Properties over many random worlds.

use crate::fixture::{LANE, Play, account, clocks, in_hours, in_minutes, now, world};
use sluice_engine::WindowKind;
use sluice_engine::{
    Account, AccountId, Action, Decision, Login, Percent, Refusal, Rules, Settlement, Window, World,
};

fn random_account(rng: &mut fastrand::Rng, id: i64) -> Account {
    let mut account = account(id);
    let mut used = |most: f64| Percent::new((rng.f64() * most).round());
    account.usage.of_kind(&WindowKind::FiveHour).used = used(100.0);
    account.usage.of_kind(&WindowKind::SevenDay).used = used(100.0);
    let reset = |rng: &mut fastrand::Rng, hours: f64| {
        (rng.f64() < 0.9).then(|| in_hours((rng.f64() * hours * 20.0).round() / 20.0 - 1.0))
    };
    account.usage.of_kind(&WindowKind::FiveHour).resets_at = reset(rng, 6.0);
    account.usage.of_kind(&WindowKind::SevenDay).resets_at = reset(rng, 170.0);
    if rng.f64() < 0.1 {
        *account.usage.of_kind(&WindowKind::SevenDay) = Window::default();
    }
    account.enabled = rng.f64() < 0.95;
    account.automatic = rng.f64() < 0.95;
    account.login = match rng.u8(0..20) {
        0 => Login::NeedsSignIn,
        1 => Login::Missing,
        2 => Login::Unverified,
        _ => Login::Valid,
    };
    account.failures = rng.u32(0..5);
    // Equal keys happen.
    account.position = rng.i64(0..3);
    account
}

fn random_world(rng: &mut fastrand::Rng, rules: Rules) -> World {
    let count = rng.i64(1..9);
    let accounts = (1..=count).map(|id| random_account(rng, id)).collect();
    world(rules, accounts)
}

fn sorted(mut decision: Decision) -> Decision {
    decision.candidates.sort_by_key(|candidate| candidate.account);
    decision
}

#[test]
fn a_decision_does_not_depend_on_the_order_of_the_accounts() {
    let mut rng = fastrand::Rng::with_seed(7);
    for round in 0..4_000 {
        let rules = if round % 2 == 0 { Rules::seed() } else { Rules::default() };
        let mut one = random_world(&mut rng, rules);
        let mut other = one.clone();
        rng.shuffle(&mut other.accounts);
        for minute in 0..3 {
            let at = in_minutes(f64::from(minute));
            assert_eq!(one.tick(at), other.tick(at), "round {round}");
        }
        assert_eq!(one.memory, other.memory);
        assert_eq!(one.polls(clocks(now())), other.polls(clocks(now())));
    }
}

#[test]
fn the_same_world_decides_the_same_twice() {
    let mut rng = fastrand::Rng::with_seed(8);
    for _ in 0..1_000 {
        let mut one = random_world(&mut rng, Rules::default());
        let mut other = one.clone();
        assert_eq!(sorted(one.tick(now())), sorted(other.tick(now())));
        assert_eq!(one, other);
    }
}

#[test]
fn a_swap_goes_to_somebody_who_may_be_chosen_and_never_to_the_active_one() {
    let mut rng = fastrand::Rng::with_seed(9);
    let mut swaps = 0;
    for round in 0..6_000 {
        let rules = if round % 2 == 0 { Rules::seed() } else { Rules::default() };
        let ours = rules.rescue;
        let mut world = random_world(&mut rng, rules);
        let decision = world.tick(now());
        let Action::Swap { to } = decision.action else { continue };
        swaps += 1;
        assert_ne!(Some(to), decision.active);
        let chosen = world.accounts.iter().find(|account| account.id == to).unwrap();
        assert!(chosen.enabled && chosen.automatic);
        assert!(chosen.login.is_usable());
        let listed = decision.candidates.iter().find(|candidate| candidate.account == to).unwrap();
        assert_eq!(listed.refusal, Refusal::Eligible);
        let standing = world.survey(now());
        let standing = standing.find(to).unwrap();
        if ours {
            assert!(
                standing.short_used().is_none_or(|used| used < 98.0),
                "no landing on a full one"
            );
            assert!(standing.used.is_none_or(|used| used < 100.0));
        }
        assert_eq!(
            decision.candidates.iter().filter(|one| one.refusal == Refusal::Eligible).count(),
            1
        );
    }
    assert!(swaps > 500, "only {swaps} swaps: the worlds are too quiet to show anything");
}

#[test]
fn two_voluntary_swaps_are_never_nearer_than_the_residency() {
    let mut rng = fastrand::Rng::with_seed(10);
    let mut voluntary = 0;
    for _ in 0..60 {
        let mut world = random_world(&mut rng, Rules::default());
        let mut last: Option<i64> = None;
        for minute in 0..600_i64 {
            let at = in_minutes(minute as f64);
            for account in &mut world.accounts {
                let used = account.usage.long().used.map_or(0.0, Percent::get);
                let burnt = if Some(account.id) == world.lanes[0].active { 0.05 } else { 0.0 };
                account.usage.of_kind(&WindowKind::SevenDay).used =
                    Percent::new((used + burnt).min(100.0));
                account.usage.observed_at = Some(at);
            }
            let decision = world.tick(at);
            if let Action::Swap { to } = decision.action {
                let waits = matches!(
                    decision.trigger.name(),
                    "higher_tier_emerged" | "intra_tier_preempted"
                );
                if let (true, Some(last)) = (waits, last) {
                    voluntary += 1;
                    assert!(minute - last >= 15, "after {} min", minute - last);
                }
                last = Some(minute);
                let to = Settlement::Committed { to, by_person: false };
                world.settle(LANE, to, clocks(at));
            }
        }
    }
    assert!(voluntary > 0);
}

#[test]
fn thousands_of_accounts_list_no_more_candidates_than_anybody_reads() {
    let mut rng = fastrand::Rng::with_seed(11);
    let accounts = (1..=3_000).map(|id| random_account(&mut rng, id)).collect();
    let mut world = world(Rules::default(), accounts);
    world.lanes[0].active = Some(AccountId(3_000));
    let decision = world.tick(now());
    assert!(decision.candidates.len() <= sluice_engine::limits::ACCOUNTS_MAX + 2);
    assert!(decision.candidates.iter().any(|candidate| candidate.account == AccountId(3_000)));
    assert!(decision.best.is_some());
}
