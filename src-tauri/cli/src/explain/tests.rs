//! The whole output for each trigger, from real decisions, beside the text that a person approved.

use super::*;
use sluice_engine::WindowKind;
use sluice_engine::observation::{Fact, Source};
use sluice_engine::{
    Account, Action, Calendar, Decision, Gates, Generation, Lane, LaneId, Login, Mono, Now,
    Observation, Percent, Plan, Policy, Rules, Settlement, Usage, Utc, Window, World,
};
use sluice_protocol::{AccountId, AccountView, DecisionAction, Provider};

const NOW: Utc = Utc::from_seconds(1_795_356_000);
const LANE: LaneId = LaneId(1);
/// Labels of the accounts 1 to 4.
const NAMES: [&str; 4] = ["Work", "Home", "Studio", "Spare"];

fn hours(hours: f64) -> Utc {
    NOW.plus_seconds((hours * 3_600.0) as i64)
}

fn clocks(wall: Utc) -> Now {
    Now { wall, mono: Mono(wall.millis()) }
}

fn window(used: f64, ends: f64) -> Window {
    Window { used: Percent::new(used), resets_at: Some(hours(ends)) }
}

/// An account with so much of its week used that ends in so many hours, and the 5-hour window.
fn account(id: i64, week: (f64, f64), short: (f64, f64)) -> Account {
    Account {
        id: AccountId(id),
        provider: Provider::Claude,
        plan: Plan { weight: Some(1.0), ..Plan::default() },
        enabled: true,
        automatic: true,
        login: Login::Valid,
        failures: 0,
        usage: Usage {
            observed_at: Some(NOW),
            ..Usage::of(window(short.0, short.1), window(week.0, week.1))
        },
        position: id,
    }
}

/// Work is live, Spare is switched off.
fn world(policy: Policy, work: Account, home: Account) -> World {
    let spare = Account { enabled: false, ..account(4, (40.0, 90.0), (0.0, 5.0)) };
    let studio = account(3, (100.0, 30.0), (0.0, 5.0));
    let day = |n: i64| NOW.plus_seconds(n * 86_400 - 14 * 3_600);
    let lane = Lane {
        id: LANE,
        provider: Provider::Claude,
        active: Some(AccountId(1)),
        generation: Generation(3),
        model: None,
        gates: Gates::default(),
    };
    World {
        accounts: vec![work, home, studio, spare],
        lanes: vec![lane],
        calendar: Calendar {
            spans: (-8..9).map(|n| (day(n).plus_seconds(8 * 3_600), day(n + 1))).collect(),
            midnights: (-8..9).map(day).collect(),
            weekly_hours: 112.0,
        },
        rules: Rules { policy, ..Rules::default() },
        ..World::default()
    }
}

fn tell(world: &mut World, id: i64, fact: Fact, at: Utc) {
    let observation = Observation { account: AccountId(id), at, source: Source::Endpoint, fact };
    world.observe(&observation, clocks(at));
}

fn quiet() -> Account {
    account(1, (90.0, 120.0), (20.0, 3.0))
}

fn critical() -> Account {
    account(1, (90.0, 120.0), (95.0, 2.0))
}

fn urgent() -> Account {
    account(2, (50.0, 12.0), (0.0, 5.0))
}

fn full() -> Account {
    account(2, (100.0, 12.0), (0.0, 5.0))
}

/// A decision of the tiers.
fn tiered(work: Account, home: Account, change: impl FnOnce(&mut World)) -> Decision {
    let mut world = world(Policy::Tiered, work, home);
    change(&mut world);
    world.decide(LANE, clocks(NOW))
}

/// A decision of the plan, a minute after everything was read.
fn planned(work: Account, home: Account, change: impl FnOnce(&mut World)) -> Decision {
    let mut world = world(Policy::Horizon, work, home);
    for index in 0..world.accounts.len() {
        let (id, usage) = (world.accounts[index].id.0, world.accounts[index].usage.clone());
        tell(&mut world, id, Fact::Usage(usage), NOW);
    }
    change(&mut world);
    world.decide(LANE, clocks(NOW.plus_seconds(60)))
}

