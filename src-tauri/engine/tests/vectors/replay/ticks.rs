//! Whole runs of the recorded loop: settings, accounts and steps in, a decision per tick out.
//!
//! What the recorded program forgets or gets wrong around the decision (a restart, a write error)
//! is done here with the engine's own means: `Rules::seed()` says what it forgets.

use super::{same, shapes};
use chrono_tz::Tz;
use serde_json::{Value, json};
use sluice_engine::{
    AccountId, Action, Decision, LaneId, Mono, Now, Percent, Settlement, Trigger, Utc, World, poll,
};

/// The loop sleeps so long when it has nothing to do, seconds.
const IDLE_S: f64 = 60.0;
const LANE: LaneId = LaneId(1);

struct Loop {
    world: World,
    rows: Vec<Value>,
    settings: Value,
    /// Working hours' range of the calendar, kept for new resets.
    zone: Tz,
    now: Utc,
    paused: Option<Utc>,
    swaps: Vec<Value>,
}

/// Replays a run and compares each tick.
pub fn replay(given: &Value, expected: &Value, zone: Tz) -> Result<(), String> {
    let start = shapes::instant(&given["start"]).ok_or("no start")?;
    let rows: Vec<Value> = given["accounts"].as_array().cloned().unwrap_or_default();
    let mut run = Loop {
        world: shapes::world(&Value::Null, Vec::new(), given["active_id"].as_i64(), <_>::default()),
        rows,
        settings: given["settings"].clone(),
        zone,
        now: start,
        paused: None,
        swaps: Vec::new(),
    };
    let steps = given["steps"].as_array().ok_or("no steps")?;
    let mut sleep = 0.0;
    for (index, step) in steps.iter().enumerate() {
        let distance = step["dt"].as_f64().unwrap_or(if index == 0 { 0.0 } else { sleep });
        run.now = Utc(run.now.0.saturating_add((distance * 1e6).round() as i64));
        run.apply(step)?;
        let told = run.tick(step)?;
        let wanted = &expected[index];
        let at = |what: &str| format!("tick {index} {what}");
        same(&told.decision, &recorded(&wanted["decision"]), &at("decision"))?;
        same(&json!(told.sleep), &wanted["sleep_s"], &at("sleep"))?;
        if step["toctou"].is_null() {
            same(&json!(run.active()), &wanted["active_after"], &at("active"))?;
        } else {
            // Somebody changed the seat during the attempt; whom they chose is recorded only.
            run.world.lanes[0].active = wanted["active_after"].as_i64().map(AccountId);
        }
        let swaps = wanted["swap_rows"].as_array().into_iter().flatten();
        let swaps: Vec<Value> = swaps.map(swap_row).collect();
        same(&json!(std::mem::take(&mut run.swaps)), &json!(swaps), &at("swaps"))?;
        if !wanted["candidates"].is_null() {
            compare_candidates(&told.candidates, &wanted["candidates"], &at("candidates"))?;
        }
        sleep = told.sleep;
    }
    Ok(())
}

/// The parts of a recorded decision that count.
fn recorded(decision: &Value) -> Value {
    if decision.is_null() {
        return Value::Null;
    }
    let keys = ["account_id", "action", "trigger", "target_id", "reason"];
    keys.iter().map(|key| ((*key).to_owned(), decision[*key].clone())).collect()
}

fn swap_row(row: &Value) -> Value {
    let keys =
        ["from_account_id", "to_account_id", "reason", "trigger", "status", "residency_seconds"];
    keys.iter().map(|key| ((*key).to_owned(), row[*key].clone())).collect()
}

struct Told {
    decision: Value,
    candidates: Vec<Value>,
    sleep: f64,
}

impl Told {
    fn nothing() -> Self {
        Self { decision: Value::Null, candidates: Vec::new(), sleep: IDLE_S }
    }
}

impl Loop {
    fn clocks(&self) -> Now {
        Now { wall: self.now, mono: Mono(self.now.millis()) }
    }

    fn active(&self) -> Option<i64> {
        self.world.lanes[0].active.map(|id| id.0)
    }

    fn apply(&mut self, step: &Value) -> Result<(), String> {
        for (id, fields) in step["set"].as_object().into_iter().flatten() {
            let row = self.rows.iter_mut().find(|row| row["id"].as_i64() == id.parse().ok());
            let row = row.ok_or_else(|| format!("no account {id}"))?;
            for (key, value) in fields.as_object().into_iter().flatten() {
                row[key] = value.clone();
            }
        }
        for (key, value) in step["settings"].as_object().into_iter().flatten() {
            self.settings[key] = value.clone();
        }
        if let Some(to) = step["external_switch"].as_i64() {
            let settlement = Settlement::Committed { to: AccountId(to), by_person: true };
            self.world.settle(LANE, settlement, self.clocks());
            // The recorded call only notes the change; the pause is set by its caller.
            self.world.resume(LANE);
        }
        if step["restart"] == true {
            self.world.restarted();
        }
        self.rules();
        let known = |row: &&Value| row["is_deleted"] != 1 && row["is_active"] != 0;
        self.world.accounts = self
            .rows
            .iter()
            .enumerate()
            .filter(|(_, row)| known(row))
            .map(|(place, row)| shapes::account(row, place as i64))
            .collect();
        let resets = self.world.accounts.iter().map(|account| account.usage.long().resets_at);
        let around: Vec<_> = resets.chain([Some(self.now)]).collect();
        let hours = json!({
            "active_start": self.settings["window_keeper_active_start"],
            "active_end": self.settings["window_keeper_active_end"],
        });
        self.world.calendar = shapes::calendar(&hours, self.zone, &around);
        Ok(())
    }

