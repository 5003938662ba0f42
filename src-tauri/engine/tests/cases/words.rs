//! What is said: every reason, every refusal, in both wordings.

use crate::fixture::{Play, With, account, clocks, in_hours, in_minutes, modern, now, target};
use sluice_engine::explain::{self, Hold};
use sluice_engine::gates::Pull;
use sluice_engine::observation::Fact;
use sluice_engine::rule::{Force, Rule};
use sluice_engine::{AccountId, Block, Credits, Mono, Provider, Refusal, Rules, Utc, WindowKind};

fn rules() -> Vec<(Rule, &'static str, &'static str)> {
    let preemption = Rule::Preemption { tier: 1, best: (60.0, 26.0), active: (40.0, 50.0) };
    let window = |name: &str| Rule::Refused { window: WindowKind::named(name) };
    vec![
        (
            Rule::HigherTier { best: 2, active: 4 },
            "higher tier emerged: T2 (48h-4d) candidate vs active T?",
            "another account's week ends within four days, its own has no known end",
        ),
        (
            Rule::HigherTier { best: 0, active: 1 },
            "higher tier emerged: T0 (<24h) candidate vs active T1 (24-48h)",
            "another account's week ends within a day, its own ends within two days",
        ),
        (
            preemption,
            "intra-tier preemption: T1 candidate losing 60.0% in 26.0h vs active 40.0% in 50.0h",
            "left alone, another account loses 60 % of its week in 26 h, this one 40 % in 2 days",
        ),
        (
            Rule::Drained { used: 92.5, target: 90.0 },
            "drained: 7d usage 92.5% >= tier target 90.0%",
            "its week is 92 % used and by now 90 % is its share",
        ),
        (
            Rule::Drained { used: 100.0, target: 99.0 },
            "drained: 7d usage 100.0% >= tier target 99.0%",
            "its week is used up (100 %)",
        ),
        (
            Rule::ShortCritical { used: 95.0, critical: 95.0 },
            "5h critical: 95.0% >= 95%",
            "its 5-hour window is 95 % used, past the 95 % at which Sluice moves on",
        ),
        (
            Rule::Projection { used: 85.25, projected: 105.25, minutes: 10.0 },
            "burn-rate projection: 85.2% -> 105.2% in 10min",
            "its 5-hour window is 85 % used and would reach 100 % in 10 min",
        ),
        (window("five_hour"), "refused: five_hour", "its 5-hour window is full"),
        (window("seven_day"), "refused: seven_day", "its week is used up"),
        (window("Fable"), "refused: Fable", "its week of Fable is used up"),
        (Rule::LoginRefused, "login refused", "its login was refused"),
        (
            Rule::Blocked { why: Block::Limit },
            "blocked by its provider",
            "the provider says that its limit is reached",
        ),
        (Rule::WouldBill, "would bill", "using it further would cost extra money"),
        (
            Rule::Plan { gained: 31.4, undone: 7.0 },
            "plan: over the days ahead that gets more work done, worth 31 % of a Pro plan's 5-hour \
             window; staying would leave 7 % of one undone",
            "over the days ahead that gets more work done, worth 31 % of a Pro plan's 5-hour window; \
             staying would leave 7 % of one undone",
        ),
        (
            Rule::Forced(Force::Short),
            "plan must leave: its 5-hour window is about to be full",
            "its 5-hour window is about to be full",
        ),
    ]
}

#[test]
fn every_rule_has_its_recorded_string_and_its_clause() {
    for (rule, recorded, plain) in rules() {
        assert_eq!(explain::recorded(&rule), recorded);
        assert_eq!(explain::plain(&rule), plain);
        assert!(recorded.starts_with(explain::opening(&rule)));
    }
}

#[test]
fn a_plan_is_an_emergence_unless_it_is_forced() {
    let (plan, forced) = (Rule::Plan { gained: 1.0, undone: 0.0 }, Rule::Forced(Force::Short));
    assert_eq!((plan.pull(), forced.pull()), (Pull::Emerging, Pull::Decisive));
    assert!(plan.waits_for_residency() && !forced.waits_for_residency());
    let hold =
        Hold::Emergence { count: 1, looks: 2, best: AccountId(2), best_tier: 4, active_tier: 4 };
    assert_eq!(
        explain::hold(&hold, Some(&plan), &Rules::default()),
        "over the days ahead another account would get more work done, but that counts only when it \
         lasts (seen at 1 of 2 looks)"
    );
}

