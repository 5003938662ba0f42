//! Rows to write in the tests.

use serde_json::Value;
use sluice_engine::observation::Source;
use sluice_engine::{
    AccountId, Action, AskedBy, Candidate, Decision, Generation, LaneId, Percent, Plan, Provider,
    Refusal, Trigger, Usage, Utc, Window,
};
use sluice_ledger::{Commit, Ledger, NewAccount, NewDecision, NewSwap, Sample, Settled, SwapId};
use sluice_protocol::DecisionAction;
use std::path::{Path, PathBuf};

pub const T0: Utc = Utc::from_seconds(1_790_000_000);

pub fn database(home: &Path) -> PathBuf {
    home.join("sluice.db")
}

pub fn open(home: &Path) -> Ledger {
    let opened = Ledger::open(&database(home)).unwrap();
    assert_eq!(opened.notes, []);
    opened.ledger
}

pub fn account(ledger: &mut Ledger, name: &str) -> AccountId {
    let new = NewAccount {
        provider: Provider::Claude,
        key: format!("{name}/org"),
        label: name.to_owned(),
        email: Some(format!("{name}@example.test")),
        organization: None,
        plan: Plan { subscription: Some("max".into()), ..Plan::default() },
    };
    ledger.add_account(&new, T0).unwrap().id
}

/// The default lane with `active` in it.
pub fn lane_on(ledger: &mut Ledger, active: AccountId) -> LaneId {
    let lane = ledger.default_lane(Provider::Claude).unwrap().lane.id;
    ledger.adopt(lane, Some(active), None, T0).unwrap();
    lane
}

pub fn intent(
    lane: LaneId,
    generation: Generation,
    from: Option<AccountId>,
    to: AccountId,
    at: Utc,
) -> NewSwap {
    NewSwap {
        at,
        lane,
        generation,
        provider: Provider::Claude,
        from,
        to,
        asked_by: AskedBy::Driver,
        trigger: Trigger::TierDrained,
        reason: "drained".into(),
        decision: None,
        usage_from: Some(usage(93.0)),
        usage_to: Some(usage(12.0)),
        intent: serde_json::json!({ "live": "abc" }),
    }
}

pub fn commit(ledger: &mut Ledger, swap: SwapId, at: Utc) -> Settled {
    ledger.settle(&Commit { swap, gates: None, protect_s: None, at }).unwrap()
}

pub fn usage(five_hour: f64) -> Usage {
    Usage::of(
        Window { used: Percent::new(five_hour), resets_at: Some(T0.plus_seconds(600)) },
        Window { used: None, resets_at: None },
    )
}

pub fn sample(account: AccountId, at: Utc, five_hour: f64) -> Sample {
    Sample { account, at, source: Source::Endpoint, usage: usage(five_hour) }
}

pub fn decision(at: Utc, lane: LaneId, trigger: Trigger, accounts: i64) -> Decision {
    Decision {
        at,
        lane,
        generation: Generation(1),
        active: Some(AccountId(1)),
        action: match trigger {
            Trigger::Tick | Trigger::ResidencyBlocked => Action::Stay,
            _ => Action::Swap { to: AccountId(2) },
        },
        trigger,
        reason: String::new(),
        best: Some(AccountId(2)),
        candidates: (1..=accounts)
            .map(|id| Candidate {
                account: AccountId(id),
                tier: (id % 4) as u8,
                target: Some(83.333_333_333_333_33),
                deficit: Some(12.345_678_9 + id as f64),
                stranding: Some(0.0),
                value: None,
                refusal: Refusal::NotBehind,
            })
            .collect(),
    }
}

pub fn record(ledger: &mut Ledger, decision: &Decision) -> i64 {
    let outcome = match decision.action {
        Action::Stay => DecisionAction::Stay,
        Action::Swap { .. } => DecisionAction::Swap,
    };
    ledger
        .record_decision(&NewDecision {
            decision,
            provider: Provider::Claude,
            outcome,
            sentence: "Work stays live: it is behind its target and nothing more urgent waits.",
            reason: &Value::Null,
            digest: "0123456789abcdef0123456789abcdef",
            world: None,
        })
        .unwrap()
}
