//! The app server's numbers over time: its answer says everything, its notices say what has changed.

use super::signals::read_limits;
use super::usage::CodexUsage;
use crate::json::Oddities;
use serde_json::map::Entry;
use serde_json::{Map, Value};

/// Limits beside the account's own that are followed.
const OTHERS_MAX: usize = 32;
/// The account's own limit, where none is named.
const OWN: &str = "codex";
/// The field that names the limit which refuses work.
const REACHED: &str = "rateLimitReachedType";
/// The places of a limit's windows.
const WINDOWS: [&str; 2] = ["primary", "secondary"];

/// What the app server has told so far.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    known: Map<String, Value>,
}

impl Limits {
    /// Takes one line in; the numbers as they are known then, or `None` when it tells of none. A notice is
    /// merged into what is known: what it does not name, and what it names as null, has not changed.
    pub fn take(&mut self, line: &[u8]) -> Option<CodexUsage> {
        let mut odd = Oddities::default();
        let mut document = odd.document(line)?;
        let is_notice = document["method"] == "account/rateLimits/updated";
        let holder = document.get_mut(if is_notice { "params" } else { "result" })?;
        let Value::Object(told) = holder.take() else { return None };
        if !told.get("rateLimits")?.is_object() {
            return None;
        }
        if is_notice {
            self.merge(told)
        } else {
            self.known = told
        }
        let mut usage = read_limits(&self.known, &mut odd);
        usage.oddities = odd.into_vec();
        Some(usage)
    }

    /// A notice speaks of one limit, which may be that of a model.
    fn merge(&mut self, mut told: Map<String, Value>) {
        let part = told.remove("rateLimits").unwrap_or_default();
        let id = |limit: Option<&Value>| limit?.get("limitId")?.as_str().map(str::to_owned);
        let own = id(self.known.get("rateLimits")).unwrap_or_else(|| OWN.to_owned());
        let named = id(Some(&part)).unwrap_or_else(|| own.clone());
        if named == own {
            merge_limit(self.known.entry("rateLimits").or_insert(Value::Null), part);
        } else {
            let all = self.known.entry("rateLimitsByLimitId").or_insert(Value::Null);
            if !all.is_object() {
                *all = Value::Object(Map::new());
            }
            if let Value::Object(all) = all
                && (all.len() < OTHERS_MAX || all.contains_key(&named))
            {
                merge_limit(all.entry(named).or_insert(Value::Null), part);
            }
        }
        for (name, part) in told {
            merge(self.known.entry(name).or_insert(Value::Null), part);
        }
    }
}

/// Where another window has taken the place of one, nothing of the former is kept. Windows are told with an
/// answer to work: what refused it before and is not said again is over.
fn merge_limit(known: &mut Value, part: Value) {
    let told = WINDOWS.iter().any(|place| part[*place].is_object());
    if let Some(known) = known.as_object_mut().filter(|_| told) {
        known.remove(REACHED);
    }
    let span = |limit: &Value, place: &str| limit[place]["windowDurationMins"].as_f64();
    for place in &WINDOWS {
        let (before, now) = (span(known, place), span(&part, place));
        if now.is_some() && before.is_some() && now != before {
            known[*place] = Value::Null;
        }
    }
    merge(known, part);
}