    fn rules(&mut self) {
        let number = |key: &str, missing: f64| {
            let value = &self.settings[key];
            value.as_f64().or_else(|| value.as_str()?.parse().ok()).unwrap_or(missing)
        };
        let rules = &mut self.world.rules;
        rules.critical = number("auto_swap_5h_critical", 90.0);
        rules.warning = number("auto_swap_5h_warning", 80.0);
        rules.check_interval_s = number("usage_check_interval", 300.0);
        self.paused = shapes::instant(&self.settings["auto_swap_paused_until"]);
    }

    fn tick(&mut self, step: &Value) -> Result<Told, String> {
        let on = match &self.settings["auto_swap_enabled"] {
            Value::String(text) => text.eq_ignore_ascii_case("true"),
            other => *other == true,
        };
        let gates = &mut self.world.lanes[0].gates;
        gates.off = !on;
        gates.paused_until = self.paused;
        if !on || gates.paused(self.now) {
            return Ok(Told::nothing());
        }
        let active = self.active();
        let known = |id: &i64| self.world.accounts.iter().any(|account| account.id.0 == *id);
        let Some(active) = active.filter(known) else { return Ok(Told::nothing()) };
        // The recorded loop fixes its interval before it looks at the burn of this tick.
        let sleep = self.sleep(active);
        let decision = self.world.decide(LANE, self.clocks());
        let (trigger, reason) = self.execute(&decision, step);
        let swapped = !matches!(trigger, Trigger::SwapAborted) && decision.action != Action::Stay;
        let told = json!({
            "account_id": active,
            "action": if swapped { "swap" } else { "stay" },
            "trigger": trigger.name(),
            "target_id": decision.best.map(|id| id.0),
            "reason": reason,
        });
        Ok(Told { decision: told, candidates: candidates(&decision, active), sleep })
    }

    /// The recorded interval: urgency of the active account, then the clamp.
    fn sleep(&self, active: i64) -> f64 {
        let id = AccountId(active);
        let Some(account) = self.world.accounts.iter().find(|account| account.id == id) else {
            return IDLE_S;
        };
        let used = |percent: Option<Percent>| percent.map(Percent::get);
        let rate = self.world.memory.get(&id).map_or(0.0, |memory| memory.burn.five_hour);
        let urgency = poll::urgency(
            used(account.usage.short().used),
            used(account.usage.long().used),
            rate,
            self.world.rules.critical,
        );
        let interval = poll::INTERVALS_RECORDED_S[urgency as usize];
        poll::clamped(interval, &self.world.survey(self.now), Some(id), &self.world.rules)
    }

    fn execute(&mut self, decision: &Decision, step: &Value) -> (Trigger, String) {
        let Action::Swap { to } = decision.action else {
            return (decision.trigger, decision.reason.clone());
        };
        let now = self.clocks();
        let aborted = || {
            let reason = &decision.reason;
            let text = format!("swap aborted (credential write or TOCTOU failed): {reason}");
            (Trigger::SwapAborted, text)
        };
        if !step["toctou"].is_null() && step["toctou"] != false {
            self.world.settle(LANE, Settlement::Stale, now);
            return aborted();
        }
        let residency = self.world.lanes[0].gates.last_committed;
        let residency = residency.map(|since| now.wall.seconds_since(since) as i64);
        let failed = step["fail_write"] == true;
        self.swaps.push(json!({
            "from_account_id": decision.active.map(|id| id.0),
            "to_account_id": to.0,
            "reason": decision.reason,
            "trigger": decision.trigger.name(),
            "status": if failed { "failed" } else { "committed" },
            "residency_seconds": residency,
        }));
        if failed {
            self.world.settle(LANE, Settlement::Failed, now);
            return aborted();
        }
        self.world.settle(LANE, Settlement::Committed { to, by_person: false }, now);
        (decision.trigger, decision.reason.clone())
    }
}

/// The recorded candidate table of a decision: everybody but the active account, by id.
fn candidates(decision: &Decision, active: i64) -> Vec<Value> {
    let mut rows: Vec<_> = decision.candidates.iter().collect();
    rows.sort_by_key(|candidate| candidate.account);
    rows.into_iter()
        .filter(|candidate| candidate.account.0 != active)
        .map(|candidate| {
            json!({
                "id": candidate.account.0,
                "tier": candidate.tier,
                "target_7d": candidate.target,
                "deficit": candidate.deficit,
                "stranding": candidate.stranding,
                "is_best": decision.best == Some(candidate.account),
            })
        })
        .collect()
}

/// Compares the tables; recorded numbers are rounded to one decimal.
fn compare_candidates(told: &[Value], wanted: &Value, at: &str) -> Result<(), String> {
    let mut wanted: Vec<&Value> = wanted.as_array().into_iter().flatten().collect();
    wanted.sort_by_key(|row| row["id"].as_i64());
    if wanted.len() != told.len() {
        return Err(format!("{at}: {} rows instead of {}", told.len(), wanted.len()));
    }
    for (told, wanted) in told.iter().zip(wanted) {
        for key in ["id", "tier", "is_best"] {
            same(&told[key], &wanted[key], &format!("{at}.{key}"))?;
        }
        for key in ["target_7d", "deficit", "stranding"] {
            let near = match (told[key].as_f64(), wanted[key].as_f64()) {
                (Some(told), Some(wanted)) => (told - wanted).abs() <= 0.05 + 1e-9,
                (told, wanted) => told.is_none() && wanted.is_none(),
            };
            if !near {
                return Err(format!(
                    "{at}.{key} of {}: {} for {}",
                    told["id"], told[key], wanted[key]
                ));
            }
        }
    }
    Ok(())
}