fn refused_work(world: &mut World) {
    let fact =
        Fact::LimitHit { resets_at: Some(hours(2.0)), window: WindowKind::named("five_hour") };
    tell(world, 1, fact, NOW);
}

/// The first move of its own accord that the plan makes in three days on which Work is used by day
/// and its week runs short, while Home's ends with half of it left.
fn improved() -> Decision {
    let mut world = world(Policy::Horizon, quiet(), urgent());
    let fixed = world.accounts.clone();
    let mut week = 40.0;
    for look in 0..3 * 144 {
        let at = NOW.plus_seconds((look - 3 * 144) * 600);
        let working = (54..108).contains(&(look % 144));
        for account in &fixed {
            let mut usage = account.usage.clone();
            usage.observed_at = Some(at);
            if account.id == AccountId(1) {
                let ends = at.plus_seconds((30 - look % 30) * 600);
                let used = if working { 3.0 * (look % 30) as f64 } else { 0.0 };
                week += if working { 0.3 } else { 0.0 };
                *usage.of_kind(&WindowKind::FiveHour) =
                    Window { used: Percent::new(used), resets_at: Some(ends) };
                *usage.of_kind(&WindowKind::SevenDay) = window(week, 100.0);
            }
            tell(&mut world, account.id.0, Fact::Usage(usage), at);
        }
        let decision = world.decide(LANE, clocks(at.plus_seconds(30)));
        if decision.trigger == Trigger::PlanImproved {
            return decision;
        }
    }
    panic!("the plan never moved of its own accord");
}

/// What each trigger looks like where it comes from.
fn taken(trigger: Trigger) -> Decision {
    match trigger {
        Trigger::Tick => tiered(quiet(), full(), |_| {}),
        Trigger::EmergencePending => tiered(quiet(), account(2, (10.0, 30.0), (0.0, 5.0)), |_| {}),
        Trigger::ResidencyBlocked => tiered(quiet(), urgent(), |world| {
            world.lanes[0].gates.last_committed = Some(NOW.plus_seconds(-120));
        }),
        Trigger::CooldownBlocked => tiered(critical(), urgent(), |world| {
            world.lanes[0].gates.last_attempt = Some(NOW.plus_seconds(-200));
        }),
        Trigger::NoTarget => tiered(critical(), full(), |_| {}),
        Trigger::SwapAborted => tiered(critical(), urgent(), |world| {
            world.settle(LANE, Settlement::Failed, clocks(NOW.plus_seconds(-20)));
        }),
        Trigger::HigherTierEmerged => {
            tiered(quiet(), account(2, (10.0, 30.0), (0.0, 5.0)), |world| {
                world.decide(LANE, clocks(NOW.plus_seconds(-300)));
            })
        }
        Trigger::IntraTierPreempted => tiered(
            account(1, (80.0, 20.0), (20.0, 3.0)),
            account(2, (50.0, 6.0), (0.0, 5.0)),
            |world| {
                world.decide(LANE, clocks(NOW.plus_seconds(-300)));
            },
        ),
        Trigger::TierDrained => tiered(
            account(1, (99.2, 60.0), (20.0, 3.0)),
            account(2, (10.0, 120.0), (0.0, 5.0)),
            |_| {},
        ),
        Trigger::ForcedCritical => tiered(critical(), urgent(), |_| {}),
        Trigger::BurnRate => tiered(account(1, (90.0, 120.0), (85.0, 3.0)), urgent(), |world| {
            let burn = &mut world.memory.entry(AccountId(1)).or_default().burn;
            (burn.five_hour, burn.last_five_hour) = (1.0, Some(85.0));
        }),
        Trigger::FailureReported => tiered(quiet(), urgent(), refused_work),
        Trigger::Manual => {
            Decision { trigger, reason: String::new(), ..taken(Trigger::ForcedCritical) }
        }
        Trigger::PlanImproved => improved(),
        Trigger::Other => panic!("no policy takes it"),
    }
}