fn merge(known: &mut Value, part: Value) {
    match (known, part) {
        (_, Value::Null) => {}
        (Value::Object(known), Value::Object(part)) => {
            for (name, part) in part {
                match known.entry(name) {
                    Entry::Occupied(mut known) => merge(known.get_mut(), part),
                    Entry::Vacant(place) => drop(place.insert(part)),
                }
            }
        }
        (known, part) => *known = part,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_engine::{Percent, Utc, Window};

    const READ: &str = r#"{"id":1,"result":{"rateLimits":{"limitId":"codex","planType":"pro",
        "primary":{"usedPercent":30,"windowDurationMins":300,"resetsAt":1795269600},
        "secondary":{"usedPercent":40,"windowDurationMins":10080,"resetsAt":1795600000}},
        "rateLimitsByLimitId":{"spark":{"limitName":"Spark",
        "primary":{"usedPercent":10,"windowDurationMins":300,"resetsAt":1795269600}}}}}"#;

    fn notice(limit: &str) -> String {
        let method = "account/rateLimits/updated";
        format!(r#"{{"method":"{method}","params":{{"rateLimits":{limit}}}}}"#)
    }

    fn windows(usage: &CodexUsage) -> [(Option<f64>, Option<Utc>); 2] {
        let plain = |window: Window| (window.used.map(Percent::get), window.resets_at);
        [usage.usage.short(), usage.usage.long()].map(plain)
    }

    #[test]
    fn what_a_notice_does_not_name_is_kept() {
        let mut limits = Limits::default();
        let (five, week) = (Utc::from_seconds(1_795_269_600), Utc::from_seconds(1_795_600_000));
        limits.take(READ.as_bytes()).unwrap();
        let usage = limits.take(notice(r#"{"primary":{"usedPercent":31}}"#).as_bytes()).unwrap();
        assert_eq!(windows(&usage), [(Some(31.0), Some(five)), (Some(40.0), Some(week))]);
        assert_eq!(usage.plan.as_deref(), Some("pro"));
        let nulls = r#"{"limitId":"codex","primary":null,"planType":null,"secondary":{"usedPercent":41,"resetsAt":null}}"#;
        let usage = limits.take(notice(nulls).as_bytes()).unwrap();
        assert_eq!(windows(&usage), [(Some(31.0), Some(five)), (Some(41.0), Some(week))]);
        assert_eq!(usage.plan.as_deref(), Some("pro"));
    }

    #[test]
    fn an_answer_takes_the_place_of_everything() {
        let mut limits = Limits::default();
        limits.take(READ.as_bytes()).unwrap();
        let week = r#"{"id":2,"result":{"rateLimits":{"primary":{"usedPercent":42,"windowDurationMins":10080}}}}"#;
        let usage = limits.take(week.as_bytes()).unwrap();
        assert_eq!(windows(&usage), [(None, None), (Some(42.0), None)]);
    }

    #[test]
    fn another_window_in_a_place_has_nothing_of_the_former() {
        let mut limits = Limits::default();
        limits.take(READ.as_bytes()).unwrap();
        let moved = r#"{"primary":{"usedPercent":5,"windowDurationMins":10080},"secondary":{"windowDurationMins":300}}"#;
        let usage = limits.take(notice(moved).as_bytes()).unwrap();
        assert_eq!(windows(&usage), [(None, None), (Some(5.0), None)]);
    }

    #[test]
    fn a_refusal_that_a_later_notice_does_not_repeat_is_over() {
        let mut limits = Limits::default();
        limits.take(READ.as_bytes()).unwrap();
        let full = r#"{"primary":{"usedPercent":100},"rateLimitReachedType":"rate_limit_reached"}"#;
        assert!(limits.take(notice(full).as_bytes()).unwrap().reached.is_some());
        let after = notice(r#"{"primary":{"usedPercent":3},"rateLimitReachedType":null}"#);
        let usage = limits.take(after.as_bytes()).unwrap();
        assert_eq!((usage.reached, usage.usage.verdict), (None, None));
    }

    #[test]
    fn a_models_notice_moves_nothing_of_the_account() {
        let mut limits = Limits::default();
        let before = limits.take(READ.as_bytes()).unwrap();
        let spark = notice(r#"{"limitId":"spark","primary":{"usedPercent":77}}"#);
        let usage = limits.take(spark.as_bytes()).unwrap();
        assert_eq!(windows(&usage), windows(&before));
        let used = usage.usage.windows().find_map(|one| {
            one.kind.name().contains("Spark").then(|| one.window.used.map(Percent::get))
        });
        assert_eq!(used, Some(Some(77.0)));
    }

    #[test]
    fn other_lines_say_nothing_and_hostile_ones_are_bounded() {
        let mut limits = Limits::default();
        for line in
            ["", "{}", "[]", r#"{"result":{"rateLimits":7}}"#, r#"{"method":"account/updated"}"#]
        {
            assert_eq!(limits.take(line.as_bytes()), None, "{line}");
        }
        for index in 0..100 {
            limits.take(notice(&format!(r#"{{"limitId":"m{index}","primary":{{}}}}"#)).as_bytes());
        }
        let all = limits.known["rateLimitsByLimitId"].as_object().map(Map::len);
        assert_eq!(all, Some(OTHERS_MAX));
    }
}