#[test]
fn every_hold_is_told() {
    let rule = Rule::ShortCritical { used: 95.0, critical: 90.0 };
    let told = |hold: Hold| explain::hold(&hold, Some(&rule), &Rules::default());
    let because = "its 5-hour window is 95 % used, past the 90 % at which Sluice moves on";
    assert_eq!(told(Hold::Nothing), because);
    let but = |hold: Hold, text: &str| assert_eq!(told(hold), format!("{because}, but {text}"));
    but(Hold::NoTarget, "no other account can take over");
    but(Hold::Residency { seconds: 300.0 }, "the last swap is too recent (5 min to wait)");
    but(Hold::Cooldown { seconds: 45.0 }, "the last attempt is too recent (45 s to wait)");
    but(Hold::Backoff { seconds: 240.0, failures: 3 }, "3 attempts failed (the next one in 4 min)");
    assert_eq!(told(Hold::Resting { minutes: None }), "automatic swaps are off");
    assert_eq!(told(Hold::Resting { minutes: Some(0.2) }), "automatic swaps rest for 1 more min");
    let recorded = explain::hold(&Hold::Resting { minutes: None }, None, &Rules::seed());
    assert_eq!(recorded, "");
}

#[test]
fn every_refusal_ends_a_sentence() {
    let all = Refusal::ALL;
    let words: std::collections::BTreeSet<&str> = all.into_iter().map(explain::refusal).collect();
    assert_eq!(words.len(), all.len(), "no two read alike");
    assert!(words.iter().all(|words| !words.is_empty() && !words.ends_with('.')));
}

#[test]
fn a_lane_that_is_off_says_so() {
    let mut world = modern(vec![account(1), account(2).week(10.0, in_hours(12.0))]);
    world.gates().off = true;
    let decision = world.tick(now());
    assert_eq!((target(&decision), decision.reason.as_str()), (None, "automatic swaps are off"));
    assert!(decision.candidates.len() == 2, "what would be done stays visible");
}

#[test]
fn credits_and_instants_fold_and_print() {
    let mut world = modern(vec![account(1)]);
    let mut usage = world.accounts[0].usage.clone();
    usage.credits = Some(Credits { enabled: true, ..Credits::default() });
    world.tell(1, Fact::Usage(usage.clone()), in_minutes(1.0));
    assert_eq!(world.accounts[0].usage.credits, usage.credits);
    usage.credits = None;
    world.tell(1, Fact::Usage(usage), in_minutes(2.0));
    assert!(world.accounts[0].usage.credits.is_none(), "a whole answer names all there is");
    assert_eq!(Utc::from_millis(1_500).millis(), 1_500);
    assert_eq!((Mono(5) + 7) - Mono(2), 10);
    assert_eq!(Provider::ALL.map(Provider::name), ["claude", "codex"]);
}

#[test]
fn a_restart_forgets_that_a_request_was_under_way_and_keeps_that_it_was_made() {
    let mut world = modern(vec![account(1)]);
    world.requested(sluice_engine::AccountId(1), clocks(now()), 0.0);
    world.restarted();
    let memory = &world.memory[&sluice_engine::AccountId(1)];
    assert!(!memory.asked);
    assert_eq!(memory.requests, [now()]);
}

#[test]
fn a_clock_that_stands_still_does_not_let_the_requests_pile_up() {
    let mut world = modern(vec![account(1)]);
    for _ in 0..100 {
        world.requested(sluice_engine::AccountId(1), clocks(now()), 0.0);
    }
    let memory = &world.memory[&sluice_engine::AccountId(1)];
    assert_eq!(memory.requests.len(), sluice_engine::limits::REQUESTS_REMEMBERED);
    assert_eq!(memory.budget_from(now()), in_hours(1.0));
}