fn shown_as(decision: &Decision, action: DecisionAction) -> String {
    let name = |id: AccountId| NAMES[id.0 as usize - 1].to_owned();
    let row = DecisionView {
        id: 412,
        at_ms: decision.at.millis(),
        provider: Provider::Claude,
        action,
        trigger: decision.trigger,
        active: decision.active,
        target: match decision.action {
            Action::Swap { to } => Some(to),
            Action::Stay => decision.best,
        },
        sentence: sluice_core::explain::sentence(decision, action, name),
        swap: (action == DecisionAction::Swap).then_some(31),
        candidates: decision.candidates.clone(),
    };
    explained(&view(), &row, "Sun 22 Nov 2026, 14:05")
}

/// An account that nothing was read of yet.
pub(crate) fn unread(id: i64, label: &str) -> AccountView {
    AccountView {
        id: AccountId(id),
        provider: Provider::Claude,
        label: label.to_owned(),
        email: None,
        organization: None,
        plan: None,
        live: false,
        enabled: true,
        automatic: true,
        login: Login::Valid,
        login_ends_at_ms: None,
        login_health: Default::default(),
        windows: Vec::new(),
        blocked: None,
        observed_at_ms: None,
        refreshing: false,
        tier: None,
        target: None,
        stranding: None,
        refusal: None,
        problem: None,
        rests_until_ms: None,
        forecasts: Default::default(),
        resets: None,
        resets_withheld: false,
        fell: Vec::new(),
    }
}

fn view() -> View {
    let accounts = (1..).zip(NAMES);
    let accounts = accounts.map(|(id, label)| AccountView { live: id == 1, ..unread(id, label) });
    View { accounts: accounts.collect(), ..View::default() }
}

#[test]
fn each_trigger_is_explained_to_a_stranger() {
    for trigger in Trigger::ALL {
        let decision = taken(trigger);
        assert_eq!(decision.trigger, trigger, "{decision:?}");
        let action = if trigger.stays() { DecisionAction::Stay } else { DecisionAction::Swap };
        assert_eq!(decision.action == Action::Stay, trigger.stays(), "{decision:?}");
        insta::assert_snapshot!(trigger.name(), shown_as(&decision, action));
    }
}

#[test]
fn advice_and_the_plans_own_reasons_are_explained_too() {
    insta::assert_snapshot!(
        "advised",
        shown_as(&taken(Trigger::ForcedCritical), DecisionAction::Advise)
    );
    let stuck = |change: &dyn Fn(&mut World)| {
        planned(account(1, (50.0, 72.0), (99.6, 3.0)), urgent(), |world| {
            refused_work(world);
            change(world);
        })
    };
    let leaves = stuck(&|_| {});
    assert_eq!(leaves.trigger, Trigger::ForcedCritical);
    insta::assert_snapshot!("plan_refused", shown_as(&leaves, DecisionAction::Swap));
    let backs_off =
        stuck(&|world| world.settle(LANE, Settlement::Failed, clocks(NOW.plus_seconds(30))));
    assert_eq!(backs_off.trigger, Trigger::SwapAborted);
    insta::assert_snapshot!("plan_aborted", shown_as(&backs_off, DecisionAction::Stay));
    let nobody = planned(account(1, (50.0, 72.0), (99.6, 3.0)), full(), refused_work);
    assert_eq!(nobody.trigger, Trigger::NoTarget);
    insta::assert_snapshot!("plan_no_target", shown_as(&nobody, DecisionAction::Stay));
    let rests = tiered(quiet(), urgent(), |world| {
        world.lanes[0].gates.paused_until = Some(hours(0.2));
    });
    insta::assert_snapshot!("resting", shown_as(&rests, DecisionAction::Stay));
}

#[test]
fn what_is_not_kept_any_more_is_said() {
    let mut decision = taken(Trigger::Tick);
    decision.candidates.clear();
    let text = shown_as(&decision, DecisionAction::Stay);
    assert!(text.ends_with("is not kept any more."), "{text}");
}

#[test]
fn nothing_of_the_inside_is_shown() {
    for trigger in Trigger::ALL {
        let text = shown_as(
            &taken(trigger),
            if trigger.stays() { DecisionAction::Stay } else { DecisionAction::Swap },
        );
        let inside =
            ["T0", "T1", "T2", "tier", "trigger", "_", "None", "deficit", "stranding", "tick"];
        assert!(inside.iter().all(|word| !text.contains(word)), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 110), "{text}");
    }
}
