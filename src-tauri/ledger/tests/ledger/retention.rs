//! History is let go in small steps and what matters stays.

use crate::support::{T0, account, commit, decision, intent, lane_on, open, record, sample};
use sluice_engine::WindowKind;
use sluice_engine::{Generation, Trigger, Utc};
use sluice_ledger::{DecisionQuery, Retention};

const DAY: i64 = 86_400;

#[test]
fn batches_are_bounded_and_end() {
    let home = tempfile::tempdir().unwrap();
    let mut ledger = open(home.path());
    let a = account(&mut ledger, "a");
    let lane = lane_on(&mut ledger, a);
    for n in 0..300 {
        record(&mut ledger, &decision(T0.plus_seconds(n), lane, Trigger::Tick, 2));
    }
    let now = T0.plus_seconds(500 * DAY);
    let mut rounds = 0;
    loop {
        let pruned = ledger.prune(now, &Retention::default(), 50).unwrap();
        assert!(pruned.rows <= 50);
        rounds += 1;
        if !pruned.more {
            break;
        }
        assert!(rounds < 100, "it must come to an end");
    }
    // 300 details and 300 decisions, fifty at a time.
    assert!(rounds >= 12, "{rounds}");
    let left = ledger.decisions(&DecisionQuery { limit: 1_000, ..DecisionQuery::default() });
    assert_eq!(left.unwrap(), []);
}

#[test]
fn ticks_go_before_what_fired_and_swaps_stay() {
    let home = tempfile::tempdir().unwrap();
    let mut ledger = open(home.path());
    let (a, b) = (account(&mut ledger, "a"), account(&mut ledger, "b"));
    let lane = lane_on(&mut ledger, a);
    let swap = ledger.begin_swap(&intent(lane, Generation(1), Some(a), b, T0)).unwrap();
    commit(&mut ledger, swap, T0);
    let tick = record(&mut ledger, &decision(T0, lane, Trigger::Tick, 2));
    let blocked = record(&mut ledger, &decision(T0, lane, Trigger::ResidencyBlocked, 2));
    let young = record(&mut ledger, &decision(T0.plus_seconds(39 * DAY), lane, Trigger::Tick, 2));
    ledger.prune(T0.plus_seconds(40 * DAY), &Retention::default(), 1_000).unwrap();
    assert_eq!(ledger.decision(tick).unwrap(), None);
    let blocked = ledger.decision(blocked).unwrap().unwrap();
    assert_eq!(blocked.candidates, [], "the row stays, its details went");
    assert_eq!(ledger.decision(young).unwrap().unwrap().candidates.len(), 2);
    ledger.prune(T0.plus_seconds(4_000 * DAY), &Retention::default(), 1_000).unwrap();
    assert_eq!(ledger.swaps(10, None).unwrap().len(), 1);
}

#[test]
fn of_each_hour_and_window_the_last_sample_stays() {
    let home = tempfile::tempdir().unwrap();
    let mut ledger = open(home.path());
    let a = account(&mut ledger, "a");
    let hour = Utc(T0.0 / 3_600_000_000 * 3_600_000_000);
    for minute in 0..180 {
        let mut read = sample(a, hour.plus_seconds(minute * 60), minute as f64 / 2.0);
        // The weekly window resets at minute 90.
        read.usage.of_kind(&WindowKind::SevenDay).resets_at =
            Some(T0.plus_seconds(if minute < 90 { 1 } else { 2 }));
        ledger.record_sample(&read).unwrap();
    }
    let mut batches = 0;
    while ledger.prune(T0.plus_seconds(30 * DAY), &Retention::default(), 7).unwrap().more {
        batches += 1;
    }
    assert!(batches >= 20, "{batches}");
    let left: Vec<i64> = ledger
        .samples(Some(a), hour, Utc(i64::MAX))
        .unwrap()
        .iter()
        .map(|row| (row.at.0 - hour.0) / 60_000_000)
        .collect();
    assert_eq!(left, [59, 89, 119, 179]);
}

#[test]
fn size_is_kept_by_letting_the_oldest_details_go_early() {
    let home = tempfile::tempdir().unwrap();
    let mut ledger = open(home.path());
    let a = account(&mut ledger, "a");
    let lane = lane_on(&mut ledger, a);
    let mut last = 0;
    for n in 0..1_500 {
        last = record(&mut ledger, &decision(T0.plus_seconds(n), lane, Trigger::Tick, 12));
    }
    let keep = Retention { bytes_max: 2_000_000, ..Retention::default() };
    let before = ledger.bytes_in_use().unwrap();
    assert!(before > keep.bytes_max, "{before}");
    for _ in 0..40 {
        ledger.prune(T0.plus_seconds(2_000), &keep, 100).unwrap();
    }
    assert!(ledger.bytes_in_use().unwrap() <= keep.bytes_max);
    assert_eq!(ledger.decision(last).unwrap().unwrap().candidates.len(), 12, "the newest stays");
}
